"""Tencent Cloud's SDK: TC3-HMAC-SHA256."""

import hashlib
import json
import re
from datetime import datetime, timezone

import pytest
from tencentcloud.common import credential
from tencentcloud.common.common_client import CommonClient
from tencentcloud.common.exception.tencent_cloud_sdk_exception import TencentCloudSDKException
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.common.profile.http_profile import HttpProfile
from tencentcloud.common.sign import Sign
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


APIS = {"lke-2023": ("lke", "2023-11-30", "BotBizId"), "lke-2026": ("adp", "2026-05-20", "AppId")}


def generic(service, version):
    profile = ClientProfile(httpProfile=HttpProfile(protocol="http", endpoint=lab.host("lke")))
    return CommonClient(service, version, credential.Credential(*lab.tencent_keys()), "ap-guangzhou", profile=profile)


@pytest.mark.parametrize("function", APIS)
def test_the_generic_client_speaks_both_apis(function):
    """As the vendor's sample uses it for this very call."""
    service, version, application = APIS[function]
    body = {application: lab.settings("tencent-lke")["LKE_BOT_BIZ_ID"], "FileType": "pdf", "TypeKey": "offline"}
    flips = FLIPS | {"body": (rf'"{application}": *"(\d)', *WRONG)}
    client = generic(service, version)
    reply = lab.one_byte_each("lke", flips, lambda: client.call_json("DescribeStorageCredential", body))["Response"]
    path = reply["UploadPath"] if service == "lke" else reply["StoragePath"]["UploadPath"]
    assert path.startswith("/corp/")
    with pytest.raises(TencentCloudSDKException) as refused:
        generic(service, "2019-01-01").call_json("DescribeStorageCredential", body)
    assert refused.value.code == "NoSuchVersion"


@pytest.mark.parametrize("function", APIS)
def test_our_call_is_signed_as_theirs(function):
    """The SDK's signer, given what our call says, comes to our call's signature."""
    service, version, application = APIS[function]
    lab.grant(function, filename="Akte 1.pdf", mode="put")
    head, _, body = lab.call(f"{lab.LAB['through']['wire']}/lke/last")["raw"].partition("\r\n\r\n")
    first, *lines = head.split("\r\n")
    headers = {name.lower(): value.strip() for name, value in (line.split(":", 1) for line in lines)}
    assert (first, headers["x-tc-version"]) == ("POST / HTTP/1.1", version)
    assert json.loads(body)[application] == lab.settings("tencent-lke")["LKE_BOT_BIZ_ID"]

    keys, stamp = lab.tencent_keys(), int(headers["x-tc-timestamp"])
    date = datetime.fromtimestamp(stamp, timezone.utc).strftime("%Y-%m-%d")
    found = re.fullmatch(r"TC3-HMAC-SHA256 Credential=(\S+), SignedHeaders=(\S+), Signature=(\w+)", headers["authorization"])
    names = found[2].split(";")
    assert found[1] == f"{keys[0]}/{date}/{service}/tc3_request" and {"content-type", "host"} <= set(names)
    # The action's name is signed in lower case, as the documents have it.
    signed = "".join(f"{name}:{headers[name].lower() if name == 'x-tc-action' else headers[name]}\n" for name in names)
    canonical = f"POST\n/\n\n{signed}\n{found[2]}\n{hashlib.sha256(body.encode('latin-1')).hexdigest()}"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = f"TC3-HMAC-SHA256\n{stamp}\n{date}/{service}/tc3_request\n{digest}"
    assert Sign.sign_tc3(keys[1], date, service, text) == found[3]
