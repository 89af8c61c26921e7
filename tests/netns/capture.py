# SPDX-License-Identifier: GPL-2.0-or-later
"""A capture on a link: an AF_PACKET socket whose queue is the recording.

The kernel queues a frame before whoever sent it goes on, so packets() is complete for all that
happened before the call; no thread, no flush. A frame the queue had no room for is an error: a
claim that something never left needs a recording without holes.
"""
import ipaddress
import select
import socket
import struct
import time
from dataclasses import dataclass

from errors import LabError

_ETH_P_ALL = 3
_PACKET_STATISTICS = 6
_SO_RCVBUFFORCE = 33
_SO_TIMESTAMPNS = 35
_ARPHRD_ETHER, _ARPHRD_LOOPBACK = 1, 772
_OUTGOING = 4
_PROTOCOLS = {1: "icmp", 2: "igmp", 6: "tcp", 17: "udp", 58: "icmpv6"}
_EXTENSIONS = {0, 43, 44, 60}


@dataclass
class Packet:
    """One frame; what it has not is None."""
    when: float
    link: str
    out: bool             # it left the machine by this link
    frame: bytes
    family: int = None    # 4, 6, or None: ARP and the like
    src: str = None
    dst: str = None
    protocol: str = None  # "tcp", "udp", "icmp", "icmpv6", "igmp", or the number as text
    sport: int = None
    dport: int = None
    icmp_type: int = None
    payload: bytes = b""  # above TCP, UDP or ICMP

    def __str__(self):
        def end(addr, port):
            return addr if port is None else f"[{addr}]:{port}" if self.family == 6 else f"{addr}:{port}"
        way = ">" if self.out else "<"
        if self.family is None:
            return f"{self.link} {way} {self.protocol}, {len(self.frame)} bytes"
        kind = f" type {self.icmp_type}" if self.icmp_type is not None else ""
        return (f"{self.link} {way} {end(self.src, self.sport)} -> {end(self.dst, self.dport)} "
                f"{self.protocol}{kind}, {len(self.frame)} bytes")


def _transport(packet, number, data):
    packet.protocol = _PROTOCOLS.get(number, str(number))
    if number in (6, 17) and len(data) >= 8:
        packet.sport, packet.dport = struct.unpack_from("!HH", data)
        packet.payload = data[8:] if number == 17 else data[(data[12] >> 4) * 4 if len(data) > 12 else 20:]
    elif number in (1, 58) and data:
        packet.icmp_type, packet.payload = data[0], data[8:]


def _ipv4(packet, data):
    packet.family = 4
    packet.src, packet.dst = (str(ipaddress.ip_address(data[o:o + 4])) for o in (12, 16))
    fragment = struct.unpack_from("!H", data, 6)[0] & 0x1fff
    head, total = (data[0] & 15) * 4, struct.unpack_from("!H", data, 2)[0]
    _transport(packet, data[9], b"" if fragment else data[head:total or None])


def _ipv6(packet, data):
    packet.family = 6
    packet.src, packet.dst = (str(ipaddress.ip_address(data[o:o + 16])) for o in (8, 24))
    number, at = data[6], 40
    while number in _EXTENSIONS and at + 8 <= len(data):
        later = number == 44 and struct.unpack_from("!H", data, at + 2)[0] & 0xfff8
        number, at = data[at], at + (8 if number == 44 else (data[at + 1] + 1) * 8)
        if later:
            at = len(data)
    _transport(packet, number, data[at:])


def dissect(packet, ethernet):
    """Fill in what the frame says; a short or strange one stays mostly None."""
    data, kind = packet.frame, None
    if ethernet and len(data) >= 14:
        kind, data = struct.unpack_from("!H", data, 12)[0], data[14:]
    version = data[0] >> 4 if data else 0
    if kind in (None, 0x0800) and version == 4 and len(data) >= 20:
        _ipv4(packet, data)
    elif kind in (None, 0x86dd) and version == 6 and len(data) >= 40:
        _ipv6(packet, data)
    else:
        packet.protocol = {0x0806: "arp"}.get(kind, f"ethertype {kind:#06x}" if kind else "raw")
    return packet


