#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""PCP and NAT-PMP with parts that nobody here wrote, through libadit-pcp's own example program."""
import os

import tap
from errors import Skip
from miniupnpd import Miniupnpd
from process import until

DRAWING = """
visitor -- internet -- vps(routed)
internet -- home
"""

PORT = 8443


def keep_open(machine, server, port, *more):
    """The example of the library, left running."""
    program = os.path.join(machine.lab.build or "", "tests/netns/keep-open")
    if not os.access(program, os.X_OK):
        raise Skip("keep-open is not built")
    return machine.spawn(program, server, port, "wg0", *more, env={"G_MESSAGES_DEBUG": "adit"})


def reaches(visitor, address, port):
    return visitor.tcp_probe(address, port, timeout=0.3) == "open"


def page(visitor, address, port):
    host = f"[{address}]" if ":" in address else address
    return visitor.curl(f"http://{host}:{port}/", timeout=3)


def requests(capture):
    return [p.payload for p in capture.packets(dport=5351)]


def test_miniupnpd_v4(lab):
    """miniupnpd, IPv4: MAP, a visitor with his own address, renewal, a restart of it, deletion"""
    server, visitor, outside = Miniupnpd(lab, lifetime=9), lab["visitor"], lab["vps"].v4
    lab["home"].http_server(PORT, lambda who: f"hello {who}")
    assert not reaches(visitor, outside, PORT), "open before anybody asked"
    client = keep_open(lab["home"], server.server_v4, PORT, "/run/state")
    client.wait_output(f"granted {outside} {PORT} 9 s PCP")
    assert page(visitor, outside, PORT) == f"hello {visitor.v4}", "the true source"
    client.wait_output("renewed", 10)
    assert page(visitor, outside, PORT) == f"hello {visitor.v4}"

    server.restart()  # and it has forgotten all
    assert not reaches(visitor, outside, PORT), "miniupnpd remembers"
    client.wait_output("(?s)lost .*the server lost its state.*granted", 10)
    assert page(visitor, outside, PORT) == f"hello {visitor.v4}"
    assert client.stop() == 0
    client.wait_output("deleted")
    assert not reaches(visitor, outside, PORT), "still open"
    assert not lab["home"].exists("/run/state"), "a state file of nothing"


def test_miniupnpd_v6(lab):
    """miniupnpd, IPv6: a pinhole, a visitor, a killed client that comes back, deletion"""
    server, visitor = Miniupnpd(lab), lab["visitor"]
    lab["home"].http_server(PORT, lambda who: f"hello {who}")
    asked = lab["home"].capture("wg0")
    assert not reaches(visitor, server.device_v6, PORT), "open before anybody asked"
    client = keep_open(lab["home"], server.server_v6, PORT, "/run/state")
    client.wait_output(f"granted {server.device_v6} {PORT} 3600 s PCP")
    assert page(visitor, server.device_v6, PORT) == f"hello {visitor.v6}"
    client.kill()
    client = keep_open(lab["home"], server.server_v6, PORT, "/run/state")
    client.wait_output("granted")
    first, second = requests(asked)
    assert first[24:36] == second[24:36], "another nonce"
    assert page(visitor, server.device_v6, PORT) == f"hello {visitor.v6}"
    # 2.3.1 forgets the nonce of a pinhole that is renewed and then refuses to delete it: we end all the same.
    assert client.stop() == 0
    client.wait_output("deleted")


def test_miniupnpd_v6_delete(lab):
    """miniupnpd, IPv6: a pinhole that was never renewed is closed by the deletion"""
    server, visitor = Miniupnpd(lab), lab["visitor"]
    lab["home"].http_server(PORT)
    client = keep_open(lab["home"], server.server_v6, PORT)
    client.wait_output("granted")
    assert reaches(visitor, server.device_v6, PORT)
    assert client.stop() == 0
    assert not reaches(visitor, server.device_v6, PORT)


def fields(lab, capture, *names):
    """What tshark reads in each PCP packet of a capture."""
    lab.require("tshark")
    path = os.path.join(lab.dir, "pcp.pcap")
    capture.save(path)
    out = lab["home"].run("tshark", "-r", path, "-Y", "portcontrol", "-T", "fields", "-E", "separator=|",
                          *(word for name in names for word in ("-e", "portcontrol." + name)), timeout=30).stdout
    return [dict(zip(names, line.split("|"))) for line in out.splitlines()]


if __name__ == "__main__":
    tap.main(globals())
