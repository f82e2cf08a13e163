"""Starts the sandbox and the functions, has schemathesis hold each against its own description, stops everything."""

import hashlib
import json
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from string import Template

HERE = Path(__file__).parent
KEY = "the-key-of-the-openapi-suite"
OURS = {
    "GRANT_AUTH": "api-key",
    "GRANT_API_KEYS": f"suite:{hashlib.sha256(KEY.encode()).hexdigest()}",
    "GRANT_SECRET": "a-secret-of-at-least-32-bytes-for-tests",
    "GRANT_ALLOW_CREDENTIALS": "true",
    "GRANT_EVENTS": "caller",
    "GRANT_VENDOR_RPS": "10000",
    "GRANT_LOG": "error",
    "GRANT_RUNTIME": "http",
}


def call(url, value=None):
    """GET, or POST where there is a value."""
    body = None if value is None else json.dumps(value).encode()
    with urllib.request.urlopen(urllib.request.Request(url, body, {"x-api-key": KEY}), timeout=10) as answer:
        return answer.read().decode()


def policy(params):
    """What is described as valid is permitted."""
    return json.dumps({"groups": [{"params": {name: {"caller": True} for name in params}, "rights": ["unsized", "events"]}]})


def start_sandbox(binaries):
    process = subprocess.Popen([binaries / "sandbox", "--port", "0"], stdout=subprocess.PIPE, text=True)
    _, control = process.stdout.readline().split()
    return process, control


def start_function(binaries, control, flow):
    settings = dict(line.split("=", 1) for line in call(f"{control}/env/{flow['name']}").splitlines())
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
    process = subprocess.Popen([binaries / flow["name"]], env=settings | OURS | {"GRANT_LISTEN": address, "GRANT_POLICY": policy(flow["params"])})
    for _ in range(200):
        try:
            call(f"http://{address}/healthz")
            return process, f"http://{address}"
        except OSError:
            time.sleep(0.05)
    process.kill()
    sys.exit(f"{flow['name']} did not start")


def check(flow, url):
    """One run of schemathesis; true if it found nothing."""
    print(f"\n== {flow['name']}", flush=True)
    grant = json.loads(call(f"{url}/grants", {"filename": flow["file"], "mode": "relay"}))
    given = {"KEY": KEY, "TICKET": grant["url"].rsplit("/", 1)[1], "TOKEN": grant["complete"]["token"]}
    config = Path(".tools/openapi/schemathesis.toml")
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text(Template((HERE / "schemathesis.toml").read_text()).substitute(given))
    st = Path(sys.executable).with_name("st")
    command = [st, "--config-file", config.name, "run", f"{url}/openapi.json", "--url", url]
    return subprocess.run(command, cwd=config.parent).returncode == 0


def main():
    binaries = Path(sys.argv[1]).absolute()
    sandbox, control = start_sandbox(binaries)
    processes = [sandbox]
    try:
        failed = []
        for flow in json.loads(call(f"{control}/flows")):
            if sys.argv[2:] and flow["name"] not in sys.argv[2:]:
                continue
            process, url = start_function(binaries, control, flow)
            processes.append(process)
            if not check(flow, url):
                failed.append(flow["name"])
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait()
    if failed:
        sys.exit(f"openapi: {', '.join(failed)}: what is answered is not what is described")


main()
