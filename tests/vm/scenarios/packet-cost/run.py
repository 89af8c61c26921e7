#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What a forwarded packet costs, in instructions: our table, what a careful admin writes by hand, and no rules at all.

The clock of this machine counts instructions (one nanosecond each), and it has one processor, so what passes while
packets go from a visitor through a VPS to a home is what all three and the kernel between them executed; nobody
waits. The way to the VPS's home is a veth without encryption, then a WireGuard link. Figures: "# figure JSON".
"""

import ctypes
import json
import os
import socket
import struct
import tempfile
import time

import tap
from tap import sh, works

NAMES = ("visitor", "vps", "home")
PORT = 443
BURST, PACKETS, ROUNDS = 16, 800, 12
BAR = 1.05  # times the hand-written table, at most
VISITOR = {4: "10.1.0.2", 6: "2001:db8:1::2"}
OUTSIDE = {4: "10.1.0.1", 6: "2001:db8:59::2"}  # what the visitor asks: in IPv6 the home itself
HOME = {4: "10.59.0.2", 6: "2001:db8:59::2"}
DIRECT = {4: "10.2.0.2", 6: "2001:db8:2::2"}  # a wire of their own, without a VPS
LINES = """
link add front netns vps type veth peer out netns visitor
link add back netns vps type veth peer in netns home
link add direct netns visitor type veth peer direct netns home
-n vps address add 10.1.0.1/24 dev front
-n vps address add 2001:db8:1::1/64 dev front nodad
-n visitor address add 10.1.0.2/24 dev out
-n visitor address add 2001:db8:1::2/64 dev out nodad
-n visitor address add 10.2.0.1/24 dev direct
-n visitor address add 2001:db8:2::1/64 dev direct nodad
-n home address add 10.2.0.2/24 dev direct
-n home address add 2001:db8:2::2/64 dev direct nodad
-n vps link set front up
-n vps link set back up
-n visitor link set out up
-n visitor link set direct up
-n home link set in up
-n home link set direct up
-n visitor route add default via 10.1.0.1
-n visitor -6 route add default via 2001:db8:1::1
"""
INSIDE = """
-n vps address add 10.59.0.1/24 dev {near}
-n vps address add 2001:db8:59::1/64 dev {near} nodad
-n home address add 10.59.0.2/24 dev {far}
-n home address add 2001:db8:59::2/64 dev {far} nodad
-n home route add default via 10.59.0.1 dev {far}
-n home -6 route add default via 2001:db8:59::1 dev {far}
"""
# The duties of our table as somebody writes them who knows nft: maps instead of rules, drop by default, established
# flows first, the clamp that a tunnel needs. It neither counts what a mapping carries nor ends a flow at once.
HAND = """table inet hand {{
map forwards {{ type ipv4_addr . inet_proto . inet_service : ipv4_addr . inet_service; elements = {{ {forwards} }} }}
set pinholes {{ type ipv6_addr . inet_proto . inet_service; elements = {{ {pinholes} }} }}
chain in {{ type nat hook prerouting priority dstnat; dnat ip to ip daddr . meta l4proto . th dport map @forwards; }}
chain mss {{ type filter hook forward priority mangle;
iifname "{near}" tcp flags syn tcp option maxseg size set rt mtu; oifname "{near}" tcp flags syn tcp option maxseg size set rt mtu; }}
chain forward {{ type filter hook forward priority filter; policy drop;
ct state established,related accept; ct state invalid drop; oifname "{near}" ct status dnat accept;
oifname "{near}" ip6 daddr . meta l4proto . th dport @pinholes accept; iifname "{near}" accept; }}
chain out {{ type nat hook postrouting priority srcnat; iifname "{near}" meta nfproto ipv4 masquerade; }}
}}
"""
PORTS = range(PORT, PORT + 10)


def figure(name, value, unit):
    """One line that tests/bench/bench-packet.py reads."""
    tap.note("figure " + json.dumps({"name": f"packet/{name}", "value": value, "unit": unit}))


def ip(lines):
    """Commands of ip, one a line."""
    for line in lines.strip().splitlines():
        sh("ip", *line.split())


def socket_of(name, family, address, port):
    """A UDP socket of a machine; one that nobody answers within 20 s says so."""
    libc = ctypes.CDLL(None, use_errno=True)
    with open("/proc/self/ns/net", "rb") as own, open(f"/run/netns/{name}", "rb") as there:
        if libc.setns(there.fileno(), 0):
            raise OSError(ctypes.get_errno(), f"setns: {name}")
        try:
            made = socket.socket({4: socket.AF_INET, 6: socket.AF_INET6}[family], socket.SOCK_DGRAM)
        finally:
            libc.setns(own.fileno(), 0)
    made.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 20, 0))
    made.bind((address, port))
    return made


def nothing(_near):
    """The VPS only routes."""


def hand(near):
    """The table above."""
    forwards = ", ".join(f"10.1.0.1 . udp . {port} : {HOME[4]} . {port}" for port in PORTS)
    pinholes = ", ".join(f"{HOME[6]} . udp . {port}" for port in PORTS)
    text = HAND.format(near=near, forwards=forwards, pinholes=pinholes)
    sh("ip", "netns", "exec", "vps", "nft", "-f", "-", stdin=text)


def ours(near):
    """The server's own table, by its own code."""
    lines = [f"tunnel {near}", "network 10.59.0.0/24", "network 2001:db8:59::/64"]
    for port in PORTS:
        lines += [f"open udp 10.1.0.1:{port} {HOME[4]}:{port}", f"open udp [{HOME[6]}]:{port} [{HOME[6]}]:{port}"]
    program = os.path.join(os.environ["ADIT_TEST_BIN"], "nft-apply")
    sh("ip", "netns", "exec", "vps", program, "server", stdin="\n".join(lines) + "\n")


