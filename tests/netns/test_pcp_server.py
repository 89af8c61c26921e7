#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The PCP server as devices and visitors meet it: real packets, the real kernel, real WireGuard peers."""
import json
import re
import socket
import struct
import time

import tap
from pcp import (ANNOUNCE, CLIENT_PORT, DESCRIPTION, FILTER, MAP, PREFER_FAILURE, REDIRECT, SERVER_PORT, THIRD_PARTY,
                 UDP, Peer, Reply, filter_option, mapped, option, redirect_option, request)
from process import until
from story import Server

DRAWING = """
visitor -- internet -- vps
internet -- nas:home
internet -- disk:home
"""

CONF = """[PCP]
MinLifetime = 1s
"""


def begin(lab, *names, conf=CONF):
    """A server and its devices."""
    vps = lab["vps"]
    vps.write("/etc/adit/server.conf", conf)
    server = Server(vps, vps.prefix).start()
    return (server, *(Peer(server, lab[name], name) for name in names))


def is_open(visitor, address, port):
    return visitor.tcp_probe(address, port, timeout=0.5) == "open"


def elements(vps, name):
    """The keys of one of our sets in the kernel."""
    listed = json.loads(vps.run("nft", "-j", "list", "set" if not name.startswith("fwd") else "map", "inet",
                                "adit_server", name).stdout)["nftables"][1]
    found = next(iter(listed.values())).get("elem", [])
    return {json.dumps(e.get("elem", {}).get("val", e) if isinstance(e, dict) else e) for e in found}


def leases(server):
    return {row["key"]: row for row in json.loads(server.admin("mappings", "--json").stdout)}


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


def test_flows_from_before(lab):
    """a UDP visitor who talked to the port before it was opened gets through once it is"""
    vps, visitor = lab["vps"], lab["visitor"]
    _, nas = begin(lab, "nas")
    lab["nas"].udp_echo(5000, "0.0.0.0")
    with visitor.inside():
        talk = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    talk.bind((visitor.v4, 0))
    talk.settimeout(0.1)

    def heard():
        try:
            talk.sendto(b"hello", (vps.v4, 5000))
            return talk.recv(64)
        except OSError:
            return None
    assert not heard() and not heard()
    assert nas.map(5000, 5000, protocol=UDP).result == "SUCCESS"
    assert until(heard, 5, "an answer on the old flow") == b"hello"
    assert nas.unmap(5000, protocol=UDP).result == "SUCCESS"
    until(lambda: "dport=5000" not in vps.read("/proc/net/nf_conntrack") if vps.exists("/proc/net/nf_conntrack")
          else not heard(), 5, "the end of the flow")


def test_kernel_closes(lab):
    """a dead daemon's ports close on time, and the flows through them end"""
    vps, visitor = lab["vps"], lab["visitor"]
    server, nas = begin(lab, "nas")
    lab["nas"].http_server(443)
    for family in (4, 6):
        assert nas.map(443, 443, family, lifetime=1).lifetime == 1
    begun = time.monotonic()
    server.process.kill()
    for address in (vps.v4, nas.v6):
        assert is_open(visitor, address, 443)
    talk = visitor.connect(vps.v4, 443)
    for address in (vps.v4, nas.v6):
        until(lambda a=address: not is_open(visitor, a, 443), 12, "the end of the lease")
    assert time.monotonic() - begun < 10
    talk.settimeout(1)
    talk.send(b"GET / HTTP/1.0\r\n\r\n")
    try:
        assert talk.recv(1) == b"", "an ended lease still carries its flow"
    except TimeoutError:
        pass


def test_restart_keeps(lab):
    """killed or stopped, the server finds its leases and their owners, and the epoch goes on"""
    vps, visitor = lab["vps"], lab["visitor"]
    server, nas = begin(lab, "nas")
    lab["nas"].http_server(443)
    first = nas.map(443, 443, options=filter_option(f"{visitor.v4}/32"))
    epoch = until(lambda: nas.announce().epoch, 5, "an epoch that has begun")
    for stop in (server.process.kill, server.process.stop):
        nas.map(443, 443, 6, options=option(DESCRIPTION, b"page"))
        stop()
        assert is_open(visitor, vps.v4, 443)
        server.run()
        assert nas.announce().epoch >= epoch
        assert is_open(visitor, vps.v4, 443) and is_open(visitor, nas.v6, 443)
        row = leases(server)["443/tcp"]
        assert row["expires"] and row["allow-from"] == [f"{visitor.v4}/32"], row
        assert nas.map(443, 443, nonce=b"x" * 12).result == "NOT_AUTHORIZED"
        again = nas.map(443, 443, options=filter_option(f"{visitor.v4}/32"))
        assert (again.result, again.external, again.lifetime) == ("SUCCESS", first.external, 3600), again
    assert leases(server)["nas:443/tcp"]["label"] == "page", "what the kernel does not know is in the file"


