#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The PCP server as devices and visitors meet it: real packets, the real kernel, real WireGuard peers."""
import socket
import struct

import tap
from pcp import (ANNOUNCE, DESCRIPTION, FILTER, PREFER_FAILURE, REDIRECT, SERVER_PORT, THIRD_PARTY, UDP, Reply, begin,
                 filter_option, is_open, leases, mapped, option, redirect_option, request)
from process import until

DRAWING = """
visitor -- internet -- vps
internet -- nas:home
internet -- disk:home
"""


def test_map_opens(lab):
    """MAP opens a port in both families, a visitor is served with his own address, deletion closes it"""
    vps, visitor = lab["vps"], lab["visitor"]
    server, nas = begin(lab, "nas")
    page = lab["nas"].http_server(443, "page\n")
    for family, address in ((4, vps.v4), (6, nas.v6)):
        assert not is_open(visitor, address, 443)
        reply = nas.map(443, 443, family)
        assert (reply.result, reply.external, reply.address, reply.lifetime) == ("SUCCESS", 443, address, 3600), reply
        url = f"http://[{address}]:443/" if family == 6 else f"http://{address}:443/"
        assert visitor.curl(url) == "page\n"
    assert set(page.visitors) == {visitor.v4, visitor.v6}, page.visitors
    assert set(leases(server)) == {"443/tcp", "nas:443/tcp"}
    for family, address in ((4, vps.v4), (6, nas.v6)):
        assert nas.unmap(443, family).result == "SUCCESS"
        assert not is_open(visitor, address, 443)
    assert leases(server) == {}


def test_other_port_and_udp(lab):
    """another outside port in both families, TCP and UDP apart, with a description"""
    vps, visitor = lab["vps"], lab["visitor"]
    server, nas = begin(lab, "nas")
    lab["nas"].http_server(8080)
    lab["nas"].udp_echo(8080, "0.0.0.0")
    for family, address in ((4, vps.v4), (6, nas.v6)):
        reply = nas.map(8080, 9090, family, options=option(DESCRIPTION, "Kühlschrank".encode()))
        assert (reply.external, reply.options) == (9090, {DESCRIPTION: "Kühlschrank".encode()}), reply
        assert is_open(visitor, address, 9090) and not is_open(visitor, address, 8080)
    assert not visitor.udp_probe(vps.v4, 9090, timeout=0.3)
    assert nas.map(8080, 9091, protocol=UDP).external == 9091
    assert visitor.udp_probe(vps.v4, 9091)
    assert [row["label"] for row in leases(server).values()].count("Kühlschrank") == 2


def test_wrong_asker(lab):
    """a false source, a foreign client address, nobody's address, another door: no mapping; the WAN is silent"""
    vps, visitor = lab["vps"], lab["visitor"]
    server, nas, disk = begin(lab, "nas", "disk")
    nas.announce()
    assert Reply.read(nas.ask(request(disk.v4, internal=443, external=443))).result == "ADDRESS_MISMATCH"
    assert Reply.read(nas.ask(request(disk.v6, ANNOUNCE), 6)).result == "ADDRESS_MISMATCH"
    lab["nas"].run("ip", "address", "add", f"{disk.v4}/32", "dev", "wg0")
    lab["nas"].run("ip", "rule", "add", "from", disk.v4, "lookup", 77)
    assert nas.ask(request(disk.v4, internal=443), timeout=1, source=disk.v4) is None
    assert nas.ask(request(nas.v4, internal=443), timeout=1, server=vps.v4) is None
    wan = vps.capture("eth0")
    for address in (vps.v4, vps.v6):
        visitor.udp_send(address, SERVER_PORT, count=3, data=request(visitor.v4, ANNOUNCE))
        visitor.udp_send(address, SERVER_PORT, data=b"\0\0")
    wan.wait(protocol="udp", dport=SERVER_PORT, count=8)
    disk.announce()  # asked later and answered: so all of those were seen, too
    wan.none(protocol="udp", sport=SERVER_PORT)
    assert leases(server) == {}
    for option3 in (option(THIRD_PARTY, mapped(disk.v4)), option(THIRD_PARTY, mapped(nas.v4))):
        assert nas.map(443, 443, options=option3).result == "UNSUPP_OPTION"


def test_no_port_of_the_server(lab):
    """no device takes the server's ports, or another's"""
    vps, visitor = lab["vps"], lab["visitor"]
    _, nas, disk = begin(lab, "nas", "disk")
    prefer = option(PREFER_FAILURE)
    vps.http_server(8000)
    for port, protocol in ((22, 6), (51820, UDP), (53, UDP), (SERVER_PORT, UDP), (8000, 6)):
        reply = nas.map(port, port, protocol=protocol, options=prefer)
        assert reply.result == "CANNOT_PROVIDE_EXTERNAL", (port, reply)
        assert nas.map(port, port, 6, protocol=protocol, options=prefer).result == "SUCCESS", "its own address"
    assert visitor.tcp_probe(vps.v4, 8000) == "open"
    assert nas.map(443, 443).external == 443
    assert disk.map(443, 443, options=prefer).result == "CANNOT_PROVIDE_EXTERNAL"
    assert disk.map(443, 443, 6, options=prefer).external == 443
    assert disk.map(443, 443).external not in (443, 0)
    assert nas.unmap(443).result == "SUCCESS"
    assert disk.map(8443, 443, options=prefer).result == "CANNOT_PROVIDE_EXTERNAL", "given up a moment ago"
    assert nas.map(443, 443, options=prefer).external == 443


