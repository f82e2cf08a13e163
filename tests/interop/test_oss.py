"""Both Python SDKs of OSS: signature V4 in the header and in the query, V1 in both too."""

import datetime

import alibabacloud_oss_v2 as oss
import oss2
import pytest
import requests

import lab

DATA = b"\x00\xff one file\r\n" * 50
MISMATCH = (403, "SignatureDoesNotMatch")
HOST = "oss-cn-hangzhou.aliyuncs.com"
PUT = {
    "content type": (r"(?i)\ncontent-type: *(\w)", *MISMATCH),
    "forbid overwrite": (r"(?i)\nx-oss-forbid-overwrite: *(t)", *MISMATCH),
    "meta": (r"(?i)\nx-oss-meta-one: *(\w)", *MISMATCH),
    "path": (r"^PUT [^ ]*dir(?:/|%2F)(.)", *MISMATCH),
}
HEADER_V4 = PUT | {
    "signature": (r"Signature=(.)", *MISMATCH),
    "key id": (r"Credential=LTAI5t(.)", 403, "InvalidAccessKeyId"),
    "region": (r"Credential=[^,]*/cn-(.)", 400, "InvalidArgument"),
    "date": (r"(?i)\nx-oss-date: [^\r]*(\d)Z", *MISMATCH),
    "payload": (r"(?i)\nx-oss-content-sha256: *(.)", 400, "InvalidArgument"),
}
HEADER_V1 = PUT | {
    "signature": (r"(?i)\nauthorization: OSS [^:]*:(.)", *MISMATCH),
    "key id": (r"(?i)\nauthorization: OSS LTAI5t(.)", 403, "InvalidAccessKeyId"),
    "date": (r"(?i)\ndate: [^\r]*:\d(\d) GMT", *MISMATCH),
}
QUERY_V4 = PUT | {
    "signature": (r"x-oss-signature=(.)", *MISMATCH),
    "expires": (r"x-oss-expires=(\d)", *MISMATCH),
    "date": (r"x-oss-date=[^&]*(\d)Z", *MISMATCH),
    "key id": (r"x-oss-credential=LTAI5t(.)", 403, "InvalidAccessKeyId"),
}
QUERY_V1 = PUT | {
    "signature": (r"[?&]Signature=(?:%\w\w)*(\w)", *MISMATCH),
    "expires": (r"Expires=\d+(\d)", *MISMATCH),
}


def v2_client(style, version="v4"):
    provider = oss.credentials.StaticCredentialsProvider(*lab.alibaba_keys())
    config = oss.config.Config(
        region="cn-hangzhou", credentials_provider=provider, disable_ssl=True, signature_version=version
    )
    if style == "path":
        config.endpoint, config.use_path_style = lab.through("oss"), True
    else:
        config.proxy_host = {"http": lab.through("oss")}
    return oss.Client(config)


@pytest.mark.parametrize("style", ["path", "virtual host"])
@pytest.mark.parametrize("version", ["v4", "v1"])
def test_oss_v2_puts(style, version):
    client, key = v2_client(style, version), f"dir/{version} {style} ä+.txt"
    request = oss.PutObjectRequest(
        lab.OWN_OSS_BUCKET, key, body=DATA, content_type="text/plain", forbid_overwrite=True, metadata={"one": "two"}
    )
    flips = HEADER_V4 if version == "v4" else HEADER_V1
    reply = lab.one_byte_each("oss", flips, lambda: client.put_object(request))
    assert reply.status_code == 200
    assert lab.stored("oss", lab.OWN_OSS_BUCKET, requests.utils.quote(key)) == DATA
    with pytest.raises(oss.exceptions.OperationError) as refused:
        client.put_object(request)
    assert refused.value.unwrap().code == "FileAlreadyExists"


def test_oss_v2_meets_a_refusal():
    client = v2_client("path")
    with lab.corrupted("oss", r"Signature=(.)"), pytest.raises(oss.exceptions.OperationError) as refused:
        client.put_object(oss.PutObjectRequest(lab.OWN_OSS_BUCKET, "dir/refused", body=DATA))
    assert (refused.value.unwrap().status_code, refused.value.unwrap().code) == MISMATCH
    assert refused.value.unwrap().ec is not None


@pytest.mark.parametrize("version", ["v4", "v1"])
def test_oss_v2_presigns(version):
    client, key = v2_client("path", version), f"dir/presigned {version} ä.txt"
    request = oss.PutObjectRequest(
        lab.OWN_OSS_BUCKET, key, content_type="text/plain", forbid_overwrite=True, metadata={"one": "two"}
    )
    signed = client.presign(request, expires=datetime.timedelta(seconds=120))
    flips = QUERY_V4 if version == "v4" else QUERY_V1
    put = lambda: requests.put(signed.url, data=DATA, headers=signed.signed_headers)  # noqa: E731
    assert lab.one_byte_each("oss", flips, put).status_code == 200
    assert lab.stored("oss", lab.OWN_OSS_BUCKET, requests.utils.quote(key)) == DATA


@pytest.mark.parametrize("style", ["path", "virtual host"])
@pytest.mark.parametrize("version", ["v4", "v1"])
def test_oss2_puts(style, version):
    provider = oss2.credentials.StaticCredentialsProvider(*lab.alibaba_keys())
    auth = oss2.ProviderAuthV4(provider) if version == "v4" else oss2.ProviderAuth(provider)
    path = style == "path"
    endpoint = lab.through("oss") if path else f"http://{HOST}"
    proxies = None if path else {"http": lab.through("oss")}
    bucket = oss2.Bucket(
        auth, endpoint, lab.OWN_OSS_BUCKET, region="cn-hangzhou", is_path_style=path, proxies=proxies
    )
    key = f"dir/oss2 {version} {style} ä+.txt"
    headers = {"Content-Type": "text/plain", "x-oss-forbid-overwrite": "true", "x-oss-meta-one": "two"}
    flips = HEADER_V4 if version == "v4" else HEADER_V1
    reply = lab.one_byte_each("oss", flips, lambda: bucket.put_object(key, DATA, headers=headers))
    assert reply.status == 200
    assert lab.stored("oss", lab.OWN_OSS_BUCKET, requests.utils.quote(key)) == DATA
    with pytest.raises(oss2.exceptions.ServerError) as refused:
        bucket.put_object(key, DATA, headers=headers)
    assert (refused.value.status, refused.value.code) == (409, "FileAlreadyExists")
    with lab.corrupted("oss", r"^PUT [^ ]*dir(?:/|%2F)(.)"), pytest.raises(oss2.exceptions.SignatureDoesNotMatch):
        bucket.put_object(key, DATA)