def test_reboot(lab):
    """after a reboot leases come from the file; after a crash with it the epoch says that some may be missing"""
    vps, visitor = lab["vps"], lab["visitor"]
    server, nas = begin(lab, "nas")
    lab["nas"].http_server(443)
    nas.map(443, 443)
    nas.map(443, 443, 6)
    epoch = until(lambda: nas.announce().epoch, 5, "an epoch that has begun")
    for clean in (True, False):
        server.process.stop() if clean else server.process.kill()
        vps.sh("nft delete table inet adit_server; ip link del adit0")
        server.run()
        until(lambda: is_open(visitor, vps.v4, 443) and is_open(visitor, nas.v6, 443), 10, "the ports")
        now = nas.announce().epoch
        assert (now >= epoch) == clean, (now, epoch)


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
    time.sleep(0)  # an answer would have been made by now: the next line asks the server again
    disk.announce()
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


def test_operator_beats_device(lab):
    """what the operator turned off stays off through renewals and a crash; what he made no device removes"""
    vps, visitor = lab["vps"], lab["visitor"]
    server, nas, disk = begin(lab, "nas", "disk")
    lab["nas"].http_server(443)
    notices = nas.socket(port=CLIENT_PORT, server=False)
    nas.map(443, 443)
    server.admin("forward", "set-enabled", "443/tcp", "off")
    told = Reply.read(notices.recv(2048))
    while told.opcode != MAP:
        told = Reply.read(notices.recv(2048))
    assert (told.result, told.nonce, told.internal) == ("NOT_AUTHORIZED", nas.nonce(443), 443), told
    for again in range(2):
        for reply in (nas.map(443, 443), nas.map(443, 443, nonce=b"n" * 12), nas.map(443, 444), nas.unmap(443)):
            assert reply.result == "NOT_AUTHORIZED", reply
        assert not is_open(visitor, vps.v4, 443)
        assert not leases(server)["443/tcp"]["enabled"]
        if not again:
            server.process.kill()
            server.run()
    server.admin("forward", "set-enabled", "443/tcp", "on")
    assert is_open(visitor, vps.v4, 443)
    assert nas.map(443, 443).result == "SUCCESS"
    server.admin("forward", "add", "443", "disk")
    assert disk.unmap(443).result == "NOT_AUTHORIZED" and disk.unmap(0, protocol=0).result == "SUCCESS"
    rows = leases(server)
    assert rows["443/tcp"]["device"] == "disk" and rows["443/tcp"]["origin"] == "manual", rows
    assert nas.map(443, 443, options=option(PREFER_FAILURE)).result == "CANNOT_PROVIDE_EXTERNAL"
    server.admin("device", "set-publish", "disk", "off")
    for family in (4, 6):
        assert disk.map(8443, 8443, family).result == "NOT_AUTHORIZED"


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


def test_link_made_again(lab):
    """the link is deleted and made again underneath: leases stay, nobody is deaf"""
    vps, visitor = lab["vps"], lab["visitor"]
    server, nas = begin(lab, "nas", conf=CONF + "[Daemon]\nLookAgain = 1s\n")
    lab["nas"].http_server(443)
    nas.map(443, 443)
    server.reload()  # it looks, and sees where its device is
    before = vps.run("ip", "-o", "link", "show", "adit0").stdout.split(":")[0]
    vps.run("ip", "link", "del", "adit0")
    until(lambda: vps.run("ip", "-o", "link", "show", "adit0", check=False).stdout.split(":")[0] not in ("", before),
          10, "a new link")
    until(lambda: is_open(visitor, vps.v4, 443), 10, "the port, after a handshake that the server began")
    for family in (4, 6):
        assert nas.map(443, 443, family).result == "SUCCESS"
    assert set(leases(server)) == {"443/tcp", "nas:443/tcp"}


def test_announce(lab):
    """a started server says so to every device in both families, from its own address and port"""
    server, nas = begin(lab, "nas")
    nas.announce()
    notices = {family: nas.socket(family, CLIENT_PORT, server=False) for family in (4, 6)}
    server.process.stop()
    server.run()
    for family, s in notices.items():
        s.settimeout(10)
        data, peer = s.recvfrom(2048)
        reply = Reply.read(data)
        assert (reply.opcode, reply.result) == (ANNOUNCE, "SUCCESS"), reply
        assert peer[:2] == (nas.server6 if family == 6 else nas.server4, SERVER_PORT), peer


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
