#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The client's table, on real packets: answers by the way of the question, and the belt."""
import os
import socket

import tap
from nftsite import Device, Gateway, nft_apply
from process import until

DRAWING = """
visitor -- internet -- vps(routed)
internet -- second:vps(routed)
internet -- home -- container
home -- lan
"""

# Slots with several bits, some of them shared, so that a wrong bit shows.
SLOTS = {"vps": 0x2b, "second": 0x21}
MASK = "0x3f000000"
OUTER = "0x3f000000"


class Home:
    """A client of two gateways, routed as adit does it, with the table under test."""

    def __init__(self, lab):
        self.lab, self.machine, self.visitor = lab, lab["home"], lab["visitor"]
        self.closed, self.more, self.devices = [], [], {}
        for n, name in enumerate(SLOTS):
            gateway = Gateway(lab[name], (59 + n,))
            self.devices[name] = device = Device(gateway, self.machine, 7, subnet=59 + n, link=f"wg{n}")
            self.machine.run("wg", "set", device.link, "fwmark", OUTER)
            self._route(device, SLOTS[name])
            gateway.apply()
        self.vps, self.second = self.devices["vps"], self.devices["second"]
        self.apply()
        for device in self.devices.values():
            assert self.machine.ping(device.gateway.v4, 3, timeout=5)
            assert self.machine.ping(f"10.{device.v4.split('.')[1]}.0.1", 3, timeout=5, source=device.v4)

    def _route(self, device, slot):
        table = 20100 + slot
        for family, own in (("-4", device.v4), ("-6", device.v6)):
            self._ip(family, "route", "add", "default", "dev", device.link, "table", table)
            self._ip(family, "rule", "add", "pref", 1740, "fwmark", f"{slot << 24:#x}/{MASK}", "lookup", table)
            self._ip(family, "rule", "add", "pref", 1748, "from", own, "fwmark", f"0/{MASK}", "lookup", "main",
                     "suppress_prefixlength", 0)
            self._ip(family, "rule", "add", "pref", 1750, "from", own, "fwmark", f"0/{MASK}", "lookup", table)
            self._ip(family, "rule", "add", "pref", 1730, "fwmark", f"{OUTER}/{MASK}", "lookup", "main")
        for link in (device.link, "all"):
            self.machine.sysctl(f"net.ipv4.conf.{link}.rp_filter", 0)

    def _ip(self, *words):
        # The rule for outer packets is one for both gateways.
        self.machine.run("ip", *words, check="1730" not in map(str, words))

    def lines(self):
        uplink = self.machine.link("internet")
        rows = [f"gateway {d.link} {SLOTS[n]} {d.v4} {d.v6}" for n, d in self.devices.items()]
        rows.append(" ".join(["uplink", uplink, *self.closed]))
        net4 = self.machine.v4.rsplit(".", 1)[0] + ".0/24"
        rows.append(f"lan {uplink} {net4}")
        return rows + self.more

    def apply(self):
        return nft_apply(self.machine, "client", lines=self.lines())

    def select(self, name):
        """The default outbound goes through a gateway; None: by the uplink."""
        for family in ("-4", "-6"):
            for pref in (20070, 20060):
                self.machine.run("ip", family, "rule", "del", "pref", pref, check=False)
            if name:
                self.machine.run("ip", family, "rule", "add", "pref", 20060, "lookup", "main",
                                 "suppress_prefixlength", 0)
                self.machine.run("ip", family, "rule", "add", "pref", 20070, "fwmark", f"0/{MASK}",
                                 "lookup", 20100 + SLOTS[name])
        self.closed = ["closed4", "closed6"] if name else []
        self.apply()

    def publish(self, device, protocol, port, internal=None):
        """Open a port of the gateway's, in both families; returns where visitors find it."""
        gateway = device.gateway
        gateway.open(protocol, f"{gateway.v4}:{port}", f"{device.v4}:{internal or port}")
        gateway.open(protocol, f"[{device.v6}]:{port}", f"[{device.v6}]:{internal or port}")
        return gateway.v4, device.v6

    def watch(self):
        """Everything that leaves by the uplink, to be asked later."""
        return self.machine.capture("internet")

    def leaks(self, capture, *addresses):
        """What left by the uplink from an address of the tunnels, or to one of `addresses`."""
        own = {a for d in self.devices.values() for a in (d.v4, d.v6)}
        return [str(p) for p in capture.packets(out=True) if p.src in own or p.dst in addresses]


