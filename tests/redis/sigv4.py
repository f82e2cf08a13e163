"""Every vector of sigv4.json, signed once more by botocore."""

import datetime
import json
import sys
from unittest import mock

import botocore.auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

vectors = json.load(open(sys.argv[1]))["vectors"]
for vector in vectors:
    given, expected = vector["input"], vector["expected"]
    headers = {name: value for name, value in given["headers"] if not name.startswith("x-amz-") or name == "x-amz-target"}
    url = f"https://{headers['host']}{given['path']}" + (f"?{given['query']}" if given["query"] else "")
    request = AWSRequest(method=given["method"], url=url, headers=headers, data=given["body"])
    at = datetime.datetime.strptime(given["at"], "%Y-%m-%dT%H:%M:%SZ")
    keys = Credentials(given["key_id"], given["secret"], given["token"])
    with mock.patch.object(botocore.auth, "get_current_datetime", lambda *_, **__: at):
        botocore.auth.SigV4Auth(keys, given["service"], given["region"]).add_auth(request)
    assert request.headers["Authorization"] == expected["authorization"], vector["id"]
print(f"botocore agrees with {len(vectors)} vectors of Signature Version 4")
