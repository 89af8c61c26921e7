# SPDX-License-Identifier: GPL-2.0-or-later
"""Gateways and devices made by hand: WireGuard links, routes, and our nftables tables by nft-apply.

For the scenarios that are about the tables alone; what makes all this in earnest has tests of its own.
"""
import os

from errors import Skip
from tunnel import WireGuard

_TABLE = 100


def nft_apply(machine, *words, lines=()):
    """Make the machine's table what the lines say; returns what nft-apply printed."""
    program = os.path.join(machine.lab.build or "", "tests/netns/nft-apply")
    if not os.access(program, os.X_OK):
        raise Skip("nft-apply is not built")
    return machine.run(program, *words, input="\n".join(lines) + "\n").stdout.strip()


class Device:
    """A machine at the end of a tunnel, with an address of its own in both families."""

    def __init__(self, gateway, machine, number, subnet=59, link="wg0"):
        self.gateway, self.machine, self.link = gateway, machine, link
        self.v4 = f"10.{subnet}.0.{number}"
        self.v6 = gateway.prefix.replace("::/64", f"::{subnet:x}:{number:x}")
        machine.run("mkdir", "-p", "/var/run/wireguard")  # two wireguard-go would race for it
        self.wg = WireGuard(machine, link, [f"{self.v4}/32", f"{self.v6}/128"])
        gateway.wg.peer(self.wg.public_key, [f"{self.v4}/32", f"{self.v6}/128"])
        self.wg.peer(gateway.wg.public_key, ["0.0.0.0/0", "::/0"], f"{gateway.machine.v4}:51820", 25)

    def route(self, table=_TABLE):
        """What it says from its own address goes through the tunnel."""
        for family, own in (("-4", self.v4), ("-6", self.v6)):
            self.machine.run("ip", family, "route", "add", "default", "dev", self.link, "table", table)
            self.machine.run("ip", family, "rule", "add", "pref", 1750, "from", own, "lookup", table)
        self.machine.sysctl(f"net.ipv4.conf.{self.link}.rp_filter", 0)
        return self


class Gateway:
    """A vps with a WireGuard link that devices hang on, and the lines of its table."""

    def __init__(self, machine, subnets=(59,)):
        self.machine, self.prefix = machine, machine.prefix
        self.v4, self.wan = machine.v4, ["tunnel wg0"]
        self.wg = WireGuard(machine, "wg0", port=51820)
        for n in subnets:
            net6 = self.prefix.replace("::/64", f"::{n:x}:0/112")
            machine.run("ip", "address", "add", f"10.{n}.0.1/16", "dev", "wg0")
            machine.run("ip", "address", "add", net6.replace(":0/112", ":1/128"), "dev", "wg0")
            machine.run("ip", "route", "replace", net6, "dev", "wg0")
            self.wan += [f"network 10.{n}.0.0/16", f"network {net6}"]
        machine.sysctl("net.ipv4.ip_forward", 1)
        machine.sysctl("net.ipv6.conf.all.forwarding", 1)
        self.mappings = []

    def apply(self):
        return nft_apply(self.machine, "server", lines=self.wan + self.mappings)

    def open(self, protocol, external, internal, *more):
        self.mappings.append(" ".join(["open", protocol, external, internal, *map(str, more)]))
        return self.apply()

    def close(self, external):
        self.mappings = [m for m in self.mappings if m.split()[2] != external]
        return self.apply()

    def counter(self, name, external):
        """(packets, bytes) of a mapping in open4 or open6 (in), back4 or back6 (out)."""
        host, port = external.rsplit(":", 1)
        text = self.machine.run("nft", "list", "map" if name.startswith("open") else "set", "inet", "adit_server", name).stdout
        for part in text.replace("\n", " ").split("{")[-1].replace("}", ",").split(","):
            words = part.split()
            if words and words[0] == host.strip("[]") and f" . {port} " in part + " ":
                return int(words[words.index("packets") + 1]), int(words[words.index("bytes") + 1])
        raise AssertionError(f"{name}: no {external} in\n{text}")
