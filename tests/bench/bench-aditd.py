#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""aditd with ten gateways, one selected, at rest: what it holds and what it does."""
import json
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "netns"))
from lab import Lab  # noqa: E402  pylint: disable=wrong-import-position
from process import until  # noqa: E402  pylint: disable=wrong-import-position
from story import Client  # noqa: E402  pylint: disable=wrong-import-position

GATEWAYS = 10
REST = 5  # seconds
PROFILE = """[Interface]
PrivateKey = {key}
Address = 10.{n}.0.2/24, 2001:db8:{n}::2/128
[Peer]
PublicKey = {peer}
AllowedIPs = 10.{n}.0.1/32, 2001:db8:{n}::1/128, 10.{n}.0.0/24, 0.0.0.0/1, 128.0.0.0/1, 2000::/3
Endpoint = 11.1.1.2:{n}
"""


def status(pid, *words):
    """The sum of some rows of /proc/PID/status."""
    with open(f"/proc/{pid}/status", encoding="ascii") as file:
        return sum(int(row.split()[1]) for row in file if row.startswith(words))


def processor(pid):
    """Microseconds it has run."""
    with open(f"/proc/{pid}/schedstat", encoding="ascii") as file:
        return int(file.read().split()[0]) / 1000


def say(name, value, unit):
    """One figure."""
    print(json.dumps({"name": f"aditd/{name}", "value": round(value, 1), "unit": unit}), flush=True)


def main():
    """Enrol them, wait until nothing moves, look twice."""
    with Lab("visitor -- internet -- home\n") as lab:
        home, client = lab["home"], Client(lab["home"])
        client.start()
        for n in range(100, 100 + GATEWAYS):
            key = home.run("wg", "genkey").stdout.strip()
            peer = home.run("wg", "pubkey", input=home.run("wg", "genkey").stdout).stdout.strip()
            client.enrol(f"gw{n}", PROFILE.format(key=key, peer=peer, n=n))
        client.adit("default", "gw100")
        pid = client.process.pid

        def rests():
            before = processor(pid)
            home.run("sleep", "3")  # a gateway is looked at every second until its first handshake is overdue
            return processor(pid) == before
        until(rests, 60, "aditd at rest")
        before, switches = processor(pid), status(pid, "voluntary_ctxt", "nonvoluntary_ctxt")
        home.run("sleep", str(REST))
        say(f"cpu-at-rest-{REST}-s", processor(pid) - before, "us")
        say(f"wakeups-at-rest-{REST}-s", status(pid, "voluntary_ctxt", "nonvoluntary_ctxt") - switches, "")
        say("resident", status(pid, "VmRSS"), "KiB")
        say("resident-of-its-own", status(pid, "RssAnon"), "KiB")


if __name__ == "__main__":
    main()
