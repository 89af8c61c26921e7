# SPDX-License-Identifier: GPL-2.0-or-later
"""A tunnel server for the scenarios: a kernel WireGuard link in a namespace behind a veth."""

import os
import tempfile

from tap import sh, works

# What our server gives a machine that publishes (DESIGN.md, section 4).
PROFILE = """[Interface]
PrivateKey = {key}
Address = 10.59.0.2/32, fd59::2/128
Table = 20101
FwMark = 0x3f000000
MTU = 1380

[Peer]
PublicKey = {peer}
PresharedKey = {psk}
AllowedIPs = 10.59.0.1/32, fd59::1/128, 10.59.0.0/24, 0.0.0.0/1, 128.0.0.0/1, 2000::/3
Endpoint = 192.0.2.1:{port}
PersistentKeepalive = 25
"""

RULES = (("-4", "10.59.0.0/24"), ("-6", "fd59::/64"))


class Peer:
    """The server at 10.59.0.1 and fd59::1, and the profile for its one device."""

    def __init__(self, name="vmpeer"):
        self.name = name
        self.near = name + "0"
        self.psk = self.private = self.home = self.profile = None

    def _inside(self, *argv):
        return sh("ip", "netns", "exec", self.name, *argv)

    def __enter__(self):
        keys = [sh("wg", "genkey") for _ in range(2)]
        publics = [sh("wg", "pubkey", stdin=key) for key in keys]
        self.psk = sh("wg", "genpsk")
        sh("ip", "netns", "add", self.name)
        sh("ip", "link", "add", self.near, "type", "veth", "peer", "name", "wan0", "netns",
           self.name)
        sh("ip", "address", "add", "192.0.2.2/24", "dev", self.near)
        sh("ip", "link", "set", self.near, "up")
        self._inside("ip", "address", "add", "192.0.2.1/24", "dev", "wan0")
        self._inside("ip", "link", "set", "wan0", "up")
        self.private, self.home = keys[0], publics[0]
        self._wireguard(keys[1])
        port = self._inside("wg", "show", "wg0", "listen-port")  # the kernel's choice
        self.profile = PROFILE.format(key=keys[0], peer=publics[1], psk=self.psk, port=port)
        return self

    def forget(self, psk=None):
        """Drop the session: the next packet needs a handshake, with this preshared key from here on."""
        self.psk = psk or self.psk
        self._inside("wg", "set", "wg0", "peer", self.home, "remove")
        self._admit()

    def _admit(self):
        with tempfile.NamedTemporaryFile("w", encoding="utf-8") as file:
            file.write(self.psk + "\n")
            file.flush()
            self._inside("wg", "set", "wg0", "peer", self.home, "preshared-key", file.name,
                         "allowed-ips", "10.59.0.2/32,fd59::2/128")

    def _wireguard(self, key):
        self._inside("ip", "link", "add", "wg0", "type", "wireguard")
        with tempfile.TemporaryDirectory() as folder:
            path = os.path.join(folder, "key")
            with open(path, "w", encoding="utf-8") as file:
                file.write(key + "\n")
            self._inside("wg", "set", "wg0", "private-key", path)
        self._admit()
        self._inside("ip", "address", "add", "10.59.0.1/24", "dev", "wg0")
        self._inside("ip", "address", "add", "fd59::1/64", "dev", "wg0", "nodad")
        self._inside("ip", "link", "set", "wg0", "up")

    def __exit__(self, *_):
        works("ip", "link", "delete", self.near)
        works("ip", "netns", "delete", self.name)


def routes(family, link, table="20101"):
    """The prefixes that lead into a link, its own address and link-local ones left out."""
    lines = sh("ip", family, "route", "show", "table", table).splitlines()
    return sorted(line.split()[0] for line in lines
                  if f"dev {link} " in line and not line.startswith(("fe80:", "fd59::2 ")))


def answers(link):
    """Whether the server answers in both families and the kernel has seen its handshake.

    The rules are what an enrolment would add, so that table 20101 is read at all.
    """
    for family, prefix in RULES:
        sh("ip", family, "rule", "add", "pref", "1755", "to", prefix, "lookup", "20101")
    try:
        good = [any(works("ping", "-c", "1", "-W", "2", address) for _ in range(15))
                for address in ("10.59.0.1", "fd59::1")]
        shown = sh("wg", "show", link, "latest-handshakes").split()
        return (*good, len(shown) == 2 and int(shown[1]) > 0)
    finally:
        for family, prefix in RULES:
            sh("ip", family, "rule", "delete", "pref", "1755", "to", prefix)
