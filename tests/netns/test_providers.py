#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The provider matrix: on every kind of VPS of docs/providers.md a visitor reaches a device, in the families there are.

The gateway of each provider behaves as such gateways do: it asks for the neighbours of what is on the link, routes
what is routed without asking, translates 1:1, and drops what is not the VPS's own.
"""
import json
import re
from ipaddress import ip_address, ip_network

import tap
from process import until
from story import Client, Server

DRAWING = """
visitor -- internet -- vps{options}
internet -- cgnat -- home
"""


def on(*options):
    """The drawing with a VPS of this kind."""
    return tap.drawing(DRAWING.format(options=f"({', '.join(options)})" if options else ""))


class Site:
    """A server set up as docs/providers.md says, and a device of it with a page."""

    def __init__(self, lab, *options, server=None):
        self.lab, self.vps, self.home, self.visitor = lab, lab["vps"], lab["home"], lab["visitor"]
        self.server = server or Server(self.vps).run()
        self.notes = self.server.admin("setup", *options).stderr
        self.client = Client(self.home).start()
        self.client.enrol("tunnel", self.server.device("nas"))
        self.row = self.rows()[0]
        self.gua = self.row["ipv6"]
        self.page = self.home.http_server(443, "here\n")

    def rows(self):
        return json.loads(self.server.admin("device", "list", "--json").stdout)

    def reached(self, address, who):
        """The page comes at this address, and the visitor is seen by his own."""
        where = f"http://{f'[{address}]' if ':' in address else address}:443/"
        assert until(lambda: self.visitor.curl(where, check=False, timeout=3).stdout, 20, where) == "here\n"
        assert self.page.visitors[-1] == who, self.page.visitors

    def both(self):
        self.server.admin("publish", "nas", "443", "--ip-version", "both")
        self.reached(self.vps.public_v4, self.visitor.v4)
        self.reached(self.gua, self.visitor.v6)
        # And outwards by that address: what the device sends itself comes back to it.
        assert self.home.ping(self.visitor.v6, 2, source=self.gua).all

    def proxied(self):
        return self.vps.run("ip", "-6", "neigh", "show", "proxy").stdout

    def no_traces(self):
        """Of the device's address, once it is gone."""
        self.server.admin("device", "remove", "nas")
        assert self.gua not in self.proxied() + self.vps.run("ip", "-6", "route").stdout


def routed(lab, length):
    vps = lab["vps"]
    assert ip_network(vps.prefix).prefixlen == length
    asked = lab["internet"].capture("vps")
    site = Site(lab, "--ipv6", vps.prefix)
    site.both()
    assert ip_address(site.gua) in ip_network(vps.prefix)
    assert site.gua not in site.proxied()
    inside = ip_network(vps.prefix)
    asked.none(lambda p: p.icmp_type == 135 and any(a in inside for a in [_asked_for(p)]))
    site.no_traces()


def _asked_for(packet):
    """The address a neighbour solicitation is about."""
    return ip_address(packet.payload[:16])


@on("routed/48")
def test_routed_48(lab):
    """a routed /48: nobody is asked for a neighbour, the device is reached and leaves by its address"""
    routed(lab, 48)


@on("routed/56")
def test_routed_56(lab):
    """a routed /56"""
    routed(lab, 56)


@on("routed/64")
def test_routed_64(lab):
    """a routed /64"""
    routed(lab, 64)


def onlink(lab, *options, server=None):
    """What setup finds by itself, and answers for."""
    asked = lab["internet"].capture("vps")
    site = Site(lab, *options, server=server)
    site.both()
    assert ip_address(site.gua) in ip_network(lab["vps"].prefix)
    assert site.gua not in (lab["vps"].v6, lab["vps"].gateway_v6), "it is somebody else's"
    assert site.gua in site.proxied()
    assert asked.packets(lambda p: p.icmp_type == 135 and str(_asked_for(p)) == site.gua), "the router did not ask"
    return site


@on()
def test_onlink_64(lab):
    """an on-link /64, found by setup: the provider's router asks for the device, the server answers for it"""
    onlink(lab).no_traces()


@on("ra")
def test_onlink_ra(lab):
    """an on-link /64 whose default route comes by advertisement: it stays once this machine forwards"""
    site = onlink(lab)
    assert site.vps.sysctl("net.ipv6.conf.eth0.accept_ra") == "2"
    site.no_traces()


