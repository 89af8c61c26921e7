#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A gateway that is selected right after NetworkManager and aditd have started carries both families, each time.

NetworkManager 1.42 may take its IPv6 addresses away with the Reapply that selection needs, and think that somebody
else did: by its own record the gateway is up, and complete.
"""

import os

import leaks
import tap
from gateway import seconds, settled
from tap import output, sh, works
from vps import Vps

ROUNDS = 30
PROMISED = 2  # seconds from the selection on
MANAGER = leaks.MANAGERS["networkmanager"]


def begin():
    """As after a boot: nothing of ours, then the guard, NetworkManager, aditd."""
    leaks.switch_off(MANAGER)
    for words in (("restart", "adit-guard"), ("start", MANAGER), ("start", "aditd")):
        sh("systemctl", *words)
    return seconds(leaks.ready, 90) is not None


def select(name):
    """How long until both families go through the tunnel."""
    sh("adit", "default", name)
    return seconds(leaks.carries, 30)


def reapplied(number):
    """Somebody reapplies it with a change, which makes no difference to a visitor either."""
    sh("nmcli", "connection", "modify", leaks.LINK, "ipv4.dns-search", f"r{number}.example")
    works("nmcli", "device", "reapply", leaks.LINK)
    return seconds(leaks.carries, 30)


def rounds(own):
    """Of each what took longest."""
    took = {"selected": [], "reapplied": []}
    for number in range(ROUNDS):
        good = begin()
        took["selected"].append(select(leaks.LINK) if good else None)
        took["reapplied"].append(reapplied(number))
        sh("adit", "default", "none")
        seconds(lambda: own in settled(leaks.LINK), 5)
    for what, row in took.items():
        bad = [n for n, s in enumerate(row) if s is None]
        tap.ok(not bad, f"{ROUNDS} times {what}, and both families carried{f', but for rounds {bad}' if bad else ''}")
        if not bad:
            tap.in_time(max(row), PROMISED, f"the slowest, {what}")
    tap.note(output("sh", "-c", "journalctl -u aditd -b -o cat | grep -c 'has lost an address'") + " times an address was lost")


def main():
    """The story."""
    os.makedirs("/run/systemd/system/aditd.service.d", exist_ok=True)
    with open("/run/systemd/system/aditd.service.d/debug.conf", "w", encoding="utf-8") as file:
        file.write("[Service]\nEnvironment=G_MESSAGES_DEBUG=all\n")
    sh("systemctl", "daemon-reload")
    sh("modprobe", "-a", "wireguard", "veth", "nf_tables", "nf_conntrack")
    sh("systemctl", "start", "systemd-resolved")
    sh("systemctl", "restart", "aditd")
    with Vps() as vps:
        try:
            own = leaks.enrol(vps, "networkmanager")[1]
            rounds(own)
        finally:
            leaks.forget("networkmanager")
            os.unlink("/run/systemd/system/aditd.service.d/debug.conf")
            sh("systemctl", "daemon-reload")
    tap.done()


if __name__ == "__main__":
    main()
