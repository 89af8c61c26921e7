#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""How NetworkManager loses preshared keys, shown on a profile that nobody looks after; then the
same is done to a gateway of aditd's, and nothing is lost.
"""

import os
import re

import nm
import tap
from asked import agrees
from gateway import gateways, preshared, reaches, seconds
from peer import RULES, Peer
from tap import sh, works

LINK = "adit-vm"
HEAL = 1  # seconds
LOST = ["(none)"]


def rules(verb):
    """What an enrolment adds, so that the gateway's table is read at all."""
    for family, prefix in RULES:
        sh("ip", family, "rule", verb, "pref", "1755", "to", prefix, "lookup", "20101")


def key_on_disk():
    """The preshared key in NetworkManager's file, or None."""
    found = re.search(r"^preshared-key=(\S+)$", nm.keyfile(LINK), re.MULTILINE)
    return found and found[1]


def edit_and_reapply(domain):
    """What Cockpit or a user does after a change of settings."""
    sh("nmcli", "connection", "modify", LINK, "ipv4.dns-search", domain)
    tap.until(lambda: works("nmcli", "device", "reapply", LINK), "somebody reapplies it")


def show_disease(peer):
    """Each of the four losses, as stock NetworkManager has them."""
    other = sh("wg", "genpsk")
    tap.ok(reaches("10.59.0.1"), "stock: the server answers")
    nm.update(LINK, nm.with_secrets(LINK, peer.private, peer.psk, flags=4))
    tap.same(key_on_disk(), None, "stock: with flags 4 the preshared key is gone from the profile")
    nm.update(LINK, nm.with_secrets(LINK, peer.private, peer.psk))
    tap.same(key_on_disk(), peer.psk, "stock: with flags 0 it is there")
    nm.update(LINK, nm.with_secrets(LINK, peer.private))
    tap.same(key_on_disk(), None, "stock: the private key alone erases it")
    nm.update(LINK, nm.with_secrets(LINK, peer.private, peer.psk))
    nm.update(LINK, nm.with_secrets(LINK, peer.private, other))
    sh("nmcli", "device", "reapply", LINK)
    tap.same(preshared(LINK), [peer.psk], "stock: a reapply does not see that it is another")
    nm.update(LINK, nm.with_secrets(LINK, peer.private, peer.psk))
    edit_and_reapply("one.example")
    tap.same(preshared(LINK), LOST, "stock: a reapply of any other change takes it out of the kernel")
    if os.environ.get("ADIT_FULL"):
        tap.ok(reaches("10.59.0.1", 2), "stock: the session lives on")
        took = seconds(lambda: not reaches("10.59.0.1", 2), 240)
        tap.ok(took is not None, "stock: until its key is too old")
        tap.note(f"dead after {took:.0f} s" if took else "alive")
    else:
        peer.forget()
        tap.ok(not reaches("10.59.0.1", 4), "stock: the next handshake fails")
    tap.ok(nm.active(LINK), "stock: and NetworkManager calls it activated")
    sh("nmcli", "connection", "up", LINK)
    tap.ok(reaches("10.59.0.1"), "stock: activated anew, it works")


def healed(words, psk):
    """One result: the kernel has this key again, in time."""
    took = seconds(lambda: preshared(LINK) == [psk])
    tap.in_time(took, HEAL, f"ours: {words}: the kernel has the key")


def show_cure(peer):
    """The same, done to a gateway."""
    uuid = nm.get(LINK, "connection.uuid")
    edit_and_reapply("two.example")
    healed("a reapply of another change", peer.psk)
    for words, wanted in (("flags 4", (peer.private, peer.psk, 4)), ("the private key alone", (peer.private,))):
        nm.update(LINK, nm.with_secrets(LINK, *wanted))
        tap.until(lambda: key_on_disk() == peer.psk, f"ours: {words}: it is on disk again")
        healed(words, peer.psk)
    other = sh("wg", "genpsk")
    nm.update(LINK, nm.with_secrets(LINK, peer.private, other))
    peer.forget(other)
    healed("only it was changed, by somebody else", other)
    tap.ok(reaches("10.59.0.1"), "ours: and the server answers")
    check_update(peer)
    tap.same(nm.get(LINK, "connection.uuid"), uuid, "ours: it is the same connection")
    tap.ok("two.example" in nm.get(LINK, "ipv4.dns-search"), "ours: with the user's edit")
    for number in range(5 if os.environ.get("ADIT_FULL") else 2):
        if number % 2 == 0:
            sh("nmcli", "connection", "down", LINK)  # else anew while it is up
        sh("nmcli", "connection", "up", LINK)
        tap.until(lambda: preshared(LINK) == [peer.psk] and reaches("10.59.0.1", 1),
                  "ours: activated anew, it carries")
        agrees(peer, LINK, f"2600:{59 + number}::/64")
    tap.same(key_on_disk(), peer.psk, "ours: on disk, too")
    tap.same(nm.get(LINK, "connection.uuid"), uuid, "ours: still the same connection")


def update(text):
    """adit update; whether it succeeded."""
    with open("/run/new.conf", "w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(text)
    return works("adit", "update", LINK, "/run/new.conf")


def check_update(peer):
    """adit update: without its line the key is kept, another one arrives, a wrong one goes back."""
    line = re.compile(r"^PresharedKey = .*\n", re.MULTILINE)
    base = peer.profile.replace("PersistentKeepalive = 25", "PersistentKeepalive = 20")
    tap.ok(update(line.sub("", base)), "ours: an update without a preshared key")
    tap.same((key_on_disk(), preshared(LINK)), (peer.psk, [peer.psk]), "ours: keeps it")
    tap.ok("20" in sh("wg", "show", LINK, "persistent-keepalive"), "ours: the rest has arrived")
    peer.forget(sh("wg", "genpsk"))
    tap.ok(update(line.sub(f"PresharedKey = {peer.psk}\n", base)), "ours: an update that changes nothing else")
    tap.same((key_on_disk(), preshared(LINK)), (peer.psk, [peer.psk]), "ours: arrives")
    tap.ok(reaches("10.59.0.1"), "ours: and the server answers")
    if not os.environ.get("ADIT_FULL"):
        return  # tests/netns/test_update.py has it
    wrong = sh("wg", "genpsk")
    tap.ok(not update(line.sub(f"PresharedKey = {wrong}\n", base)), "ours: a wrong one is refused")
    tap.same((key_on_disk(), preshared(LINK)), (peer.psk, [peer.psk]), "ours: and the old one is back")
    tap.ok(reaches("10.59.0.1"), "ours: and carries")


def main():
    """Naively, then by aditd."""
    tap.note(sh("nmcli", "--version"))
    sh("systemctl", "stop", "aditd")
    with Peer() as peer:
        rules("add")
        status, words = nm.import_file("wireguard", LINK + ".conf", peer.profile)
        tap.same(status, 0, "nmcli imports the profile") or tap.note(words)
        tap.until(lambda: nm.active(LINK), "NetworkManager has it activated")
        show_disease(peer)
        rules("delete")
        sh("systemctl", "start", "aditd")
        tap.until(lambda: LINK in gateways() and reaches("10.59.0.1", 1), "aditd has taken it over")
        show_cure(peer)
        sh("adit", "remove", LINK)
    tap.done()


if __name__ == "__main__":
    main()
