#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The server's table, on real packets through real tunnels."""
import socket
import struct

import tap
from process import until
from nftsite import Device, Gateway, nft_apply
from talk import Flow

DRAWING = """
visitor -- internet -- vps(routed)
internet -- home
internet -- laptop:home
internet -- office:home
"""


class Site:
    """Two devices of one subnet and one of another; their services say who asked."""

    def __init__(self, lab):
        self.visitor, self.vps = lab["visitor"], lab["vps"]
        self.gateway = Gateway(self.vps, (59, 60))
        self.home = Device(self.gateway, lab["home"], 2).route()
        self.laptop = Device(self.gateway, lab["laptop"], 3).route()
        self.office = Device(self.gateway, lab["office"], 2, subnet=60).route()
        self.gateway.apply()
        for device in (self.home, self.laptop, self.office):
            assert device.machine.ping("10.59.0.1" if device is not self.office else "10.60.0.1",
                                       3, timeout=5, source=device.v4)

    def url(self, port):
        return f"http://{self.vps.v4}:{port}/"


def test_forward(lab):
    """a mapping in each family reaches the device, with the visitor's own address"""
    s = Site(lab)
    page = s.home.machine.http_server(8443, lambda who: f"hello {who}")
    echo = s.home.machine.udp_echo(5353)
    s.gateway.open("tcp", f"{s.vps.v4}:443", f"{s.home.v4}:8443")
    s.gateway.open("udp", f"{s.vps.v4}:53", f"{s.home.v4}:5353")
    s.gateway.open("tcp", f"[{s.home.v6}]:8443", f"[{s.home.v6}]:8443")
    s.gateway.open("udp", f"[{s.home.v6}]:53", f"[{s.home.v6}]:5353")
    assert s.visitor.curl(s.url(443)) == f"hello {s.visitor.v4}"
    assert s.visitor.curl(f"http://[{s.home.v6}]:8443/") == f"hello {s.visitor.v6}"
    assert s.visitor.udp_probe(s.vps.v4, 53, 3).all
    # Bound, because a wildcard socket may answer from another address: that is the client's business.
    echo.close()
    s.home.machine.udp_echo(5353, s.home.v6)
    assert s.visitor.udp_probe(s.home.v6, 53, 3).all
    assert page.visitors == [s.visitor.v4, s.visitor.v6]


def test_closed(lab):
    """what is not open is not reachable: other ports, the internal port, the other transport"""
    s = Site(lab)
    for port in (80, 443, 8443):
        s.home.machine.http_server(port)
    echo = s.home.machine.udp_echo(443)
    s.gateway.open("tcp", f"{s.vps.v4}:443", f"{s.home.v4}:8443")
    s.gateway.open("tcp", f"[{s.home.v6}]:443", f"[{s.home.v6}]:8443")
    assert s.visitor.tcp_probe(s.home.v6, 443) == "open"
    assert s.visitor.tcp_probe(s.home.v6, 8443, timeout=0.3) == "timeout", "the internal port"
    assert s.visitor.tcp_probe(s.home.v6, 80, timeout=0.3) == "timeout"
    assert s.visitor.tcp_probe(s.vps.v4, 8443) == "refused", "the VPS's own"
    s.visitor.udp_send(s.home.v6, 443)
    s.visitor.udp_send(s.vps.v4, 443)
    assert s.visitor.tcp_probe(s.vps.v4, 443) == "open"
    assert not echo.received


def test_counters(lab):
    """each mapping counts both directions, and a renewal keeps the counts"""
    s = Site(lab)
    s.home.machine.http_server(8443, "x" * 100000)
    four, six = f"{s.vps.v4}:443", f"[{s.home.v6}]:8443"
    s.gateway.open("tcp", four, f"{s.home.v4}:8443", 60000)
    s.gateway.open("tcp", six, six)
    s.visitor.curl(s.url(443))
    s.visitor.curl(f"http://[{s.home.v6}]:8443/")
    for version, external in (("4", four), ("6", six)):
        packets, octets = s.gateway.counter("open" + version, external)
        assert 5 < packets < 200 and octets < 20000, (packets, octets)
        packets, octets = s.gateway.counter("back" + version, external)
        assert packets > 5 and 100000 < octets < 120000, (packets, octets)
    before = s.gateway.counter("back4", four)
    s.gateway.mappings[0] = s.gateway.mappings[0].replace("60000", "120000")
    assert s.gateway.apply() == "kept +0 ~2 -0"
    assert s.gateway.counter("back4", four) == before