def test_filter(lab):
    """only visitors of the named networks get in, in both families; a port of theirs cannot be asked for"""
    vps, visitor = lab["vps"], lab["visitor"]
    server, nas = begin(lab, "nas")
    lab["nas"].http_server(443)
    for family, address, own, other in ((4, vps.v4, f"{visitor.v4}/32", "192.0.2.0/24"),
                                        (6, nas.v6, f"{visitor.v6}/128", "2001:db8::/32")):
        reply = nas.map(443, 443, family, options=filter_option(other))
        assert reply.result == "SUCCESS" and FILTER in reply.options, reply
        assert not is_open(visitor, address, 443)
        nas.map(443, 443, family, options=filter_option(other) + filter_option(own))
        assert is_open(visitor, address, 443)
        nas.map(443, 443, family)
        assert is_open(visitor, address, 443)
    ported = option(FILTER, struct.pack("!BBH", 0, 128, 80) + mapped(visitor.v4))
    assert nas.map(444, 444, options=ported).result == "UNSUPP_OPTION"
    assert nas.map(444, 444, options=filter_option("192.0.2.1/32") * 17).result == "EXCESSIVE_REMOTE_PEERS"
    assert "444/tcp" not in leases(server)


def test_redirect(lab):
    """port 80 answers 308 or leads to 443, goes with its mapping, and yields to a real one"""
    vps, visitor = lab["vps"], lab["visitor"]
    _, nas = begin(lab, "nas")
    lab["nas"].http_server(443, "page\n")
    vps.spawn("adit-redirect")
    for family, address in ((4, vps.v4), (6, f"[{nas.v6}]")):
        reply = nas.map(443, 443, family, options=redirect_option())
        assert reply.options[REDIRECT] == b"ADIT" + struct.pack("!BBH", 1, 1, 80), reply
        said = until(lambda a=address: visitor.curl(f"http://{a}/x", "-i", check=False).stdout, 10, "the 308")
        assert "308" in said and f"https://{address}/x" in said, said
        nas.map(443, 443, family, options=redirect_option(0))
        assert visitor.curl(f"http://{address}/") == "page\n"
        assert nas.map(80, 80, family).external == 80
        reply = nas.map(443, 443, family, options=redirect_option())
        assert reply.options[REDIRECT][5] == 3, reply
        assert nas.unmap(80, family).result == "SUCCESS"
        assert nas.map(443, 443, family, options=redirect_option()).options[REDIRECT][5] == 1
        nas.unmap(443, family)
        assert not is_open(visitor, address.strip("[]"), 80)


def test_flood(lab):
    """one device floods, malformed and well-formed, while another is served"""
    server, nas, disk = begin(lab, "nas", "disk")
    nas.announce()
    junk = [request(nas.v4, internal=n, external=n, nonce=bytes([n % 251]) * 12) for n in range(1, 2000)]
    junk += [b"\2", b"\2\1" + b"\xff" * 30, b"\2\1" + bytes(1200), b"\0\1", request(nas.v4, internal=1) + b"\x7f\0\0\0"]
    with nas.socket() as s:
        s.setblocking(False)
        for n in range(3):
            for data in junk:
                try:
                    s.send(data)
                except OSError:
                    pass
            assert disk.map(1000 + n, 1000 + n, timeout=2).result == "SUCCESS"
    mine = [row for row in leases(server).values() if row["device"] == "nas"]
    assert len(mine) <= 256, len(mine)


def test_natpmp(lab):
    """NAT-PMP: the public address, a mapping, its end; version 0 in IPv6 and version 1 are offered PCP"""
    vps, visitor = lab["vps"], lab["visitor"]
    server, nas = begin(lab, "nas")
    lab["nas"].http_server(443)
    head = "!BBHI"
    said = nas.ask(b"\0\0")
    assert struct.unpack_from(head, said)[:3] == (0, 128, 0) and socket.inet_ntoa(said[8:]) == vps.v4, said
    said = nas.ask(struct.pack("!BBHHHI", 0, 2, 0, 443, 443, 7200))
    assert struct.unpack(head + "HHI", said)[1:3] == (130, 0) and struct.unpack(head + "HHI", said)[4:] == (443, 443, 7200)
    assert is_open(visitor, vps.v4, 443)
    assert nas.map(443, 443).result == "NOT_AUTHORIZED", "a mapping is of who made it"
    said = nas.ask(struct.pack("!BBHHHI", 0, 2, 0, 443, 0, 0))
    assert struct.unpack(head + "HHI", said)[2:] == (0, struct.unpack_from(head, said)[3], 443, 0, 0)
    assert leases(server) == {}
    assert nas.ask(b"\1\1" + bytes(58))[:4] == b"\2\x81\0\1"
    assert nas.ask(b"\0\0", 6)[:4] == b"\2\x80\0\1"


if __name__ == "__main__":
    tap.main(globals())
