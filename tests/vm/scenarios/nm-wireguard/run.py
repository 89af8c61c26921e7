#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Stock NetworkManager activates a kernel WireGuard link from a profile of a tunnel server.

The profile must be harmless before anybody enrols it: nothing in the main table, no rule.
"""

import nm
import tap
from peer import Peer, answers, routes
from tap import sh, works

LINK = "adit-vm"


def rules():
    """The rules of both families."""
    return [sh("ip", family, "rule") for family in ("-4", "-6")]


def main():
    """The import, what must be there and what must not, the end."""
    tap.note(sh("nmcli", "--version"))
    sh("systemctl", "stop", "aditd")  # it would make a gateway of it
    with Peer() as peer:
        before = rules()
        status, words = nm.import_file("wireguard", LINK + ".conf", peer.profile)
        tap.same(status, 0, "nmcli imports the profile") or tap.note(words)
        tap.until(lambda: nm.active(LINK), "NetworkManager activates it")
        tap.same(rules(), before, "no rule was added")
        tap.same(routes("-4", LINK, "main"), [], "nothing is in the main table (IPv4)")
        tap.same(routes("-6", LINK, "main"), [], "nothing is in the main table (IPv6)")
        tap.same(routes("-4", LINK), ["0.0.0.0/1", "10.59.0.0/24", "10.59.0.1", "128.0.0.0/1"],
                 "the routes of IPv4 are in the gateway's own table")
        tap.same(routes("-6", LINK), ["2000::/3", "fd59::1"],
                 "the routes of IPv6 are in the gateway's own table")
        tap.same(sh("wg", "show", LINK, "fwmark"), "0x3f000000", "the mark survives the import")
        tap.same(sh("wg", "show", LINK, "preshared-keys").split()[1], peer.psk,
                 "the preshared key is in the kernel")
        tap.same(answers(LINK), (True, True, True),
                 "the server answers by IPv4, by IPv6, and wg shows a handshake")
        sh("nmcli", "connection", "delete", LINK)
        tap.until(lambda: not works("ip", "link", "show", LINK), "deleting it removes the link")
    sh("systemctl", "start", "aditd")
    tap.done()


if __name__ == "__main__":
    main()
