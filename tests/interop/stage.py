"""Starts the sandbox, the wires to it and the functions, runs both suites against them, and stops everything."""

import json
import os
import re
import socket
import subprocess
import sys
import time
import urllib.request
from importlib import metadata
from pathlib import Path

import wire

HERE = Path(__file__).parent
# Besides each flow as the sandbox sets it (`lke-loopback`): flow, name of the process, settings left out (without a store
# endpoint the grant is for the vendor's real host), and settings of its own; `{lke}` is the wire to that service.
VARIANTS = [
    ("alibaba-chatapp", "chatapp-vendor", ("OSS_ENDPOINT",), {}),
    ("tencent-lke", "lke-vendor", ("COS_ENDPOINT",), {}),
    ("tencent-lke", "lke-2023", (), {"LKE_ENDPOINT": "{lke}"}),
    ("tencent-lke", "lke-2026", (), {"LKE_ENDPOINT": "{lke}", "LKE_API": "2026-05-20"}),
]
OURS = {
    "GRANT_AUTH": "none",
    "GRANT_SECRET": "a-grant-secret-of-at-least-32-bytes!",
    "GRANT_ALLOW_CREDENTIALS": "true",
    "GRANT_LOG": "error",
}


def get(url):
    with urllib.request.urlopen(url, timeout=10) as answer:
        return answer.read().decode()


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as server:
        return server.getsockname()[1]


def start_sandbox(binary):
    process = subprocess.Popen([binary, "--port", "0"], stdout=subprocess.PIPE, text=True)
    services = {}
    while "cos" not in services:  # the last one
        name, url = process.stdout.readline().split()
        services[name] = url
    return process, services


def start_function(binaries, sandbox, flow, left_out, own):
    settings = dict(line.split("=", 1) for line in get(f"{sandbox}/env/{flow}").splitlines())
    address = f"127.0.0.1:{free_port()}"
    env = {name: value for name, value in settings.items() if name not in left_out}
    process = subprocess.Popen([binaries / flow], env=env | OURS | own | {"GRANT_LISTEN": address})
    for _ in range(200):
        try:
            get(f"http://{address}/healthz")
            return process, f"http://{address}"
        except OSError:
            if process.poll() is not None:
                break
            time.sleep(0.05)
    process.kill()
    sys.exit(f"{flow} did not start")


def print_versions():
    """What is really installed of the SDKs under test."""
    print("SDKs under test:")
    for name in re.findall(r"^([^#=]+)==.*# SDK$", (HERE / "requirements.txt").read_text(), re.MULTILINE):
        print(f"  {name} {metadata.version(name)} (PyPI)")
    modules = Path(os.environ["INTEROP_NODE"]).parent / "node_modules"
    for name in json.loads((HERE / "package.json").read_text())["dependencies"]:
        version = json.loads((modules / name / "package.json").read_text())["version"]
        print(f"  {name} {version} (npm)", flush=True)


def run_suite(command, env, counted):
    """Runs one suite, shows its output; how many tests passed, or 0 where any failed or none ran."""
    result = subprocess.run(command, env=env, cwd=HERE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    print(result.stdout, end="", flush=True)
    found = re.findall(counted, result.stdout, re.MULTILINE)
    return int(found[-1]) if result.returncode == 0 and found else 0


def main():
    print_versions()
    binaries = Path(sys.argv[1])
    sandbox, urls = start_sandbox(binaries / "sandbox")
    processes = [sandbox]
    try:
        names = [name for name in urls if name != "control"]
        hosts = {name: ("127.0.0.1", int(urls[name].rsplit(":", 1)[1])) for name in names}
        lab = {"sandbox": urls, "through": wire.start(hosts), "functions": {}}
        flows = [flow["name"] for flow in json.loads(get(f"{urls['control']}/flows"))]
        plain = [(flow, f"{flow.partition('-')[2]}-loopback", (), {}) for flow in flows]
        for flow, name, left_out, own in plain + VARIANTS:
            own = {setting: value.format(**lab["through"]) for setting, value in own.items()}
            process, url = start_function(binaries, urls["control"], flow, left_out, own)
            processes.append(process)
            lab["functions"][name] = url
        env = os.environ | {"INTEROP": json.dumps(lab)}
        python = run_suite([sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"], env, r"(\d+) passed")
        node_tests = sorted(path.name for path in HERE.glob("*.test.mjs"))
        # One file at a time: a wire has one plan.
        node = run_suite(["node", "--no-warnings", "--test", "--test-concurrency=1", "--test-reporter=spec", *node_tests], env, r"^\S* ?pass (\d+)$")
    finally:
        for process in processes:
            process.terminate()
        for process in processes:
            process.wait()
    print(f"interop: {python} python and {node} node tests passed")
    if not python or not node:
        sys.exit("interop: failed, or nothing ran")


main()
