#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Datagrams without end, and who sees them: one process talks, another listens on a link.

usage: knock.py talk WAY... | knock.py listen LINK WAY...

A WAY is ADDRESS[,PORT][@SOURCE]. Both print their counts, by way, when they are terminated; talk now and then
before, too. talk counts what was offered, whether it could leave or not; listen counts what came by.
"""

import json
import signal
import socket
import sys
import time

PORT = 9
IP_TRANSPARENT, IPV6_TRANSPARENT = 19, 75  # an address need not be there to be a source


class Stop(Exception):
    """The end of the count."""


def stop(*_):
    """SIGTERM."""
    raise Stop


def parse(way):
    """(address, port, source) of its text; a source may be ""."""
    rest, _, source = way.partition("@")
    address, _, port = rest.partition(",")
    return address, int(port or PORT), source


def opened(way):
    """A socket for a way, and where it leads."""
    address, port, source = parse(way)
    six = ":" in address
    sock = socket.socket(socket.AF_INET6 if six else socket.AF_INET, socket.SOCK_DGRAM)
    if source:
        sock.setsockopt(*((socket.IPPROTO_IPV6, IPV6_TRANSPARENT) if six else (socket.IPPROTO_IP, IP_TRANSPARENT)), 1)
        sock.bind((source, 0))
    return sock, (address, port)


def talk(ways):
    """About 300 a second to each."""
    counts = dict.fromkeys(ways, 0)
    sockets = {way: opened(way) for way in ways}
    print("ready", flush=True)
    try:
        while True:
            for way, (sock, where) in sockets.items():
                counts[way] += 1
                try:
                    sock.sendto(b"probe", where)
                except OSError:
                    pass  # the guard says no: offered all the same
            if min(counts.values()) % 50 == 0:
                print(json.dumps(counts), flush=True)
            time.sleep(0.003)
    except Stop:
        return counts


def ends(frame):
    """(target, its port, source) of an Ethernet frame with UDP, without the kernel's help."""
    if frame[12:14] == b"\x08\x00" and frame[23] == socket.IPPROTO_UDP:
        at = 14 + (frame[14] & 15) * 4
        return (socket.inet_ntop(socket.AF_INET, frame[30:34]), int.from_bytes(frame[at + 2:at + 4], "big"),
                socket.inet_ntop(socket.AF_INET, frame[26:30]))
    if frame[12:14] == b"\x86\xdd" and frame[20] == socket.IPPROTO_UDP:
        return (socket.inet_ntop(socket.AF_INET6, frame[38:54]), int.from_bytes(frame[56:58], "big"),
                socket.inet_ntop(socket.AF_INET6, frame[22:38]))
    return None, None, None


def listen(link, ways):
    """What comes by is of the way that has its source, else of the one that has none."""
    counts = dict.fromkeys(ways, 0)
    known = {parse(way): way for way in ways}
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    sock.setsockopt(socket.SOL_SOCKET, 33, 16 << 20)  # SO_RCVBUFFORCE: a count without holes
    sock.bind((link, 0))
    print("ready", flush=True)
    try:
        while True:
            frame, about = sock.recvfrom(2048)
            if about[2] == socket.PACKET_OUTGOING:
                continue
            target, port, source = ends(frame)
            way = known.get((target, port, source)) or known.get((target, port, ""))
            if way:
                counts[way] += 1
    except Stop:
        return counts


def main():
    """One of the two."""
    signal.signal(signal.SIGTERM, stop)
    counts = talk(sys.argv[2:]) if sys.argv[1] == "talk" else listen(sys.argv[2], sys.argv[3:])
    print(json.dumps(counts), flush=True)


if __name__ == "__main__":
    main()
