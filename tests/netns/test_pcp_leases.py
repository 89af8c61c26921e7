#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What devices have opened, when the daemon dies, the machine boots, the link goes or the operator decides."""
import json
import os
import socket
import time

import tap
from pcp import (ANNOUNCE, CLIENT_PORT, CONF, DESCRIPTION, MAP, PREFER_FAILURE, SERVER_PORT, UDP, Reply, begin,
                 filter_option, is_open, leases, option, port_set)
from process import until

DRAWING = """
visitor -- internet -- vps
internet -- nas:home
internet -- disk:home
"""


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
        assert nas.map(443, 443, family, lifetime=5).lifetime == 5
    server.process.kill()
    for address in (vps.v4, nas.v6):
        assert is_open(visitor, address, 443)
    talk = visitor.connect(vps.v4, 443)
    for address in (vps.v4, nas.v6):
        until(lambda a=address: not is_open(visitor, a, 443), 30, "the end of the lease")
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
    for stop in ("kill", "stop"):
        nas.map(443, 443, 6, options=option(DESCRIPTION, b"page"))
        getattr(server.process, stop)()
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


def test_killed_with_many(lab):
    """killed with 1,000 leases of two devices and both families, and started: all are back within 5 s, nobody has to ask"""
    vps, visitor = lab["vps"], lab["visitor"]
    server, nas, disk = begin(lab, "nas", "disk", conf=CONF + "Quota = 600\n")
    for n, peer in enumerate((nas, disk)):
        for family in (4, 6):
            reply = peer.map(2000 + 1000 * n, 2000 + 1000 * n, family, options=port_set(2000 + 1000 * n, 250))
            assert (reply.result, reply.external) == ("SUCCESS", 2000 + 1000 * n), reply
        peer.machine.http_server(2249 + 1000 * n, peer.name)
    before = sorted(leases(server))
    assert len(before) == 1000, len(before)
    server.process.kill()
    begun = time.monotonic()
    server.run()
    assert sorted(leases(server)) == before
    took = time.monotonic() - begun
    print(f"# 1,000 leases after {took:.2f} s", flush=True)
    assert took < 5, took
    for port, peer in ((2249, nas), (3249, disk)):
        for host in (vps.v4, f"[{peer.v6}]"):
            assert visitor.curl(f"http://{host}:{port}/") == peer.name
        assert peer.map(port - 249, port - 249, nonce=b"x" * 12).result == "NOT_AUTHORIZED"


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
        begun = time.monotonic()
        server.run()
        until(lambda: is_open(visitor, vps.v4, 443) and is_open(visitor, nas.v6, 443), 20, "the ports")
        quick = time.monotonic() - begun < 5
        assert quick or not clean or "ADIT_FULL" not in os.environ, "an idle device and its ports: within 5 s"
        now = nas.announce().epoch
        assert (now >= epoch) == clean, (now, epoch)


def test_other_version(lab):
    """an upgrade over a table that keeps leases in another way: they come from the file, no device has to ask"""
    vps, visitor = lab["vps"], lab["visitor"]
    server, nas = begin(lab, "nas")
    lab["nas"].http_server(443)
    for family in (4, 6):
        assert nas.map(443, 443, family).result == "SUCCESS"
    server.process.stop()
    vps.nft("delete table inet adit_server\n"
            "table inet adit_server {\n"
            'comment "adit 1 0123456789abcdef"\n'
            "set tunnel { type ifname; elements = { adit0 }; }\n"
            "set open4 { type ipv4_addr . inet_proto . inet_service; flags timeout; "
            f"elements = {{ {vps.v4} . tcp . 443 timeout 1h }}; }}\n"
            "chain forward { type filter hook forward priority 0; policy drop; }\n"
            "}\n")
    server.run()
    until(lambda: is_open(visitor, vps.v4, 443) and is_open(visitor, nas.v6, 443), 15, "the ports")
    assert set(leases(server)) == {"443/tcp", "nas:443/tcp"}
    assert nas.map(443, 443, nonce=b"x" * 12).result == "NOT_AUTHORIZED", "whose it is, too"


