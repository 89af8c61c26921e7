#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab's network, proved on real packets."""
import os
import statistics
import subprocess
import time

import drawing
import tap
from lab import DrawingError, Lab
from process import until
from tunnel import tunnel

DRAWING = """
visitor -- internet -- vps
internet -- cgnat -- home -- lan
home -- container
"""

BAD_DRAWINGS = [
    ("visitor -- internet\nvisitor -- moon", "drawing:2: moon: no role of this name"),
    ("visitor --", "drawing:1: a machine was expected at: the end"),
    ("visitor == internet", "drawing:1: a machine was expected at: visitor == internet"),
    ("\n\nvps(fast) -- internet", "drawing:3: vps: fast: a vps has no such option"),
    ("vps(onlink, routed) -- internet", "drawing:1: vps: onlink and routed exclude each other"),
    ("vps(onlink/9) -- internet", "drawing:1: vps: onlink/9: the value must be a prefix length"),
    ("home -(delay 9)- internet", "drawing:1: wire: delay 9: must be"),
    ("home -(loss 101%)- internet", "drawing:1: wire: loss 101%: must be"),
    ("home -- visitor", "drawing:1: home -- visitor: a home and a visitor cannot be wired"),
    ("lan -- home\nvps -- home", "drawing:2: vps -- home: a vps and a home cannot be wired"),
    ("visitor -- cgnat", "drawing:1: visitor -- cgnat: a vps and a visitor hang on an internet"),
    ("a:home -- internet\na:lan -- internet", "drawing:2: a: is a home above and a lan here"),
    ("home -- internet\ninternet -- home", "drawing:2: internet -- home: wired already in line 1"),
    ("lan0 -- home", "drawing:1: lan0: is the name of a link, not of a machine"),
    ("# nothing\n", "drawing:1: empty: name at least one machine"),
]


def test_bad_drawings():
    """a drawing that means nothing is refused with its line"""
    for text, want in BAD_DRAWINGS:
        try:
            drawing.parse(text)
        except DrawingError as e:
            assert str(e).startswith(want), f"{text!r}: {e}"
        else:
            raise AssertionError(f"{text!r}: accepted")


def test_reach(lab):
    """what the drawing wires can talk, in the families it has"""
    home, vps, visitor = lab["home"], lab["vps"], lab["visitor"]
    server = vps.http_server(80, "a page\n")
    assert home.curl("http://vps/") == "a page\n"
    assert visitor.curl(f"http://[{vps.v6}]/") == "a page\n"
    assert server.visitors == [lab["cgnat"].v4, visitor.v6], server.visitors
    for machine in (lab["lan"], lab["container"], visitor):
        assert machine.ping(vps.v4).all
    assert not home.ping(visitor.v6, timeout=0.2), "this home has no IPv6 uplink"


def test_cgnat_drops(lab):
    """a cgnat drops what nobody inside asked for, and passes what somebody did"""
    home, vps, visitor, cgnat = lab["home"], lab["vps"], lab["visitor"], lab["cgnat"]
    echo = home.udp_echo(7000)
    vps.udp_echo(7001)
    home.http_server(80)
    seen = home.capture("cgnat")
    assert home.udp_probe(vps.v4, 7001, 3).all
    assert not visitor.ping(cgnat.v4, timeout=0.2)
    assert visitor.tcp_probe(cgnat.v4, 80, timeout=0.2) == "timeout"
    assert not visitor.udp_probe(cgnat.v4, 7000, timeout=0.2)
    assert visitor.tcp_probe(home.v4, 80, timeout=0.2) == "unreachable", "100.64/10 is no address"
    assert not echo.received
    seen.none(lambda p: visitor.v4 in (p.src, p.dst))
    assert seen.count(protocol="udp", out=True) == seen.count(protocol="udp", out=False) == 3