def test_sockets(lab):
    """a local service answers through the gateway it was asked by, in both families"""
    h = Home(lab)
    page = h.machine.http_server(80, lambda who: f"hello {who}")
    seen = h.watch()
    for device in h.devices.values():
        for address in h.publish(device, "tcp", 80):
            me = h.visitor.v6 if ":" in address else h.visitor.v4
            host = f"[{address}]" if ":" in address else address
            assert h.visitor.curl(f"http://{host}/") == f"hello {me}"
    assert len(page.requests) == 4
    assert not h.leaks(seen, h.visitor.v4, h.visitor.v6)


def test_container(lab):
    """a container behind this machine answers the same way, and finds its own way out as before"""
    h = Home(lab)
    container = lab["container"]
    container.http_server(80, lambda who: f"boxed {who}")
    container.udp_echo(53)
    h.machine.dnat("tcp", 8080, container, 80)
    h.machine.dnat("udp", 5353, container, 53)
    seen = h.watch()
    for device in h.devices.values():
        for address in h.publish(device, "tcp", 443, 8080):
            me = h.visitor.v6 if ":" in address else h.visitor.v4
            host = f"[{address}]" if ":" in address else address
            assert h.visitor.curl(f"http://{host}:443/") == f"boxed {me}"
        for address in h.publish(device, "udp", 53, 5353):
            assert h.visitor.udp_probe(address, 53, 3).all
    assert not h.leaks(seen, h.visitor.v4, h.visitor.v6)
    assert container.ping(h.visitor.v4).all, "by the uplink, as nobody selected a gateway"
    assert h.leaks(seen, h.visitor.v4)


def test_network_manager_marks(lab):
    """the marks that NetworkManager >= 1.54 puts on incoming UDP do not send it back"""
    h = Home(lab)
    container = lab["container"]
    h.machine.nft("table inet nm-wg-x { chain prerouting { type filter hook prerouting priority -150; "
                  "meta l4proto udp meta mark set ct mark; }; }\n")
    container.udp_echo(53)
    h.machine.udp_echo(7)
    h.machine.dnat("udp", 5353, container, 53)
    for address in h.publish(h.vps, "udp", 53, 5353) + h.publish(h.vps, "udp", 7):
        port = 53 if h.visitor.udp_probe(address, 53, 1).all else 7
        assert h.visitor.udp_probe(address, port, 5).all


def test_wildcard_udp(lab):
    """a datagram service on the wildcard address answers from the address that was asked"""
    h = Home(lab)
    h.machine.udp_echo(5000)
    seen = h.watch()
    for device in h.devices.values():
        for address in h.publish(device, "udp", 5000):
            echoes = h.visitor.udp_probe(address, 5000, 5)
            assert echoes.all, f"{address}: {echoes}"
            assert echoes.sources == {address}
    assert not h.leaks(seen, h.visitor.v4, h.visitor.v6)
    # By the uplink it is as it always was.
    assert h.visitor.udp_probe(h.machine.v4, 5000, 2).sources == {h.machine.v4}


