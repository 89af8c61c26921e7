#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A large server: start, changes, lists and memory at 1,000 and 10,000 devices; what a new flow costs at 50,000 forwards."""
import base64
import glob
import ipaddress
import itertools
import json
import os
import re
import statistics
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "netns"))
# pylint: disable=wrong-import-position
from lab import Lab  # noqa: E402
from nftsite import nft_apply  # noqa: E402
from process import until  # noqa: E402
from story import Server  # noqa: E402

BUILD = os.environ.get("ADIT_BUILD", os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../build"))
FORWARDS = 50000
FLOWS = 50000  # below what conntrack holds at most
ROUNDS = 5
TURNS = 4
ADDED = 20  # devices
STARTS = 5
# Looks at the whole kernel by the clock are no part of a command's cost.
CONF = "[Daemon]\nLookAgain = 24h\n"


def figure(name, value, unit):
    print(json.dumps({"name": f"server/{name}", "value": float(f"{value:.4g}"), "unit": unit}), flush=True)


def key(n):
    return base64.b64encode(b"\1" + n.to_bytes(8, "big") + b"\1" * 22 + b"\x40").decode()


def text(prefix, devices, forwards):
    """The declarative file of a server of this size."""
    rows = ["[Server]", f"PrivateKey = {key(0)}", "ListenPort = 51820",
            "[Subnet]", "Name = home", "Network = 10.0.0.0/8", f"IPv6 = {prefix}"]
    for n in range(devices):
        rows += ["[Device]", f"Name = d{n}", "Subnet = home", f"Address = {ipaddress.ip_address(0x0a000002 + n)}",
                 f"PublicKey = {key(n + 1)}", f"PresharedKey = {key(n + 1)}"]
    for n in range(forwards):
        rows += ["[Forward]", f"External = {1024 + n}", "Protocol = tcp", f"Device = d{n % devices}"]
    return "\n".join(rows) + "\n"


class Cost:
    """What the daemon's processor time was for something."""

    def __init__(self, server):
        self.vps = server.vps
        self.pid = min(map(int, self.vps.run("pidof", "adit-server").stdout.split()))  # a child may be on its way to another program
        self.begin = self._now()

    def _now(self):
        threads = self.vps.sh(f"cat /proc/{self.pid}/task/*/schedstat").stdout.splitlines()
        return sum(int(row.split()[0]) for row in threads) / 1e6

    def ms(self):
        return self._now() - self.begin

    def private_mb(self):
        return int(re.search(r"^Private_Dirty:\s+(\d+)", self.vps.read(f"/proc/{self.pid}/smaps_rollup"), re.M)[1]) / 1024

    def resident_mb(self):
        return int(re.search(r"^Rss:\s+(\d+)", self.vps.read(f"/proc/{self.pid}/smaps_rollup"), re.M)[1]) / 1024


def cold_start(server):
    """As after a boot: nothing of ours in the kernel. Milliseconds until the ports stood, of the processor in all, and in all."""
    server.process.stop(60)
    server.vps.sh("nft delete table inet adit_server; ip link del adit0")
    begin = time.time()
    server.begin()
    server.process.wait_output(r"\bready\b", 60)
    end = time.time()
    said = re.search(r"(\d\d):(\d\d):(\d\d\.\d+): ports: table made", server.process.output())  # to the millisecond, by the daemon
    stood = (int(said[1]) * 60 + int(said[2])) * 60 + float(said[3])
    return (stood - begin) % 3600 * 1000, Cost(server).begin, (end - begin) * 1000


def listeners():
    """Sockets of this machine, in whatever namespace, that hear of nftables: for all of them the kernel tells each element."""
    spaces = {}
    for path in glob.glob("/proc/[0-9]*"):
        try:
            spaces[os.readlink(path + "/ns/net")] = path
        except OSError:
            continue
    found = 0
    for path in spaces.values():
        try:
            with open(path + "/net/netlink", encoding="ascii") as file:
                rows = [row.split() for row in file.read().splitlines()[1:]]
        except OSError:
            continue
        found += sum(row[1] == "12" and int(row[3], 16) >> 6 & 1 for row in rows)  # NETLINK_NETFILTER, NFNLGRP_NFTABLES
    return found


def begun(server):
    """The least that of some starts took: (those who listened, what cold_start() returns)."""
    seen = []
    for _ in range(STARTS):
        others = listeners() - 1  # the server's own, until it is stopped
        seen.append((others, *cold_start(server)))
    return min(seen)


def blank():
    """A server that nobody has set up: what the program and its libraries take."""
    with Lab("internet -- vps", build=BUILD) as lab:
        server = Server(lab["vps"], lab["vps"].prefix).run()
        cost = Cost(server)
        settled(cost)
        figure("resident-blank", cost.resident_mb(), "MB")
        figure("private-blank", cost.private_mb(), "MB that it has written")


def daemon(devices, forwards):
    size = f"{devices}" + (f"-{forwards}" if forwards else "")
    with Lab("internet -- vps", build=BUILD) as lab:
        vps = lab["vps"]
        vps.write("/root/big.conf", text(vps.prefix, devices, forwards), 0o600)
        vps.write("/etc/adit/server.conf", CONF)
        server = Server(vps, vps.prefix).run()
        server.admin("import", "/root/big.conf", timeout=200)
        others, ports, cpu, all_of_it = begun(server)
        figure(f"data-path-{size}", ports, "ms from the program's start until all ports stood")
        figure(f"listeners-{size}", others, "others who had the kernel tell them each element meanwhile")
        figure(f"cold-start-{size}", all_of_it, "ms, userspace WireGuard and its process included")
        figure(f"cold-start-cpu-{size}", cpu, "ms of the daemon, its share of the kernel included")
        until(lambda: rests(server), 60, "the notices to all devices to be over")
        figure(f"device-add-cpu-{size}", statistics.median(added(server, n) for n in range(ADDED)), "ms of the daemon, the median")
        cost = Cost(server)
        server.admin("device", "list", timeout=60)
        figure(f"device-list-cpu-{size}", cost.ms(), "ms of the daemon")
        cost = Cost(server)
        server.admin("mappings", "--json", timeout=60)
        figure(f"mappings-cpu-{size}", cost.ms(), "ms of the daemon")
        until(lambda: cost.resident_mb() < 1.05 * settled(cost), 20, "the memory to settle")
        figure(f"resident-{size}", cost.resident_mb(), "MB")
        figure(f"private-{size}", cost.private_mb(), "MB that it has written")


def added(server, n):
    """What a device more costs. The rounds of notices that follow a start fall upon some, and are no part of it."""
    cost = Cost(server)
    server.admin("device", "add", f"x{n}", timeout=60)
    return cost.ms()


def rests(server):
    """Whether it does next to nothing for half a second."""
    cost, end = Cost(server), time.monotonic() + 0.5
    while time.monotonic() < end:
        time.sleep(0.1)
    return cost.ms() < 10


def settled(cost):
    """The least that was seen in five seconds, within which the daemon gives back what it does not need."""
    end, least = time.monotonic() + 5, cost.resident_mb()
    while time.monotonic() < end:
        least = min(least, cost.resident_mb())
    return least


def by_hand(vps, n):
    """The map that a careful admin writes by hand, with n forwards."""
    rows = ", ".join(f"{vps.v4} . udp . {1024 + i} : 10.59.0.2 . {1024 + i}" for i in range(n))
    vps.nft("table ip hand {\n"
            "map forwards { type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service; elements = { " + rows + " } }\n"
            "chain pre { type nat hook prerouting priority dstnat; dnat ip to ip daddr . meta l4proto . th dport map @forwards; }\n"
            "chain later { type filter hook forward priority 0; policy drop; ct state established,related accept; ct status dnat accept; }\n"
            "}\n")


def ours(vps, n):
    nft_apply(vps, "server", lines=["tunnel tun0"] + [f"open udp {vps.v4}:{1024 + i} 10.59.0.2:{1024 + i}" for i in range(n)])


TABLES = {"ours": (ours, ("inet", "adit_server")), "hand": (by_hand, ("ip", "hand"))}


def new_flow(lab, ports):
    """Nanoseconds of the processor a flow: the least of some rounds, because others share the machine."""
    vps, visitor = lab["vps"], lab["visitor"]
    seen = []
    for _ in range(ROUNDS):
        vps.run("conntrack", "-F", check=False)
        words = visitor.run(os.path.join(BUILD, "tests/bench/new-flow"), vps.v4, 1024, ports, FLOWS // ports, timeout=60)
        seen.append(int(words.stdout))
    return min(seen)


def flows():
    with Lab("visitor -- internet -- vps", build=BUILD) as lab:
        vps = lab["vps"]
        vps.sh("ip link add tun0 type bridge; ip address add 10.59.0.1/16 dev tun0; ip link set tun0 up")
        vps.sysctl("net.ipv4.ip_forward", 1)
        # A bridge without ports: what goes out there is over. Who is behind it is known, since asking is no part of the matter.
        vps.sh("ip neigh add 10.59.0.2 lladdr 02:00:00:00:00:02 dev tun0")
        results = {}
        for turn, n in itertools.product(range(TURNS), (10, FORWARDS)):
            for whose in sorted(TABLES, reverse=turn % 2 == 1):  # what comes second may find a warmer machine
                make, table = TABLES[whose]
                make(vps, n)
                results[f"{whose}-{n}"] = min(results.get(f"{whose}-{n}", 1 << 60), new_flow(lab, n))
                vps.run("nft", "delete", "table", *table)
        for name, ns in results.items():
            figure(f"new-flow-{name}", ns, "ns of the processor")
        figure("new-flow-50000-over-10", results[f"ours-{FORWARDS}"] / results["ours-10"], "times")
        figure("new-flow-over-by-hand", results[f"ours-{FORWARDS}"] / results[f"hand-{FORWARDS}"], "times")


if __name__ == "__main__":
    os.environ["G_SLICE"] = "always-malloc"  # as data/adit-server.service.in has it
    flows()
    blank()
    daemon(1000, 0)
    daemon(10000, 0)
    daemon(10000, FORWARDS)