def test_spoofed_source_dropped(lab):
    """a provider drops sources that do not belong to the link, in both families"""
    vps, visitor = lab["vps"], lab["visitor"]
    visitor.add_address("11.1.9.9/32")
    visitor.add_address("2a11:1:9::9/128")
    seen = vps.capture("internet")
    echo = vps.udp_echo(7000)
    assert visitor.udp_send(vps.v4, 7000, source="11.1.9.9") == 1
    assert visitor.udp_send(vps.v6, 7000, source="2a11:1:9::9") == 1
    assert visitor.udp_probe(vps.v4, 7000).all and visitor.udp_probe(vps.v6, 7000).all
    seen.none(lambda p: p.src in ("11.1.9.9", "2a11:1:9::9"))
    assert len(echo.received) == 2


def test_onlink_prefix(lab):
    """an on-link /64 needs an answer to every neighbour solicitation"""
    vps, visitor = lab["vps"], lab["visitor"]
    address = vps.prefix.replace("::/64", "::99")
    vps.add_address(address + "/128")
    asked = vps.capture("internet")
    assert not visitor.ping(address, timeout=0.2), "nobody answers for it"
    assert asked.count(protocol="icmpv6", icmp_type=135, out=False) >= 1
    asked.none(protocol="icmpv6", dst=address)
    vps.sysctl("net.ipv6.conf.all.forwarding", 1)
    vps.sysctl("net.ipv6.conf.all.proxy_ndp", 1)
    vps.sysctl("net.ipv6.neigh.eth0.proxy_delay", 0)
    vps.run("ip", "neigh", "add", "proxy", address, "dev", "eth0")
    # The upstream may still be asking about the first try: give it one more round.
    assert visitor.ping(address, 3, timeout=3), "proxied"
    vps.run("ip", "neigh", "del", "proxy", address, "dev", "eth0")


@tap.drawing("visitor -- internet -- vps(routed/56)\ninternet -- vps2(onlink/124)")
def test_routed_prefix(lab):
    """a routed prefix arrives without a neighbour solicitation; prefixes have any length"""
    vps, visitor = lab["vps"], lab["visitor"]
    assert vps.prefix.endswith("/56") and lab["vps2"].prefix.endswith("/124")
    address = vps.prefix.replace("::/56", "::99")
    vps.add_address(address + "/128")
    assert visitor.ping(address).all
    assert visitor.ping(lab["vps2"].v6).all
    assert not vps.v6.startswith(vps.prefix.split("::")[0]), "the WAN link has its own /64"


@tap.drawing("visitor -- internet -- vps(nat)")
def test_one_to_one_nat(lab):
    """a vps behind 1:1 NAT has a private address and is reached by the public one"""
    vps, visitor = lab["vps"], lab["visitor"]
    assert vps.v4.startswith("172.31.") and vps.public_v4.startswith("11.1.")
    server = vps.http_server(8080, lambda who: f"hello {who}")
    assert visitor.curl(f"http://{vps.public_v4}:8080/") == f"hello {visitor.v4}"
    assert server.requests[0][1] == vps.v4, "it came to the private address"
    visitor.http_server(80, lambda who: who)
    assert vps.curl(f"http://{visitor.v4}/") == vps.public_v4
    assert visitor.tcp_probe(vps.v4, 8080, timeout=0.2) != "open"
    assert visitor.ping(vps.v6).all


@tap.drawing("visitor -- internet -- vps(ra)")
def test_router_advertisement(lab):
    """with ra the IPv6 default route arrives as an advertisement, and forwarding takes it away"""
    vps, visitor = lab["vps"], lab["visitor"]
    assert "proto ra" in vps.run("ip", "-6", "route", "show", "default").stdout
    assert vps.ping(visitor.v6).all
    vps.sysctl("net.ipv6.conf.eth0.accept_ra", 1)
    vps.sysctl("net.ipv6.conf.all.forwarding", 1)
    assert vps.run("ip", "-6", "route", "show", "default").stdout == ""


