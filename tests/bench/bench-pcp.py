#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""MAP requests a second: our PCP server and Debian's miniupnpd, in the same namespaces, one after the other.

Both answer on a veth instead of a tunnel, so that the servers are measured and not the cryptography. Prints one JSON
object a line.
"""
import json
import os
import re
import subprocess
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "netns"))
# pylint: disable=wrong-import-position
import kernel  # noqa: E402
from errors import LabError, Skip  # noqa: E402
from lab import Lab  # noqa: E402
from miniupnpd import TABLE, Miniupnpd  # noqa: E402
from process import until  # noqa: E402

DRAWING = "home -- internet -- vps"
SERVER, DEVICE = ("10.59.0.1", "fd59::a3b:1"), ("10.59.0.2", "fd59::a3b:2")
BUILD = os.environ.get("ADIT_BUILD", os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../build"))
RENEWED = 11  # seconds that a renewal must give more than is left, to show something


def figure(name, value, unit):
    print(json.dumps({"name": name, "value": round(value, 3), "unit": unit}), flush=True)


def veth(lab, link):
    """A cable between server and device, in place of the tunnel."""
    vps, home = lab["vps"], lab["home"]
    with kernel.undisturbed():
        subprocess.run(["ip", "link", "add", link, "netns", str(vps.pid), "type", "veth", "peer", "name", "c0", "netns",
                        str(home.pid)], check=True)
    for machine, name, addresses in ((vps, link, SERVER), (home, "c0", DEVICE)):
        machine.run("ip", "link", "set", name, "up")
        machine.run("ip", "address", "add", addresses[0] + "/24", "dev", name)
        machine.run("ip", "address", "add", addresses[1] + "/64", "dev", name, "nodad")
    for key in ("net.ipv4.ip_forward", "net.ipv6.conf.all.forwarding"):
        vps.sysctl(key, 1)


def load(lab, what, first, count, window, family=4, protocol="tcp"):
    """What the load generator says of so many requests."""
    at = (family == 6)
    said = lab["home"].run(os.path.join(BUILD, "tests/bench/pcp-load"), SERVER[at], DEVICE[at], what, first, count,
                           window, protocol, timeout=250)
    result = json.loads(said.stdout)
    if result["granted"] != result["asked"]:
        raise LabError(f"{what} {count}: {said.stdout}")
    return result


class Usage:
    """Processor time and memory of a process."""

    def __init__(self, machine, pid):
        self.path = f"/proc/{machine.pid}/root/proc/{pid}/"

    def nanoseconds(self):
        with open(self.path + "schedstat", encoding="ascii") as f:
            return int(f.read().split()[0])

    def octets(self):
        with open(self.path + "status", encoding="ascii") as f:
            return int(re.search(r"RssAnon:\s+(\d+) kB", f.read())[1]) * 1024


def pid_of(machine, name):
    return machine.run("pgrep", "-n", "-x", name).stdout.split()[0]


def measure(lab, usage, name, count):
    """The same requests again, at what the table holds now: both servers renew, and search for it."""
    before = usage.nanoseconds()
    one = load(lab, "map", 1024, count, 1)
    spent = (usage.nanoseconds() - before) / count / 1000
    figure(f"{name}-p50", one["p50"], "us")
    figure(f"{name}-p99", one["p99"], "us")
    figure(f"{name}-cpu", spent, "us a request")
    return one


def ours(lab):
    veth(lab, "adit0")
    process = lab["vps"].spawn(os.path.join(BUILD, "tests/bench/pcp-serve"), "10.59.0.0/24", DEVICE[0], "11.1.1.1",
                               "fd59::/64", "/root")
    process.wait_output("ready", 10)
    usage = Usage(lab["vps"], pid_of(lab["vps"], "pcp-serve"))
    for _ in range(2):  # the first renewal that gives more time than can be mistaken shows whether this kernel renews in place
        load(lab, "map", 1023, 1, 1)
        time.sleep(RENEWED)
    have, empty = 0, usage.octets()
    for total in (10, 100, 1000, 10000, 50000):
        before = usage.nanoseconds()
        made = load(lab, "map", 1024 + have, total - have, 32)
        spent = (usage.nanoseconds() - before) / (total - have) / 1000
        have = total
        if total >= 1000:
            figure(f"adit-create-{total}", made["rate"], "MAP/s, 32 outstanding")
            figure(f"adit-create-{total}-cpu", spent, "us a request, 32 outstanding")
        measure(lab, usage, f"adit-renew-{total}", min(total, 2000))
        if total == 10000:
            figure("adit-memory-10000", (usage.octets() - empty) / total, "B a mapping")
            before = usage.nanoseconds()
            again = load(lab, "map", 1024, 10000, 32)
            figure("adit-renew-10000", again["rate"], "MAP/s, 32 outstanding")
            figure("adit-renew-10000-together-cpu", (usage.nanoseconds() - before) / 10000 / 1000,
                   "us a request, 32 outstanding")
            v6 = load(lab, "map", 1024, 10000, 32, 6)
            figure("adit-create-v6-10000", v6["rate"], "MAP/s, 32 outstanding")
            gone = load(lab, "delete", 1024, 10000, 32, 6)
            figure("adit-delete-v6-10000", gone["rate"], "MAP/s, 32 outstanding")
    figure("adit-memory-50000", (usage.octets() - empty) / 50000, "B a mapping")
    process.stop()
    lab["vps"].run("ip", "link", "delete", "adit0")
    lab["vps"].run("nft", "delete", "table", "inet", "adit_server")


class Neighbour(Miniupnpd):
    """miniupnpd behind the same cable, with its log off."""

    def _tunnel(self, net6):
        veth(self.lab, "wg0")

    def __init__(self, lab):
        self.lab = lab
        super().__init__(lab, 86400)

    def start(self):
        self.vps.run("nft", "flush", "ruleset")
        self.vps.nft(TABLE.format(wan=self.wan))
        self.vps.run("miniupnpd", "-f", "/etc/miniupnpd.test", "-P", "/run/miniupnpd.pid")
        until(lambda: ":5351" in self.vps.run("ss", "-lun").stdout, 10, "miniupnpd on port 5351")

    def fill(self, first, count):
        """Rules as it makes them itself, of ports nobody asks for: its own making takes it hours."""
        chains = {"prerouting_miniupnpd": "tcp dport {0} dnat ip to 10.59.0.2:{0}",
                  "miniupnpd": "ip daddr 10.59.0.2 tcp dport {0} accept"}
        rules = "".join(f"add rule inet filter {chain} iifname {self.wan} " + text.format(port) + "\n"
                        for chain, text in chains.items() for port in range(first, first + count))
        self.vps.nft(rules)


def neighbours(lab):
    try:
        server = Neighbour(lab)
    except Skip as e:
        print(f"# {e}", file=sys.stderr)
        return
    usage = Usage(lab["vps"], pid_of(lab["vps"], "miniupnpd"))
    load(lab, "map", 1024, 10, 1)
    measure(lab, usage, "miniupnpd-renew-10", 10)
    made = load(lab, "map", 1034, 90, 1)
    figure("miniupnpd-create-100", made["rate"], "MAP/s")
    measure(lab, usage, "miniupnpd-renew-100", 50)
    for total, fill, count in ((1000, 900, 30), (10000, 9000, 5)):
        server.fill(20000 + 1000 * (total > 1000), fill)
        measure(lab, usage, f"miniupnpd-renew-{total}", count)
        made = load(lab, "map", 50000 + total, count, 1)
        figure(f"miniupnpd-create-{total}", made["rate"], "MAP/s")


def main():
    with Lab(DRAWING) as lab:
        ours(lab)
    with Lab(DRAWING) as lab:
        neighbours(lab)


if __name__ == "__main__":
    main()