class Capture:
    """Everything that crosses a link from now on, both ways, or all links of the machine."""

    def __init__(self, machine, link=None, room=64 << 20):
        self.machine, self.link = machine, link or "any"
        self._packets, self._names, self._ethernet = [], {}, {}
        with machine.inside():
            # Protocol 0 records nothing until bind names the link.
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_RAW | socket.SOCK_NONBLOCK,
                                         0 if link else socket.htons(_ETH_P_ALL))
            self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, room)
            self._socket.setsockopt(socket.SOL_SOCKET, _SO_TIMESTAMPNS, 1)
            try:
                if link:
                    self._socket.bind((link, _ETH_P_ALL))
            except OSError as e:
                self._socket.close()
                raise LabError(f"{machine.name}: capture on {link}: {e.strerror}") from None

    def _drain(self):
        while self._socket.fileno() >= 0:
            try:
                frame, extra, _, addr = self._socket.recvmsg(1 << 17, 64)
            except BlockingIOError:
                break
            except OSError as e:  # the link went down or away: what was seen stays seen
                if e.errno not in (100, 19):
                    raise
                continue
            when = struct.unpack("qq", extra[0][2][:16]) if extra else (time.time(), 0)
            ethernet = addr[3] in (_ARPHRD_ETHER, _ARPHRD_LOOPBACK)
            self._packets.append(dissect(Packet(when[0] + when[1] / 1e9, addr[0], addr[2] == _OUTGOING,
                                                frame), ethernet))
            self._ethernet[len(self._packets) - 1] = ethernet
        if self._socket.fileno() >= 0:
            stats = self._socket.getsockopt(263, _PACKET_STATISTICS, 8)
            if struct.unpack("II", stats)[1]:
                raise LabError(f"{self.machine.name}: capture on {self.link}: the kernel dropped frames")

    def packets(self, where=None, **fields):
        """The packets so far for which where(packet) holds and all named fields are equal:
        packets(protocol="udp", dport=51820, out=True)."""
        self._drain()
        return [p for p in self._packets if (where is None or where(p))
                and all(getattr(p, k) == v for k, v in fields.items())]

    def count(self, where=None, **fields):
        return len(self.packets(where, **fields))

    def wait(self, where=None, count=1, timeout=5, **fields):
        """Wait until that many were seen; returns them."""
        end = time.monotonic() + timeout
        while True:
            found = self.packets(where, **fields)
            if len(found) >= count:
                return found
            left = end - time.monotonic()
            if left <= 0 or not select.select([self._socket], [], [], left)[0]:
                raise LabError(f"{self.machine.name}: capture on {self.link}: {len(found)} of {count} "
                               f"such packets within {timeout:g} s; all seen:\n{self}")

    def none(self, where=None, **fields):
        """Raise unless no such packet was seen."""
        found = self.packets(where, **fields)
        if found:
            raise LabError(f"{self.machine.name}: capture on {self.link}: {len(found)} packets that must "
                           "not be there:\n" + "\n".join(str(p) for p in found[:20]))

    def clear(self):
        self._drain()
        self._packets.clear()
        self._ethernet.clear()

    def save(self, path):
        """Write a pcap that tcpdump and Wireshark read; frames of raw-IP links get a header."""
        self._drain()
        with open(path, "wb") as f:
            f.write(struct.pack("<IHHIIII", 0xa1b2c3d4, 2, 4, 0, 0, 1 << 17, 1))
            for i, p in enumerate(self._packets):
                kind = 0x86dd if p.family == 6 else 0x0800
                frame = p.frame if self._ethernet[i] else bytes(12) + struct.pack("!H", kind) + p.frame
                f.write(struct.pack("<IIII", int(p.when), int(p.when % 1 * 1e6), len(frame), len(frame)))
                f.write(frame)

    def __str__(self):
        self._drain()
        return "\n".join(str(p) for p in self._packets[-40:]) or "(nothing)"

    def close(self):
        if self._socket.fileno() >= 0:
            try:
                self._drain()
            finally:
                self._socket.close()
