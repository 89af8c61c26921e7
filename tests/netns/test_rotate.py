#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Another key agreed on over the tunnel: addresses, ports and flows stay, and whatever dies, a key works."""
import base64
import json
import re
import time

import tap
from process import until
from publishing import DRAWING, begin, fetch, published
from story import Client, Publisher, Server

KEY = re.compile(r"^PrivateKey = (.*)$", re.MULTILINE)


def key_of(client):
    return KEY.search(client.adit("export", "home").stdout)[1]


def held(server, name="nas"):
    return json.loads(server.admin("device", "show", name, "--json").stdout)["public-key"]


def public(lab, private):
    return lab["vps"].run("wg", "pubkey", input=private).stdout.strip()


def mappings(server):
    return [m["key"] for m in json.loads(server.admin("mappings", "--json").stdout)]


def start(lab):
    """A published page, and all that must not change."""
    server, client, publisher, gua = begin(lab)
    lab["home"].http_server(443, "page\n")
    client.adit("publish", "443", timeout=20)
    return server, client, publisher, gua


def assert_serves(lab, gua):
    for url in (f"http://{lab['vps'].v4}:443/", f"http://[{gua}]:443/"):
        until(lambda u=url: fetch(lab["visitor"], u).stdout == "page\n", 20, url)


def switchovers(lab):
    return lab["home"].run("ls", "/var/lib/adit/switchovers", check=False).stdout.split()


def assert_settled(lab, server, client):
    """One key at both ends, and no second one kept anywhere."""
    until(lambda: not switchovers(lab), 60, "the switchover to end")
    until(lambda: held(server) == public(lab, key_of(client)), 10, "both ends to have one key")
    until(lambda: len(lab["vps"].run("wg", "show", "adit0", "peers").stdout.split()) == 1, 10, "one peer")


def test_rotate(lab):
    """adit rotate: another key within 2 s, the same link, addresses, leases and flows; nothing of it leaves the tunnel"""
    home, vps, visitor = lab["home"], lab["vps"], lab["visitor"]
    server, client, _, gua = start(lab)
    mapped, before = mappings(server), client.adit("export", "home").stdout
    index = home.read("/sys/class/net/home/ifindex")
    talk = visitor.connect(vps.v4, 443)
    uplink, inside = home.capture("cgnat"), home.capture("home")
    begun = time.monotonic()
    said = client.adit("rotate", "home", timeout=30)
    took = time.monotonic() - begun
    assert "another key is in force" in said.stdout, said
    after = client.adit("export", "home").stdout
    assert KEY.search(before)[1] != KEY.search(after)[1]
    assert KEY.sub("", before) == KEY.sub("", after)
    assert_settled(lab, server, client)
    assert home.read("/sys/class/net/home/ifindex") == index
    assert "10.59.0.2/32" in vps.run("wg", "show", "adit0", "allowed-ips").stdout
    talk.send(b"GET / HTTP/1.0\r\n\r\n")
    assert b"200" in talk.recv(4096), "the connection of before has ended"
    assert_serves(lab, gua)
    assert mappings(server) == mapped
    assert {r["state"] for r in published(client).values()} == {"published"}
    # The new public key passes inside the tunnel, and nothing but the tunnel passes outside it.
    key = base64.b64decode(held(server))
    assert inside.count(lambda p: key in p.frame and b"ADIT" in p.frame) >= 2
    port = int(re.search(r"Endpoint = .*:(\d+)", after)[1])
    uplink.none(lambda p: key in p.frame or b"ADIT" in p.frame or held(server).encode() in p.frame)
    uplink.none(lambda p: p.protocol != "arp" and p.protocol != "icmpv6" and port not in (p.sport, p.dport))
    for private in (KEY.search(before)[1], KEY.search(after)[1]):
        assert private not in client.process.output() + server.process.output()
    assert took < 2, f"{took:.1f} s"
    print(f"# {took:.2f} s")


def test_killed(lab):
    """aditd killed at each step: the next one ends it, with one key that works; the page is back"""
    server, client, _, gua = start(lab)
    for step in ("offering", "changing", "asking"):
        begun = time.monotonic()
        seen = client.process.output().count(f"key: {step}")
        lab["home"].spawn("adit", "rotate", "home", name=f"rotate-{step}")
        client.process.wait_output("(?s)" + f"key: {step}.*?" * (seen + 1), 10)
        client.process.kill()
        client.start()
        assert_settled(lab, server, client)
        assert_serves(lab, gua)
        until(lambda b=begun: time.monotonic() - b > 4, 5, "the server to hear another offer")