def test_same_visitor_everywhere(lab):
    """one socket of a visitor asks by all ways, and gets each answer by its own"""
    h = Home(lab)
    h.machine.udp_echo(5000)
    for device in h.devices.values():
        h.publish(device, "udp", 5000)
    fours = [h.vps.gateway.v4, h.machine.v4, h.second.gateway.v4]
    for addresses in (fours, [h.vps.v6, h.second.v6], fours[::-1], fours[:2] * 2):
        with h.visitor.inside():
            sock = socket.socket(socket.AF_INET6 if ":" in addresses[0] else socket.AF_INET,
                                 socket.SOCK_DGRAM)
        sock.settimeout(2)
        with sock:
            for address in addresses:
                sock.sendto(address.encode(), (address, 5000))
                data, peer = sock.recvfrom(100)
                assert (data.decode(), peer[0]) == (address, address), (data, peer)


def _exchange(a, b, times=2):
    """Both ends of a connection hear each other."""
    for _ in range(times):
        for x, y in ((a, b), (b, a)):
            x.send(b"still here")
            y.settimeout(3)
            assert y.recv(100) == b"still here"


def test_departure(lab):
    """a flow stays with its gateway when another one, or none, is selected"""
    _depart(Home(lab), lab["home"])


def test_departure_container(lab):
    """a container's flow, masqueraded to a gateway's address, stays with that gateway"""
    h = Home(lab)
    h.machine.nft("add rule inet lab postrouting oifname { wg0, wg1 } masquerade\n")
    _depart(h, lab["container"])


def _depart(h, machine):
    with h.visitor.inside():
        server = socket.create_server(("::", 9000), family=socket.AF_INET6, dualstack_ipv6=True)
    server.settimeout(3)
    seen = h.machine.capture()
    for address, wanted in ((h.visitor.v4, h.vps.gateway.v4), (h.visitor.v6, h.vps.v6)):
        h.select("vps")
        client = machine.connect(address, 9000)
        peer, who = server.accept()
        assert who[0].replace("::ffff:", "") == wanted, who
        seen.clear()
        for choice in ("second", None, "vps"):
            h.select(choice)
            _exchange(client, peer)
        seen.none(lambda p: p.out and p.dst == address and p.link in ("wg1", h.machine.link("internet")))


def _break_rules(machine):
    """What networkd does to a machine that did not tell it not to."""
    for family in ("-4", "-6"):
        for pref in (1740, 1748, 1750, 20060, 20070):
            while machine.run("ip", family, "rule", "del", "pref", pref, check=False).ok:
                pass


def test_belt_addresses(lab):
    """with all rules gone, selected or not, nothing of a gateway leaves by another link"""
    h = Home(lab)
    h.machine.udp_echo(5000)
    h.machine.http_server(80)
    for device in h.devices.values():
        h.publish(device, "udp", 5000)
        h.publish(device, "tcp", 80)
    flow = h.visitor.connect(h.vps.gateway.v4, 80)
    flow.send(b"GET / HTTP/1.0\r\n")
    _break_rules(h.machine)
    everything = h.machine.capture()
    flow.send(b"\r\n")
    for device in h.devices.values():
        for address in (device.gateway.v4, device.v6):
            assert not h.visitor.udp_probe(address, 5000, 2, timeout=0.3)
            assert h.visitor.tcp_probe(address, 80, timeout=0.3) == "timeout"
        for target, own in ((h.visitor.v4, device.v4), (h.visitor.v6, device.v6)):
            h.machine.udp_send(target, 9000, source=own)
            h.machine.udp_send(target, 9000, mark=SLOTS["vps"] << 24)
    own = {d.link: {d.v4, d.v6} for d in h.devices.values()}
    addresses = set().union(*own.values())
    for p in everything.packets(out=True):
        if p.src in addresses and p.link != "lo":
            assert p.src in own.get(p.link, ()), p
    assert not [p for p in everything.packets(out=True, protocol="udp", dport=9000) if not p.link.startswith("wg")]
    # Between gateways, too: an address of the one with the mark of the other.
    assert h.machine.run("nft", "list", "chain", "inet", "adit", "belt").stdout.count("packets 0") < 20