def test_container(lab):
    """a container is behind its host's bridge: out by NAT, in by DNAT, in both families"""
    home, lan, container = lab["home"], lab["lan"], lab["container"]
    server = container.http_server(80, "contained")
    assert lan.tcp_probe(home.gateway_v4, 80, timeout=0.2) != "open"
    home.dnat("tcp", 8080, container, 80)
    gateway4, gateway6 = lan.gateway_v4, lan.gateway_v6
    assert lan.curl(f"http://{gateway4}:8080/") == "contained"
    assert lan.curl(f"http://[{gateway6}]:8080/") == "contained"
    assert server.visitors == [lan.v4, lan.v6], "the visitor's address is kept"
    assert container.ping(lab["vps"].v4).all


@tap.drawing("""
visitor -- internet -- cgnat(v6) -- router -- home -- container
router -- lan
internet -- cgnat2(ula) -- home2
""")
def test_home_router(lab):
    """home and lan share a router's LAN; IPv6 is delegated to it, or is only local"""
    home, lan, visitor, home2 = lab["home"], lab["lan"], lab["visitor"], lab["home2"]
    assert home.v4.startswith("192.168.") and home.v4.rsplit(".", 1)[0] == lan.v4.rsplit(".", 1)[0]
    assert home.ping(lan.v4).all and home.ping(visitor.v4).all
    assert home.ping(visitor.v6).all and lan.ping(visitor.v6).all
    assert not visitor.ping(home.v6, timeout=0.2), "home routers drop unsolicited IPv6 too"
    assert home2.v6.startswith("fd") and home2.gateway_v6
    assert home2.ping(visitor.v4).all and not home2.ping(visitor.v6, timeout=0.2)


def test_capture(lab):
    """a capture counts every packet, both ways, and its file is a pcap"""
    vps, visitor = lab["vps"], lab["visitor"]
    seen, other = vps.capture("internet"), lab["home"].capture()
    assert visitor.ping(vps.v4, 5).all and visitor.ping(vps.v6, 7).all
    assert seen.count(protocol="icmp", icmp_type=8, out=False) == 5
    assert seen.count(protocol="icmp", icmp_type=0, out=True) == 5
    assert seen.count(lambda p: p.icmp_type == 128, src=visitor.v6) == 7
    other.none(lambda p: visitor.v4 in (p.src, p.dst))
    try:
        seen.none(protocol="icmp")
    except Exception as e:
        assert "10 packets that must not be there" in str(e), e
    else:
        raise AssertionError("none() found nothing")
    lab.require("tcpdump")
    path = lab.dir + "/x.pcap"
    seen.save(path)
    read = subprocess.run(["tcpdump", "-nr", path, "icmp"], capture_output=True, text=True, check=True)
    assert len(read.stdout.splitlines()) == 10, read.stdout


@tap.drawing("visitor -- internet -(loss 20%)- vps")
def test_loss(lab):
    """a wire loses about the share it was told, each way"""
    vps, visitor, wire = lab["vps"], lab["visitor"], lab.wire("vps", "internet")
    seen = vps.capture("internet")
    sink = vps.udp_echo(7000, answer=False)
    # A wire loses ARP too: begin when the neighbours know one another.
    until(lambda: visitor.ping(vps.v4, timeout=0.1), 10, "a first answer")
    assert visitor.udp_send(vps.v4, 7000, 2000) == 2000
    seen.wait(dport=7000, count=2000)
    arrived = len(sink.collect())
    assert 1500 < arrived < 1700, arrived
    assert visitor.udp_send(vps.v6, 7000, 100) == 100
    wire.set_loss(0)
    assert visitor.ping(vps.v4, 100).all
    wire.set_loss(1)
    assert not visitor.ping(vps.v4, 3, timeout=0.2)


