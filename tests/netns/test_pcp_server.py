#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The PCP server as devices and visitors meet it: real packets, the real kernel, real WireGuard peers."""
import tap
from pcp import Peer
from process import until
from story import Server

DRAWING = """
visitor -- internet -- vps
internet -- nas:home
internet -- disk:home
"""

CONF = """[PCP]
MinLifetime = 2s
"""


def begin(lab, *names, conf=CONF):
    """A server and its devices."""
    vps = lab["vps"]
    vps.write("/etc/adit/server.conf", conf)
    server = Server(vps, vps.prefix).start()
    return (server, *(Peer(server, lab[name], name) for name in names))


def opened(visitor, address, port):
    url = f"http://[{address}]:{port}/" if ":" in address else f"http://{address}:{port}/"
    return visitor.curl(url, check=False, timeout=2).stdout


def test_map_opens(lab):
    """MAP opens a port in both families, a visitor is served with his own address, deletion closes it"""
    vps, visitor = lab["vps"], lab["visitor"]
    _, nas = begin(lab, "nas")
    page = lab["nas"].http_server(443, "page\n")
    for family, address in ((4, vps.v4), (6, nas.v6)):
        assert not opened(visitor, address, 443)
        reply = nas.map(443, 443, family)
        assert (reply.result, reply.external, reply.address) == ("SUCCESS", 443, address), reply
        assert reply.lifetime == 3600
        assert until(lambda a=address: opened(visitor, a, 443), 10, address) == "page\n"
    assert set(page.visitors) == {visitor.v4, visitor.v6}, page.visitors
    for family, address in ((4, vps.v4), (6, nas.v6)):
        assert nas.unmap(443, family).result == "SUCCESS"
        assert not opened(visitor, address, 443)


if __name__ == "__main__":
    tap.main(globals())
