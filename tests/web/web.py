# SPDX-License-Identifier: GPL-2.0-or-later
"""adit-web on a machine of the lab, as its unit runs it: a user of its own, no privilege."""
import base64
import http.client
import json
import os
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "netns"))

# pylint: disable=wrong-import-position,unused-import
import tap  # noqa: E402,F401
from lab import SOURCE  # noqa: E402
from process import until  # noqa: E402
from story import Client, Server, embed  # noqa: E402,F401

FULL = bool(os.environ.get("ADIT_FULL"))
PASSWORD = "correct horse battery"
PORT = 8420
USER = 4242
PEOPLE = {"/etc/passwd": "adit-web:x:4242:4242::/:/usr/sbin/nologin\n",
          "/etc/group": "adit-web:x:4242:\nadit-admin:x:4243:\n"}
# What adit-web.service does to the process, without a systemd.
CONFINED = ("setpriv", "--reuid=4242", "--regid=4242", "--groups=4243", "--bounding-set=-all",
            "--inh-caps=-all", "--no-new-privs")

with open(os.path.join(SOURCE, "data", "org.adit.Server1.conf"), encoding="utf-8") as f:
    POLICY = f.read()


class Answer:
    """What came back."""

    def __init__(self, status, headers, body):
        self.status, self.headers, self.body = status, headers, body

    def __repr__(self):
        return f"{self.status} {self.body[:400]!r}"

    @property
    def json(self):
        return json.loads(self.body)


class Web:
    """The page of a server, and somebody who talks to it."""

    def __init__(self, lab, name="vps", prefix=True):
        self.vps = lab[name]
        for path, text in PEOPLE.items():
            self.vps.write(path, self.vps.read(path) + text)
        policy = self.vps.write("/etc/adit-policy.conf", POLICY)
        self.vps.bus(policy)
        self.server = Server(self.vps, self.vps.prefix if prefix else None)
        self.process = None
        self.cookie = self.csrf = None

    def start(self, settings=""):
        """Server, password, page; and somebody logged in."""
        self.server.start()
        self.vps.run("adit-server", "web", "set-password", input=PASSWORD + "\n")
        return self.run(settings)

    def fill(self, devices, mappings):
        """So many, by one declarative file."""
        self.server.admin("export", "/root/all.conf")
        rows = [self.vps.read("/root/all.conf"), "[Subnet]\nName = many\nNetwork = 10.64.0.0/16"]
        for i in range(devices):
            key = base64.b64encode(i.to_bytes(4, "big") + b"adit" * 7).decode()
            rows.append(f"[Device]\nName = d{i}\nSubnet = many\nAddress = 10.64.{i // 200}.{i % 200 + 10}\nPublicKey = {key}")
        rows += [f"[Forward]\nExternal = {10000 + i}\nDevice = d{i % devices}\nLabel = service {i}" for i in range(mappings)]
        self.vps.write("/root/many.conf", "\n\n".join(rows) + "\n", 0o600)
        self.server.admin("apply", "/root/many.conf", timeout=60)

    def run(self, settings="", **env):
        if settings:
            self.vps.write("/etc/adit/web.conf", settings)
        self.process = self.vps.spawn(*CONFINED, "adit-web", env={"G_MESSAGES_DEBUG": "adit", **env})
        self.process.wait_output("ready", 15)
        return self

    def token(self, scope):
        return self.server.admin("web", "add-token", scope, "--scope", scope).stdout.strip()

    def ask(self, method, path, body=None, headers=None, machine=None, host="127.0.0.1", port=PORT):
        """One request, as given: no cookie, no token but those in @headers."""
        with (machine or self.vps).inside():
            connection = http.client.HTTPConnection(host, port, timeout=10)
            connection.connect()
        data = json.dumps(body).encode() if isinstance(body, (dict, list)) else body
        more = {"Content-Type": "application/json"} if isinstance(body, dict) else {}
        try:
            connection.request(method, path, data, {**more, **(headers or {})})
            reply = connection.getresponse()
            return Answer(reply.status, reply.headers, reply.read())
        finally:
            connection.close()

    def wait_let_in(self, home, host="10.59.0.1"):
        """Until the tunnel's door opens: a device that the page has not heard of yet is a stranger still."""
        def is_let_in():
            try:
                return self.ask("GET", "/healthz", machine=home, host=host).status == 200
            except OSError:
                return False
        until(is_let_in, 15, "the tunnel's door")

    def log_in(self, password=PASSWORD, **where):
        answer = self.ask("POST", "/api/v1/session", {"password": password}, **where)
        if answer.status == 200:
            self.cookie = answer.headers["Set-Cookie"].split(";")[0]
            self.csrf = answer.json["csrf"]
        return answer

    def me(self):
        return {"Cookie": self.cookie, "X-Adit-Csrf": self.csrf}

    def api(self, method, path, body=None, status=200, **where):
        """As who is logged in; the JSON of the answer."""
        answer = self.ask(method, "/api/v1" + path, body, self.me(), **where)
        assert answer.status == status, f"{method} {path}: {answer}"
        return answer.json if answer.body else None

    def raw(self, data, port=PORT, timeout=10):
        """Bytes there, everything back."""
        with self.vps.inside():
            peer = socket.create_connection(("127.0.0.1", port), timeout=timeout)
        with peer:
            back = b""
            try:
                peer.sendall(data)
                while more := peer.recv(65536):
                    back += more
            except ConnectionError:
                pass
            return back

    def refused(self, reason):
        """How often that was the reason to turn somebody away."""
        text = self.ask("GET", "/metrics", headers=self.me()).body.decode()
        line = next(row for row in text.splitlines() if row.startswith(f'adit_web_refused_total{{reason="{reason}"}}'))
        return int(line.split()[-1])
