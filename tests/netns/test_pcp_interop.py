#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""PCP and NAT-PMP with parts that nobody here wrote, through libadit-pcp's own example program."""
import os
import socket
import struct
import subprocess
import threading
import time

import tap
from errors import Skip
from miniupnpd import Miniupnpd
from pcp import DESCRIPTION, PREFER_FAILURE, Peer, filter_option, mapped, option
from process import until
from story import Server
from tunnel import tunnel

DRAWING = """
visitor -- internet -- vps(routed)
internet -- home
"""

PORT = 8443
HOSTNAME = 224  # StartOS: share a port by name; private use, and nobody else's business


def begin(lab, conf=""):
    """Our server, with these settings."""
    vps = lab["vps"]
    vps.write("/etc/adit/server.conf", conf)
    return Server(vps, vps.prefix).start()


def keep_open(machine, server, port, *more):
    """The example of the library, left running."""
    program = os.path.join(machine.lab.build or "", "tests/netns/keep-open")
    if not os.access(program, os.X_OK):
        raise Skip("keep-open is not built")
    return machine.spawn(program, server, port, "wg0", *more, env={"G_MESSAGES_DEBUG": "adit"})


def reaches(visitor, address, port):
    return visitor.tcp_probe(address, port, timeout=0.3) == "open"


def page(visitor, address, port):
    host = f"[{address}]" if ":" in address else address
    return visitor.curl(f"http://{host}:{port}/", timeout=3)


def requests(capture):
    return [p.payload for p in capture.packets(dport=5351)]


def test_miniupnpd_v4(lab):
    """miniupnpd, IPv4: MAP, a visitor with his own address, renewal, a restart of it, deletion"""
    server, visitor, outside = Miniupnpd(lab, lifetime=9), lab["visitor"], lab["vps"].v4
    lab["home"].http_server(PORT, lambda who: f"hello {who}")
    assert not reaches(visitor, outside, PORT), "open before anybody asked"
    client = keep_open(lab["home"], server.server_v4, PORT, "/run/state")
    client.wait_output(f"granted {outside} {PORT} 9 s PCP")
    assert page(visitor, outside, PORT) == f"hello {visitor.v4}", "the true source"
    client.wait_output("renewed", 10)
    assert page(visitor, outside, PORT) == f"hello {visitor.v4}"

    server.restart()  # and it has forgotten all
    assert not reaches(visitor, outside, PORT), "miniupnpd remembers"
    client.wait_output("(?s)lost .*the server lost its state.*granted", 10)
    assert page(visitor, outside, PORT) == f"hello {visitor.v4}"
    assert client.stop() == 0
    client.wait_output("deleted")
    assert not reaches(visitor, outside, PORT), "still open"
    assert not lab["home"].exists("/run/state"), "a state file of nothing"


def test_miniupnpd_v6(lab):
    """miniupnpd, IPv6: a pinhole, a visitor, a killed client that comes back, deletion"""
    server, visitor = Miniupnpd(lab), lab["visitor"]
    lab["home"].http_server(PORT, lambda who: f"hello {who}")
    asked = lab["home"].capture("wg0")
    assert not reaches(visitor, server.device_v6, PORT), "open before anybody asked"
    client = keep_open(lab["home"], server.server_v6, PORT, "/run/state")
    client.wait_output(f"granted {server.device_v6} {PORT} 3600 s PCP")
    assert page(visitor, server.device_v6, PORT) == f"hello {visitor.v6}"
    client.kill()
    client = keep_open(lab["home"], server.server_v6, PORT, "/run/state")
    client.wait_output("granted")
    first, second = requests(asked)
    assert first[24:36] == second[24:36], "another nonce"
    assert page(visitor, server.device_v6, PORT) == f"hello {visitor.v6}"
    # 2.3.1 forgets the nonce of a pinhole that is renewed and then refuses to delete it: we end all the same.
    assert client.stop() == 0
    client.wait_output("deleted")