def test_revoke(lab):
    """closing ends the flow with the next packet, in both directions and families; others live on"""
    s = Site(lab)
    targets = [(s.vps.v4, 443, f"{s.vps.v4}:443", f"{s.home.v4}:8443"),
               (s.home.v6, 8443, f"[{s.home.v6}]:8443", f"[{s.home.v6}]:8443"),
               (s.home.v6, 443, f"[{s.home.v6}]:443", f"[{s.home.v6}]:8443")]
    s.gateway.open("tcp", f"{s.vps.v4}:22", f"{s.home.v4}:22")
    other = Flow(s.visitor, s.vps.v4, 22, s.home.machine, 22)
    for address, port, external, internal in targets:
        s.gateway.open("tcp", external, internal)
        inbound = Flow(s.visitor, address, port, s.home.machine, 8443)
        outbound = Flow(s.visitor, address, port, s.home.machine, 8443)
        s.gateway.close(external)
        assert not Flow.arrives(inbound.visitor, inbound.device, 0.3), f"{external}: in"
        assert not Flow.arrives(outbound.device, outbound.visitor, 0.3), f"{external}: out"
        assert other.alive()
    assert s.gateway.machine.run("nft", "list", "chain", "inet", "adit_server", "gate").stdout


def test_lease_ends(lab):
    """a lease runs out in the kernel, with nobody to close it, and takes its flow along"""
    s = Site(lab)
    s.gateway.open("tcp", f"{s.vps.v4}:443", f"{s.home.v4}:8443", 1500)
    flow = Flow(s.visitor, s.vps.v4, 443, s.home.machine, 8443)
    s.home.machine.http_server(8443)

    def gone():
        rows = s.vps.run("nft", "list", "map", "inet", "adit_server", "open4").stdout
        return ". 443 " not in rows
    until(gone, 5, "the end of the lease")
    assert not flow.alive(0.3)
    assert s.visitor.tcp_probe(s.vps.v4, 443) == "refused", "now it is the VPS's own port"


def test_conntrack_end(lab):
    """the flows of a mapping are ended by their exact tuples, and no others: for good, but a new one may have their ports"""
    s = Site(lab)
    four, six = f"{s.vps.v4}:443", f"[{s.home.v6}]:8443"
    s.gateway.open("tcp", four, f"{s.home.v4}:8443")
    s.gateway.open("tcp", f"{s.vps.v4}:22", f"{s.home.v4}:22")
    s.gateway.open("tcp", six, six)
    kept = Flow(s.visitor, s.vps.v4, 22, s.home.machine, 22)
    ended = [Flow(s.visitor, s.vps.v4, 443, s.home.machine, 8443) for _ in range(2)]
    ended.append(Flow(s.visitor, s.home.v6, 8443, s.home.machine, 8443))
    assert nft_apply(s.vps, "end", "tcp", four) == "2"
    assert nft_apply(s.vps, "end", "tcp", four) == "0"
    assert nft_apply(s.vps, "end", "tcp", six) == "1"
    assert kept.alive()
    ports = [flow.visitor.getsockname()[1] for flow in ended]
    for flow in ended:
        assert not Flow.arrives(flow.device, flow.visitor, 0.3), "though its port is open"
        assert Flow.is_reset(flow.device) and not Flow.is_reset(flow.visitor)
        flow.visitor.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        flow.visitor.close()
    for port, address, to in zip(ports, (s.vps.v4, s.vps.v4, s.home.v6), (443, 443, 8443)):
        assert Flow(s.visitor, address, to, s.home.machine, 8443, source_port=port).alive(), "the same ports"


def test_subnets(lab):
    """devices of one subnet talk, subnets do not, except through what is open to all"""
    s = Site(lab)
    for device in (s.laptop, s.office):
        device.machine.http_server(80, device.machine.name)
    home = s.home.machine
    for address, own in ((s.laptop.v4, s.home.v4), (s.laptop.v6, s.home.v6)):
        assert home.tcp_probe(address, 80, source=own) == "open"
    for address, own in ((s.office.v4, s.home.v4), (s.office.v6, s.home.v6)):
        assert home.tcp_probe(address, 80, timeout=0.3, source=own) == "timeout"
        assert not home.ping(address, timeout=0.3, source=own)
    s.gateway.open("tcp", f"{s.vps.v4}:443", f"{s.office.v4}:80")
    s.gateway.open("tcp", f"[{s.office.v6}]:80", f"[{s.office.v6}]:80")
    assert home.tcp_probe(s.vps.v4, 443, source=s.home.v4) == "open"
    assert home.tcp_probe(s.office.v6, 80, source=s.home.v6) == "open"
    assert home.tcp_probe(s.office.v4, 80, timeout=0.3, source=s.home.v4) == "timeout"


