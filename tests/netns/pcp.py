# SPDX-License-Identifier: GPL-2.0-or-later
"""PCP and NAT-PMP as packets: a device of adit-server that speaks them over a plain WireGuard link."""
import json
import os
import re
import socket
import struct
from dataclasses import dataclass, field
from ipaddress import ip_address

from process import until
from story import Server, embed
from tunnel import WireGuard

SERVER_PORT, CLIENT_PORT = 5351, 5350
ANNOUNCE, MAP = 0, 1
TCP, UDP = 6, 17
THIRD_PARTY, PREFER_FAILURE, FILTER, DESCRIPTION, PORT_SET, REDIRECT = 1, 2, 3, 128, 130, 230
RESULTS = ["SUCCESS", "UNSUPP_VERSION", "NOT_AUTHORIZED", "MALFORMED_REQUEST", "UNSUPP_OPCODE", "UNSUPP_OPTION",
           "MALFORMED_OPTION", "NETWORK_FAILURE", "NO_RESOURCES", "UNSUPP_PROTOCOL", "USER_EX_QUOTA",
           "CANNOT_PROVIDE_EXTERNAL", "ADDRESS_MISMATCH", "EXCESSIVE_REMOTE_PEERS"]


def mapped(address):
    """16 octets, as PCP writes either family."""
    packed = ip_address(address).packed
    return packed if len(packed) == 16 else b"\0" * 10 + b"\xff\xff" + packed


def unmapped(octets):
    address = ip_address(octets)
    return str(address.ipv4_mapped or address)


def option(code, data=b""):
    return struct.pack("!BBH", code, 0, len(data)) + data + b"\0" * (-len(data) % 4)


def filter_option(network):
    address, _, bits = network.partition("/")
    v6 = ":" in address
    return option(FILTER, struct.pack("!BBH", 0, int(bits) + (0 if v6 else 96), 0) + mapped(address))


def redirect_option(mode=1, port=80):
    return option(REDIRECT, b"ADIT" + struct.pack("!BBH", mode, 0, port))


def port_set(first, size):
    return option(PORT_SET, struct.pack("!HHB", size, first, 0))


def request(client, opcode=MAP, lifetime=3600, nonce=b"\0" * 12, protocol=TCP, internal=0, external=0,
            address=None, options=b""):
    head = struct.pack("!BBHI", 2, opcode, 0, lifetime) + mapped(client)
    if opcode != MAP:
        return head + options
    address = address or ("::" if ":" in client else "0.0.0.0")
    return head + nonce + struct.pack("!B3xHH", protocol, internal, external) + mapped(address) + options


@dataclass
class Reply:
    """A PCP reply, taken apart."""
    opcode: int
    result: str
    lifetime: int
    epoch: int
    nonce: bytes = b""
    protocol: int = 0
    internal: int = 0
    external: int = 0
    address: str = ""
    options: dict = field(default_factory=dict)

    @staticmethod
    def read(data):
        version, opcode, _, result, lifetime, epoch = struct.unpack_from("!BBBBII", data)
        assert version == 2 and opcode & 0x80 and len(data) % 4 == 0, data.hex()
        reply = Reply(opcode & 0x7f, RESULTS[result], lifetime, epoch)
        if reply.opcode == MAP and len(data) >= 60:
            reply.nonce = data[24:36]
            reply.protocol, reply.internal, reply.external = struct.unpack_from("!B3xHH", data, 36)
            reply.address = unmapped(data[44:60])
            at = 60
            while result == 0 and at + 4 <= len(data):
                code, _, size = struct.unpack_from("!BBH", data, at)
                reply.options[code] = data[at + 4:at + 4 + size]
                at += 4 + (size + 3) // 4 * 4
        return reply


