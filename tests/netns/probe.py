# SPDX-License-Identifier: GPL-2.0-or-later
"""Probes: what of N packets sent from a machine comes back, and how soon."""
import errno
import os
import select
import socket
import struct
import time
from dataclasses import dataclass, field

from errors import LabError


@dataclass
class Echoes:
    """What came back of `sent` probes."""
    sent: int = 0
    rtts: list = field(default_factory=list)  # seconds, of those that came back
    sources: set = field(default_factory=set)  # who answered
    error: str = None                          # the kernel's word, if it refused to send

    @property
    def received(self):
        return len(self.rtts)

    @property
    def all(self):
        return self.sent > 0 and self.received == self.sent

    def __bool__(self):
        return self.received > 0

    def __str__(self):
        rtt = f", rtt {min(self.rtts) * 1000:.1f}..{max(self.rtts) * 1000:.1f} ms" if self.rtts else ""
        return f"{self.received} of {self.sent} answered{rtt}{', ' + self.error if self.error else ''}"


def _family(address):
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def _target(address, port):
    """With a scope the kernel understands: fe80::1%eth0."""
    return socket.getaddrinfo(address, port, flags=socket.AI_NUMERICHOST)[0][4]


def _exchange(sock, target, packet, number, echoes, count, interval, timeout):
    """Send `count` probes `interval` apart; collect answers until the last one's time is over."""
    sent_at, seen = {}, set()
    poll = select.poll()
    poll.register(sock, select.POLLIN)
    begin = time.monotonic()
    while len(seen) < count:
        now = time.monotonic()
        if len(sent_at) < count and now >= begin + len(sent_at) * interval:
            # The clock before the packet: we may be put to sleep right after sending.
            sent_at[len(sent_at)] = time.monotonic()
            try:
                sock.sendto(packet(len(sent_at) - 1), target)
            except OSError as e:
                echoes.error = e.strerror
            echoes.sent += 1
            continue
        end = begin + len(sent_at) * interval if len(sent_at) < count else \
            max(sent_at.values()) + timeout
        if now >= end:
            if len(sent_at) == count:
                return
            continue
        for _ in poll.poll(max(1, (end - now) * 1000)):
            try:
                data, peer = sock.recvfrom(65536)
            except OSError as e:  # an ICMP error came back
                echoes.error = e.strerror
                continue
            n = number(data)
            if n in sent_at and n not in seen:
                seen.add(n)
                echoes.rtts.append(time.monotonic() - sent_at[n])
                echoes.sources.add(peer[0])


class Probes:
    """The probing half of a Machine."""

    def _socket(self, address, kind, protocol=0, source=None, mark=None, device=None, source_port=0):
        with self.inside():
            sock = socket.socket(_family(address), kind, protocol)
        if mark is not None:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_MARK, mark)
        if device:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, device.encode())
        if source or source_port:
            sock.bind((source or "", source_port))
        return sock

    def ping(self, address, count=1, timeout=1.0, interval=0.01, size=16, **options):
        """ICMP echoes; options: source=, mark=, device=."""
        v6 = ":" in address
        with self._socket(address, socket.SOCK_DGRAM,
                          socket.getprotobyname("ipv6-icmp" if v6 else "icmp"), **options) as sock:
            echoes = Echoes()
            _exchange(sock, _target(address, 0),
                      lambda n: struct.pack("!BBHHH", 128 if v6 else 8, 0, 0, 0, n & 0xffff) + bytes(size),
                      lambda data: struct.unpack_from("!H", data, 6)[0] if len(data) >= 8 else None,
                      echoes, count, interval, timeout)
            return echoes

    def udp_probe(self, address, port, count=1, timeout=1.0, interval=0.002, **options):
        """Datagrams to a service that sends them back."""
        with self._socket(address, socket.SOCK_DGRAM, **options) as sock:
            token, echoes = os.urandom(8), Echoes()
            _exchange(sock, _target(address, port), lambda n: token + struct.pack("!I", n),
                      lambda data: struct.unpack_from("!I", data, 8)[0] if data[:8] == token else None,
                      echoes, count, interval, timeout)
            return echoes

    def udp_send(self, address, port, count=1, data=b"probe", **options):
        """Datagrams that ask for no answer; returns how many the kernel took."""
        taken = 0
        with self._socket(address, socket.SOCK_DGRAM, **options) as sock:
            for _ in range(count):
                try:
                    taken += bool(sock.sendto(data, _target(address, port)))
                except OSError:
                    pass
        return taken

    def tcp_probe(self, address, port, timeout=1.0, **options):
        """One connection: "open", "refused", "timeout", or "unreachable"."""
        with self._socket(address, socket.SOCK_STREAM, **options) as sock:
            sock.settimeout(timeout)
            try:
                sock.connect(_target(address, port))
                return "open"
            except (socket.timeout, TimeoutError):
                return "timeout"
            except OSError as e:
                known = {errno.ECONNREFUSED: "refused", errno.ENETUNREACH: "unreachable",
                         errno.EHOSTUNREACH: "unreachable", errno.EACCES: "unreachable",
                         errno.EINVAL: "unreachable"}
                if e.errno not in known:
                    raise LabError(f"{self}: tcp to {address} port {port}: {e.strerror}") from None
                return known[e.errno]

    def connect(self, address, port, timeout=3.0, **options):
        """A connected TCP socket of the machine, for a test that talks itself."""
        sock = self._socket(address, socket.SOCK_STREAM, **options)
        sock.settimeout(timeout)
        try:
            sock.connect(_target(address, port))
        except OSError as e:
            sock.close()
            raise LabError(f"{self}: tcp to {address} port {port}: {e}") from None
        return sock