@tap.drawing("visitor -(delay 30ms)- internet -(delay 5ms, loss 30%)- vps")
def test_delay(lab):
    """a wire takes at least the time it was told, and loses as well when told so"""
    vps, visitor, internet = lab["vps"], lab["visitor"], lab["internet"]
    first = visitor.ping(visitor.gateway_v4, 20)
    assert first.all and min(first.rtts) >= 0.060, first
    assert statistics.median(first.rtts) < 0.2, first
    v6 = visitor.ping(visitor.gateway_v6, 5, timeout=2)
    assert v6.all and min(v6.rtts) >= 0.060, v6
    until(lambda: internet.ping(vps.v4, timeout=0.1), 10, "a first answer")
    second = internet.ping(vps.v4, 200, interval=0.003)
    assert 50 < second.received < 150 and min(second.rtts) >= 0.010, second
    lab.wire("internet", "vps").set_loss(0)
    vps.http_server(80, "x" * 300000)
    assert len(visitor.curl("http://vps/", timeout=15)) == 300000


@tap.drawing("""
visitor -- internet -- vps(routed)
internet -- cgnat(v6) -- home -- lan
internet -- cgnat2 -- home
""")
def test_cut_and_mend(lab):
    """a cut wire has no carrier; mended, it carries both families again"""
    home, vps, visitor = lab["home"], lab["vps"], lab["visitor"]
    for a, b in (("cgnat", "home"), ("internet", "cgnat"), ("internet", "vps")):
        lab.wire(a, b).cut()
        assert "NO-CARRIER" in lab[b].run("ip", "link", "show", "dev", lab[b].link(a)).stdout
        assert not home.ping(vps.v4, timeout=0.1)
        lab.wire(a, b).mend()
        assert home.ping(vps.v4, 5, timeout=3) and home.ping(vps.v6, 5, timeout=3), f"{a} -- {b}"
    address = vps.prefix.replace("::/64", "::99")
    vps.add_address(address + "/128")
    assert visitor.ping(address).all, "the routed prefix is routed again"


@tap.drawing("visitor -- internet -- cgnat -- home\ninternet -- cgnat2 -- home")
def test_two_uplinks(lab):
    """a home with two uplinks has two ways out, the first drawn preferred"""
    home, visitor = lab["home"], lab["visitor"]
    server = visitor.http_server(80)
    assert (home.link("cgnat"), home.link("cgnat2")) == ("eth0", "eth1")
    home.curl("http://visitor/")
    home.curl("http://visitor/", "--interface", "eth1")
    home.run("ip", "link", "set", "dev", "eth0", "down")
    home.curl("http://visitor/")
    first, second = lab["cgnat"].v4, lab["cgnat2"].v4
    assert server.visitors == [first, second, second], server.visitors


def test_wireguard(lab):
    """a WireGuard tunnel crosses the cgnat, and nothing of its inside is seen there"""
    home, vps = lab["home"], lab["vps"]
    lab.require("wg")
    seen = lab["cgnat"].capture("internet")
    over, under = tunnel(vps, home)
    inner = home.capture("wg0")
    assert home.ping("10.99.0.1", 3, timeout=5).all, "IPv4 inside"
    assert inner.count(protocol="icmp", icmp_type=8, dst="10.99.0.1", out=True) == 3
    assert home.ping("fd99::1", 3, timeout=5), "IPv6 inside"
    assert vps.ping("10.99.0.2", timeout=5).all, "and back"
    assert under.handshake(over.public_key) > 0
    seen.wait(protocol="udp", dst=vps.v4, dport=51820, out=True)
    seen.none(lambda p: p.src and (p.src.startswith("10.99.") or p.src.startswith("fd99:")))
    vps.http_server(80, "through the tunnel")
    assert home.curl("http://10.99.0.1/") == "through the tunnel"


def test_speed():
    """seven machines cost half a second of the processor, on a slow and busy machine a second"""
    times = []
    for _ in range(5):
        begin, spent = time.monotonic(), sum(os.times()[:4])
        with Lab(DRAWING):
            times.append((time.monotonic() - begin, sum(os.times()[:4]) - spent))
    print("# " + ", ".join(f"{wall * 1000:.0f} ms, {cpu * 1000:.0f} of the processor" for wall, cpu in times))
    assert min(cpu for _, cpu in times) < 1.2 and min(wall for wall, _ in times) < 4


if __name__ == "__main__":
    tap.main(globals())