def test_hairpin(lab):
    """a device reaches itself, and the VPS's own programs reach a device, by the public address"""
    s = Site(lab)
    s.home.machine.http_server(8443, "myself")
    s.gateway.open("tcp", f"{s.vps.v4}:443", f"{s.home.v4}:8443")
    assert s.home.machine.curl(s.url(443), "--interface", s.home.v4) == "myself"
    assert s.vps.curl(s.url(443)) == "myself"
    s.gateway.open("tcp", f"[{s.home.v6}]:80", f"[{s.home.v6}]:8443")
    assert s.vps.curl(f"http://[{s.home.v6}]/") == "myself"


def test_outbound(lab):
    """devices leave by the VPS's address, or their subnet's own; in IPv6 by their own"""
    s = Site(lab)
    seen = s.visitor.udp_echo(9000)
    second = s.vps.v4.rsplit(".", 1)[0] + ".77"
    s.vps.run("ip", "address", "add", f"{second}/24", "dev", s.vps.link("internet"))
    s.gateway.wan.append(f"snat wg0 10.60.0.0/16 {second}")
    s.gateway.apply()
    for device, want in ((s.home, s.vps.v4), (s.office, second)):
        device.machine.udp_send(s.visitor.v4, 9000, source=device.v4, data=b"from " + want.encode())
        device.machine.udp_send(s.visitor.v6, 9000, source=device.v6,
                                data=b"from " + device.v6.encode())
    until(lambda: len(seen.received) == 4, 10, "four datagrams")
    for who, _, data in seen.received:
        assert data.decode() == f"from {who}", (who, data)


def test_invalid(lab):
    """a packet of no flow, which source NAT would not touch, does not leave with a private address"""
    s = Site(lab)
    seen = s.vps.capture("internet")
    with s.home.machine.inside():
        raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_TCP)
    with raw:
        raw.bind((s.home.v4, 0))
        reset = struct.pack("!HHIIBBHHH", 1234, 80, 1, 1, 5 << 4, 0x04, 0, 0, 0)
        pseudo = socket.inet_aton(s.home.v4) + socket.inet_aton(s.visitor.v4) + struct.pack("!HH", 6, 20)
        total = sum(struct.unpack("!16H", pseudo + reset))
        total = (total & 0xffff) + (total >> 16)
        total = ~((total & 0xffff) + (total >> 16)) & 0xffff
        raw.sendto(reset[:16] + struct.pack("!H", total) + reset[18:], (s.visitor.v4, 0))
    assert s.home.machine.ping(s.visitor.v4, source=s.home.v4), "after it, in order"
    seen.none(lambda p: p.out and p.protocol == "tcp")
    rows = s.vps.run("nft", "list", "chain", "inet", "adit_server", "forward").stdout
    assert "ct state invalid counter packets 1 " in rows, "the gate must leave it alone: " + rows


def _mss(packet):
    """The maximum segment size a SYN offers."""
    tcp = packet.frame[14 + (20 if packet.family == 4 else 40):]
    options = tcp[20:(tcp[12] >> 4) * 4]
    while options and options[0] != 0:
        if options[0] == 2:
            return struct.unpack_from("!H", options, 2)[0]
        options = options[1:] if options[0] == 1 else options[options[1]:]
    return None


def test_mss(lab):
    """both ends are told what fits the tunnel, in both families"""
    s = Site(lab)
    s.home.machine.http_server(8443)
    six = f"[{s.home.v6}]:8443"
    s.gateway.open("tcp", f"{s.vps.v4}:443", f"{s.home.v4}:8443")
    s.gateway.open("tcp", six, six)
    # The device believes in jumbo frames: only the server's clamp keeps it small.
    s.home.machine.run("ip", "link", "set", "wg0", "mtu", 9000)
    at_visitor, at_device = s.visitor.capture("internet"), s.home.machine.capture("wg0")
    s.visitor.curl(s.url(443))
    s.visitor.curl(f"http://[{s.home.v6}]:8443/")
    syn_acks = [p for p in at_visitor.packets() if p.protocol == "tcp" and not p.out and
                p.frame[14 + (20 if p.family == 4 else 40) + 13] & 0x12 == 0x12]
    assert sorted(_mss(p) for p in syn_acks) == [1360, 1380], [_mss(p) for p in syn_acks]
    syns = [p for p in at_device.packets() if p.protocol == "tcp" and not p.out]
    assert syns
    offered = [_mss_raw(p) for p in syns]
    assert {m for m in offered if m} == {1360, 1380}, offered


def _mss_raw(packet):
    """The same on a link without Ethernet header."""
    packet.frame = bytes(14) + packet.frame
    tcp = packet.frame[14 + (20 if packet.family == 4 else 40):]
    return _mss(packet) if tcp[13] & 0x02 else None


