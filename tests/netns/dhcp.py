# SPDX-License-Identifier: GPL-2.0-or-later
"""A DHCP server that may be hostile, and a lease taken from it by busybox's client."""
import ipaddress
import socket
import struct

import kernel
from process import until

_MAGIC = b"\x63\x82\x53\x63"
_SO_BINDTODEVICE = 25
# What the client calls when it has a lease; it keeps the address the drawing gave.
_SCRIPT = """#!/bin/sh
[ "$1" = bound ] || exit 0
set -- $staticroutes
while [ $# -ge 2 ]; do
    ip route add "$1" via "$2" dev "$interface"
    shift 2
done
"""


def _option(code, data):
    return bytes([code, len(data)]) + data


def _classless(routes, router):
    """Option 121 (RFC 3442)."""
    out = b""
    for route in map(ipaddress.ip_network, routes):
        out += bytes([route.prefixlen]) + route.network_address.packed[:(route.prefixlen + 7) // 8]
        out += ipaddress.ip_address(router).packed
    return out


class DhcpServer:
    """Gives everybody who asks by a machine's link one address, and routes through itself."""

    def __init__(self, machine, link, address, routes):
        self._own, self.address = machine.v4, address
        with machine.inside():
            self._own = next(a for a in machine.run("ip", "-4", "-o", "addr", "show", "dev", link).stdout.split()
                             if "/" in a).split("/")[0]
            self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_BINDTODEVICE, link.encode())
        self._socket.setsockopt(socket.SOL_SOCKET, socket.SO_BROADCAST, 1)
        self._socket.bind(("", 67))
        self._routes = _option(121, _classless(routes, self._own))
        kernel.start_thread(self._serve)
        machine._keep(self)

    def _serve(self):
        while True:
            try:
                data, _ = self._socket.recvfrom(2048)
            except OSError:
                return
            if self._socket.fileno() < 0 or len(data) < 244:
                continue
            kind = data[data.index(b"\x35\x01", 240) + 2]
            own = socket.inet_aton(self._own)
            options = (_option(53, bytes([2 if kind == 1 else 5])) + _option(54, own) + _option(1, b"\xff\xff\xff\0")
                       + _option(51, struct.pack("!I", 3600)) + _option(3, own) + self._routes + b"\xff")
            head = bytes([2]) + data[1:12] + bytes(4) + socket.inet_aton(self.address) + own + data[24:44]
            self._socket.sendto(head + bytes(192) + _MAGIC + options, ("255.255.255.255", 68))

    def close(self):
        try:
            self._socket.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self._socket.close()


def take_lease(machine, link):
    """As a network manager does: ask, and write what was said into main."""
    machine.lab.require("busybox")
    machine.write("/root/lease", _SCRIPT, 0o755)
    before = machine.run("ip", "route").stdout
    machine.run("busybox", "udhcpc", "-i", link, "-s", "/root/lease", "-O", "staticroutes", "-n", "-q", "-t", "5",
                "-T", "1", timeout=20)
    until(lambda: machine.run("ip", "route").stdout != before, 10, "the lease's routes")
