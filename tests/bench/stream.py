# SPDX-License-Identifier: GPL-2.0-or-later
"""One end of a stream of bytes: stream.py receive PORT, or stream.py send ADDRESS PORT SECONDS FLOWS.

Says as JSON how many bytes, how long, and how much processor time this process had, the kernel's for it included.
"""
import json
import os
import select
import socket
import sys
import time

PIECE = 1 << 18


def receive(port):
    """All flows until the last one ends."""
    listener = socket.create_server(("", port), backlog=64)
    print("ready", flush=True)
    flows, total, buffer, begin = [], 0, bytearray(PIECE), None
    while True:
        for sock in select.select([listener, *flows], [], [])[0]:
            if sock is listener:
                flows.append(listener.accept()[0])
                begin = begin or time.monotonic()
            elif size := sock.recv_into(buffer):
                total += size
            else:
                flows.remove(sock)
        if begin and not flows:
            return total, time.monotonic() - begin


def send(address, port, seconds, count):
    """As much as goes in so many seconds, by so many flows."""
    flows = [socket.create_connection((address, port), timeout=10) for _ in range(count)]
    for sock in flows:
        sock.setblocking(False)
    total, piece, begin = 0, bytes(PIECE), time.monotonic()
    while time.monotonic() - begin < seconds:
        for sock in select.select([], flows, [], 0.1)[1]:
            total += sock.send(piece)
    for sock in flows:
        sock.close()
    return total, time.monotonic() - begin


def main():
    """Do it and say it."""
    words = sys.argv[1:]
    if words[0] == "receive":
        total, took = receive(int(words[1]))
    else:
        total, took = send(words[1], int(words[2]), float(words[3]), int(words[4]))
    spent = os.times()
    print(json.dumps({"bytes": total, "seconds": took, "cpu": spent.user + spent.system}), flush=True)


if __name__ == "__main__":
    main()
