"""DashScope's and Bailian's SDKs: their own uploads against the sandbox, and what they make of our receipts."""

import base64
import hashlib
import json

import dashscope
import requests
from alibabacloud_bailian20231229 import client as bailian, models as bailian_models
from alibabacloud_tea_openapi import models as openapi
from dashscope.utils.oss_utils import OssUtils, check_and_upload_local

import lab

CONTENT = b"# notes\n"
MODEL = "qwen-vl-max"


def api():
    return lab.LAB["sandbox"]["dashscope"] + "/api/v1"


def api_key():
    return lab.settings("alibaba-dashscope")["DASHSCOPE_API_KEY"]


def post(grant, content):
    """Sends a form grant as requests does it: the fields in their order, the file last."""
    kind = grant["limits"]["content_types"][0]
    files = [(name, (None, value)) for name, value in grant["fields"].items()]
    return requests.post(grant["url"], files=[*files, (grant["file_field"], ("file", content, kind))], timeout=20)


def receipt(function, grant):
    url = lab.LAB["functions"][function] + "/complete"
    return lab.call(url, {"token": grant["complete"]["token"], "size": len(CONTENT)})


def test_dashscope_uploads_with_its_own_client(tmp_path):
    file = tmp_path / "a.png"
    file.write_bytes(CONTENT)
    answer = OssUtils.get_upload_certificate(model=MODEL, api_key=api_key(), base_address=api())
    assert answer.status_code == 200, answer
    # The host is the bucket's real one; here the store is on loopback.
    bucket = answer.output["upload_host"].split("//")[1].split(".")[0]
    certificate = answer.output | {"upload_host": f"{lab.LAB['sandbox']['oss']}/{bucket}/"}
    url, _ = OssUtils.upload(MODEL, str(file), api_key(), upload_certificate=certificate)
    assert lab.stored("oss", bucket, url.removeprefix("oss://")) == CONTENT


def test_a_dashscope_receipt_is_what_a_model_call_takes():
    grant = lab.grant("dashscope-loopback", filename="a.png", size=len(CONTENT))
    assert post(grant, CONTENT).status_code == 200
    params = receipt("dashscope-loopback", grant)["handoff"]["params"]
    taken = check_and_upload_local(MODEL, params["url"], api_key(), base_address=api())
    assert taken[:2] == (True, params["url"])
    dashscope.base_http_api_url = api()
    content = [{"image": params["url"]}, {"text": "what is it?"}]
    answer = dashscope.MultiModalConversation.call(
        api_key=api_key(), model=MODEL, messages=[{"role": "user", "content": content}]
    )
    assert answer.status_code == 200, answer
    # The header that the client sets by itself is the receipt's, for those who call without it.
    body = {"model": MODEL, "input": {"messages": [{"role": "user", "content": content}]}}
    call = f"{api()}/services/aigc/multimodal-generation/generation"
    bearer = {"Authorization": f"Bearer {api_key()}"}
    assert requests.post(call, data=json.dumps(body), headers=bearer | params["headers"], timeout=20).status_code == 200
    assert requests.post(call, data=json.dumps(body), headers=bearer, timeout=20).status_code == 400


def client():
    key_id, secret = lab.alibaba_keys()
    endpoint = lab.LAB["sandbox"]["bailian"].removeprefix("http://")
    return bailian.Client(openapi.Config(access_key_id=key_id, access_key_secret=secret, endpoint=endpoint, protocol="HTTP"))


def workspace():
    return lab.settings("alibaba-bailian")["BAILIAN_WORKSPACE_ID"]


def test_bailian_leases_for_its_own_client():
    request = bailian_models.ApplyFileUploadLeaseRequest(
        file_name="notes ä.md", md_5=hashlib.md5(CONTENT).hexdigest(), size_in_bytes=str(len(CONTENT))
    )
    data = client().apply_file_upload_lease("default", workspace(), request).body.data
    assert data.file_upload_lease_id and data.param.method == "PUT"
    assert data.param.url.startswith("https://") and "Content-Type" in data.param.headers


def test_a_bailian_receipt_is_what_add_file_takes():
    md5 = base64.b64encode(hashlib.md5(CONTENT).digest()).decode()
    grant = lab.grant("bailian-loopback", filename="notes ä.md", size=len(CONTENT), checksums={"md5": md5})
    assert requests.put(grant["url"], CONTENT, headers=grant["headers"], timeout=20).status_code == 200
    params = receipt("bailian-loopback", grant)["handoff"]["params"]
    request = bailian_models.AddFileRequest().from_map(params)
    added = client().add_file(params["WorkspaceId"], request).body
    assert added.success and added.data.file_id
    described = client().describe_file(
        params["WorkspaceId"], added.data.file_id, bailian_models.DescribeFileRequest()
    ).body.data
    assert described.file_name == "notes ä.md"
