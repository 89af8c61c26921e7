#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Each rule of the reply path is needed: without it a packet goes astray that comes home with it."""
import re
import socket

import tap
from policysite import Site

DRAWING = """
visitor -- internet -- vps
internet -- cgnat(v6) -- router -- home -- container
router -- laptop:home
"""
# As NetworkManager >= 1.54 does it to incoming UDP.
NM = "table inet nm-wg-x { chain pre { type filter hook prerouting priority -150; meta l4proto udp meta mark set ct mark; }; }\n"


class Asks:
    """One question for each rule, by name: whether it is answered as it should be."""

    def __init__(self, lab):
        self.lab, self.site = lab, Site(lab, "vps")
        self.home, self.visitor, self.gate = lab["home"], lab["visitor"], self.site.gates[0]
        container = lab["container"]
        self.home.http_server(80, "hello")
        self.home.udp_echo(5000)
        container.http_server(80, "boxed")
        container.udp_echo(53)
        self.home.dnat("tcp", 8080, container, 80)
        self.home.dnat("udp", 5353, container, 53)
        with self.visitor.inside():
            self._server = socket.create_server(("::", 9000), family=socket.AF_INET6, dualstack_ipv6=True)
        self._server.settimeout(2)

    def laptop(self):
        """A visitor on the LAN, to a service of this machine: main knows a shorter way back."""
        return self.lab["laptop"].curl(f"http://[{self.gate.gua}]/", check=False, timeout=0.5).stdout == "hello"

    def boxed(self):
        """The same, to a container."""
        return self.lab["laptop"].curl(f"http://[{self.gate.gua}]:8080/", check=False, timeout=0.5).stdout == "boxed"

    def udp4(self):
        """A datagram service on the wildcard address."""
        return self.visitor.udp_probe(self.gate.public, 5000, 2, timeout=0.3).sources == {self.gate.public}

    def udp6(self):
        """The same over IPv6."""
        return self.visitor.udp_probe(self.gate.gua, 5000, 2, timeout=0.3).sources == {self.gate.gua}

    def marked(self):
        """A datagram for a container, on a machine with NetworkManager's marks."""
        self.home.nft(NM)
        try:
            return self.visitor.udp_probe(self.gate.public, 5353, 3, interval=0.05, timeout=0.3).all
        finally:
            self.home.nft("delete table inet nm-wg-x\n")

    def _stays(self, machine):
        """A flow that left by the gateway stays with it though main knows a shorter way now."""
        way = f"{self.visitor.v4}/32 via {self.home.gateway_v4}"
        with machine.connect(self.visitor.v4, 9000) as client, self._server.accept()[0] as peer:
            self.home.sh(f"ip route add {way}")
            try:
                peer.settimeout(0.5)
                client.send(b"still here")
                return peer.recv(100) == b"still here"
            except OSError:
                return False
            finally:
                self.home.sh(f"ip route del {way}")

    def outward(self):
        """A flow of this machine."""
        return self._stays(self.home)

    def outward_boxed(self):
        """A flow of a container."""
        return self._stays(self.lab["container"])


# chain, the rule's comment, which of that name, the question that it answers
RULES = [
    ("arrive", "slot bit 0", 0, "laptop"),
    ("restore", "slot bit 0", 0, "laptop"),
    ("prerouting", "arrives by a gateway", 0, "laptop"),
    ("prerouting", "answer of a container", 0, "boxed"),
    ("prerouting", "decided here", 0, "marked"),
    ("prerouting", "stays with its gateway", 0, "outward_boxed"),
    ("learn", "who asked at which address", 0, "udp4"),
    ("learn", "who asked at which address", 1, "udp6"),
    ("answer", "from the address that was asked", 0, "udp4"),
    ("answer", "from the address that was asked", 1, "udp6"),
    ("output", "answer of this machine", 0, "laptop"),
    ("output", "stays with its gateway", 0, "outward"),
    ("postrouting", "leaves by a gateway", 0, "outward"),
    ("depart", "slot bit 0", 0, "outward"),
]


def _handle(machine, chain, why, which):
    """The handle of a rule."""
    text = machine.run("nft", "-a", "list", "chain", "inet", "adit", chain).stdout
    rows = [r for r in text.splitlines() if f'comment "{why}"' in r]
    return re.search(r"# handle (\d+)", rows[which]).group(1)


def _break_each(asks, rows):
    """Without aditd, which would mend what is broken here."""
    home, client = asks.home, asks.site.client
    client.process.kill()
    for name in sorted({name for *_, name in rows}):
        assert getattr(asks, name)(), f"{name}: not answered with all rules"
    for chain, why, which, name in rows:
        home.run("nft", "delete", "rule", "inet", "adit", chain, "handle", _handle(home, chain, why, which))
        home.run("conntrack", "-F", check=False)
        assert not getattr(asks, name)(), f"{chain}: {why}: nobody misses it"
        client.start()
        client.process.kill()
    client.start()


@tap.deadline(150)
def test_reply_rules(lab):
    """a rule of the reply path is deleted, and the question it is for goes unanswered; one after the other"""
    asks = Asks(lab)
    # While a gateway is selected a socket on the wildcard address answers from the gateway's anyhow.
    _break_each(asks, [row for row in RULES if row[3].startswith("udp")])
    asks.site.select("gw1")
    _break_each(asks, [row for row in RULES if not row[3].startswith("udp")])


if __name__ == "__main__":
    tap.main(globals())
