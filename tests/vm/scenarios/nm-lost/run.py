#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A gateway that is selected right after NetworkManager and aditd have started carries both families, each time.

NetworkManager 1.42 may take its IPv6 addresses away with the Reapply that selection needs, and think that somebody
else did: by its own record the gateway is up, and complete.
"""

import multiprocessing
import os
import re
import socket
import struct
import subprocess

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


def put_aside(own):
    """Makes an address of the link a deprecated one, for ever, as fast as it goes."""
    new_address, change, permanent, no_route, never = 20, 0x101, 0x80, 0x200, 0xffffffff
    body = struct.pack("=BBBBI", socket.AF_INET6, 128, permanent, 0, socket.if_nametoindex(leaks.LINK))
    for kind, data in ((1, socket.inet_pton(socket.AF_INET6, own)), (6, struct.pack("=4I", 0, never, 0, 0)),
                       (8, struct.pack("=I", permanent | no_route))):
        body += struct.pack("=HH", 4 + len(data), kind) + data
    message = struct.pack("=IHHII", 16 + len(body), new_address, change, 0, 0) + body
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, 0) as sock:
        while True:
            sock.send(message * 100)


def contested(own):
    """aditd starts while somebody changes the address as often as it is put right, and has the last word."""
    often = "somebody else changes it as often as it is put right"
    begin()
    select(leaks.LINK)
    others = [multiprocessing.Process(target=put_aside, args=(own,)) for _ in range(2)]
    for other in others:
        other.start()
    seconds(lambda: "deprecated" in settled(leaks.LINK), 10)
    for number in range(1, 31):  # there may be no word of his between two of aditd
        sh("systemctl", "stop", "aditd")
        sh("journalctl", "--rotate", "--vacuum-time=1s")
        good = works("systemctl", "start", "aditd")
        said = output("journalctl", "-u", "aditd", "-o", "cat").partition("\nready\n")[0]
        if not good or often in said:
            break
    for other in others:
        other.kill()
        other.join()
    tap.ok(good and often in said, f"started beside who changes an address as often as it is put right ({number} tries)")
    took = seconds(lambda: "deprecated" not in settled(leaks.LINK), 30)
    tap.ok(took is not None, "and put it right when he had gone" + (f", after {took:.2f} s" if took is not None else ""))
    sh("systemctl", "restart", "aditd")
    tap.ok(works("adit", "default", "none"), "right after its start it waits until it knows NetworkManager")


def deleted_meanwhile():
    """What NetworkManager is told to delete while an update waits for its handshake is no gateway afterwards."""
    profile = output("adit", "export", leaks.LINK)
    with open("/run/wrong.conf", "w", encoding="utf-8") as file:
        file.write(re.sub(r"PresharedKey = .*", "PresharedKey = " + output("wg", "genpsk"), profile) + "\n")
    with subprocess.Popen(["adit", "update", leaks.LINK, "/run/wrong.conf"], stderr=subprocess.PIPE, text=True) as update:
        seconds(lambda: output("adit", "export", leaks.LINK) != profile, 10)
        sh("nmcli", "connection", "delete", leaks.LINK)
        said = update.communicate(timeout=60)[1]
    tap.ok(seconds(lambda: output("adit", "list", "--json") == "[]", 10) is not None,
           f"deleted while an update of it was tried, it is no gateway (the update: {said.strip()})")


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
            contested(own)
            deleted_meanwhile()
        finally:
            leaks.forget("networkmanager")
            os.unlink("/run/systemd/system/aditd.service.d/debug.conf")
            sh("systemctl", "daemon-reload")
    tap.done()


if __name__ == "__main__":
    main()
