"""Tencent Cloud's SDK: TC3-HMAC-SHA256."""

import pytest
from tencentcloud.common import credential
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.lke.v20231130 import lke_client, models

import lab

WRONG = (200, "AuthFailure.SignatureFailure")
FLIPS = {
    "signature": (r"Signature=(.)", *WRONG),
    "secret id": (r"Credential=AKID(.)", 200, "AuthFailure.SecretIdNotFound"),
    "scope": (r"Credential=\w+/(\d)", *WRONG),
    "host": (r"(?i)\nhost: *(.)", *WRONG),
    "content type": (r"(?i)\ncontent-type: *(.)", *WRONG),
    "timestamp": (r"(?i)\nx-tc-timestamp: *\d+(\d)\r", *WRONG),
    "body": (r'"BotBizId": *"(\d)', *WRONG),
}


@pytest.mark.parametrize("vendor_host", [None, "lke.intl.tencentcloudapi.com"])
def test_lke(vendor_host):
    profile = HttpProfile(protocol="http", endpoint=vendor_host or lab.host("lke"))
    profile.proxy = vendor_host and lab.through("lke")
    keys = credential.Credential(*lab.tencent_keys())
    client = lke_client.LkeClient(keys, "ap-guangzhou", ClientProfile(httpProfile=profile))
    request = models.DescribeStorageCredentialRequest()
    request.BotBizId = lab.settings("tencent-lke")["LKE_BOT_BIZ_ID"]
    request.FileType, request.IsPublic, request.TypeKey = "pdf", False, "offline"

    reply = lab.one_byte_each("lke", FLIPS, lambda: client.DescribeStorageCredential(request))
    assert reply.Credentials.TmpSecretId.startswith("AKID")
    assert reply.UploadPath.startswith("/corp/")
    assert reply.Region == "ap-guangzhou"

    with lab.corrupted("lke", r"Signature=(.)"), pytest.raises(TencentCloudSDKException) as refused:
        client.DescribeStorageCredential(request)
    assert refused.value.code == "AuthFailure.SignatureFailure"
