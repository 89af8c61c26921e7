#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Connections at once: of one mapping and of one device, by hand and by lease, in both families."""
import contextlib

import tap
from pcp import begin
from process import until

DRAWING = """
visitor -- internet -- vps
internet -- nas:home
internet -- disk:home
"""
LIMITS = "[Limits]\nMapping = {}\nDevice = {}\n"


def open_all(visitor, address, port, n):
    """As many connections as there are to have, of @n."""
    held = []
    for _ in range(n):
        with contextlib.suppress(Exception):
            held.append(visitor.connect(address, port, timeout=1))
    return held


def alive(talk):
    talk.settimeout(3)
    talk.sendall(b"still here")
    return talk.recv(64) == b"still here"


@tap.deadline(90)
def test_limits(lab):
    """the limit holds what is new, hurts neither what is there nor others, and room comes back"""
    vps, visitor = lab["vps"], lab["visitor"]
    server, nas, disk = begin(lab, "nas", "disk", conf=LIMITS.format(2, 3))
    for name in ("nas", "disk"):
        for port in (443, 444, 8443):
            lab[name].tcp_echo(port)
    server.publish(443, "nas", families=(4,))
    assert nas.map(444, 444).result == "SUCCESS" and nas.map(443, 443, 6).result == "SUCCESS"
    server.publish(8443, "disk", families=(4,))
    first = open_all(visitor, vps.v4, 443, 4)
    assert len(first) == 2, "by hand"
    assert len(open_all(visitor, nas.v6, 443, 3)) == 2, "a lease, IPv6"
    second = open_all(visitor, vps.v4, 444, 2)
    assert len(second) == 1, "the third of the device"
    other = open_all(visitor, vps.v4, 8443, 3)
    assert len(other) == 2 and all(map(alive, first + second + other)), "others, and what was there"
    first.pop().close()
    until(lambda: open_all(visitor, vps.v4, 443, 1), 10, "room, once one has ended")
    sent = server.process.output().count("ports:")
    server.reload()
    assert server.process.output().count("ports:") == sent, "the same limits again change nothing"
    vps.write("/etc/adit/server.conf", LIMITS.format(0, 0))
    server.reload()
    assert len(open_all(visitor, vps.v4, 8443, 5)) == 5 and all(map(alive, other + second)), "no limit, and nobody hurt"
    vps.write("/etc/adit/server.conf", LIMITS.format(0, 1))
    server.reload()
    assert len(open_all(visitor, vps.v4, 8443, 3)) == 1 and all(map(alive, other + second)), "a limit again, of what is new"


if __name__ == "__main__":
    tap.main(globals())