def test_allow_from(lab):
    """a limited mapping knows its visitors; the others are as before"""
    s = Site(lab)
    s.home.machine.http_server(8443)
    six = f"[{s.home.v6}]:8443"
    s.gateway.mappings += [f"allow tcp {s.vps.v4}:443 {s.visitor.v4}/32",
                           f"allow tcp {s.vps.v4}:444 203.0.113.0/24",
                           f"allow tcp {six} 2001:db8::/32"]
    for port in (443, 444, 445):
        s.gateway.open("tcp", f"{s.vps.v4}:{port}", f"{s.home.v4}:8443")
    s.gateway.open("tcp", six, six)
    assert s.visitor.tcp_probe(s.vps.v4, 443) == "open"
    assert s.visitor.tcp_probe(s.vps.v4, 444, timeout=0.3) == "timeout"
    assert s.visitor.tcp_probe(s.vps.v4, 445) == "open"
    assert s.visitor.tcp_probe(s.home.v6, 8443, timeout=0.3) == "timeout"
    s.gateway.mappings[2] += f" {s.visitor.v6}/64 {s.visitor.v6}/128"
    s.gateway.apply()
    assert s.visitor.tcp_probe(s.home.v6, 8443) == "open"


def test_own_ports(lab):
    """the responder is reached by its mappings only, PCP by devices only"""
    s = Site(lab)
    s.vps.http_server(8308, "redirect")
    s.vps.udp_echo(5351)
    s.gateway.wan.append("responder tcp 8308")
    s.gateway.open("tcp", f"{s.vps.v4}:80", "10.59.0.1:8308")
    server6 = s.gateway.prefix.replace("::/64", "::3b:1")
    s.gateway.open("tcp", f"[{s.home.v6}]:80", f"[{server6}]:8308")
    assert s.visitor.curl(s.url(80)) == "redirect"
    assert s.visitor.curl(f"http://[{s.home.v6}]/") == "redirect"
    assert s.visitor.tcp_probe(s.vps.v4, 8308, timeout=0.3) == "timeout"
    assert not s.visitor.udp_probe(s.vps.v4, 5351, timeout=0.3)
    assert s.home.machine.udp_probe("10.59.0.1", 5351, source=s.home.v4).all
    s.gateway.close(f"{s.vps.v4}:80")
    assert s.visitor.tcp_probe(s.vps.v4, 80) == "refused"


def test_errors(lab):
    """ICMP errors of a mapped flow come through; link-local stays at home"""
    s = Site(lab)
    s.gateway.open("udp", f"{s.vps.v4}:53", f"{s.home.v4}:53")
    s.gateway.open("udp", f"[{s.home.v6}]:53", f"[{s.home.v6}]:53")
    seen = s.visitor.capture("internet")
    s.visitor.udp_send(s.vps.v4, 53)
    s.visitor.udp_send(s.home.v6, 53)
    seen.wait(protocol="icmp", src=s.vps.v4, out=False)  # from the address that was asked
    seen.wait(protocol="icmpv6", icmp_type=1, src=s.home.v6, out=False)
    metadata = s.vps.capture("internet")
    s.home.machine.udp_send("169.254.169.254", 80, source=s.home.v4)
    assert s.home.machine.ping(s.visitor.v4, source=s.home.v4), "after it, in order"
    metadata.none(dst="169.254.169.254")


@tap.drawing("visitor -- internet -- home -- container")
def test_strangers(lab):
    """what this machine forwards for others is none of our business"""
    home, container = lab["home"], lab["container"]
    assert nft_apply(home, "server", lines=["tunnel wg0"]).startswith("rebuilt")
    assert container.ping(lab["visitor"].v4).all
    home.run("nft", "add element inet adit_server tunnel { br0 }")
    home.run("nft", "flush chain inet adit_server forward")
    assert not container.ping(lab["visitor"].v4, timeout=0.3), "the policy is to drop"


def test_rebuild(lab):
    """a table that another hand has changed is made anew under a running flow"""
    s = Site(lab)
    s.gateway.open("tcp", f"{s.vps.v4}:443", f"{s.home.v4}:8443")
    flow = Flow(s.visitor, s.vps.v4, 443, s.home.machine, 8443)
    before = s.gateway.counter("back4", f"{s.vps.v4}:443")
    s.vps.run("nft", "flush", "chain", "inet", "adit_server", "forward")
    assert s.gateway.apply().startswith("rebuilt")
    assert s.gateway.counter("back4", f"{s.vps.v4}:443") == before
    assert flow.alive()
    assert s.gateway.apply() == "kept +0 ~0 -0"


if __name__ == "__main__":
    tap.main(globals())