def test_belt_closed(lab):
    """while a gateway is selected and the rules are gone, only the LAN is reached by the uplink"""
    h = Home(lab)
    uplink = h.machine.link("internet")
    router = h.machine.gateway_v4
    h.select("vps")
    _break_rules(h.machine)
    seen = h.watch()
    for target in (h.visitor.v4, h.visitor.v6):
        h.machine.udp_send(target, 9000)
        h.machine.ping(target, timeout=0.1)
        assert h.machine.tcp_probe(target, 80, timeout=0.2) == "timeout"
    lab["container"].udp_send(h.visitor.v4, 9000)
    lab["lan"].udp_send(h.visitor.v4, 9000)
    assert not h.leaks(seen, h.visitor.v4, h.visitor.v6)
    # What must go on: the LAN, discovery, the tunnels themselves, the house.
    assert h.machine.ping(router).all
    h.machine.udp_send("224.0.0.251", 5353, device=uplink)
    h.machine.udp_send("ff02::fb", 5353, device=uplink)
    seen.wait(dst="224.0.0.251")
    seen.wait(dst="ff02::fb")
    assert h.machine.ping(lab["lan"].v4).all and h.machine.ping(lab["container"].v6).all
    # Once more each time: wireguard-go may be busy with a handshake of its own and drop one.
    until(lambda: h.machine.udp_send("10.59.0.1", 9000, device="wg0")
          and seen.count(protocol="udp", dst=lab["vps"].v4, dport=51820, out=True), 15, "the tunnel's own packets")


def test_belt_families(lab):
    """closed for one family is open for the other; a bypass mark passes, another does not"""
    h = Home(lab)
    h.closed = ["closed6"]
    h.apply()
    assert h.machine.ping(h.visitor.v4).all
    assert not h.machine.ping(h.visitor.v6, timeout=0.2)
    h.closed, h.more = ["closed4", "closed6"], ["bypass 0x80000 0xff0000"]
    assert h.apply().startswith("rebuilt")
    assert h.machine.ping(h.visitor.v6, mark=0x80000).all
    assert h.machine.ping(h.visitor.v4, mark=0x80001).all
    assert not h.machine.ping(h.visitor.v4, mark=0x90000, timeout=0.2)
    assert not h.machine.ping(h.visitor.v4, timeout=0.2)


def test_belt_strict(lab):
    """in strict mode the list of the LAN is the whole list"""
    h = Home(lab)
    h.closed, h.more = ["closed4", "closed6"], ["strict"]
    h.apply()
    seen = h.watch()
    uplink = h.machine.link("internet")
    h.machine.udp_send("224.0.0.251", 5353, device=uplink)
    h.machine.udp_send("ff02::fb", 5353, device=uplink)
    h.machine.udp_send("169.254.7.7", 9000, device=uplink)
    assert h.machine.ping(h.machine.gateway_v4).all, "the list has it"
    seen.none(lambda p: p.out and p.dst in ("224.0.0.251", "ff02::fb", "169.254.7.7"))


def test_guard_text(lab):
    """the text for nft -f closes the uplink at boot by itself, and does not disturb a running table"""
    h = Home(lab)
    h.select("vps")
    program = os.path.join(lab.build, "tests/netns/nft-apply")
    text = h.machine.run(program, "text", input="\n".join(h.lines()) + "\n").stdout
    h.machine.run("nft", "flush", "ruleset")
    _break_rules(h.machine)
    h.machine.nft(text)
    seen = h.watch()
    h.machine.udp_send(h.visitor.v4, 9000)
    h.machine.udp_send(h.visitor.v6, 9000)
    h.machine.udp_send(h.visitor.v4, 9000, source=h.vps.v4)
    assert h.machine.ping(h.machine.gateway_v4).all
    assert not h.leaks(seen, h.visitor.v4, h.visitor.v6)
    h.machine.nft(text)
    assert h.apply().startswith("rebuilt +0 ~0 -0"), "for the rules that nft cannot be told"
    h.machine.nft(text)


if __name__ == "__main__":
    tap.main(globals())
