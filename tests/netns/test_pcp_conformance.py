#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Items of the conformance list that need sockets and a kernel, each under its number; docs/conformance.md has them all."""
import struct
import time

import publishing
import tap
from pcp import ANNOUNCE, CLIENT_PORT, MAP, SERVER_PORT, UDP, Reply, begin, is_open, leases
from process import until

DRAWING = """
visitor -- internet -- vps
internet -- nas:home
internet -- disk:home
"""
FAMILIES = (4, 6)


def test_s1(lab):
    """S1: bound to the tunnel in both families, answering from the address and port that was asked"""
    _, nas = begin(lab, "nas")
    nas.announce()
    rows = [r.split() for r in lab["vps"].run("ss", "-Hulnp", "sport", "=", f":{SERVER_PORT}").stdout.splitlines()]
    assert rows and all(r[3].endswith(f"%adit0:{SERVER_PORT}") for r in rows), rows
    for family in FAMILIES:
        with nas.socket(family, server=False) as s:
            server = nas.server6 if family == 6 else nas.server4
            s.settimeout(10)
            s.sendto(struct.pack("!BBHI", 2, ANNOUNCE, 0, 0) + b"\0" * 16, (server, SERVER_PORT))
            assert s.recvfrom(2048)[1][:2] == (server, SERVER_PORT)


def test_s22(lab):
    """S22: the epoch counts seconds, in every reply and both families, goes on over a restart and is 0 after a loss"""
    vps = lab["vps"]
    server, nas = begin(lab, "nas")
    zeros = []  # when the clock was 0, as each answer has it: not before and not after

    def count(ask):
        """It is one clock: there is a moment that suits all answers, however long each took."""
        begun = time.monotonic()
        epoch = ask()
        zeros.append((begun - epoch - 1, time.monotonic() - epoch))
        assert max(first for first, _ in zeros) <= min(last for _, last in zeros), zeros
        return epoch

    def refused(family):
        reply = nas.map(444, 444, family, protocol=132)
        assert reply.result == "UNSUPP_PROTOCOL", reply
        return reply.epoch
    first = count(lambda: nas.announce().epoch)
    until(lambda: count(lambda: nas.announce(6).epoch) > first + 1, 10, "two seconds")
    for family in FAMILIES:
        count(lambda f=family: nas.map(443, 443, f).epoch)
        count(lambda f=family: refused(f))
        for broken in (b"\2\1\0", b"\1\1" + bytes(58), b"\2\3" + bytes(22)):
            count(lambda f=family, b=broken: struct.unpack_from("!I", nas.ask(b, f), 8)[0])
    count(lambda: struct.unpack_from("!I", nas.ask(b"\0\0"), 4)[0])  # NAT-PMP
    server.process.kill()
    server.run()
    for family in FAMILIES:
        count(lambda f=family: nas.announce(f).epoch)
    server.process.kill()
    vps.sh("nft delete table inet adit_server; rm -f /var/lib/adit-server/leases*")
    begun = time.monotonic()
    server.run()
    for family in FAMILIES:
        assert nas.announce(family).epoch <= time.monotonic() - begun, "what is lost is not said to be there"
    assert leases(server) == {}


def test_s24(lab):
    """S24: taken away or given back without its device's doing: a MAP to port 5350, in both families, from the server's port"""
    server, nas, _ = begin(lab, "nas", "disk")
    ears = {family: nas.socket(family, CLIENT_PORT, server=False) for family in FAMILIES}

    def told(family):
        while True:
            data, peer = ears[family].recvfrom(2048)
            reply = Reply.read(data)
            if reply.opcode == MAP:
                assert peer[:2] == (nas.server6 if family == 6 else nas.server4, SERVER_PORT), peer
                assert (reply.nonce, reply.protocol, reply.internal) == (nas.nonce(443), 6, 443), reply
                return reply
    for family, kind, key in ((4, "forward", "443/tcp"), (6, "pinhole", "nas:443/tcp")):
        ears[family].settimeout(10)
        granted = nas.map(443, 443, family)
        server.admin(kind, "set-enabled", key, "off")
        assert told(family).result == "NOT_AUTHORIZED"
        server.admin(kind, "set-enabled", key, "on")
        again = told(family)
        assert (again.result, again.external, again.address) == ("SUCCESS", 443, granted.address), again
        assert 0 < again.lifetime <= granted.lifetime, again
    server.admin("device", "set-publish", "nas", "off")
    for family in FAMILIES:
        assert told(family).result == "NOT_AUTHORIZED"
        assert nas.map(443, 443, family).result == "NOT_AUTHORIZED", "and it is so"