def test_miniupnpd_v6_delete(lab):
    """miniupnpd, IPv6: a pinhole that was never renewed is closed by the deletion"""
    server, visitor = Miniupnpd(lab), lab["visitor"]
    lab["home"].http_server(PORT)
    client = keep_open(lab["home"], server.server_v6, PORT)
    client.wait_output("granted")
    assert reaches(visitor, server.device_v6, PORT)
    assert client.stop() == 0
    assert not reaches(visitor, server.device_v6, PORT)


def decoded(lab, capture, *names):
    """What tshark reads in each PCP packet of a capture; repeated fields are joined with commas."""
    lab.require("tshark")
    path = os.path.join(lab.dir, "pcp.pcap")
    capture.save(path)
    out = subprocess.run(["tshark", "-r", path, "-Y", "portcontrol", "-T", "fields", "-E", "separator=|",
                          *(word for name in names for word in ("-e", "portcontrol." + name))],
                         capture_output=True, text=True, check=True, timeout=30).stdout
    return [tuple(line.split("|")) for line in out.splitlines()]


def test_tshark(lab):
    """tshark reads our requests and our server's replies as we mean them"""
    server = begin(lab)
    peer = Peer(server, lab["home"], "home")
    capture = lab["home"].capture("wg0")
    client = keep_open(lab["home"], peer.server4, PORT, "/run/state")
    client.wait_output("granted")
    assert client.stop() == 0
    options = filter_option("2001:db8::/32") + option(DESCRIPTION, b"a page") + option(PREFER_FAILURE)
    peer.map(80, 80, family=6, options=options)
    rows = decoded(lab, capture, "version", "r", "opcode", "map.protocol", "map.internal_port", "lifetime_req",
                   "lifetime_rsp", "result_code", "map.rsp_assigned_external_port", "map.rsp_assigned_ext_ip",
                   "option.code", "option.filter.prefix_length", "option.description")
    mapped4 = f"::ffff:{lab['vps'].v4}"
    assert rows[:4] == [
        ("2", "0", "1", "6", str(PORT), "7200", "", "", "", "", "", "", ""),
        ("2", "1", "1", "6", str(PORT), "", "7200", "0", str(PORT), mapped4, "", "", ""),
        ("2", "0", "1", "6", str(PORT), "0", "", "", "", "", "", "", ""),
        ("2", "1", "1", "6", str(PORT), "", "0", "0", "0", "::ffff:0.0.0.0", "", "", ""),
    ], rows
    assert rows[5][7:10] == ("0", "80", peer.v6), rows
    assert rows[5][11:] == ("32", "a page"), rows


def test_natpmpc(lab):
    """natpmpc gets the address, a TCP and a UDP port of our server, and gives them back"""
    lab.require("natpmpc")
    server = begin(lab)
    home, visitor, vps = lab["home"], lab["visitor"], lab["vps"]
    peer = Peer(server, home, "home")
    home.run("ip", "route", "add", peer.server4, "dev", "wg0", "src", peer.v4)
    home.http_server(443, "page\n")
    home.udp_echo(53, peer.v4)

    def ask(*words):
        return home.run("natpmpc", "-g", peer.server4, *words, timeout=20).stdout

    assert f"Public IP address : {vps.v4}" in ask()
    assert "Mapped public port 8443 protocol TCP to local port 443 liftime 600" in ask("-a", 8443, 443, "tcp", 600)
    assert "Mapped public port 5353 protocol UDP" in ask("-a", 5353, 53, "udp", 600)
    assert page(visitor, vps.v4, 8443) == "page\n"
    assert visitor.udp_probe(vps.v4, 5353, 3).all
    ask("-a", 8443, 443, "tcp", 0)
    assert not reaches(visitor, vps.v4, 8443)
    assert visitor.udp_probe(vps.v4, 5353, 1).all, "the other protocol's mapping is another"


def startos(peer, external, internal=443, name=None, **more):
    """A MAP as StartOS writes it: HOSTNAME, a nonce of its own each time."""
    options = option(HOSTNAME, name.encode()) if name else b""
    return peer.map(internal, external, nonce=os.urandom(12), options=options, **more)