def test_down(lab):
    """changed while it is down, the server starts again with all leases, and knows where its devices are"""
    vps, visitor = lab["vps"], lab["visitor"]
    server, nas = begin(lab, "nas")
    lab["nas"].http_server(443)
    for family in (4, 6):
        assert nas.map(443, 443, family).result == "SUCCESS"
    server.admin("down")
    assert not is_open(visitor, vps.v4, 443)
    server.admin("device", "add", "more")
    server.admin("forward", "add", "444", "nas")
    server.reload()
    until(lambda: is_open(visitor, vps.v4, 443) and is_open(visitor, nas.v6, 443), 15, "the ports, after a handshake that the server began")
    assert set(leases(server)) == {"443/tcp", "nas:443/tcp", "444/tcp"}
    again = nas.map(443, 443)
    assert (again.result, again.external) == ("SUCCESS", 443), again


def move_wan(vps, last, key, *peers):
    """The provider gives another address of the same network, and the server's devices know."""
    link = vps.link("internet")
    length = vps.sh(f"ip -o -4 address show dev {link}").stdout.split()[3].split("/")[1]
    route = vps.sh("ip -4 route show default").stdout.strip()
    old, vps.v4 = vps.v4, vps.v4.rsplit(".", 1)[0] + last
    vps.sh(f"ip address del {old}/{length} dev {link}; ip address add {vps.v4}/{length} dev {link}; ip route replace {route}")
    for peer in peers:
        peer.wg.peer(key, ["0.0.0.0/0", "::/0"], f"{vps.v4}:51820", 25)


@tap.deadline(90)
def test_operator_beats_device(lab):
    """what the operator turned off stays off through renewals, a crash, another WAN address; what he made no device removes"""
    vps, visitor = lab["vps"], lab["visitor"]
    server, nas, disk = begin(lab, "nas", "disk")
    lab["nas"].http_server(443)
    notices = nas.socket(port=CLIENT_PORT, server=False)
    notices.settimeout(10)
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
    key = json.loads(server.admin("status", "--json").stdout)["public-key"]
    move_wan(vps, ".250", key, nas, disk)
    until(lambda: nas.map(443, 443).result == "NOT_AUTHORIZED", 10, "an answer at the new address")
    until(lambda: leases(server)["443/tcp"]["external"] == vps.v4, 5, "the lease to follow")
    server.process.stop()
    move_wan(vps, ".251", key, nas, disk)
    server.run()
    assert nas.map(443, 443).result == "NOT_AUTHORIZED" and not is_open(visitor, vps.v4, 443)
    assert leases(server)["443/tcp"]["external"] == vps.v4
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


def test_new_address(lab):
    """another outside address: the old one's leases are gone, and the epoch and a notice say so"""
    server, nas = begin(lab, "nas")
    nas.map(443, 443)
    nas.map(443, 443, 6)
    epoch = until(lambda: nas.announce().epoch, 5, "an epoch that has begun")
    with nas.socket(port=CLIENT_PORT, server=False) as notices:
        server.admin("subnet", "set-wan", "home", "203.0.113.99")
        notices.settimeout(10)
        seen = []
        while {r.opcode for r in seen} != {ANNOUNCE, MAP} and len(seen) < 10:
            seen.append(Reply.read(notices.recv(2048)))
    assert {r.opcode for r in seen} == {ANNOUNCE, MAP} and all(r.epoch < epoch for r in seen if r.opcode == ANNOUNCE), seen
    ended = next(r for r in seen if r.opcode == MAP)
    assert (ended.result, ended.lifetime) == ("NETWORK_FAILURE", 30), "no word against asking again soon"
    assert set(leases(server)) == {"nas:443/tcp"}
    again = nas.map(443, 443)
    assert (again.result, again.address, again.external) == ("SUCCESS", "203.0.113.99", 443), again


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


if __name__ == "__main__":
    tap.main(globals())