class Peer:
    """A machine with a plain WireGuard link to adit-server, and its PCP client."""

    def __init__(self, server, machine, name, link="wg0"):
        self.server, self.machine, self.name = server, machine, name
        self.wg = WireGuard(machine, link)
        profile = server.admin("device", "add", name, "--public-key", self.wg.public_key).stdout
        row = json.loads(server.admin("device", "show", name, "--json").stdout)
        self.v4, self.v6 = row["ipv4"], row["ipv6"]
        net = next(n for n in json.loads(server.admin("subnet", "list", "--json").stdout))
        status = json.loads(server.admin("status", "--json").stdout)
        self.server4 = str(ip_address(int(ip_address(net["network"].split("/")[0])) + 1))
        self.server6 = None
        self._addresses(link)
        secret = re.search("PresharedKey = (.*)", profile)[1]
        machine.run("wg", "set", link, "peer", status["public-key"], "preshared-key", "/dev/stdin", input=secret)
        self.wg.peer(status["public-key"], ["0.0.0.0/0", "::/0"], f"{server.vps.public_v4 or server.vps.v4}:51820", 25)

    def _addresses(self, link):
        """Own traffic stays where it was; what comes from the tunnel's addresses goes into it."""
        run = self.machine.run
        for option4, address, bits in (("-4", self.v4, 32), ("-6", self.v6, 128)):
            if not address:
                continue
            run("ip", option4, "address", "add", f"{address}/{bits}", "dev", link, *(["nodad"] if bits == 128 else []))
            run("ip", option4, "route", "add", "default", "dev", link, "table", 77)
            run("ip", option4, "rule", "add", "from", address, "lookup", 77)
        if self.v6:
            self.server6 = embed(self.server.prefix, self.server4)

    def socket(self, family=4, port=0, source=None, server=None):
        """A UDP socket to the server, bound to the tunnel's address; server=False: to nobody."""
        kind = socket.AF_INET6 if family == 6 else socket.AF_INET
        with self.machine.inside():
            s = socket.socket(kind, socket.SOCK_DGRAM)
        s.bind((source or (self.v6 if family == 6 else self.v4), port))
        if server is not False:
            s.connect((server or (self.server6 if family == 6 else self.server4), SERVER_PORT))
        s.settimeout(1)
        return s

    def ask(self, data, family=4, timeout=10, **where):
        """Sends until there is an answer; None: there is none."""
        with self.socket(family, **where) as s:
            def once():
                try:
                    s.send(data)
                    return s.recv(2048)
                except (TimeoutError, OSError):
                    return None
            s.settimeout(min(timeout, 0.5))
            try:
                return until(once, timeout, f"{self.name}: an answer of the PCP server")
            except Exception:
                if timeout < 5:
                    return None
                raise

    def own(self, family):
        return self.v6 if family == 6 else self.v4

    def map(self, internal, external=0, family=4, timeout=10, **more):
        """MAP; returns the reply. Without a nonce of the caller's, each port has one of its own."""
        more.setdefault("nonce", self.nonce(internal, more.get("protocol", TCP)))
        return Reply.read(self.ask(request(self.own(family), internal=internal, external=external, **more), family,
                                   timeout))

    def unmap(self, internal, family=4, **more):
        return self.map(internal, family=family, lifetime=0, **more)

    def announce(self, family=4):
        return Reply.read(self.ask(request(self.own(family), ANNOUNCE, 0), family))

    def nonce(self, internal, protocol=TCP):
        return struct.pack("!6sBxHH", self.name.encode()[:6].ljust(6, b"."), protocol, internal, os.getpid() & 0xffff)


CONF = """[PCP]
MinLifetime = 1s
"""


def begin(lab, *names, conf=CONF):
    """A server and its devices, each on the machine of its name."""
    vps = lab["vps"]
    vps.write("/etc/adit/server.conf", conf)
    server = Server(vps, vps.prefix).start()
    return (server, *(Peer(server, lab[name], name) for name in names))


def is_open(visitor, address, port):
    return visitor.tcp_probe(address, port, timeout=0.5) == "open"


def leases(server):
    """What `mappings` says, by key."""
    return {row["key"]: row for row in json.loads(server.admin("mappings", "--json").stdout)}
