#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""systemd-networkd makes a gateway's link from the files aditd writes.

The link is harmless until it is selected, selecting it keeps link and preshared key, and neither a
restart of networkd nor the loss of the link lets anything out.
"""

import grp
import os
import re
import stat

import tap
from asked import agrees
from gateway import OUTSIDE, gateways, preshared, reaches, seen, state, uplink
from peer import Peer, routes
from tap import output, sh, works

FOLDER = "/etc/systemd/network"
PROFILE = "/run/adit-nd.conf"
LINK = "adit-nd"


def modes():
    """How our files in networkd's folder are protected: (mode, group), once each."""
    found = set()
    for name in os.listdir(FOLDER):
        if name.startswith(f"60-adit-{LINK}"):
            status = os.stat(os.path.join(FOLDER, name))
            found.add((stat.filemode(status.st_mode), grp.getgrgid(status.st_gid).gr_name))
    return found


def configured():
    """Whether networkd is through with the link."""
    return "(configured)" in output("networkctl", "--no-pager", "status", LINK)


def deprecated():
    """Whether the IPv6 address is there and nobody's first choice."""
    lines = sh("ip", "-6", "address", "show", "dev", LINK).splitlines()
    return any("fd59::2/128 scope global" in line and " deprecated" in line for line in lines)


def check_link(peer):
    """What must be there, and what must not."""
    tap.same((routes("-4", LINK, "main"), routes("-6", LINK, "main")), ([], []),
             "nothing is in the main table")
    tap.same(sh("wg", "show", LINK, "fwmark"), "0x3f000000", "the tunnel's packets are marked")
    tap.same(preshared(LINK), [peer.psk], "the preshared key is in the kernel")
    tap.ok(reaches("10.59.0.1") and reaches("fd59::1"), "the server answers in both families")


def addresses():
    """Those of the link, in order."""
    return sorted(re.findall(r"inet6? (\S+)", sh("ip", "address", "show", "dev", LINK, "scope", "global")))


def switch(value):
    """IPv6 of the link, off by 1."""
    sh("sysctl", "-qw", f"net.ipv6.conf.{LINK}.disable_ipv6={value}")


def check_lost():
    """What somebody takes away of a link that networkd thinks complete is back; selected, so by both families."""
    index, before = sh("cat", f"/sys/class/net/{LINK}/ifindex"), addresses()
    for words, take in (("IPv6 off and on again", lambda: (switch(1), switch(0))),
                        ("its IPv6 address deleted", lambda: sh("ip", "address", "delete", "fd59::2/128", "dev", LINK)),
                        ("its IPv4 address deleted", lambda: sh("ip", "address", "delete", before[0], "dev", LINK)),
                        ("all its addresses flushed", lambda: sh("ip", "address", "flush", "dev", LINK)),
                        ("its link set down", lambda: sh("ip", "link", "set", LINK, "down")),
                        ("its routes flushed", lambda: [sh("ip", f, "route", "flush", "table", "20101") for f in ("-4", "-6")])):
        take()
        tap.until(lambda: addresses() == before and reaches(OUTSIDE, 1) and reaches("fd59::1", 1),
                  f"{words}: both families carry again")
    switch(1)
    tap.ok(reaches(OUTSIDE), "IPv6 stays off: IPv4 carries")
    tap.ok("fd59::2" not in " ".join(addresses()), "and nobody switches it on")
    switch(0)
    tap.until(lambda: addresses() == before and reaches("fd59::1", 1), "on again: IPv6 carries")
    tap.ok(not deprecated(), "its address is no more deprecated than before")
    tap.same(sh("cat", f"/sys/class/net/{LINK}/ifindex"), index, "it is the same link")


def check_selected(peer):
    """Fail-closed through what happens to networkd."""
    index = sh("cat", f"/sys/class/net/{LINK}/ifindex")
    sh("adit", "default", LINK)
    tap.until(lambda: not deprecated() and configured(), "selected, its address is no more deprecated")
    tap.same(sh("cat", f"/sys/class/net/{LINK}/ifindex"), index, "it is the same link")
    tap.same(seen(peer, OUTSIDE), (0, 3), "selected: all of it goes through the tunnel")
    check_lost()
    sh("systemctl", "restart", "systemd-networkd")
    tap.same(seen(peer, OUTSIDE)[0], 0, "networkd restarted: nothing leaves in the clear")
    tap.until(lambda: reaches(OUTSIDE, 1) and preshared(LINK) == [peer.psk], "it carries again")
    sh("ip", "link", "delete", LINK)
    tap.same(seen(peer, OUTSIDE)[0], 0, "its link deleted: nothing leaves in the clear")
    tap.until(lambda: reaches(OUTSIDE, 1) and preshared(LINK) == [peer.psk], "made anew by itself, it carries again")
    sh("adit", "default", "none")
    tap.same(seen(peer, OUTSIDE), (3, 0), "unselected: nothing is captured")


def main():
    """Imported, selected, removed."""
    tap.note(sh("networkctl", "--version").splitlines()[0])
    with Peer() as peer:
        uplink(peer)
        with open(PROFILE, "w", encoding="utf-8") as file:
            file.write(peer.profile)
        before = state()
        tap.ok(not works("adit", "import", "--backend", "networkd", PROFILE) and not gateways(),
               "without networkd nothing is imported")
        tap.same(state(), before, "and nothing is left of it")
        sh("systemctl", "start", "systemd-networkd")
        before = state()
        sh("adit", "import", "--backend", "networkd", PROFILE)
        tap.until(configured, "networkd has made and configured the link")
        tap.same(modes(), {("-rw-r-----", "systemd-network")},
                 "the files are for root and networkd alone")
        tap.ok(deprecated(), "the IPv6 address is deprecated until the gateway is selected")
        check_link(peer)
        if "ADIT_FULL" in os.environ:
            agrees(peer, LINK)
        check_selected(peer)
        sh("adit", "remove", LINK)
        for old, new in zip(before, state()):
            tap.same(new, old, "everything is as it was before")
        sh("networkctl", "reload")
        tap.ok(not works("ip", "link", "show", LINK), "removed, the link does not come back")
        sh("systemctl", "stop", "systemd-networkd.socket", "systemd-networkd")
        os.unlink(PROFILE)
    tap.done()


if __name__ == "__main__":
    main()
