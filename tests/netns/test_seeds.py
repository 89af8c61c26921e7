#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Behaviours that people knew from what was there before adit, each by its name; docs/proof.md has the others."""
import base64
import json
import os
import re
from concurrent.futures import ThreadPoolExecutor

import tap
from policysite import Site, rules
from process import until
from story import Client, Server, embed

RESPONSE = 92  # bytes of WireGuard's second message; after it, data is of another length

DRAWING = """
visitor -- internet -- vps
internet -- cgnat -- home -- lan
internet -- second:cgnat -- phone:home
"""


def test_full_tunnel(lab):
    """a full-tunnel profile, 0.0.0.0/0 and ::/0, is imported and captures nothing; selected it carries both families"""
    vps, home, visitor = lab["vps"], lab["home"], lab["visitor"]
    server = Server(vps, vps.prefix).start()
    profile = server.device("laptop", "10.59.0.2", "--kind", "client", "--full")
    assert "0.0.0.0/0, ::/0" in profile, profile
    client = Client(home).start()
    before = [home.run("ip", family, "route").stdout for family in ("-4", "-6")]
    client.enrol("full", profile)
    until(lambda: home.ping("10.59.0.1", timeout=0.5), 15, "the tunnel")
    assert [home.run("ip", family, "route").stdout for family in ("-4", "-6")] == before, "main is as it was"
    assert not any(rule.get("priority", 0) in (20060, 20070) for rule in rules(home))
    site = visitor.http_server(80, lambda who: f"{who}\n")
    tunnel = home.capture("full")
    assert home.curl(f"http://{visitor.v4}/") == f"{lab['cgnat'].v4}\n"
    assert home.tcp_probe(visitor.v6, 80) == "unreachable", "its provider has no IPv6, and no other was chosen"
    tunnel.none(dst=visitor.v4)
    client.adit("default", "full")
    assert home.curl(f"http://{visitor.v4}/") == f"{vps.v4}\n"
    assert home.curl(f"http://[{visitor.v6}]/") == f"{embed(vps.prefix, '10.59.0.2')}\n"
    assert site.visitors[-2:] == [vps.v4, embed(vps.prefix, "10.59.0.2")]
    client.adit("default", "none")
    assert home.curl(f"http://{visitor.v4}/") == f"{lab['cgnat'].v4}\n"


def test_proxied_neighbours(lab):
    """proxied neighbours appear with their device, survive thirty changes at once and a crash, and go with it"""
    vps = lab["vps"]
    server = Server(vps, vps.prefix).start()

    def change(n):
        server.admin("device", "add", f"d{n}", "--ip", f"10.59.0.{n}", "--out", f"/root/d{n}.conf", timeout=30)
        if n % 3 == 0:
            server.admin("device", "remove", f"d{n}", timeout=30)

    with ThreadPoolExecutor(6) as pool:
        list(pool.map(change, range(2, 32)))

    def proxied():
        return {row.split()[0] for row in vps.run("ip", "-6", "neigh", "show", "proxy").stdout.splitlines()}

    def led():
        return {row.split()[0] for row in vps.run("ip", "-6", "route", "show", "proto", "173").stdout.splitlines()}

    devices = {embed(vps.prefix, f"10.59.0.{n}") for n in range(2, 32) if n % 3}
    own = embed(vps.prefix, "10.59.0.1")
    assert proxied() == devices | {own} and led() == devices, (proxied(), led())
    server.process.kill()
    vps.run("ip", "-6", "neigh", "del", "proxy", min(devices), "dev", "eth0")
    stranger = vps.prefix.replace("::/64", "::77")
    vps.run("ip", "-6", "neigh", "add", "proxy", stranger, "dev", "eth0")
    server.run()
    until(lambda: proxied() == devices | {own, stranger}, 5, "what was taken away, and a stranger's untouched")
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda n: n % 3 and server.admin("device", "remove", f"d{n}", timeout=30), range(2, 32)))
    assert proxied() == {own, stranger} and not led()


def quick(machine, name, profile):
    """Up, as any WireGuard user does it."""
    machine.write(f"/etc/wireguard/{name}.conf", profile, 0o600)
    machine.run("wg-quick", "up", name, timeout=30)


