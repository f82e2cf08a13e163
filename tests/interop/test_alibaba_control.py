"""Alibaba Cloud's SDKs: ACS3-HMAC-SHA256, RPC and ROA."""

import hashlib
import time

import pytest
import requests
from alibabacloud_aicontent20240611 import client as aicontent, models as aicontent_models
from alibabacloud_cams20200606 import client as cams, models as cams_models
from alibabacloud_tea_openapi import models as openapi
from alibabacloud_tea_openapi.exceptions import ClientException
from alibabacloud_workorder20210610 import client as workorder, models as workorder_models

import lab

MISMATCH = (400, "SignatureDoesNotMatch")
HEAD = {
    "signature": (r"Signature=(.)", *MISMATCH),
    "key id": (r"Credential=LTAI5t(.)", 404, "InvalidAccessKeyId.NotFound"),
    "host": (r"(?i)\nhost: *(.)", *MISMATCH),
    "date": (r"(?i)\nx-acs-date: [^\r]*(\d)Z", *MISMATCH),
    "nonce": (r"(?i)\nx-acs-signature-nonce: *([0-9a-f])", *MISMATCH),
    "action": (r"(?i)\nx-acs-action: \w+(\w)\r", *MISMATCH),
    "version": (r"(?i)\nx-acs-version: (\d)", *MISMATCH),
    "content hash": (r"(?i)\nx-acs-content-sha256: *([0-9a-f])", 400, "InvalidParameter.ContentSha256"),
}


def config(service, host=None):
    key_id, secret = lab.alibaba_keys()
    return openapi.Config(
        access_key_id=key_id,
        access_key_secret=secret,
        endpoint=host or lab.host(service),
        http_proxy=host and lab.through(service),
        protocol="HTTP",
    )


@pytest.mark.parametrize("host", [None, "cams.ap-southeast-1.aliyuncs.com"])
def test_cams(host):
    client = cams.Client(config("cams", host))
    request = cams_models.GetChatappUploadAuthorizationRequest(cust_space_id="cams 1/ä+b")
    flips = HEAD | {
        "query": (r"CustSpaceId=(.)", *MISMATCH),
        "method": (r"^POS(T)", *MISMATCH),
    }
    reply = lab.one_byte_each("cams", flips, lambda: client.get_chatapp_upload_authorization(request)).body
    assert reply.code == "OK"
    assert reply.data.access_key_id.startswith("STS.")
    assert reply.data.end_point == "https://oss-ap-southeast-1.aliyuncs.com"
    with lab.corrupted("cams", r"Signature=(.)"), pytest.raises(ClientException) as refused:
        client.get_chatapp_upload_authorization(request)
    assert (refused.value.status_code, refused.value.code) == MISMATCH


@pytest.mark.parametrize("host", [None, "workorder.aliyuncs.com"])
def test_workorder(host):
    client = workorder.Client(config("workorder", host))
    request = workorder_models.GetAttachmentUploadUrlRequest(file_name="Bericht 1 ä.pdf")
    body = {"body": (r"FileName=(.)", 400, "InvalidParameter.ContentSha256")}
    kind = {"content-type": (r"(?i)\ncontent-type: *applicatio(n)", *MISMATCH)}
    call = lambda: client.get_attachment_upload_url(request)  # noqa: E731
    reply = lab.one_byte_each("workorder", HEAD | body | kind, call).body
    key = reply.data.object_key
    assert key.endswith("/Bericht 1 ä.pdf")
    with lab.corrupted("workorder", r"FileName=(.)"), pytest.raises(ClientException) as refused:
        call()
    assert refused.value.code == "InvalidParameter.ContentSha256"

    # The URL is for the bucket's real host; here it goes over the wire instead of TLS.
    url = reply.data.put_signed_url.replace("https://", "http://")
    mismatch = (403, "SignatureDoesNotMatch")
    flips = {
        "signature": (r"[?&]Signature=(?:%\w\w)*(\w)", *mismatch),
        "expires": (r"Expires=\d+(\d)", *mismatch),
        "key": (r"^PUT /ticket/(.)", *mismatch),
        "content type": (r"(?i)\ncontent-type: *application/(.)", *mismatch),
    }
    put = lambda: requests.put(  # noqa: E731
        url, b"report", headers={"Content-Type": "application/octet-stream"}, proxies={"http": lab.through("oss")}
    )
    assert lab.one_byte_each("oss", flips, put).status_code == 200
    assert lab.stored("oss", "workorder-sandbox", requests.utils.quote(key)) == b"report"


@pytest.mark.parametrize("host", [None, "aicontent.aliyuncs.com"])
def test_aicontent(host):
    given = lab.settings("alibaba-aicontent")
    app_id, secret, now = given["AICONTENT_APP_ID"], given["AICONTENT_APP_SECRET"], str(int(time.time()))
    user, address = "user-1", "203.0.113.7"
    text = f"app_secret={secret}&appid={app_id}&timestamp={now}&user_client_ip={address}&user_id={user}"
    client = aicontent.Client(config("aicontent", host))
    request = aicontent_models.CreateAccessWarrantRequest(
        app_id=app_id,
        request_sign=hashlib.md5(text.encode()).hexdigest(),
        timestamp=now,
        user_client_ip=address,
        user_id=user,
        warrant_available=600,
    )
    flips = HEAD | {
        "path": (r"^POST /api/v1/(.)", *MISMATCH),
        "body": (r'"userId": *"(.)', 400, "InvalidParameter.ContentSha256"),
    }
    reply = lab.one_byte_each("aicontent", flips, lambda: client.create_access_warrant(request)).body
    assert reply.success
    with lab.corrupted("aicontent", r"Signature=(.)"), pytest.raises(ClientException) as refused:
        client.create_access_warrant(request)
    assert refused.value.code == "SignatureDoesNotMatch"
    request.request_sign = "0" * 32
    reply = client.create_access_warrant(request).body
    assert (reply.success, reply.err_code) == (False, "430008")
