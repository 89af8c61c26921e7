#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Our editor module imports the file that the stock importer refuses, into the real thing."""

import nm
import tap
from peer import Peer, answers, routes
from tap import sh, works

NAME = "Café tunnel (home)"


def main():
    """Refused by the one, taken by the other, and the tunnel works."""
    sh("systemctl", "stop", "aditd")  # it would make a gateway of it
    with Peer() as peer:
        status, words = nm.import_file("wireguard", NAME + ".conf", peer.profile)
        tap.ok(status != 0, "the stock importer refuses the file's name")
        tap.note(words)
        status, words = nm.import_file("adit", NAME + ".conf", peer.profile)
        tap.same(status, 0, "nmcli connection import type adit takes it") or tap.note(words)
        tap.same(nm.get(NAME, "connection.type"), "wireguard", "it is a native connection")
        link = nm.get(NAME, "connection.interface-name")
        tap.ok(0 < len(link.encode()) < 16, f"its link has a name, {link}")
        sh("nmcli", "connection", "up", NAME)
        tap.until(lambda: nm.active(NAME), "NetworkManager activates it")
        tap.same(routes("-4", link, "main"), [], "nothing is in the main table")
        tap.same(sh("wg", "show", link, "preshared-keys").split()[1], peer.psk,
                 "the preshared key is in the kernel")
        tap.same(answers(link), (True, True, True),
                 "the server answers by IPv4, by IPv6, and wg shows a handshake")
        sh("nmcli", "connection", "delete", NAME)
        tap.until(lambda: not works("ip", "link", "show", link), "deleting it removes the link")
    sh("systemctl", "start", "aditd")
    tap.done()


if __name__ == "__main__":
    main()
