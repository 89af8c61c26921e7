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
from process import until  # noqa: E402
from story import Client, Publisher, Server, embed  # noqa: E402

DRAWING = """
visitor -- internet -- vps(routed)
internet -(delay 20ms)- home
"""
BUILD = os.environ.get("ADIT_BUILD", os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../build"))
ROUNDS = 9
DEADLINE, GAP = 10, 0.005
PUBLICATIONS = 1000
REST = 5  # seconds; memory is given back 2 s after it was needed


def figure(name, value, unit="ms"):
    if unit == "ms":
        value = round(value * 1000, 1)
    print(json.dumps({"name": f"publish/{name}", "value": value, "unit": unit}), flush=True)


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


def measure(lab, begin, name, family, address):
    """`begin(port)` starts a program that asks; from then on until a visitor is served."""
    times = []
    for port in range(8000 + 100 * family, 8000 + 100 * family + ROUNDS):
        lab["home"].http_server(port)
        began = time.monotonic()
        program = begin(port)
        times.append(visible(lab["visitor"], family, address, port) - began)
        program.stop()
    figure(f"{name}-ipv{family}-median", statistics.median(times))
    figure(f"{name}-ipv{family}-worst", max(times))


def library(lab):
    """The example of libadit-pcp, over a plain WireGuard link."""
    server = Server(lab["vps"], lab["vps"].prefix).start()
    peer = Peer(server, lab["home"], "home")
    assert lab["home"].ping(peer.server4, 3, timeout=5, source=peer.v4)

    def keep_open(server):
        return lambda port: lab["home"].spawn(os.path.join(BUILD, "tests/netns/keep-open"), server, port, "wg0")

    measure(lab, keep_open(peer.server4), "library", 4, lab["vps"].v4)
    measure(lab, keep_open(peer.server6), "library", 6, peer.v6)


def command(lab):
    """`adit publish`, with aditd and the publisher."""
    home, vps = lab["home"], lab["vps"]
    server = Server(vps, vps.prefix).start()
    client, publisher = Client(home).start(), Publisher(home).start()
    client.enrol("home", server.device("nas", "10.59.0.2"))
    gua = embed(vps.prefix, "10.59.0.2")

    def publish(family):
        return lambda port: home.spawn("adit", "publish", port, "--no-redirect", f"--ipv{family}")

    until(lambda: home.ping("10.59.0.1", 1, timeout=1, source="10.59.0.2"), 10, "the tunnel")
    starts = []
    for _ in range(ROUNDS):
        began = time.monotonic()
        home.run("adit", "--version")
        starts.append(time.monotonic() - began)
    figure("adit-version-median", statistics.median(starts))
    measure(lab, publish(4), "adit-publish", 4, vps.v4)
    measure(lab, publish(6), "adit-publish", 6, gua)


def memory(lab, count):
    """The publisher at rest, when so many publications are held in both families."""
    home, vps = lab["home"], lab["vps"]
    vps.write("/etc/adit/server.conf", f"[PCP]\nQuota = {2 * count}\n")
    home.write("/etc/adit/publish.d/many.conf", "".join(f"[Publish]\nPort = {8000 + i}/udp\n" for i in range(count)))
    server = Server(vps, vps.prefix).start()
    client, publisher = Client(home).start(), Publisher(home).start()
    client.enrol("home", server.device("nas", "10.59.0.2"))
    until(lambda: held(client) == 2 * count, 150, "all to be published")
    time.sleep(REST)
    kb = publisher.process.memory()
    for name, value in (("resident", kb["Rss"]), ("private", kb["Private_Dirty"] + kb["Private_Clean"])):
        figure(f"publisher-{name}-{count}", value, "kB")


def held(client):
    time.sleep(2)  # a look takes the time of what it waits for
    rows = json.loads(client.adit("published", "--json", timeout=20).stdout)["publications"]
    return sum(row["state"] == "published" for row in rows)


def main():
    for part in (library, command, lambda lab: memory(lab, 0), lambda lab: memory(lab, PUBLICATIONS)):
        with Lab(DRAWING, BUILD) as lab:
            lab["vps"].write("/etc/adit/server.conf", "")
            part(lab)


if __name__ == "__main__":
    main()
