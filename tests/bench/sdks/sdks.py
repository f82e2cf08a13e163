"""The official Python SDKs: reads what to sign, then tells the processor time of one batch of each per line;
nothing is sent."""

import datetime
import json
import sys
import time
from importlib.metadata import version

import alibabacloud_oss_v2 as oss
import oss2
from qcloud_cos import CosConfig, CosS3Client
from tencentcloud.common import credential
from tencentcloud.common.http.request import RequestInternal
from tencentcloud.common.profile.client_profile import ClientProfile
from tencentcloud.lke.v20231130 import lke_client

BATCH = 25
given = json.loads(sys.stdin.readline())
headers = {"Content-Type": given["content_type"], "host": given["host"]}


def by_oss2():
    keys = oss2.credentials.StaticCredentialsProvider(given["id"], given["secret"], given["token"])
    endpoint = f"https://oss-{given['region']}.aliyuncs.com"
    bucket = oss2.Bucket(oss2.ProviderAuthV4(keys), endpoint, given["bucket"], region=given["region"])
    return lambda: bucket.sign_url(
        "PUT", given["object"], given["expires"], headers=dict(headers), slash_safe=True, additional_headers={"host"}
    )


def by_oss_v2():
    keys = oss.credentials.StaticCredentialsProvider(given["id"], given["secret"], given["token"])
    client = oss.Client(oss.config.Config(region=given["region"], credentials_provider=keys))
    expires = datetime.timedelta(seconds=given["expires"])
    return lambda: client.presign(
        oss.PutObjectRequest(given["bucket"], given["object"], content_type=given["content_type"]), expires=expires
    ).url


def by_cos():
    config = CosConfig(Region="ap-guangzhou", SecretId=given["id"], SecretKey=given["secret"], Token=given["token"])
    client = CosS3Client(config)
    return lambda: client.get_presigned_url(
        "examplebucket-1250000000", given["object"], "PUT", Expired=given["expires"],
        Params={"x-cos-security-token": given["token"]}, Headers={"content-type": given["content_type"]},
    )


def by_tc3():
    keys = credential.Credential(given["id"], given["secret"])
    client = lke_client.LkeClient(keys, "ap-guangzhou", ClientProfile())
    params = {"BotBizId": "1779863007508561920", "FileType": "md", "TypeKey": "offline", "IsPublic": False}

    def sign():
        request = RequestInternal(host="lke.tencentcloudapi.com", method="POST", uri="/", header={})
        client._build_req_with_tc3_signature("DescribeStorageCredential", params, request, {})
        return request.header["Authorization"]

    return sign


signers = {
    f"oss2 {version('oss2')} (Python)": by_oss2(),
    f"alibabacloud-oss-v2 {version('alibabacloud-oss-v2')} (Python)": by_oss_v2(),
    f"cos-python-sdk-v5 {version('cos-python-sdk-v5')} (Python)": by_cos(),
    f"tencentcloud-sdk-python {version('tencentcloud-sdk-python-common')}": by_tc3(),
}
for sign in signers.values():
    assert len(sign()) > 100
    for _ in range(200):
        sign()


def nanoseconds(sign):
    started = time.process_time_ns()
    for _ in range(BATCH):
        sign()
    return (time.process_time_ns() - started) / BATCH


print("ready", flush=True)
for _ in sys.stdin:
    print(json.dumps({name: nanoseconds(sign) for name, sign in signers.items()}), flush=True)
