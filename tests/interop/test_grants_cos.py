"""tencent-lke's grants, signed again by the COS SDK's own signer for the same instant and inputs."""

import base64
import hashlib
from types import SimpleNamespace
from urllib.parse import parse_qsl, urlsplit

import pytest
import requests
from qcloud_cos import CosConfig, CosS3Client, CosServiceError

import lab

DATA = b"%PDF-1.7 one document"
MD5 = base64.b64encode(hashlib.md5(DATA).digest()).decode()
MISMATCH = (403, "SignatureDoesNotMatch")
REQUESTS = {
    "unsized": {},
    "sized": {"size": len(DATA)},
    "md5": {"size": len(DATA), "checksums": {"md5": MD5}},
}


def query_of(url):
    return dict(parse_qsl(urlsplit(url).query, keep_blank_values=True, strict_parsing=True))


@pytest.mark.parametrize("function", ["lke-loopback", "lke-vendor"])
@pytest.mark.parametrize("request_name", REQUESTS)
def test_cos_signs_the_same(function, request_name, monkeypatch):
    request = REQUESTS[request_name]
    grant = lab.grant(function, filename="Akte 1 ä.pdf", mode="put", **request)
    parts, query = urlsplit(grant["url"]), query_of(grant["url"])
    secret, token = lab.issued_key(query["q-ak"])
    start, end = map(int, query["q-sign-time"].split(";"))
    # The SDK, too, starts a minute before its clock.
    monkeypatch.setattr("qcloud_cos.cos_auth.time", SimpleNamespace(time=lambda: start + 60))

    headers = grant["headers"] | {"Host": parts.netloc} | ({"Content-Length": str(len(DATA))} if request else {})
    path_style = function == "lke-loopback"
    config = CosConfig(
        Region=grant["object"]["region"], SecretId=query["q-ak"], SecretKey=secret, Scheme=parts.scheme,
        Domain=parts.netloc if path_style else None,
    )  # fmt: skip
    bucket, key = grant["object"]["bucket"], grant["key"]
    url = CosS3Client(config).get_presigned_url(
        bucket, f"{bucket}/{key}" if path_style else key, "PUT", end - start - 60,
        Params={"x-cos-security-token": token}, Headers=headers,
    )  # fmt: skip
    assert query_of(url)["q-signature"] == query["q-signature"]
    assert query_of(url) == query
    assert (urlsplit(url).netloc, urlsplit(url).path) == (parts.netloc, parts.path)


@pytest.mark.parametrize("request_name", REQUESTS)
def test_the_grant_uploads_and_no_byte_of_it_may_change(request_name):
    """To the vendor's real host name, over the wire instead of TLS."""
    grant = lab.grant("lke-vendor", filename="a.pdf", mode="put", **REQUESTS[request_name])
    assert grant["url"].startswith("https://")
    flips = {
        "signature": (r"q-signature=(.)", *MISMATCH),
        "key": (r"^PUT /corp/(.)", *MISMATCH),
        "sign time": (r"q-sign-time=\d+%3B\d+(\d)&", *MISMATCH),
        "key time": (r"q-key-time=\d+%3B\d+(\d)&", *MISMATCH),
        "token": (r"x-cos-security-token=[^&]*?[a-zA-Z]{2}([a-z])", 403, "AccessDenied"),
        "content type": (r"(?i)\ncontent-type: *application/(.)", *MISMATCH),
        "forbid overwrite": (r"(?i)\nx-cos-forbid-overwrite: *(t)", *MISMATCH),
        "region": (r"(?i)\nhost: *[^.]*\.cos\.ap-(.)", *MISMATCH),
        "bucket": (r"(?i)\nhost: *(.)", 404, "NoSuchBucket"),
    }
    if request_name == "md5":
        flips["body"] = (r"\r\n\r\n%(P)", 400, "BadDigest")
        flips["md5"] = (r"(?i)\ncontent-md5: *(\w)", *MISMATCH)
    url = grant["url"].replace("https://", "http://")
    put = lambda data=DATA: requests.put(  # noqa: E731
        url, data, headers=grant["headers"], proxies={"http": lab.through("cos")}
    )
    assert lab.one_byte_each("cos", flips, put).status_code in grant["success_status"]
    assert lab.stored("cos", grant["object"]["bucket"], grant["key"]) == DATA
    longer = put(DATA + b"!").text
    assert ("<Code>SignatureDoesNotMatch<" in longer) == ("size" in grant["limits"]["enforced"])


@pytest.mark.parametrize("function", ["lke-loopback", "lke-vendor"])
def test_credentials_upload_to_their_key_alone(function):
    grant = lab.grant(function, filename="a.pdf", mode="credentials")
    given, where = grant["credentials"], grant["object"]
    config = CosConfig(
        Region=where["region"], Scheme="http", Proxies={"http": lab.through("cos")},
        SecretId=given["accessKeyId"], SecretKey=given["secretAccessKey"], Token=given["sessionToken"],
    )  # fmt: skip
    client = CosS3Client(config, retry=0)
    client.put_object(where["bucket"], DATA, grant["key"])
    assert lab.stored("cos", where["bucket"], grant["key"]) == DATA
    with pytest.raises(CosServiceError) as refused:
        client.put_object(where["bucket"], DATA, grant["key"] + "x")
    assert refused.value.get_error_code() == "AccessDenied"