CARRIERS = {"routed": nothing, "hand": hand, "ours": ours}


def carry(sender, receiver, to):
    """Instructions a packet, from the sender's program to the receiver's: the least of some rounds."""
    seen = []
    for _ in range(ROUNDS):
        begin = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
        for _ in range(PACKETS // BURST):
            for _ in range(BURST):
                sender.sendto(b"x" * 64, to)
            for _ in range(BURST):
                receiver.recv(2000)
        seen.append((time.clock_gettime_ns(time.CLOCK_MONOTONIC) - begin) // PACKETS)
    return min(seen)


def both_ways(family, own, asked):
    """A new flow, asked for and answered; then (visitor to home, home to visitor) of it."""
    address = HOME[family] if asked in (OUTSIDE[family], HOME[family]) else asked
    with socket_of("visitor", family, own, 0) as visitor, socket_of("home", family, address, PORT) as home:
        visitor.connect((asked, PORT))
        visitor.send(b"hello")
        seen = home.recvfrom(100)[1]
        if seen[0] != own:
            raise RuntimeError(f"IPv{family} to {asked}: {own} is seen as {seen[0]}")
        home.sendto(b"hello", seen)
        visitor.recv(100)
        return [carry(visitor, home, (asked, PORT)), carry(home, visitor, seen)]


def direct(family):
    """The same without a VPS."""
    return both_ways(family, "10.2.0.1" if family == 4 else "2001:db8:2::1", DIRECT[family])


def measure(way, near):
    """Everybody's figures on this way, and how ours compares."""
    for family in (4, 6):
        cost = {}
        if way == "veth":
            cost["direct"] = direct(family)
        for name, install in CARRIERS.items():
            install(near)
            cost[name] = both_ways(family, VISITOR[family], HOME[family] if name == "routed" else OUTSIDE[family])
            works("ip", "netns", "exec", "vps", "nft", "flush", "ruleset")
        if way == "veth":
            cost["direct"] = list(map(min, cost["direct"], direct(family)))  # the first of all still hears the machine boot
        for name, (inward, outward) in cost.items():
            figure(f"{way}-ipv{family}-{name}-in", inward, "instructions a packet")
            figure(f"{way}-ipv{family}-{name}-out", outward, "instructions a packet")
        whole = [ours_ / hand_ for ours_, hand_ in zip(cost["ours"], cost["hand"])]
        for direction, ratio in zip(("in", "out"), whole):
            figure(f"{way}-ipv{family}-ours-over-hand-{direction}", round(ratio, 3), "times")
        tap.ok(max(whole) <= BAR, f"{way}, IPv{family}: at most {BAR} times what hand-written nft takes: {max(whole):.3f}")
        if way == "veth":
            for n, direction in enumerate(("in", "out")):
                share = {name: cost[name][n] - cost["direct"][n] for name in CARRIERS}
                figure(f"{way}-ipv{family}-ours-over-hand-{direction}-vps-alone", round(share["ours"] / share["hand"], 3), "times")


def tunnel():
    """WireGuard between VPS and home, over the wire that was theirs."""
    ip("-n vps address flush dev back\n-n home address flush dev in\n-n home -6 route delete default dev in\n"
       "-n vps address add 10.9.0.1/24 dev back\n"
       "-n home address add 10.9.0.2/24 dev in")
    keys = {name: sh("wg", "genkey") for name in ("vps", "home")}
    for name, other, allowed in (("vps", "home", "10.59.0.2/32,2001:db8:59::2/128"), ("home", "vps", "0.0.0.0/0,::/0")):
        sh("ip", "-n", name, "link", "add", "wg0", "type", "wireguard")
        with tempfile.NamedTemporaryFile("w", encoding="utf-8") as file:
            file.write(keys[name] + "\n")
            file.flush()
            more = ["listen-port", "51820"] if name == "vps" else ["listen-port", "51821"]
            end = "10.9.0.2:51821" if name == "vps" else "10.9.0.1:51820"
            sh("ip", "netns", "exec", name, "wg", "set", "wg0", "private-key", file.name, *more, "peer",
               sh("wg", "pubkey", stdin=keys[other]), "allowed-ips", allowed, "endpoint", end)
        sh("ip", "-n", name, "link", "set", "wg0", "up")
    ip(INSIDE.format(near="wg0", far="wg0"))


def main():
    """The plain wire, then the tunnel."""
    sh("modprobe", "-a", "wireguard", "veth", "nf_tables", "nf_conntrack")
    tap.note(sh("uname", "-sr"))
    with open("/sys/devices/system/clocksource/clocksource0/current_clocksource", encoding="ascii") as file:
        tap.note(f"clock: {file.read().strip()}")
    try:
        for name in NAMES:
            sh("ip", "netns", "add", name)
        ip(LINES)
        sh("ip", "netns", "exec", "vps", "sysctl", "-qw", "net.ipv4.ip_forward=1", "net.ipv6.conf.all.forwarding=1")
        ip(INSIDE.format(near="back", far="in"))
        measure("veth", "back")
        tunnel()
        measure("wireguard", "wg0")
    finally:
        for name in NAMES:
            works("ip", "netns", "delete", name)
    tap.done()


if __name__ == "__main__":
    main()
