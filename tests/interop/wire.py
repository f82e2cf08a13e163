"""The wire between an SDK and the sandbox: it can change one byte of a request that the SDK made.

Each service of the sandbox has a listener here, which the SDK takes for the service itself or for its HTTP proxy (then
the vendor's real host name is in `Host` and under the signature). Everything passes as it came. A plan names places by
regular expression over the raw request; the first byte of group 1 is the one that is changed:

- `variants`: each changed copy is sent before the untouched request; what the sandbox said to it is kept.
- `corrupt`: the request itself is changed, so that the SDK meets the refusal.
"""

import json
import re
import socket
import socketserver
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

CODES = (rb"<Code>(.*?)</Code>", rb'"(?:Code|errCode)"\s*:\s*"(.*?)"')


def other(byte):
    """Another byte of the same kind, so that only the value changes and not the syntax."""
    for first, last in ("09", "az", "AZ"):
        if ord(first) <= byte <= ord(last):
            return byte + 1 if byte < ord(last) else ord(first)
    return byte ^ 1


def changed(raw, pattern):
    """`raw` with one byte changed, or None where there is no such place."""
    found = re.search(pattern.encode("latin-1"), raw, re.DOTALL)
    if not found:
        return None
    at = found.start(1)
    return raw[:at] + bytes([other(raw[at])]) + raw[at + 1 :]


def read_message(stream, bodiless=False):
    """One HTTP message, raw, or None at the end of the connection."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        line = stream.readline()
        if not line:
            return None
        head += line
    if bodiless:
        return head
    length = re.search(rb"(?i)\r\ncontent-length: *(\d+)", head)
    if length:
        return head + stream.read(int(length[1]))
    if re.search(rb"(?i)\r\ntransfer-encoding: *chunked", head):
        return head + read_chunks(stream)
    return head


def read_chunks(stream):
    out = b""
    while True:
        line = stream.readline()
        size = int(line.split(b";")[0], 16)
        out += line + stream.read(size + 2)
        if size == 0:
            return out


def exchange(address, raw):
    """Sends a request and reads its answer."""
    with socket.create_connection(address, timeout=20) as sock:
        sock.sendall(raw)
        return read_message(sock.makefile("rb"), bodiless=raw.startswith(b"HEAD "))


def outcome(answer):
    """Status and the vendor's code, where the answer has one."""
    status = int(answer.split(b" ", 2)[1])
    codes = (re.search(pattern, answer, re.DOTALL) for pattern in CODES)
    code = next((found[1].decode() for found in codes if found), None)
    return [status, code]


class Plan:
    """What to do with the next requests of a service, and what came of it."""

    def __init__(self, variants=None, corrupt=None):
        self.variants, self.corrupt, self.requests, self.seen = variants or {}, corrupt, 0, {}

    def apply(self, address, raw):
        self.requests += 1
        for name, pattern in self.variants.items():
            variant = changed(raw, pattern)
            self.seen[name] = outcome(exchange(address, variant)) if variant else "no such place"
        if not self.corrupt:
            return raw
        corrupted = changed(raw, self.corrupt)
        self.seen["corrupt"] = "changed" if corrupted else "no such place"
        return corrupted or raw


class Relay(socketserver.StreamRequestHandler):
    """One connection of an SDK."""

    def handle(self):
        while raw := read_message(self.rfile):
            # As a proxy: `PUT http://host/path` goes on as `PUT /path`; Host says the rest.
            raw = re.sub(rb"^(\S+) http://[^/ ]+", rb"\1 ", raw, count=1)
            raw = self.server.plan.apply(self.server.target, raw)
            self.server.last = raw
            self.wfile.write(exchange(self.server.target, raw))


class Listener(socketserver.ThreadingTCPServer):
    daemon_threads = True
    allow_reuse_address = True

    def __init__(self, target):
        super().__init__(("127.0.0.1", 0), Relay)
        self.target, self.plan, self.last = target, Plan(), b""


class Control(BaseHTTPRequestHandler):
    """`POST /{service}` sets a plan; `GET /{service}` says what came of it and takes it away; `GET /{service}/last` is the
    last request that passed, byte for byte."""

    def do_POST(self):
        plan = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.wires[self.path[1:]].plan = Plan(**plan)
        self.answer({})

    def do_GET(self):
        if self.path.endswith("/last"):
            wire = self.server.wires[self.path[1:].removesuffix("/last")]
            return self.answer({"raw": wire.last.decode("latin-1")})
        wire = self.server.wires[self.path[1:]]
        plan, wire.plan = wire.plan, Plan()
        self.answer({"requests": plan.requests, "seen": plan.seen})

    def answer(self, value):
        body = json.dumps(value).encode()
        self.send_response(200)
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):
        pass


def start(services):
    """Starts a wire to each of `services` (name -> (host, port)); gives back the addresses, the control's under `wire`."""
    wires = {name: Listener(target) for name, target in services.items()}
    control = ThreadingHTTPServer(("127.0.0.1", 0), Control)
    control.wires = wires
    for server in (*wires.values(), control):
        threading.Thread(target=server.serve_forever, daemon=True).start()
    addresses = {name: f"http://127.0.0.1:{server.server_address[1]}" for name, server in wires.items()}
    return addresses | {"wire": f"http://127.0.0.1:{control.server_address[1]}"}
