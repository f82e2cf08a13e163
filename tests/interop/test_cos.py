"""The Python SDK of COS: signature in the header and in the query."""

import hashlib
import base64

import pytest
import requests
from qcloud_cos import CosConfig, CosS3Client, CosServiceError

import lab

DATA = b"\x00\xff one file\r\n" * 50
HOST = f"{lab.OWN_COS_BUCKET}.cos.ap-guangzhou.myqcloud.com"
MISMATCH = (403, "SignatureDoesNotMatch")
PUT = {
    "signature": (r"q-signature=(.)", *MISMATCH),
    "key id": (r"q-ak=AKID(.)", 403, "InvalidAccessKeyId"),
    "sign time": (r"q-sign-time=\d+(?:;|%3B)\d+(\d)&", *MISMATCH),
    "key time": (r"q-key-time=\d+(?:;|%3B)\d+(\d)&", *MISMATCH),
    "content type": (r"(?i)\ncontent-type: *(\w)", *MISMATCH),
    "forbid overwrite": (r"(?i)\nx-cos-forbid-overwrite: *(t)", *MISMATCH),
    "path": (r"^PUT [^ ]*dir/(.)", *MISMATCH),
}


def client(**more):
    secret_id, secret_key = lab.tencent_keys()
    proxies = {"http": lab.through("cos")}
    keys = {"SecretId": secret_id, "SecretKey": secret_key} | more
    return CosS3Client(CosConfig(Region="ap-guangzhou", Scheme="http", Proxies=proxies, **keys), retry=0)


def test_cos_puts():
    key, md5 = "dir/put ä+.txt", base64.b64encode(hashlib.md5(DATA).digest()).decode()
    flips = PUT | {
        "body": (r"\r\n\r\n(.)", 400, "BadDigest"),
        "md5": (r"(?i)\ncontent-md5: *(\w)", *MISMATCH),
    }
    put = lambda: client().put_object(  # noqa: E731
        lab.OWN_COS_BUCKET, DATA, key, ContentType="text/plain", ContentMD5=md5, **{"Metadata": {"x-cos-forbid-overwrite": "true"}}
    )
    lab.one_byte_each("cos", flips, put)
    assert lab.stored("cos", lab.OWN_COS_BUCKET, requests.utils.quote(key)) == DATA
    with pytest.raises(CosServiceError) as refused:
        put()
    assert refused.value.get_error_code() == "FileAlreadyExists"


def test_cos_presigns():
    key, headers = "dir/presigned ä.txt", {"Content-Type": "text/plain", "x-cos-forbid-overwrite": "true"}
    url = client().get_presigned_url(
        lab.OWN_COS_BUCKET, key, "PUT", 120, Headers=headers, Params={"x-cos-note": "one"}
    )
    assert HOST in url
    flips = PUT | {"host": (r"(?i)\nhost: *own-sandbox-1250000000.(.)", *MISMATCH), "parameter": (r"x-cos-note=(.)", *MISMATCH)}
    put = lambda: requests.put(url, DATA, headers=headers, proxies={"http": lab.through("cos")})  # noqa: E731
    assert lab.one_byte_each("cos", flips, put).status_code == 200
    assert lab.stored("cos", lab.OWN_COS_BUCKET, requests.utils.quote(key)) == DATA


def test_cos_meets_a_refusal():
    with lab.corrupted("cos", r"q-signature=(.)"), pytest.raises(CosServiceError) as refused:
        client().put_object(lab.OWN_COS_BUCKET, DATA, "dir/refused")
    assert (refused.value.get_status_code(), refused.value.get_error_code()) == MISMATCH
