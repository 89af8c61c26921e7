#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A WireGuard link that an admin wrote for systemd-networkd by hand becomes a gateway, by files beside it.

Before it is adopted it captures half of the Internet; after it, nothing until it is selected; released,
everything is as the admin had it.
"""

import os
import re

import tap
from gateway import OUTSIDE, files, gateways, preshared, reaches, seen, uplink
from peer import Peer, routes
from tap import output, sh, works

LINK = "wghand"
FOLDER = "/etc/systemd/network"
NETDEV = """; by hand
[NetDev]
Name=wghand
Kind=wireguard

[WireGuard]
PrivateKeyFile=/etc/systemd/network/hand.key

[WireGuardPeer]
PublicKey={peer}
PresharedKeyFile=/etc/systemd/network/hand.psk
AllowedIPs=10.59.0.0/24 fd59::/64
AllowedIPs=0.0.0.0/1, 128.0.0.0/1, 2000::/3
Endpoint={endpoint}
PersistentKeepalive=25
"""
NETWORK = """[Match]
Name=wghand

[Network]
Address=10.59.0.2/24

[Address]
Address=fd59::2/64

[Route]
Destination=198.51.100.0/24
Scope=link
"""


def write(name, text):
    """A file that networkd may read."""
    path = os.path.join(FOLDER, name)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    sh("chgrp", "systemd-network", path)
    os.chmod(path, 0o640)


def by_hand(profile):
    """What an admin writes, from a profile he was given."""
    def value(key):
        return re.search(rf"^{key} = (.*)$", profile, re.MULTILINE)[1]

    write("hand.key", value("PrivateKey") + "\n")
    write("hand.psk", value("PresharedKey") + "\n")
    write("25-hand.netdev", NETDEV.format(peer=value("PublicKey"), endpoint=value("Endpoint")))
    write("25-hand.network", NETWORK)


def configured():
    """Whether networkd is through with the link."""
    return "(configured)" in output("networkctl", "--no-pager", "status", LINK)


def kernel():
    """What networkd has made of it."""
    return [sorted(re.sub(r" expires \S+| (valid|preferred)_lft \S+", "", line).strip()
                   for line in sh(*words).splitlines())
            for words in (("ip", "address", "show", "dev", LINK, "scope", "global"),
                          ("ip", "-4", "route", "show", "dev", LINK, "table", "main"),
                          ("ip", "-6", "route", "show", "dev", LINK, "table", "main", "proto", "static"))]


def check_adopted(peer, before):
    """Harmless, marked, and the admin's files untouched."""
    tap.same(gateways()[LINK]["backend"], "networkd", "it is a gateway of networkd's")
    tap.until(lambda: routes("-4", LINK, "main") == [] and "0.0.0.0/1" in routes("-4", LINK),
              "its routes have left the main table for the gateway's own")
    tap.until(lambda: sh("wg", "show", LINK, "fwmark") == "0x3f000000", "the tunnel's packets are marked")
    tap.same(preshared(LINK), [peer.psk], "the preshared key is in the kernel")
    tap.until(lambda: reaches("10.59.0.1", 1) and reaches("fd59::1", 1), "its server answers in both families")
    tap.same(seen(peer, OUTSIDE), (3, 0), "adopted: nothing is captured")
    now = files()
    tap.same({path: now.get(path) for path in before}, before, "no file of the admin's has changed")
    tap.ok(os.path.exists(f"{FOLDER}/25-hand.netdev.d/90-adit.conf"), "a drop-in lies beside them")


def check_selected(peer):
    """As any gateway."""
    sh("adit", "default", LINK)
    tap.until(lambda: reaches(OUTSIDE, 1), "selected, it carries")
    tap.same(seen(peer, OUTSIDE), (0, 3), "selected: all of it goes through the tunnel")
    sh("ip", "address", "flush", "dev", LINK)
    tap.until(lambda: reaches(OUTSIDE, 1) and reaches("fd59::1", 1), "its addresses flushed: both families carry again")
    sh("adit", "down", LINK)
    tap.until(lambda: "state DOWN" in sh("ip", "link", "show", LINK), "down: networkd keeps the link down")
    tap.same(seen(peer, OUTSIDE), (0, 0), "down: nothing leaves")
    sh("adit", "up", LINK)
    tap.until(lambda: reaches(OUTSIDE, 1), "up again, it carries")
    sh("adit", "default", "none")


def story(peer):
    """Written, adopted, selected, released."""
    by_hand(peer.profile)
    sh("systemctl", "restart", "systemd-networkd")
    tap.until(lambda: configured() and reaches("10.59.0.1", 1), "networkd has made the admin's link")
    before = {path: digest for path, digest in files().items() if path.startswith(FOLDER)}
    had = kernel()
    tap.same(seen(peer, OUTSIDE), (0, 3), "as written, it captures what the admin led there")
    said = output("adit", "adopt", "nobody")
    tap.ok("no WireGuard link of this name" in said, "what is not there is not adopted")
    sh("adit", "adopt", LINK)
    check_adopted(peer, before)
    check_selected(peer)
    sh("adit", "unadopt", LINK)
    if not tap.until(lambda: configured() and kernel() == had, "released: addresses and routes are the admin's again"):
        tap.note(f"had {had}\nhas {kernel()}")
    tap.same({path: digest for path, digest in files().items() if path.startswith(FOLDER)}, before,
             "released: no file is left or changed")
    tap.same(gateways(), {}, "released: it is no gateway any more")
    tap.same(seen(peer, OUTSIDE), (0, 3), "released: it captures what the admin led there")


def main():
    """The story, and nothing left of it."""
    tap.note(sh("networkctl", "--version").splitlines()[0])
    with Peer() as peer:
        try:
            uplink(peer)
            story(peer)
        finally:
            if LINK in gateways():
                works("adit", "remove", LINK)
            works("systemctl", "stop", "systemd-networkd.socket", "systemd-networkd")
            works("ip", "link", "delete", LINK)
            for name in os.listdir(FOLDER):
                if "hand" in name:
                    path = os.path.join(FOLDER, name)
                    works("rm", "-r", path)
    tap.done()


if __name__ == "__main__":
    main()
