#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""systemd-networkd leaves our rules and routes alone, thanks to the drop-in of adit-networkd.

The first half shows that the drop-in is needed: without it the guard is deleted.
"""

import os

import tap
from tap import sh

DROP_IN = "/usr/lib/systemd/networkd.conf.d/90-adit.conf"
MASK = "/etc/systemd/networkd.conf.d/90-adit.conf"
NETWORK = "/run/systemd/network/10-nd0.network"
FAMILIES = ("-4", "-6")


def guard(verb):
    """A rule and its blackholes as the client keeps them, in both families."""
    for family in FAMILIES:
        sh("ip", family, "rule", verb, "pref", "1740", "fwmark", "0x1000000/0x3f000000",
           "lookup", "20101", "protocol", "173")
        sh("ip", family, "rule", verb, "pref", "1741", "fwmark", "0x1000000/0x3f000000",
           "blackhole", "protocol", "173")
        sh("ip", family, "route", verb, "blackhole", "default", "metric", "4278198272",
           "table", "20101", "protocol", "173")


def rules():
    """Our rules that are there: four when nothing was touched."""
    lines = [line for family in FAMILIES for line in sh("ip", family, "rule").splitlines()]
    return len([line for line in lines if line.startswith(("1740:", "1741:"))])


def routes():
    """Our blackhole routes that are there: two when nothing was touched."""
    lines = [line for family in FAMILIES
             for line in sh("ip", family, "route", "show", "table", "all").splitlines()]
    return len([line for line in lines if "20101" in line and line.startswith("blackhole")])


def configured():
    """Whether networkd is through with the link."""
    return "(configured)" in sh("networkctl", "--no-pager", "status", "nd0")


def configure():
    """Start networkd anew and let it configure its link from the beginning."""
    sh("systemctl", "restart", "systemd-networkd")
    sh("networkctl", "reconfigure", "nd0")
    tap.until(configured, "networkd has configured its link")


def main():
    """Without the drop-in, then with it."""
    tap.note(sh("networkctl", "--version").splitlines()[0])
    os.makedirs(os.path.dirname(MASK), exist_ok=True)
    os.makedirs(os.path.dirname(NETWORK), exist_ok=True)
    with open(NETWORK, "w", encoding="utf-8") as file:
        file.write("[Match]\nName=nd0\n[Network]\nAddress=192.0.2.66/24\nLinkLocalAddressing=no\n")
    sh("ip", "link", "add", "nd0", "type", "dummy")
    tap.ok(os.path.exists(DROP_IN), "adit-networkd has brought its drop-in")

    os.symlink("/dev/null", MASK)
    guard("add")
    configure()
    tap.until(lambda: rules() == 0, "without the drop-in networkd deletes the rules")
    os.unlink(MASK)

    for family in FAMILIES:
        sh("ip", family, "route", "flush", "table", "20101")
    guard("add")
    configure()
    tap.same(rules(), 4, "with it the rules stay")
    tap.same(routes(), 2, "with it the blackhole routes stay")
    sh("networkctl", "reload")
    sh("ip", "link", "set", "nd0", "down")
    sh("ip", "link", "set", "nd0", "up")
    tap.until(configured, "the link flaps and is configured again")
    tap.same((rules(), routes()), (4, 2), "they stay through a flap too")

    guard("delete")
    sh("systemctl", "stop", "systemd-networkd.socket", "systemd-networkd")
    os.unlink(NETWORK)
    sh("ip", "link", "delete", "nd0")
    tap.done()


if __name__ == "__main__":
    main()
