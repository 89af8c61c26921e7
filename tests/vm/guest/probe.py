#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Datagrams without end, and who sees them: one process talks, another listens on a link.

usage: probe.py talk ADDRESS... | probe.py listen LINK ADDRESS...

Both print their counts, by address, when they are terminated; talk now and then before, too. talk
counts what was offered, whether it could leave or not; listen counts what came by.
"""

import json
import signal
import socket
import sys
import time

PORT = 9


class Stop(Exception):
    """The end of the count."""


def stop(*_):
    """SIGTERM."""
    raise Stop


def family(address):
    """Of its text."""
    return socket.AF_INET6 if ":" in address else socket.AF_INET


def talk(addresses):
    """About 200 a second to each."""
    counts = dict.fromkeys(addresses, 0)
    sockets = {address: socket.socket(family(address), socket.SOCK_DGRAM) for address in addresses}
    print("ready", flush=True)
    try:
        while True:
            for address, sock in sockets.items():
                counts[address] += 1
                try:
                    sock.sendto(b"probe", (address, PORT))
                except OSError:
                    pass  # the guard says no: offered all the same
            if min(counts.values()) % 50 == 0:
                print(json.dumps(counts), flush=True)
            time.sleep(0.005)
    except Stop:
        return counts


def target(frame):
    """Whom an Ethernet frame is for."""
    if frame[12:14] == b"\x08\x00":
        return socket.inet_ntop(socket.AF_INET, frame[30:34])
    if frame[12:14] == b"\x86\xdd":
        return socket.inet_ntop(socket.AF_INET6, frame[38:54])
    return None


def listen(link, addresses):
    """Whatever protocol it is of."""
    counts = dict.fromkeys(addresses, 0)
    sock = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.htons(3))
    sock.bind((link, 0))
    print("ready", flush=True)
    try:
        while True:
            frame, about = sock.recvfrom(2048)
            to = target(frame)
            if about[2] != socket.PACKET_OUTGOING and to in counts:
                counts[to] += 1
    except Stop:
        return counts


def main():
    """One of the two."""
    signal.signal(signal.SIGTERM, stop)
    counts = talk(sys.argv[2:]) if sys.argv[1] == "talk" else listen(sys.argv[2], sys.argv[3:])
    print(json.dumps(counts), flush=True)


if __name__ == "__main__":
    main()
