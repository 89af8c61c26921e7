#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The thin path through everything: a profile imported at home, a port on the VPS, a visitor."""
import re

import tap
from process import until
from story import Client, Server, embed

# What a daemon says when it changed something.
SENT = re.compile(r"INFO: .*(kernel|ports): ")

DRAWING = """
visitor -- internet -- vps
internet -- cgnat -- home
"""


def begin(lab, prefix="vps"):
    """(server, client, GUA of the home machine), published on 443, nothing listening yet."""
    vps, home = lab["vps"], lab["home"]
    prefix = vps.prefix if prefix == "vps" else prefix
    server = Server(vps, prefix).start()
    profile = server.device("nas", "10.59.0.2")
    server.publish(443, "nas", families=(4, 6) if prefix else (4,))
    client = Client(home).start()
    client.enrol("home", profile)
    return server, client, prefix and embed(prefix, "10.59.0.2")


def state(machine):
    """What a removal must restore."""
    return machine.sh("ip -j rule; ip -6 -j rule; ip -j route show table all; ip -6 -j route show table all;"
                      "ip -j link | sed 's/\"stats.*//'; nft list ruleset; find /etc/adit/gateways /var/lib/adit/gateways -type f 2>/dev/null || :").stdout


def test_visitor(lab):
    """a visitor fetches a page through the tunnel over IPv4 and over the machine's own IPv6 address"""
    vps, home, visitor = lab["vps"], lab["home"], lab["visitor"]
    _, _, gua = begin(lab)
    page = home.http_server(443, "from behind CGNAT\n")
    for url in (f"http://{vps.v4}:443/", f"http://[{gua}]:443/"):
        assert until(lambda u=url: visitor.curl(u, check=False).stdout, 15, url) == "from behind CGNAT\n"
    assert set(page.visitors) == {visitor.v4, visitor.v6}, page.visitors


def test_only_what_was_asked(lab):
    """other ports stay closed, and home's other traffic does not enter the tunnel"""
    vps, home, visitor = lab["vps"], lab["home"], lab["visitor"]
    _, _, gua = begin(lab)
    home.http_server(443)
    home.http_server(8080)
    until(lambda: visitor.curl(f"http://{vps.v4}:443/", check=False).ok, 15, "the published port")
    assert not visitor.curl(f"http://{vps.v4}:8080/", check=False, timeout=2).ok
    assert not visitor.curl(f"http://[{gua}]:8080/", check=False, timeout=2).ok
    site = visitor.http_server(80)
    tunnel = home.capture("home")
    assert home.curl(f"http://{visitor.v4}/")
    tunnel.none(dst=visitor.v4)
    assert site.visitors == [lab["cgnat"].v4]


def test_reload_keeps_flows(lab):
    """adding a port by reload interrupts nobody: one connection lives on, the interface is the same"""
    vps, home, visitor = lab["vps"], lab["home"], lab["visitor"]
    server, _, _ = begin(lab)
    home.http_server(443)
    home.http_server(8443, "second\n")
    until(lambda: visitor.curl(f"http://{vps.v4}:443/", check=False).ok, 15, "the published port")
    before = vps.run("ip", "-o", "link", "show", "adit0").stdout.split(":")[0]
    server.publish(8443, "nas")
    server.reload()
    assert visitor.curl(f"http://{vps.v4}:8443/") == "second\n"
    assert vps.run("ip", "-o", "link", "show", "adit0").stdout.split(":")[0] == before


def test_restart(lab):
    """both daemons killed and started again: nothing is sent to the kernel, the page still comes"""
    vps, home, visitor = lab["vps"], lab["home"], lab["visitor"]
    server, client, _ = begin(lab)
    home.http_server(443, "still here\n")
    until(lambda: visitor.curl(f"http://{vps.v4}:443/", check=False).ok, 15, "the published port")
    assert SENT.search(server.process.output()) and SENT.search(client.process.output())
    server.process.kill()
    client.process.kill()
    assert visitor.curl(f"http://{vps.v4}:443/") == "still here\n"
    server.start()
    client.start()
    for daemon in (server, client):
        assert not SENT.search(daemon.process.output()), daemon.process.output()
    assert visitor.curl(f"http://{vps.v4}:443/") == "still here\n"


def test_remove(lab):
    """`adit remove` and `adit-server down` leave both machines byte for byte as they were"""
    vps, home = lab["vps"], lab["home"]
    before = state(home), state(vps)
    server, client, _ = begin(lab)
    assert state(home) != before[0] and state(vps) != before[1]
    client.adit("remove", "home")
    assert state(home) == before[0]
    server.process.stop()
    vps.run("adit-server", "down")
    assert state(vps) == before[1]


def test_routed_prefix(lab):
    """the same with a routed prefix: no neighbour is proxied"""
    vps, home, visitor = lab["vps"], lab["home"], lab["visitor"]
    _, _, gua = begin(lab)
    home.http_server(443, "routed\n")
    assert until(lambda: visitor.curl(f"http://[{gua}]:443/", check=False).stdout, 15, gua) == "routed\n"
    assert not vps.run("ip", "-6", "neigh", "show", "proxy").stdout


test_routed_prefix.drawing = DRAWING.replace("-- vps", "-- vps(routed)")


def test_bad_input(lab):
    """bad input: one sentence that names what, where and why, and nothing changed"""
    home = lab["home"]
    client = Client(home).start()
    before = state(home)
    home.write("/root/bad.conf", "[Interface]\nPrivateKey = x\n")
    said = client.adit("import", "/root/bad.conf", check=False)
    assert said.code == 1 and "bad.conf:2: PrivateKey" in said.stderr, said.stderr
    said = client.adit("import", "/root/none.conf", check=False)
    assert said.code == 3 and "/root/none.conf" in said.stderr, said.stderr
    said = client.adit("remove", "nobody", check=False)
    assert said.code == 3 and "nobody: no such gateway" in said.stderr, said.stderr
    client.process.stop()
    said = client.adit("list", check=False)
    assert said.code == 5 and "aditd" in said.stderr, said.stderr
    assert state(home) == before


if __name__ == "__main__":
    tap.main(globals())
