"""Waits for the sandbox, writes the functions' settings to a file, and prints what to paste.

The emulator knows one environment for all; the flows' settings do not contradict each other.
"""

import json
import pathlib
import sys
import time
import urllib.error
import urllib.request

OURS = {
    "GRANT_RUNTIME": "lambda",
    "GRANT_AUTH": "none",
    "GRANT_INSECURE": "true",
    "GRANT_SECRET": "the-secret-of-a-demo-and-of-no-use-anywhere-else",
}


def main(sandbox_port, lambda_port, path):
    settings = dict(OURS)
    flows = json.loads(fetch(f"http://127.0.0.1:{sandbox_port}/flows"))
    for flow in flows:
        for line in fetch(f"http://127.0.0.1:{sandbox_port}/env/{flow['name']}").splitlines():
            name, _, value = line.partition("=")
            if settings.setdefault(name, value) != value:
                return f"{name} differs between flows"
    pathlib.Path(path).write_text("".join(f"{name}={value}\n" for name, value in settings.items()))
    print(f"The sandbox is http://127.0.0.1:{sandbox_port}/health. Ask the functions:")
    for flow in flows:
        print(f"""  curl http://127.0.0.1:{lambda_port}/lambda-url/{flow['name']}/grants --json '{{"filename":"{flow['file']}"}}'""")
    print("and send a stored event with: make invoke FN=tencent-lke EVENT=tests/events/sqs.json", flush=True)


def fetch(url):
    """The sandbox may still be starting."""
    for _ in range(600):
        try:
            return urllib.request.urlopen(url).read().decode()
        except urllib.error.URLError:
            time.sleep(0.1)
    sys.exit(f"nothing answers at {url}: see .demo/sandbox.log")


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
