"""Starts the sandbox and the functions, has schemathesis hold each against its own description, stops everything."""

import hashlib
import json
import socket
import subprocess
import sys
import time
import urllib.request
from concurrent.futures import ThreadPoolExecutor
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


# The vendor refuses the function's key in any workspace but the account's own, and that is a 502: an operator who
# lets callers choose lists those there are.
LISTED = {"workspace_id": "BAILIAN_WORKSPACE_ID"}


def policy(params, settings):
    """What is described as valid is permitted."""
    rules = {name: {"caller": [settings[LISTED[name]]] if name in LISTED else True} for name in params}
    return json.dumps({"groups": [{"params": rules, "rights": ["unsized", "events"]}]})


def start_sandbox(binaries):
    process = subprocess.Popen([binaries / "sandbox", "--port", "0"], stdout=subprocess.PIPE, text=True)
    _, control = process.stdout.readline().split()
    return process, control


def start_function(binaries, control, flow):
    settings = dict(line.split("=", 1) for line in call(f"{control}/env/{flow['name']}").splitlines())
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = f"127.0.0.1:{server.getsockname()[1]}"
    process = subprocess.Popen([binaries / flow["name"]], env=settings | OURS | {"GRANT_LISTEN": address, "GRANT_POLICY": policy(flow["params"], settings)})
    for _ in range(200):
        try:
            call(f"http://{address}/healthz")
            return process, f"http://{address}"
        except OSError:
            time.sleep(0.05)
    process.kill()
    sys.exit(f"{flow['name']} did not start")


def check(flow, url):
    """One run of schemathesis: whether it found nothing, and what it said."""
    # The example's name: what is answered is mixed into what is made up, and must go with the example's type.
    example = json.loads(call(f"{url}/openapi.json"))["components"]["schemas"]["GrantRequest"]["examples"][0]
    grant = json.loads(call(f"{url}/grants", {"filename": example["filename"], "mode": "relay"}))
    given = {"KEY": KEY, "TICKET": grant["url"].rsplit("/", 1)[1], "TOKEN": grant["complete"]["token"]}
    config = Path(f".tools/openapi/{flow['name']}.toml")
    config.parent.mkdir(parents=True, exist_ok=True)
    config.write_text(Template((HERE / "schemathesis.toml").read_text()).substitute(given))
    st = Path(sys.executable).with_name("st")
    command = [st, "--config-file", config.name, "run", f"{url}/openapi.json", "--url", url]
    done = subprocess.run(command, cwd=config.parent, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    return done.returncode == 0, done.stdout


def main():
    binaries = Path(sys.argv[1]).absolute()
    sandbox, control = start_sandbox(binaries)
    processes = [sandbox]
    try:
        flows = [flow for flow in json.loads(call(f"{control}/flows")) if flow["name"] in sys.argv[2:] or not sys.argv[2:]]
        urls = []
        for flow in flows:
            process, url = start_function(binaries, control, flow)
            processes.append(process)
            urls.append(url)
        failed = []
        with ThreadPoolExecutor(max_workers=4) as pool:
            for flow, (found_nothing, said) in zip(flows, pool.map(check, flows, urls)):
                print(f"\n== {flow['name']}\n{said}", flush=True)
                if not found_nothing:
                    failed.append(flow["name"])
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait()
    if failed:
        sys.exit(f"openapi: {', '.join(failed)}: what is answered is not what is described")


main()
