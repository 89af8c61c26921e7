# SPDX-License-Identifier: GPL-2.0-or-later
"""Router advertisements: an IPv6 default route that arrives as it does at most providers."""
import ipaddress
import select
import socket
import struct
import threading

import kernel

_SOLICIT, _ADVERT = 133, 134
_ROUTE = 24
_ICMP6_FILTER = 1
_SO_BINDTODEVICE = 25


def _route(network, lifetime):
    return struct.pack("!BBBBI", _ROUTE, 3, network.prefixlen, 0x08, lifetime) + network.network_address.packed


class Advertiser:
    """Offers a machine's link as default router: at once, when asked, and every few seconds. `routes`
    are prefixes for which it says, of high preference, that they are its own (RFC 4191)."""

    def __init__(self, machine, link, lifetime=1800, every=3.0, routes=()):
        self._every, self._closed = every, threading.Event()
        # type, code, checksum (the kernel's), hop limit, flags, lifetime, reachable, retransmit
        self._frame = struct.pack("!BBHBBHII", _ADVERT, 0, 0, 64, 0, lifetime, 0, 0)
        self._frame += b"".join(_route(ipaddress.ip_network(route), lifetime) for route in routes)
        with machine.inside():
            index = socket.if_nametoindex(link)
            self._socket = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_ICMPV6)
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_BINDTODEVICE, link.encode())
        for option in (socket.IPV6_MULTICAST_HOPS, socket.IPV6_UNICAST_HOPS):
            self._socket.setsockopt(socket.IPPROTO_IPV6, option, 255)
        blocked = bytearray(b"\xff" * 32)
        blocked[_SOLICIT // 8] &= ~(1 << _SOLICIT % 8) & 0xff
        self._socket.setsockopt(socket.IPPROTO_ICMPV6, _ICMP6_FILTER, bytes(blocked))
        routers = socket.inet_pton(socket.AF_INET6, "ff02::2") + struct.pack("@I", index)
        self._socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP, routers)
        self._target = ("ff02::1", 0, 0, index)
        kernel.start_thread(self._serve)

    def _serve(self):
        while not self._closed.is_set():
            try:
                self._socket.sendto(self._frame, self._target)
                if select.select([self._socket], [], [], self._every)[0]:
                    self._socket.recv(2048)
            except (OSError, ValueError):  # the link is down: try again; or we are closed
                if self._closed.wait(self._every):
                    return

    def close(self):
        self._closed.set()
        self._socket.close()