def test_road_warrior(lab):
    """a phone with a plain WireGuard app, split and full: the LAN behind another device, and the Internet by its own way or ours"""
    vps, home, phone, lan, visitor = (lab[n] for n in ("vps", "home", "phone", "lan", "visitor"))
    server = Server(vps, vps.prefix).start()
    network = re.sub(r"\d+$", "0/24", lan.v4)
    client = Client(home).start()
    client.enrol("home", server.device("nas", "10.59.0.2", "--route", network))
    client.adit("share", network)
    lan.http_server(80, "the printer\n")
    visitor.http_server(80, lambda who: f"{who}\n")
    code = server.device("seen", None, "--kind", "client", "--qr")
    assert "█" in code and "PrivateKey" not in code
    for form, seen in (("--split", lab["second"].v4), ("--full", vps.v4)):
        more = ("--network", network) if form == "--split" else ()
        profile = server.device(f"phone{form}", None, "--kind", "client", form, *more)
        assert not re.search("^(Table|FwMark)", profile, re.M), "an app knows no such keys"
        quick(phone, "adit", profile)
        until(lambda: phone.curl(f"http://{lan.v4}/", check=False).stdout == "the printer\n", 15, "the LAN")
        assert phone.curl(f"http://{visitor.v4}/") == f"{seen}\n", form
        assert phone.ping("10.59.0.2", timeout=3), "the other device"
        if form == "--full":
            assert phone.curl(f"http://[{visitor.v6}]/").startswith(vps.prefix.split("::")[0]), "a GUA of its own"
        phone.run("wg-quick", "down", "adit", timeout=30)


def random_key():
    return base64.b64encode(os.urandom(32)).decode()


def test_wrong_keys(lab):
    """several devices, each with keys of its own: with another's preshared key, or a stranger's key, there is no handshake"""
    vps, home, phone = lab["vps"], lab["home"], lab["phone"]
    server = Server(vps, vps.prefix).start()
    first, second = (server.device(name, None, "--kind", "client", "--split") for name in ("first", "second"))

    def shaken():
        rows = json.loads(server.admin("device", "list", "--json").stdout)
        return {row["name"]: bool(row["last-handshake"]) for row in rows}

    quick(home, "adit", first)
    until(lambda: home.ping("10.59.0.1", timeout=0.5), 15, "the first")
    for what, profile in (("another's preshared key", re.sub("PresharedKey = .*", f"PresharedKey = {random_key()}", second)),
                          ("a stranger's key", re.sub("PrivateKey = .*", f"PrivateKey = {random_key()}", second)),
                          ("no preshared key", re.sub("PresharedKey = .*\n", "", second))):
        asked = vps.capture("internet")
        quick(phone, "adit", profile)
        phone.udp_send("10.59.0.1", 9)
        asked.wait(protocol="udp", dport=51820, timeout=15, src=lab["second"].v4)
        # What is behind it in the server's queue was answered: so it is refused, not merely late.
        assert home.ping("10.59.0.1", 20, interval=0.02).all
        # A preshared key counts from the answer on: the server may send one, the device cannot read it.
        asked.none(lambda p: p.dst == lab["second"].v4 and len(p.payload) != RESPONSE, protocol="udp")
        if what == "a stranger's key":
            asked.none(dst=lab["second"].v4)
        assert shaken() == {"first": True, "second": False}, (what, shaken())
        phone.run("wg-quick", "down", "adit", timeout=30)
    quick(phone, "adit", second)
    until(lambda: phone.ping("10.59.0.1", timeout=0.5), 15, "the second, with its own keys")
    assert home.ping("10.59.0.1", timeout=2) and shaken() == {"first": True, "second": True}


def test_seeded(lab):
    """at start manual and automatic pinholes are open again before anybody asks, those that were off stay off"""
    site = Site(lab, "vps")
    gate, visitor = site.gates[0], site.visitor
    for port in (80, 8080):
        site.home.http_server(port, f"{port}\n")
    gate.server.admin("pinhole", "set-enabled", "nas:8080/tcp", "off")
    gate.server.process.stop()
    gate.vps.sh("nft delete table inet adit_server; ip link del adit0; ip -6 route flush proto 173")
    assert visitor.tcp_probe(gate.gua, 80, timeout=0.5) != "open"
    gate.server.run()
    for where in (f"[{gate.gua}]", gate.public):
        assert until(lambda w=where: visitor.curl(f"http://{w}:80/", check=False).stdout, 15, where) == "80\n"
    assert visitor.tcp_probe(gate.gua, 8080, timeout=0.5) != "open"


if __name__ == "__main__":
    tap.main(globals())
