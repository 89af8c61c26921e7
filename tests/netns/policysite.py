# SPDX-License-Identifier: GPL-2.0-or-later
"""A home machine with aditd and gateways at several servers, all by the products themselves."""
import json

from process import until
from story import Client, Server, embed

PORTS = {"tcp": (80, 8080), "udp": (5353, 5000)}


class Gate:
    """One enrolled gateway."""

    def __init__(self, number, vps, prefix, dns=None):
        self.vps, self.link, self.slot = vps, f"gw{number}", number
        self.v4 = f"10.{58 + number}.0.2"
        self.server = Server(vps, prefix, f"10.{58 + number}.0.0/24").start()
        self.profile = self.server.device("nas", self.v4)
        if dns:  # as a profile of somebody else's may say it
            lines = [row for row in self.profile.split("\n") if not row.startswith("DNS")]
            self.profile = "\n".join(lines).replace("[Interface]\n", f"[Interface]\nDNS = {dns}\n")
        for protocol, ports in PORTS.items():
            for port in ports:
                self.server.publish(port, "nas", protocol, families=(4, 6) if prefix else (4,))
        self.public = vps.v4
        self.gua = prefix and embed(prefix, self.v4)
        self.table = 20100 + number

    @property
    def addresses(self):
        """Where visitors find it."""
        return [a for a in (self.public, self.gua) if a]

    @property
    def own(self):
        return {a for a in (self.v4, self.gua) if a}


class Site:
    """home with aditd, and gw1, gw2... at the machines named; of "name:4" without IPv6."""

    def __init__(self, lab, *servers, conf=None, dns=None):
        self.lab, self.home, self.visitor = lab, lab["home"], lab["visitor"]
        if conf:
            self.home.write("/etc/adit/adit.conf", conf)
        self.gates = []
        for number, words in enumerate(servers, 1):
            name, _, four = words.partition(":")
            self.gates.append(Gate(number, lab[name], None if four else lab[name].prefix, dns))
        self.client = Client(self.home).start()
        for gate in self.gates:
            self.client.enrol(gate.link, gate.profile)
        for gate in self.gates:
            self.until_up(gate)

    def until_up(self, gate):
        until(lambda: self.home.ping(gate.v4.rsplit(".", 1)[0] + ".1", source=gate.v4, timeout=0.3), 15,
              f"{gate.link}: the tunnel")

    def select(self, name, *options):
        return self.client.adit("default", name, *options)

    def leaks(self, capture, *more):
        """What left by an uplink from an address of a tunnel, or to one of `more`."""
        own = set().union(*(g.own for g in self.gates))
        return [str(p) for p in capture.packets(out=True) if p.src in own or p.dst in more]


def rules(machine, family="-4"):
    return json.loads(machine.run("ip", family, "-j", "rule").stdout)


def ours(machine):
    """Everything of ours in the kernel, as text."""
    return machine.sh("ip rule show; ip -6 rule show; for f in -4 -6; do ip $f route show table all proto 173; done;"
                      "nft -s list table inet adit 2>&1 || :").stdout


def everything(machine):
    """What a removal must restore, byte by byte."""
    return machine.sh("ip -j rule; ip -6 -j rule; ip -j route show table all; ip -6 -j route show table all;"
                      "ip -j link | sed 's/\"stats.*//'; nft -j list ruleset;"
                      "for f in /proc/sys/net/ipv4/conf/*/rp_filter; do echo $f $(cat $f); done;"
                      "ls /etc/adit /run/adit 2>/dev/null | grep -E 'guard|sysctl' || :").stdout


def host(address):
    return f"[{address}]" if ":" in address else address
