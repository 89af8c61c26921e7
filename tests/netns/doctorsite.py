# SPDX-License-Identifier: GPL-2.0-or-later
"""A home machine that publishes, and its server, for the faults of `adit doctor`."""
import json
import re

from faults import Doctor
from process import until
from publishing import begin, published

NAS = "10.59.0.2"
CONF = "[PCP]\nRecycle = 0s\n"
DROP = "table inet planted {{ chain c {{ type filter hook {hook} priority {priority}; {rule}; }}; }}\n"


class Site:
    """A home machine that publishes 443 in both families, and its server."""

    def __init__(self, lab):
        self.lab = lab
        self.home, self.vps, self.visitor = lab["home"], lab["vps"], lab["visitor"]
        self.vps.write("/etc/adit/server.conf", CONF)
        self.server, self.client, self.publisher, self.gua = begin(lab)
        self.profile = self.home.read("/root/home.conf")
        self.doctor = Doctor(self.client, self.publisher)
        self.listen()
        self.client.adit("publish", "443", "--no-redirect", timeout=20)
        self.doctor.broken(None)

    def listen(self, address=None):
        self.page = self.home.http_server(443, "page\n", address)

    def key(self):
        """The server's public key."""
        return re.search(r"PublicKey = (\S+)", self.profile)[1]

    def remove(self):
        self.client.adit("remove", "home", timeout=20)

    def enrol(self, profile=None):
        """Anew, so that no handshake of before is left."""
        self.client.enrol("home", profile or self.profile)

    def renew(self, profile):
        """Another profile, and the link anew, so that no handshake of before is left."""
        self.home.write("/root/home.conf", profile, 0o600)
        self.client.adit("down", "home")
        self.client.adit("update", "home", "/root/home.conf")
        self.client.adit("up", "home")

    def bounce(self):
        """The link anew, so that no handshake of before is left."""
        self.client.adit("down", "home")
        self.client.adit("up", "home")

    def drop(self, machine, rule, hook="prerouting", priority=-400):
        self.lab[machine].nft(DROP.format(hook=hook, priority=priority, rule=rule))

    def undrop(self, machine):
        self.lab[machine].run("nft", "delete", "table", "inet", "planted")

    def problem(self):
        """What adit status says of the gateway, which aditd looks after in the background."""
        return json.loads(self.client.adit("status", "--json", check=False).stdout)[0]["problem"]

    def state(self, port, state):
        """Waits for what adit published says of a port, in both families."""
        until(lambda: {r["state"] for (p, _), r in published(self.client).items() if p == f"{port}/tcp"} == {state},
              15, f"{port} to be {state}")
