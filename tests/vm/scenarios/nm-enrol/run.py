#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A profile that stock nmcli imports becomes a gateway by itself, and stays one.

Whatever NetworkManager goes through, nothing leaves on the wrong side; deleted by nmcli, nothing
of it is left.
"""

import nm
import tap
from gateway import OUTSIDE, Capture, gateways, preshared, reaches, seconds, seen, settled, state, uplink
from peer import Peer
from tap import output, sh, works

LINK = "adit-vm"
REWRITTEN = {"wireguard.fwmark": "0x3f000000", "wireguard.ip4-auto-default-route": "0",
             "wireguard.ip6-auto-default-route": "0", "wireguard.listen-port": "0",
             "wireguard.private-key-flags": "0", "ipv4.route-table": "20101",
             "ipv6.route-table": "20101", "connection.autoconnect": "yes"}


def enrolled():
    """Whether aditd calls it a gateway of NetworkManager's that is up."""
    row = gateways().get(LINK)
    return bool(row) and row["backend"] == "networkmanager" and row["up"]


def clear(words, peer):
    """Unselected: outbound traffic passes the tunnel by."""
    tap.same(seen(peer, OUTSIDE), (3, 0), f"{words}: nothing is captured")


def closed(words, peer):
    """Selected: nothing in the clear, whether the tunnel carries it or not."""
    tap.same(seen(peer, OUTSIDE)[0], 0, f"{words}: nothing leaves in the clear")


def evidence(address):
    """What a person wants to know when nobody answers."""
    family = "-6" if ":" in address else "-4"
    for words in (f"ip {family} route get {address}", f"ip {family} rule", "ip addr show " + LINK,
                  f"ip {family} route show table 20101", "wg show", f"ping -c 1 {address}"):
        tap.note(output(*words.split()))


def check_selected(peer):
    """Fail-closed; through all that NetworkManager can go through see nm-order."""
    sh("adit", "default", LINK, "--ipv4")
    tap.until(lambda: reaches(OUTSIDE, 1), "selected: it carries")
    tap.same(seen(peer, OUTSIDE), (0, 3), "selected: all of it goes through the tunnel")
    sh("nmcli", "connection", "down", LINK)
    closed("down by nmcli", peer)
    sh("nmcli", "connection", "up", LINK)
    tap.until(lambda: reaches(OUTSIDE, 1), "up again, it carries")
    sh("adit", "default", "none")
    clear("unselected", peer)


def check_reapply(peer):
    """Somebody else's Reapply zeroes the preshared key in the kernel: ours puts it back."""
    sh("nmcli", "connection", "modify", LINK, "ipv4.dns-search", "corp.example")
    # a selection that ends activates the connection anew
    tap.until(lambda: works("nmcli", "device", "reapply", LINK), "somebody reapplies it")
    took = seconds(lambda: preshared(LINK) == [peer.psk])
    tap.in_time(took, 2, "after a reapply the preshared key is back")
    tap.ok("corp.example" in nm.get(LINK, "ipv4.dns-search"), "the user's edit stays")
    sh("ip", "address", "delete", "fd59::2/128", "dev", LINK)  # as NetworkManager 1.42 does at times, and forgets it
    tap.in_time(seconds(lambda: "fd59::2" in settled(LINK)), 2, "an address that NetworkManager has lost is back")


def asked(peer, name):
    """Whether somebody on the uplink, and somebody inside, was asked for a name."""
    with Capture(peer, "wan0", "port 53 or port 853") as outside, Capture(peer, "wg0", "port 53") as inside:
        output("timeout", "4", "resolvectl", "query", "--cache=no", name)
        return outside.packets() > 0, inside.packets() > 0


def check_dns(peer):
    """NetworkManager asks the gateway's name server for all names, and nobody else, while it is selected."""
    sh("resolvectl", "dns", peer.near, "192.0.2.1")
    sh("resolvectl", "default-route", peer.near, "yes")
    tap.same(asked(peer, "before.example"), (True, False), "unselected: the LAN's resolver is asked (control)")
    sh("adit", "default", LINK)
    tap.until(lambda: "10.59.0.1" in output("resolvectl", "dns", LINK), "selected: resolved is told")
    tap.same(asked(peer, "while.example"), (False, True), "selected: the gateway's alone is")
    sh("adit", "default", "none")
    tap.until(lambda: asked(peer, "after.example") == (True, False), "unselected: the LAN's again")


def memory():
    """MiB that aditd holds, with libnm and all that it has cached."""
    pid = sh("systemctl", "show", "--property=MainPID", "--value", "aditd")
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        return next(int(row.split()[1]) for row in file if row.startswith("VmRSS")) / 1024


def main():
    """Imported, seen, used, deleted."""
    tap.note(sh("nmcli", "--version"))
    with Peer() as peer:
        uplink(peer)
        before = state()
        status, words = nm.import_file("wireguard", LINK + ".conf",
                                       peer.profile.replace("[Interface]", "[Interface]\nDNS = 10.59.0.1"))
        tap.same(status, 0, "nmcli imports the profile") or tap.note(words)
        tap.same(seen(peer, OUTSIDE)[1], 0, "before it is enrolled nothing is captured")
        took = seconds(enrolled)
        tap.ok(took is not None, "it is enrolled by itself")
        tap.note(f"{took:.2f} s behind that look" if took is not None else "never")
        tap.until(lambda: nm.active(LINK), "NetworkManager has it activated")
        for address in ("10.59.0.1", "fd59::1"):
            # a Reapply takes the addresses away and gives them back
            if not tap.until(lambda a=address: reaches(a, 1), f"the server answers at {address}"):
                evidence(address)
        clear("enrolled", peer)
        tap.same({key: nm.get(LINK, key) for key in REWRITTEN}, REWRITTEN, "it is rewritten in place")
        tap.until(lambda: preshared(LINK) == [peer.psk], "the preshared key is in the kernel")
        check_selected(peer)
        check_dns(peer)
        check_reapply(peer)
        tap.ok(memory() <= 20, "aditd holds at most 20 MiB")
        tap.note(f"{memory():.1f} MiB")
        sh("nmcli", "connection", "delete", LINK)
        tap.until(lambda: not gateways(), "deleted by nmcli, it is no gateway any more")
        after = state()
        for old, new in zip(before, after):
            tap.same(new, old, "everything is as it was before")
    tap.done()


if __name__ == "__main__":
    main()
