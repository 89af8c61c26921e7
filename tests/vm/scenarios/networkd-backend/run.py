#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""systemd-networkd makes a gateway's link from the files we write, by our own bus client.

The link is harmless: nothing in the main table, no rule, a deprecated address; and what a
selection changes is changed without a new link or a lost preshared key.
"""

import grp
import os
import stat

import tap
from peer import Peer, answers, routes
from tap import sh, works

DRIVE = os.path.join(os.environ["ADIT_TEST_BIN"], "networkd-drive")
FOLDER = "/etc/systemd/network"
PROFILE = "/run/adit-nd.conf"
LINK = "adit-nd"


def written():
    """Our files in networkd's folder."""
    return sorted(name for name in os.listdir(FOLDER) if name.startswith(f"60-adit-{LINK}"))


def modes():
    """How they are protected: (mode, group), once each."""
    found = set()
    for name in written():
        status = os.stat(os.path.join(FOLDER, name))
        found.add((stat.filemode(status.st_mode), grp.getgrgid(status.st_gid).gr_name))
    return found


def configured():
    """Whether networkd, asked by our client, is through with the link."""
    return works(DRIVE, "state", LINK) and sh(DRIVE, "state", LINK) == "configured"


def deprecated():
    """Whether the IPv6 address is there and nobody's first choice."""
    lines = sh("ip", "-6", "address", "show", "dev", LINK).splitlines()
    return any("fd59::2/128 scope global" in line and " deprecated" in line for line in lines)


def rules():
    """The rules of both families."""
    return [sh("ip", family, "rule") for family in ("-4", "-6")]


def check_link(peer):
    """What must be there, and what must not."""
    tap.same(routes("-4", LINK), ["0.0.0.0/1", "10.59.0.0/24", "10.59.0.1", "128.0.0.0/1"],
             "the routes of IPv4 are in the gateway's own table")
    tap.same(routes("-6", LINK), ["2000::/3", "fd59::1"],
             "the routes of IPv6 are in the gateway's own table")
    tap.same(routes("-4", LINK, "main"), [], "nothing is in the main table (IPv4)")
    tap.same(routes("-6", LINK, "main"), [], "nothing is in the main table (IPv6)")
    tap.same(sh("wg", "show", LINK, "fwmark"), "0x3f000000", "the tunnel's packets are marked")
    tap.same(sh("wg", "show", LINK, "preshared-keys").split()[1], peer.psk,
             "the preshared key is in the kernel")
    tap.same(answers(LINK), (True, True, True),
             "the server answers by IPv4, by IPv6, and wg shows a handshake")


def main():
    """Written, loaded, selected, removed."""
    tap.note(sh("networkctl", "--version").splitlines()[0])
    with Peer() as peer:
        with open(PROFILE, "w", encoding="utf-8") as file:
            file.write(peer.profile)
        sh("systemctl", "start", "systemd-networkd")
        tap.ok(not works(DRIVE, "state", LINK), "networkd knows no such link yet")
        before = rules()
        sh(DRIVE, "write", LINK, PROFILE, "unselected")
        tap.same(modes(), {("-rw-r-----", "systemd-network")},
                 "the files are for root and networkd alone")
        sh(DRIVE, "reload")
        tap.until(configured, "networkd has made and configured the link")
        tap.same(rules(), before, "no rule was added")
        check_link(peer)
        tap.ok(deprecated(), "the IPv6 address is deprecated until the gateway is selected")

        index = sh("cat", f"/sys/class/net/{LINK}/ifindex")
        sh(DRIVE, "write", LINK, PROFILE, "selected")
        sh(DRIVE, "reload")
        sh(DRIVE, "reconfigure", LINK)
        tap.until(lambda: not deprecated() and configured(), "selected, it is not any more")
        tap.same(sh("cat", f"/sys/class/net/{LINK}/ifindex"), index, "it is the same link")
        check_link(peer)

        sh(DRIVE, "remove", LINK)
        tap.same(written(), [], "nothing stays in networkd's folder")
        sh("ip", "link", "delete", LINK)
        sh(DRIVE, "reload")
        tap.ok(not works("ip", "link", "show", LINK), "removed, the link does not come back")
        sh("systemctl", "stop", "systemd-networkd.socket", "systemd-networkd")
        tap.ok(not works(DRIVE, "reload"), "without networkd our client says so")
        os.unlink(PROFILE)
    tap.done()


if __name__ == "__main__":
    main()
