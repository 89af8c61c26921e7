#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A full tunnel of somebody else's, without our marks: known by what its server answers to PCP.

Imported while we look it becomes a gateway, and stops capturing; one that was there before is
offered and left alone until its user says so; given back it stays so. A profile of our own that
is imported once more replaces the one there is.
"""

import os
import re
import subprocess

import nm
import tap
from gateway import OUTSIDE, gateways, preshared, reaches, seconds, seen, uplink
from peer import Peer
from tap import output, sh, works

LINK, AGAIN = "foreign", "again"
ENROL = 2  # seconds
SERVER = """
import socket, sys
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("10.59.0.1", 5351))
print("ready", flush=True)
while True:
    asked, peer = s.recvfrom(2048)
    if len(asked) == 24 and asked[0] == 2 and asked[1] == 0:
        s.sendto(bytes([2, 128, 0, 0]) + bytes(4) + bytes([0, 0, 1, 0]) + bytes(12), peer)
"""


def foreign(peer):
    """As other servers' profiles are: everything goes in, and no table of its own."""
    text = re.sub(r"(Table|FwMark) = .*\n", "", peer.profile)
    text = re.sub(r"AllowedIPs = .*", "AllowedIPs = 0.0.0.0/0, ::/0", text)
    return text.replace("10.59.0.2/32", "10.59.0.2/24").replace("fd59::2/128", "fd59::2/64")


def bring(name, text):
    """nmcli's own import; whether it took it."""
    status, words = nm.import_file("wireguard", name + ".conf", text)
    return tap.same(status, 0, f"nmcli imports {name}") or tap.note(words)


def keyfile(name):
    """The file of a connection, byte by byte."""
    return nm.keyfile(name)


def check_fresh(peer):
    """Imported while aditd runs."""
    bring(LINK, foreign(peer))
    took = seconds(lambda: LINK in gateways())
    tap.in_time(took, ENROL, "a full tunnel that was just imported is a gateway, behind nmcli's answer")
    tap.until(lambda: reaches("10.59.0.1", 1), "its server answers")
    tap.until(lambda: seen(peer, OUTSIDE) == (3, 0), "and nothing is captured any more")
    sh("adit", "remove", LINK)


def check_old(peer):
    """It was there before."""
    sh("systemctl", "stop", "aditd")
    bring(LINK, foreign(peer))
    tap.until(lambda: nm.active(LINK) and seen(peer, OUTSIDE) == (0, 3), "an older one captures, as its user wants")
    before = keyfile(LINK)
    sh("systemctl", "start", "aditd")
    tap.until(lambda: f"adit adopt '{LINK}'" in output("adit", "list"), "it is offered")
    tap.same((gateways(), keyfile(LINK)), ({}, before), "and left as it is")
    sh("adit", "adopt", LINK)
    tap.until(lambda: LINK in gateways() and seen(peer, OUTSIDE) == (3, 0), "adopted, it captures nothing")
    tap.ok("could be" not in sh("adit", "list"), "and is offered no more")
    sh("nmcli", "connection", "modify", LINK, "connection.permissions", "user:root", "connection.autoconnect", "no")
    tap.until(lambda: "only for root" in output("adit", "list"), "it is offered for all users")
    sh("adit", "adopt", "--everyone", LINK)
    tap.same((nm.get(LINK, "connection.permissions"), nm.get(LINK, "connection.autoconnect")), ("", "yes"),
             "it is for all users, and at boot")
    sh("adit", "unadopt", LINK)
    tap.same(keyfile(LINK), before, "given back, its file is as it was, byte for byte")
    sh("systemctl", "restart", "aditd")
    sh("nmcli", "connection", "up", LINK)
    tap.until(lambda: seen(peer, OUTSIDE) == (0, 3), "and it captures again")
    tap.same((gateways(), "could be" in sh("adit", "list")), ({}, False), "and is left alone after a restart")
    sh("nmcli", "connection", "delete", LINK)


def check_again(peer):
    """The same device, another file: by nmcli, so that NetworkManager has two for a moment."""
    bring(AGAIN, peer.profile)
    tap.until(lambda: AGAIN in gateways() and reaches("10.59.0.1", 1), "a profile of ours is a gateway")
    uuid = nm.get(AGAIN, "connection.uuid")
    sh("nmcli", "connection", "modify", AGAIN, "connection.id", "home", "connection.zone", "trusted")
    tap.until(lambda: "home" in sh("nmcli", "connection", "show"), "its user has renamed it")
    bring(AGAIN, peer.profile.replace("PersistentKeepalive = 25", "PersistentKeepalive = 21"))
    tap.until(lambda: "21" in output("wg", "show", AGAIN, "persistent-keepalive"), "imported once more, it is the newer one", 60)
    tap.until(lambda: not works("nmcli", "connection", "show", AGAIN), "NetworkManager has one of them", 60)
    tap.same((nm.get("home", "connection.uuid"), nm.get("home", "connection.zone")), (uuid, "trusted"),
             "the old one, with its user's edits")
    tap.until(lambda: list(gateways()) == [AGAIN] and reaches("10.59.0.1", 1), "and it carries")
    tap.same(preshared(AGAIN), [peer.psk], "with its preshared key")
    sh("adit", "remove", AGAIN)


def main():
    """A server that answers PCP, and the three."""
    tap.note(sh("nmcli", "--version"))
    with Peer() as peer:
        uplink(peer)
        argv = ["ip", "netns", "exec", peer.name, "/usr/bin/python3", "-c", SERVER]
        with subprocess.Popen(argv, stdout=subprocess.PIPE, text=True) as server:
            server.stdout.readline()
            try:
                check_fresh(peer)
                if os.environ.get("ADIT_FULL"):  # else tests/netns/test_nm.py, without links
                    check_old(peer)
                    check_again(peer)
            finally:
                server.kill()
    tap.done()


if __name__ == "__main__":
    main()