@tap.drawing(publishing.DRAWING)
def test_c14(lab):
    """C14: what the operator turns off, and on again, the device at home says within seconds, not with the next renewal"""
    vps, visitor = lab["vps"], lab["visitor"]
    server, client, _, gua = publishing.begin(lab)
    lab["home"].http_server(443, "page\n")
    client.adit("publish", "443", "--no-redirect", timeout=20)
    urls = {4: f"http://{vps.v4}:443/", 6: f"http://[{gua}]:443/"}
    keys = {4: ("forward", "443/tcp"), 6: ("pinhole", "nas:443/tcp")}

    def states():
        return {f: publishing.published(client)["443/tcp", f]["state"] for f in FAMILIES}
    for turn, seen in (("off", "refused"), ("on", "published")):
        before = states()
        for family, (kind, key) in keys.items():
            server.admin(kind, "set-enabled", key, turn)
            until(lambda f=family, s=seen: states()[f] == s, 10, f"{key} {turn} to be known")
            assert publishing.is_closed(visitor, urls[family]) == (turn == "off")
            assert family == 6 or states()[6] == before[6], "the other family is another matter"


def test_s26(lab):
    """S26: a device reaches its own mapping and another's by the outside address, as visitors do, in both families"""
    vps = lab["vps"]
    _, nas, disk = begin(lab, "nas", "disk")
    page = lab["nas"].http_server(8443, lambda who: f"hello {who}")
    lab["nas"].udp_echo(5000, nas.v4)
    for family, address in ((4, vps.v4), (6, nas.v6)):
        url = f"http://[{address}]:443/" if family == 6 else f"http://{address}:443/"
        assert not disk.machine.curl(url, "--interface", disk.own(family), check=False, timeout=1).ok, "control"
        assert nas.map(8443, 443, family).external == 443
        assert disk.machine.curl(url, "--interface", disk.own(family)).startswith("hello ")
        assert not is_open(lab["visitor"], address, 8443)
    assert page.visitors == [disk.server4, disk.v6], "in IPv4 by the server, so that it works to oneself, too"
    assert nas.machine.curl(f"http://{vps.v4}:443/", "--interface", nas.v4).startswith("hello ")
    assert nas.map(5000, 5000, protocol=UDP).external == 5000
    assert disk.machine.udp_probe(vps.v4, 5000, 3, source=disk.v4).all


def test_s27(lab):
    """S27: with a device go its mappings and the flows through them, in both families, and nobody else's"""
    vps, visitor = lab["vps"], lab["visitor"]
    server, nas, disk = begin(lab, "nas", "disk")
    talks = {}
    for peer, port in ((nas, 443), (disk, 444)):
        peer.machine.http_server(port, peer.name)
        for family, address in ((4, vps.v4), (6, peer.v6)):
            assert peer.map(port, port, family).external == port
            talks[peer.name, family] = talk = visitor.connect(address, port)
            talk.send(b"GET / HTTP/1.0\r\n")

    def answer(talk, timeout):
        talk.settimeout(timeout)
        talk.send(b"\r\n")
        try:
            return talk.recv(2000)
        except OSError:
            return b""
    server.admin("device", "remove", "nas")
    assert set(leases(server)) == {"444/tcp", "disk:444/tcp"}
    for (name, _), talk in talks.items():
        assert answer(talk, 5 if name == "disk" else 0.5).endswith(b"disk") == (name == "disk"), name
    for address in (vps.v4, nas.v6):
        assert not is_open(visitor, address, 443)
    assert nas.ask(struct.pack("!BBHI", 2, ANNOUNCE, 0, 0) + b"\0" * 16, timeout=0.5) is None, "nobody is told anything"


if __name__ == "__main__":
    tap.main(globals())
