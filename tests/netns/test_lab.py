#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab proved on real parts."""
import tap

DRAWING = """
visitor -- internet -- vps
internet -- cgnat -- home -- lan
home -- container
"""


def test_reach(lab):
    """what the drawing wires can talk, in the families it has"""
    home, vps, visitor = lab["home"], lab["vps"], lab["visitor"]
    server = vps.http_server(80, "a page\n")
    assert home.curl("http://vps/") == "a page\n"
    assert visitor.curl(f"http://[{vps.v6}]/") == "a page\n"
    assert server.visitors == [lab["cgnat"].v4, visitor.v6]
    for machine in (lab["lan"], lab["container"], visitor):
        assert machine.ping(vps.v4).all


if __name__ == "__main__":
    tap.main(globals())