def test_startos(lab):
    """requests of StartOS: an unknown HOSTNAME does no harm, and port 80 leads to 443 beside 443 itself"""
    server = begin(lab, "[PCP]\nCompatSecondExternal = yes\n")
    home, visitor, vps = lab["home"], lab["visitor"], lab["vps"]
    peer = Peer(server, home, "home")
    home.http_server(443, lambda who: f"hello {who}")
    first = startos(peer, 443, name="home.example")
    assert (first.result, first.external, first.options) == ("SUCCESS", 443, {}), first
    second = startos(peer, 80)
    assert (second.result, second.external, second.internal) == ("SUCCESS", 80, 443), second
    for port in (443, 80):
        assert until(lambda p=port: page(visitor, vps.v4, p), 10, port) == f"hello {visitor.v4}"
    # What StartOS makes of a restart of its own: the same port with another nonce.
    assert startos(peer, 443).result == "NOT_AUTHORIZED"


class Imitation(threading.Thread):
    """A server on port 5351 that answers as answer() says."""

    def __init__(self, machine, address):
        super().__init__(daemon=True)
        self.requests, self.began = [], time.monotonic()
        with machine.inside():
            self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind((address, 5351))
        self.start()

    def epoch(self):
        return int(time.monotonic() - self.began)

    def run(self):
        while True:
            data, source = self.socket.recvfrom(1100)
            self.requests.append(data)
            self.socket.sendto(self.answer(data), source)


class StartTunnel(Imitation):
    """No substitute port, no check, errors without lifetime."""

    taken = {80}

    def answer(self, data):
        port = struct.unpack_from("!H", data, 42)[0] or struct.unpack_from("!H", data, 40)[0]
        result = 8 if port in self.taken else 0
        lifetime = 0 if result else min(struct.unpack_from("!I", data, 4)[0], 3600)
        head = struct.pack("!BBBBII12x", 2, data[1] | 0x80, 0, result, lifetime, self.epoch())
        return head + data[24:42] + struct.pack("!H", port) + mapped("11.1.1.2") + data[60:]


class NatPmpOnly(Imitation):
    """An old router's: another version than 0 is refused with version 0 (RFC 6886)."""

    def answer(self, data):
        if data[0] != 0:
            return struct.pack("!BBHI", 0, data[1] | 0x80, 1, self.epoch())
        if data[1] == 0:
            return struct.pack("!BBHI", 0, 128, 0, self.epoch()) + socket.inet_aton("11.1.1.2")
        internal, external, lifetime = struct.unpack_from("!HHI", data, 4)
        return struct.pack("!BBHIHHI", 0, data[1] | 0x80, 0, self.epoch(), internal, external, lifetime)


def test_starttunnel(lab):
    """answers of StartTunnel: a grant is kept, a refusal without lifetime is left alone for a while"""
    tunnel(lab["vps"], lab["home"])
    server = StartTunnel(lab["vps"], "10.99.0.1")
    granted, refused = keep_open(lab["home"], "10.99.0.1", 443), keep_open(lab["home"], "10.99.0.1", 80)
    granted.wait_output("granted 11.1.1.2 443 3600 s PCP")
    refused.wait_output("refused .*NO_RESOURCES")
    assert len(server.requests) == 2, server.requests
    assert granted.stop() == 0 and refused.stop() == 0
    assert len(server.requests) == 3, "what was refused is not deleted"


def test_natpmp_only(lab):
    """a router that knows NAT-PMP only: asked so, with its address, and given back so"""
    tunnel(lab["vps"], lab["home"])
    server = NatPmpOnly(lab["vps"], "10.99.0.1")
    client = keep_open(lab["home"], "10.99.0.1", 443)
    client.wait_output("(granted|changed) 11.1.1.2 443 7200 s NAT-PMP")
    assert client.stop() == 0
    assert server.requests[0][0] == 2 and server.requests[-1] == struct.pack("!BBHHHI", 0, 2, 0, 443, 0, 0)


if __name__ == "__main__":
    tap.main(globals())
