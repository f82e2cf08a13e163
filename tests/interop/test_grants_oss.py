"""alibaba-chatapp's grants, signed again by the OSS SDKs' own signers for the same instant and inputs."""

import base64
import datetime
import hashlib
from urllib.parse import parse_qsl, urlsplit

import alibabacloud_oss_v2 as oss
import oss2
import pytest
import requests
from alibabacloud_oss_v2.signer import SignerV4
from alibabacloud_oss_v2.types import HttpRequest, SigningContext

import lab

DATA = b"\x89PNG\r\n\x1a\n one image"
MD5 = base64.b64encode(hashlib.md5(DATA).digest()).decode()
MISMATCH = (403, "SignatureDoesNotMatch")
REQUESTS = {
    "unsized": {},
    "sized": {"size": len(DATA)},
    "md5": {"size": len(DATA), "checksums": {"md5": MD5}},
}
cases = pytest.mark.parametrize("request_name", REQUESTS)
functions = pytest.mark.parametrize("function", ["chatapp-loopback", "chatapp-vendor"])


class Asked:
    """A grant for a PUT, and what a signer needs to make it again."""

    def __init__(self, function, request_name):
        request = REQUESTS[request_name]
        self.grant = lab.grant(function, filename="bild 1 ä.png", mode="put", **request)
        self.parts = urlsplit(self.grant["url"])
        self.query = dict(parse_qsl(self.parts.query, strict_parsing=True))
        self.key_id = self.query["x-oss-credential"].split("/")[0]
        self.secret, self.token = lab.issued_key(self.key_id)
        self.bucket, self.region = self.grant["object"]["bucket"], self.grant["object"]["region"]
        # What the browser adds by itself is signed too, where it is known.
        self.headers = self.grant["headers"] | ({"Content-Length": str(len(DATA))} if request else {})
        self.additional = {"content-length"} if request else set()
        at = datetime.datetime.strptime(self.query["x-oss-date"], "%Y%m%dT%H%M%SZ")
        self.at, self.expires = at.replace(tzinfo=datetime.timezone.utc), int(self.query["x-oss-expires"])

    def is_signed_as(self, url):
        parts = urlsplit(url)
        query = dict(parse_qsl(parts.query, strict_parsing=True))
        assert query["x-oss-signature"] == self.query["x-oss-signature"]
        assert query == self.query
        assert (parts.netloc, parts.path) == (self.parts.netloc, self.parts.path)


@functions
@cases
def test_oss_v2_signs_the_same(function, request_name):
    asked = Asked(function, request_name)
    url = f"{asked.parts.scheme}://{asked.parts.netloc}{asked.parts.path}"
    request = HttpRequest("PUT", url, headers=dict(asked.headers))
    keys = oss.credentials.Credentials(asked.key_id, asked.secret, asked.token)
    context = SigningContext(
        "oss", asked.region, asked.bucket, asked.grant["key"], request, keys, asked.at,
        additional_headers=asked.additional,
    )  # fmt: skip
    context.auth_method_query = True
    context.expiration_time = asked.at + datetime.timedelta(seconds=asked.expires)
    SignerV4().sign(context)
    asked.is_signed_as(request.url)


@functions
@cases
def test_oss2_signs_the_same(function, request_name, monkeypatch):
    asked = Asked(function, request_name)

    class Frozen(datetime.datetime):
        @classmethod
        def utcnow(cls):
            return asked.at.replace(tzinfo=None)

    monkeypatch.setattr("oss2.auth.datetime", Frozen)
    auth = oss2.ProviderAuthV4(oss2.credentials.StaticCredentialsProvider(asked.key_id, asked.secret, asked.token))
    endpoint, path_style = asked.grant["object"]["endpoint"], function == "chatapp-loopback"
    bucket = oss2.Bucket(auth, endpoint, asked.bucket, region=asked.region, is_path_style=path_style)
    url = bucket.sign_url(
        "PUT", asked.grant["key"], asked.expires, dict(asked.headers), slash_safe=True,
        additional_headers=asked.additional,
    )  # fmt: skip
    asked.is_signed_as(url)


@cases
def test_the_grant_uploads_and_no_byte_of_it_may_change(request_name):
    """To the vendor's real host name, over the wire instead of TLS."""
    asked = Asked("chatapp-vendor", request_name)
    assert asked.parts.scheme == "https"
    flips = {
        "signature": (r"x-oss-signature=(.)", *MISMATCH),
        "key": (r"^PUT /\w+/upload/(.)", *MISMATCH),
        "expires": (r"x-oss-expires=(\d)", *MISMATCH),
        "date": (r"x-oss-date=[^&]*(\d)Z", *MISMATCH),
        "token": (r"x-oss-security-token=(.)", 403, "InvalidSecurityToken"),
        "content type": (r"(?i)\ncontent-type: *image/(.)", *MISMATCH),
        "forbid overwrite": (r"(?i)\nx-oss-forbid-overwrite: *(t)", *MISMATCH),
        "bucket": (r"(?i)\nhost: *(.)", 404, "NoSuchBucket"),
    }
    if request_name == "md5":
        flips["body"] = (r"\r\n\r\n.(P)", 400, "InvalidDigest")
        flips["md5"] = (r"(?i)\ncontent-md5: *(\w)", *MISMATCH)
    url = asked.grant["url"].replace("https://", "http://")
    put = lambda: requests.put(  # noqa: E731
        url, DATA, headers=asked.grant["headers"], proxies={"http": lab.through("oss")}
    )
    assert lab.one_byte_each("oss", flips, put).status_code in asked.grant["success_status"]
    assert lab.stored("oss", asked.bucket, asked.grant["key"]) == DATA
    longer = requests.put(url, DATA + b"!", headers=asked.grant["headers"], proxies={"http": lab.through("oss")})
    assert ("<Code>SignatureDoesNotMatch<" in longer.text) == ("size" in asked.grant["limits"]["enforced"])


@functions
def test_credentials_are_those_of_the_other_modes_and_upload(function):
    asked = Asked(function, "sized")
    grant = lab.grant(function, filename="a.png", mode="credentials")
    given = grant["credentials"]
    keys = (given["accessKeyId"], given["secretAccessKey"], given["sessionToken"])
    assert keys == (asked.key_id, asked.secret, asked.token)
    auth = oss2.ProviderAuthV4(oss2.credentials.StaticCredentialsProvider(*keys))
    where = grant["object"]
    bucket = oss2.Bucket(
        auth, lab.through("oss"), where["bucket"], region=where["region"], is_path_style=True
    )
    bucket.put_object(grant["key"], DATA)
    assert lab.stored("oss", where["bucket"], grant["key"]) == DATA
    with pytest.raises(oss2.exceptions.AccessDenied):
        bucket.put_object("elsewhere/a.png", DATA)
