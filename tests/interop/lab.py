"""The lab as stage.py set it up: sandbox, wires, functions."""

import json
import os
import urllib.request
from contextlib import contextmanager

LAB = json.loads(os.environ["INTEROP"])
CONTROL = LAB["sandbox"]["control"]
OWN_OSS_BUCKET = "own-sandbox"
OWN_COS_BUCKET = "own-sandbox-1250000000"


def call(url, value=None, raw=False):
    """GET, or POST where there is a value."""
    body = None if value is None else json.dumps(value).encode()
    request = urllib.request.Request(url, body, {"content-type": "application/json"})
    with urllib.request.urlopen(request, timeout=20) as answer:
        data = answer.read()
    return data if raw else json.loads(data)


def settings(flow):
    lines = call(f"{CONTROL}/env/{flow}", raw=True).decode().splitlines()
    return dict(line.split("=", 1) for line in lines)


def alibaba_keys():
    given = settings("alibaba-chatapp")
    return given["ALIBABA_CLOUD_ACCESS_KEY_ID"], given["ALIBABA_CLOUD_ACCESS_KEY_SECRET"]


def tencent_keys():
    given = settings("tencent-lke")
    return given["TENCENTCLOUD_SECRET_ID"], given["TENCENTCLOUD_SECRET_KEY"]


def issued_key(key_id):
    """Secret and token of a key that the sandbox issued, as only the vendor knows them."""
    key = call(f"{CONTROL}/keys/{key_id}")
    return key["secret"], key["token"]


def stored(store, bucket, key):
    """The bytes of an object."""
    return call(f"{CONTROL}/objects/{store}/{bucket}/{key}", raw=True)


def through(service):
    """Where an SDK reaches the service through its wire: as endpoint or as HTTP proxy."""
    return LAB["through"][service]


def host(service):
    return through(service).removeprefix("http://")


def grant(function, **request):
    return call(LAB["functions"][function] + "/grants", request)


def one_byte_each(service, flips, make_call):
    """Makes an SDK call that is accepted, after each variant with one byte changed was refused.

    `flips`: name -> (where, status, the vendor's code).
    """
    wire = f"{LAB['through']['wire']}/{service}"
    call(wire, {"variants": {name: flip[0] for name, flip in flips.items()}})
    try:
        reply = make_call()
    finally:
        result = call(wire)
    expected = {name: list(flip[1:]) for name, flip in flips.items()}
    wrong = {name: (result["seen"].get(name), want) for name, want in expected.items() if result["seen"].get(name) != want}
    assert not wrong, f"answered otherwise (got, expected): {wrong}"
    assert result["requests"] == 1, result
    return reply


@contextmanager
def corrupted(service, where):
    """The SDK's own request arrives with one byte changed."""
    wire = f"{LAB['through']['wire']}/{service}"
    call(wire, {"corrupt": where})
    try:
        yield
    finally:
        result = call(wire)
    assert result["seen"] == {"corrupt": "changed"}
