#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""How long until the world sees a port: from starting a program that asks for it to a visitor's connection.

The home machine is 20 ms away from the server in each direction, the visitor next to it, and the tunnel is up.
"""
import json
import os
import select
import socket
import statistics
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "netns"))
# pylint: disable=wrong-import-position
from lab import Lab  # noqa: E402
from pcp import Peer  # noqa: E402
from story import Server  # noqa: E402

DRAWING = """
visitor -- internet -- vps(routed)
internet -(delay 20ms)- home
"""
BUILD = os.environ.get("ADIT_BUILD", os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../build"))
ROUNDS = 9
DEADLINE, GAP = 10, 0.005


def figure(name, value):
    print(json.dumps({"name": f"publish/{name}", "value": round(value * 1000, 1), "unit": "ms"}), flush=True)


def knock(family, address, port):
    """A connection begun, not waited for."""
    s = socket.socket(socket.AF_INET6 if family == 6 else socket.AF_INET)
    s.setblocking(False)
    s.connect_ex((address, port))
    return s


def visible(visitor, family, address, port):
    """When a connection from outside came about; a closed port refuses it or says nothing."""
    end, knocks = time.monotonic() + DEADLINE, []
    with visitor.inside():
        while time.monotonic() < end:
            knocks.append(knock(family, address, port))
            done = select.select([], knocks, [], GAP)[1]
            if any(s.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) == 0 for s in done):
                seen = time.monotonic()
                for s in knocks:
                    s.close()
                return seen
            for s in done:
                knocks.remove(s)
                s.close()
    sys.exit(f"bench: {address} port {port}: not visible within {DEADLINE} s")


def one(lab, peer, family, port):
    """Seconds until the port is visible."""
    home, outside = lab["home"], (peer.v6 if family == 6 else lab["vps"].v4)
    home.http_server(port)
    began = time.monotonic()
    client = home.spawn(os.path.join(BUILD, "tests/netns/keep-open"), peer.server6 if family == 6 else peer.server4,
                        port, "wg0")
    seen = visible(lab["visitor"], family, outside, port)
    client.wait_output("granted")
    assert client.stop() == 0
    return seen - began


def main():
    with Lab(DRAWING, BUILD) as lab:
        lab["vps"].write("/etc/adit/server.conf", "")
        server = Server(lab["vps"], lab["vps"].prefix).start()
        peer = Peer(server, lab["home"], "home")
        assert lab["home"].ping(peer.server4, 3, timeout=5, source=peer.v4)
        for family in (4, 6):
            times = [one(lab, peer, family, 8000 + 100 * family + i) for i in range(ROUNDS)]
            figure(f"visible-ipv{family}-median", statistics.median(times))
            figure(f"visible-ipv{family}-worst", max(times))


if __name__ == "__main__":
    main()
