#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The whole, in one sequence: a blank VPS, a file handed over, everything a home machine can publish, and the end."""
import json

import tap
import whole
from process import until
from story import Client, Publisher, Server
from whole import Cast

DRAWING = """
visitor -- internet -- vps
internet -- cgnat -- router -- home -- container
router -- neighbour:lan
home -- lan
cgnat -- second:home
"""


def server_side(lab, *options):
    """A blank VPS becomes a server by one command, without an address being typed."""
    server = Server(lab["vps"]).run()
    responder = lab["vps"].spawn("adit-redirect")
    server.admin("setup", *options)
    responder.wait_output("listening on 2 sockets", 15)
    return server


def join(lab, server, name):
    """The device is added, its file handed over and imported; returns its Cast."""
    machine = lab[name]
    client = Client(machine).start()
    Publisher(machine).start()
    client.enrol("tunnel", server.device(name))
    row = next(r for r in json.loads(server.admin("device", "list", "--json").stdout) if r["name"] == name)
    until(lambda: json.loads(client.adit("list", "--json").stdout)[0]["up"], 15, f"{name}: up")
    return Cast(lab["vps"], machine, lab["visitor"], client.adit, row["ipv6"])


@tap.deadline(110)
def test_whole(lab):
    """VPS, device, file, import, publish; https, 308, UDP, WireGuard, a range, a second device, containers, the LAN"""
    server = server_side(lab)
    cast = join(lab, server, "home")
    whole.act_https(cast)
    whole.act_udp(cast)
    whole.act_second(cast, join(lab, server, "second"))
    whole.act_container(cast, lab["container"])
    whole.act_lan(cast, lab["neighbour"], lab["lan"])
    whole.act_wireguard(cast)
    assert set(whole.published(cast).values()) <= {"published", "refused"}, whole.published(cast)
    whole.act_end(cast)


if __name__ == "__main__":
    tap.main(globals())
