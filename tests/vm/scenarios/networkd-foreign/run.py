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
UNITS = ("systemd-networkd.socket", "systemd-networkd.service")
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
             for line in sh("ip", "-N", family, "route", "show", "table", "all").splitlines()]
    # 6: a blackhole, as -N says it
    return len([line for line in lines if "20101" in line and line.startswith(("blackhole", "6 "))])


def configure(address):
    """Let networkd configure its link anew; whether it did shows in the address it gives."""
    with open(NETWORK, "w", encoding="utf-8") as file:
        file.write("[Match]\nName=nd0\n"
                   f"[Network]\nAddress={address}/24\nLinkLocalAddressing=no\n")
    sh("networkctl", "reload")
    tap.until(lambda: f"inet {address}/24" in sh("ip", "-4", "address", "show", "nd0")
              and "(configured)" in sh("networkctl", "--no-pager", "status", "nd0"),
              f"networkd has configured its link with {address}")


def without():
    """networkd as it comes."""
    os.symlink("/dev/null", MASK)
    guard("add")
    sh("systemctl", "start", "systemd-networkd")
    configure("198.51.100.1")
    tap.until(lambda: rules() == 0, "without the drop-in networkd deletes the rules")
    sh("systemctl", "stop", *UNITS)
    os.unlink(MASK)
    for family in FAMILIES:
        sh("ip", family, "route", "flush", "table", "20101")


def with_it():
    """networkd as our package makes it."""
    guard("add")
    sh("systemctl", "start", "systemd-networkd")
    configure("198.51.100.2")
    tap.same((rules(), routes()), (4, 2), "with it the rules and the blackhole routes stay")
    sh("ip", "link", "set", "nd0", "down")
    sh("ip", "link", "set", "nd0", "up")
    configure("198.51.100.3")
    tap.same((rules(), routes()), (4, 2), "they stay through a flap too")
    guard("delete")


def main():
    """Without the drop-in, then with it."""
    tap.note(sh("networkctl", "--version").splitlines()[0])
    tap.ok(os.path.exists(DROP_IN), "adit-networkd has brought its drop-in")
    for path in (MASK, NETWORK):
        os.makedirs(os.path.dirname(path), exist_ok=True)
    # aditd clears away what carries its tag and is not its own
    sh("systemctl", "stop", "aditd.service", *UNITS)
    sh("ip", "link", "add", "nd0", "type", "dummy")
    try:
        without()
        with_it()
    finally:  # the scenarios after this one share the machine
        sh("systemctl", "stop", *UNITS)
        for path in (MASK, NETWORK):
            if os.path.lexists(path):
                os.unlink(path)
        sh("ip", "link", "delete", "nd0")
        sh("systemctl", "start", "aditd.service")
    tap.done()


if __name__ == "__main__":
    main()
