#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Another IPv6 prefix on a server at work: the home machine learns its address over the tunnel, old and new overlap."""
import ipaddress
import json
import re
import time

import tap
from process import until
from publishing import begin, fetch, published
from story import embed
from test_hooks import Hooks

ROUTED = """
visitor -- internet -- vps(routed/56)
internet -- cgnat -- home
"""
ONLINK = """
visitor -- internet(trusting) -- vps
internet -- cgnat -- home
"""
OUTAGE = 10  # seconds, the most


def two_networks(vps):
    """Two /64 of what is routed to the VPS."""
    return [str(net) for net, _ in zip(ipaddress.ip_network(vps.prefix).subnets(new_prefix=64), range(2))]


def page(visitor, gua):
    return fetch(visitor, f"http://[{gua}]:443/").stdout == "page\n"


def addresses(client):
    return re.search(r"^Address = (.*)$", client.adit("export", "home").stdout, re.MULTILINE)[1].split(", ")


def start(lab, prefix, by_hand=True):
    """A page that the home machine publishes itself, and one by hand; (server, client, publisher, gua)."""
    lab["vps"].prefix = prefix
    server, client, publisher, gua = begin(lab)
    lab["home"].http_server(443, "page\n")
    lab["home"].http_server(8080, "by hand\n")
    client.adit("publish", "443", "--no-redirect", timeout=20)
    if by_hand:
        server.publish(8080, "nas")
    until(lambda: page(lab["visitor"], gua), 10, "the page")
    return server, client, publisher, gua


def outage(visitor, gua, since):
    until(lambda: page(visitor, gua), 30, f"the page at {gua}")
    took = time.monotonic() - since
    print(f"# the new address serves after {took:.2f} s")
    assert took < OUTAGE, took


def test_set_ipv6(lab):
    """set-ipv6 at work: the new address serves within 10 s and without a new profile, the old one for Overlap= besides"""
    vps, home, visitor = lab["vps"], lab["home"], lab["visitor"]
    first, second = two_networks(vps)
    vps.write("/etc/adit/server.conf", "[Daemon]\nOverlap = 20s\n")
    hooks = Hooks(home).start()
    server, client, _, old = start(lab, first)
    new = embed(second, "10.59.0.2")
    slot = client.adit("list", "--json").stdout
    index = home.read("/sys/class/net/home/ifindex")
    hooks.until_told("the old address", ADIT_EVENT="published", ADIT_OUTSIDE_ADDRESS=old)
    talk = visitor.connect(vps.v4, 443)
    begun = time.monotonic()
    said = server.admin("subnet", "set-ipv6", "home", "--prefix", second)
    assert f"{first} is served besides for" in said.stderr, said
    outage(visitor, new, begun)
    assert page(visitor, old), "the old address is gone before its time"
    for gua in (old, new):
        assert fetch(visitor, f"http://[{gua}]:8080/").stdout == "by hand\n", gua
    server.process.stop()
    server.run()
    assert page(visitor, old), "what the device opened at the old address is gone with a restart"
    server.process.stop()
    server.run()
    assert page(visitor, old), "what the device opened at the old address is gone with a restart"
    assert [a.split("/")[0] for a in addresses(client)] == ["10.59.0.2", new, old]
    hooks.until_told("the new address", ADIT_EVENT="published", ADIT_OUTSIDE_ADDRESS=new)
    assert published(client)["443/tcp", 6]["outside"] == f"[{new}]:443"
    assert json.loads(client.adit("list", "--json").stdout)[0]["slot"] == json.loads(slot)[0]["slot"]
    assert home.read("/sys/class/net/home/ifindex") == index
    talk.send(b"GET / HTTP/1.0\r\n\r\n")
    assert b"200" in talk.recv(4096), "a flow of IPv4 has ended"
    until(lambda: [a.split("/")[0] for a in addresses(client)] == ["10.59.0.2", new], 40, "the end of the overlap")
    until(lambda: not page(visitor, old), 10, "the old address to close")
    assert page(visitor, new)
    assert old not in home.run("ip", "-6", "addr").stdout + vps.run("wg", "show", "adit0", "allowed-ips").stdout


def test_away(lab):
    """aditd and publisher away meanwhile, a prefix for a device that had none: they learn it when they are back"""
    vps, visitor = lab["vps"], lab["visitor"]
    first, second = two_networks(vps)
    server, client, publisher, _ = start(lab, first, by_hand=False)
    client.process.kill()
    publisher.process.kill()
    server.admin("subnet", "set-ipv6", "home", "--prefix", second)
    client.start()
    publisher.start()
    until(lambda: page(visitor, embed(second, "10.59.0.2")), 20, "the new address")
    server.admin("subnet", "set-ipv6", "home")
    until(lambda: [a.split("/")[0] for a in addresses(client)] == ["10.59.0.2"], 20, "no address of IPv6")
    server.admin("subnet", "set-ipv6", "home", "--prefix", first)
    until(lambda: page(visitor, embed(first, "10.59.0.2")), 20, "an address of IPv6 again")


def test_follows(lab):
    """--prefix auto: another network of the WAN becomes the devices', proxied, within 10 s; the old goes with its own"""
    vps, visitor, internet = lab["vps"], lab["visitor"], lab["internet"]
    first, second = vps.prefix, "2a11:77:1::/64"
    server, client, _, old = start(lab, first)
    server.admin("subnet", "set-ipv6", "home", "--prefix", "auto")
    assert json.loads(server.admin("subnet", "list", "--json").stdout)[0]["ipv6"] == first
    internet.add_address("2a11:77:1::1/64", "vps")
    vps.add_address("2a11:77:1::2/64", "internet")
    assert page(visitor, old), "the first network goes on as long as it is there"
    begun = time.monotonic()
    link = vps.link("internet")
    vps.run("ip", "addr", "change", f"{vps.v6}/64", "dev", link, "valid_lft", "forever", "preferred_lft", "0")
    outage(visitor, embed(second, "10.59.0.2"), begun)
    assert page(visitor, old), "its network is still there"
    proxied = vps.run("ip", "-6", "neigh", "show", "proxy").stdout
    assert embed(second, "10.59.0.2") in proxied and old in proxied, proxied
    assert f"home 2a11:77:1::/64" in " ".join(server.admin("subnet", "list").stdout.split()) or \
        json.loads(server.admin("subnet", "list", "--json").stdout)[0]["ipv6"] == second


test_set_ipv6.drawing = test_away.drawing = ROUTED
test_follows.drawing = ONLINK

if __name__ == "__main__":
    tap.main(globals())