def test_server_killed(lab):
    """the server killed when it has heard of a key: both ends agree afterwards"""
    server, client, _, gua = start(lab)
    lab["home"].spawn("adit", "rotate", "home", name="rotate")
    server.process.wait_output("device rotate: offer nas", 10)
    server.process.kill()
    server.start()
    assert_settled(lab, server, client)
    assert_serves(lab, gua)


def test_refused(lab):
    """no server, no publisher, a gateway that is down: a sentence, and the old key goes on working"""
    server, client, publisher, gua = start(lab)
    before = key_of(client)
    server.process.signal(19)
    said = client.adit("rotate", "home", check=False, timeout=40)
    assert said.code == 5 and "does not answer" in said.stderr, said
    server.process.signal(18)
    publisher.process.kill()
    said = client.adit("rotate", "home", check=False)
    assert said.code == 3 and "adit-publisher" in said.stderr, said
    client.adit("down", "home")
    said = client.adit("rotate", "home", check=False)
    assert said.code == 4 and "it is down" in said.stderr, said
    said = client.adit("rotate", "nobody", check=False)
    assert said.code == 3 and "no such gateway" in said.stderr, said
    client.adit("up", "home")
    assert key_of(client) == before and not switchovers(lab)
    assert_serves(lab, gua)


def test_rekey(lab):
    """adit-server device rekey: one that is online makes its key itself, one that is not gets a profile as before"""
    server, client, _, gua = start(lab)
    before = held(server)
    said = server.admin("device", "rekey", "nas", timeout=40)
    assert "another key" in said.stdout and "PrivateKey" not in said.stdout, said
    assert held(server) != before
    assert_settled(lab, server, client)
    assert_serves(lab, gua)
    server.device("away")
    assert "PrivateKey = " in server.admin("device", "rekey", "away").stdout
    assert "PrivateKey = " in server.admin("device", "rekey", "nas", "--profile").stdout


def test_invite(lab):
    """device add --invite: the key of the file is good once and in time; reuse and lateness are refused, and told"""
    vps, home, spare = lab["vps"], lab["home"], lab["spare"]
    server = Server(vps, vps.prefix).start()
    for argv, code, words in ((["--invite", "10m", "--kind", "client"], 2, "no WireGuard app"),
                              (["--invite", "soon"], 2, "for how long"), (["--invite", "1s"], 2, "for how long")):
        said = server.admin("device", "add", "nas", *argv, check=False)
        assert said.code == code and words in said.stderr, said
    invited = server.admin("device", "add", "nas", "--ip", "10.59.0.2", "--invite", "10m")
    assert "once" in invited.stderr, invited
    assert json.loads(server.admin("device", "show", "nas", "--json").stdout)["invited-until"] > time.time() + 500
    assert "invited" in server.admin("device", "list").stdout
    first = public(lab, KEY.search(invited.stdout)[1])
    client, _ = Client(home).start(), Publisher(home).start()
    client.enrol("home", invited.stdout)
    until(lambda: held(server) != first, 20, "the device to make its own key")
    until(lambda: held(server) == public(lab, key_of(client)) and not switchovers(lab), 20, "both ends to agree")
    assert "invited-until" not in json.loads(server.admin("device", "show", "nas", "--json").stdout)
    assert home.ping("10.59.0.1")

    thief = Client(spare).start()
    taken = int(time.time())
    until(lambda: int(time.time()) > taken, 5, "another second: WireGuard tells no finer")
    thief.enrol("home", invited.stdout)
    server.process.wait_output("nas: its invitation was tried by .*, although it has been taken up already", 20)
    assert not spare.ping("10.59.0.1") and home.ping("10.59.0.1")
    until(lambda: len(vps.run("wg", "show", "adit0", "peers").stdout.split()) == 1, 10, "the key to be forgotten")


def test_invite_late(lab):
    """an invitation that nobody takes up removes its device, whatever comes later"""
    vps, spare = lab["vps"], lab["spare"]
    server = Server(vps, vps.prefix).start()
    late = server.admin("device", "add", "late", "--invite", "5s").stdout
    server.admin("device", "list")
    server.process.wait_output("its invitation has run out late", 20)
    assert server.admin("device", "show", "late", check=False).code == 3
    Client(spare).start().enrol("home", late)
    server.process.wait_output("late: its invitation was tried by .*, although it has run out", 20)
    assert not spare.ping("10.59.0.1")


test_invite.drawing = test_invite_late.drawing = DRAWING + "internet -- spare:home\n"

if __name__ == "__main__":
    tap.main(globals())
