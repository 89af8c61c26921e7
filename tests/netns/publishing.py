# SPDX-License-Identifier: GPL-2.0-or-later
"""A machine behind CGNAT that publishes, and what its visitor finds."""
import json

from story import Client, Publisher, Server, embed

DRAWING = """
visitor -- internet -- vps
internet -- cgnat -- home
"""


def begin(lab):
    """(server, client, publisher, the home machine's GUA): enrolled, nothing published."""
    vps, home = lab["vps"], lab["home"]
    server = Server(vps, vps.prefix).start()
    vps.spawn("adit-redirect").wait_output("listening on 2 sockets", 15)
    client = Client(home).start()
    publisher = Publisher(home).start()
    client.enrol("home", server.device("nas", "10.59.0.2"))
    return server, client, publisher, embed(vps.prefix, "10.59.0.2")


def published(client):
    """What `adit published --json` says, by (ports, family)."""
    rows = json.loads(client.adit("published", "--json").stdout)["publications"]
    return {(r["ports"], r.get("family")): r for r in rows}


def fetch(visitor, url):
    return visitor.curl(url, check=False, timeout=1.5)


def is_closed(visitor, *urls):
    return all(not fetch(visitor, u).ok for u in urls)