def server_address(site):
    """In the tunnel: nobody else's, and the router is still to be reached."""
    row = json.loads(site.server.admin("subnet", "list", "--json").stdout)[0]
    assert row["server6"] not in (None, site.vps.v6, site.vps.gateway_v6), row
    assert site.vps.ping(site.vps.gateway_v6, 1, timeout=5), "it is taken for this machine"
    return row


@on("onlink/124")
def test_onlink_124(lab):
    """an on-link /124, whose ::1 is the router's: a network in which nobody gets it, no two alike, the last refused"""
    site = onlink(lab)
    assert "room for 5 devices" in site.notes, site.notes
    taken = {lab["vps"].v6, lab["vps"].gateway_v6, server_address(site)["server6"]}
    for n in range(20):
        said = site.server.admin("device", "add", f"more{n}", check=False)
        if not said.ok:
            break
    assert said.code == 4, said
    rows = site.rows()
    mine = {r["ipv6"] for r in rows if r["ipv6"]}
    assert len(mine) == len(rows) == 5 and not mine & taken, mine
    site.reached(site.gua, site.visitor.v6)
    site.no_traces()


@on("onlink/112")
def test_onlink_112(lab):
    """an on-link /112, whose ::1 is the router's: a network that would take it is refused, the one named instead works"""
    vps = lab["vps"]
    server = Server(vps).run()
    said = server.admin("setup", "--subnet", "10.59.0.0/24", check=False)
    assert said.code == 4 and f"{vps.gateway_v6}, which the provider's router has" in said.stderr, said
    other = re.search(r"--subnet (\S+)", said.stderr)[1]
    site = onlink(lab, "--subnet", other, server=server)
    assert server_address(site)["network"] == other
    server.admin("device", "remove", "nas")
    server.admin("subnet", "remove", other)
    server.admin("setup", "--ipv6", "auto")
    server_address(site)


@on("v4only")
def test_none(lab):
    """no IPv6: IPv4 ports work, a choice that cannot hold is refused and opens nothing"""
    site = Site(lab)
    assert not site.gua
    said = site.server.admin("publish", "nas", "443", "--ip-version", "both", check=False)
    assert said.code == 4 and "IPv6" in said.stderr, said
    assert json.loads(site.server.admin("mappings", "--json").stdout) == []
    network = json.loads(site.server.admin("subnet", "list", "--json").stdout)[0]["network"]
    said = site.server.admin("subnet", "set-ipv6", network, "--prefix", "2001:db8::/64", check=False)
    assert said.code == 4 and "default route" in said.stderr, said
    site.server.admin("publish", "nas", "443", "--ip-version", "4")
    site.reached(site.vps.public_v4, site.visitor.v4)


@on("nat")
def test_one_to_one(lab):
    """1:1 NAT: the machine has a private IPv4 address only; named the public one, it is reached by it, and by IPv6"""
    vps = lab["vps"]
    assert vps.public_v4 != vps.v4
    site = Site(lab, "--endpoint", vps.public_v4)
    site.both()
    assert not site.visitor.curl(f"http://{vps.v4}:443/", check=False, timeout=1).ok


@on()
def test_two_addresses(lab):
    """two public IPv4 addresses: a subnet on each, with the same port on both, and each leaves by its own"""
    vps, visitor = lab["vps"], lab["visitor"]
    second = str(ip_address(vps.v4) + 1)
    vps.add_address(f"{second}/24", "internet")
    site = Site(lab)
    site.server.admin("subnet", "add", "10.60.0.0/24", "--name", "other")
    site.server.admin("subnet", "set-wan", "10.60.0.0/24", second)
    site.client.enrol("other", site.server.device("box", None, "--subnet", "10.60.0.0/24"))
    box = next(r for r in site.rows() if r["name"] == "box")["ipv4"]
    site.server.admin("forward", "add", "443", "nas")
    site.server.admin("forward", "add", "443", "box:8443")
    other = site.home.http_server(8443, "there\n")
    site.reached(vps.v4, visitor.v4)
    assert until(lambda: visitor.curl(f"http://{second}:443/", check=False, timeout=3).stdout, 20, second) == "there\n"
    assert other.visitors == [visitor.v4]
    seen = visitor.capture("internet")
    assert site.home.ping(visitor.v4, 1, source=box, timeout=5)
    assert {p.src for p in seen.packets(icmp_type=8)} == {second}


if __name__ == "__main__":
    tap.main(globals())
