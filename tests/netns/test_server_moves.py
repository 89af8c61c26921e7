#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The server moves to another VPS: with clients connected, only what the endpoint's name leads to changes."""
import json
import os

import tap
from names import NameServer
from process import until
from story import Client, Publisher, Server, embed
from talk import Talk
from tunnel import WireGuard

DRAWING = """
visitor -- internet -- vps
internet -- fresh:vps
internet -- cgnat -- home
internet -- phone:home
internet -- nameserver:vps
"""
PASSPHRASE = "a key for the removal men\n"


def plain_client(machine, profile):
    """A phone: any WireGuard app, which knows nothing of us."""
    keys = dict(row.split(" = ", 1) for row in profile.splitlines() if " = " in row)
    wg = WireGuard(machine, "wg0", [keys["Address"].split(",")[0].split("/")[0] + "/32"])
    machine.run("wg", "set", "wg0", "private-key", "/dev/stdin", input=keys["PrivateKey"])
    machine.run("ip", "route", "add", "10.59.0.0/24", "dev", "wg0")

    def switch_on(address):
        """As the app does each time it is switched on, after it has asked for the name."""
        machine.run("wg", "set", "wg0", "peer", keys["PublicKey"], "remove")
        machine.run("wg", "set", "wg0", "peer", keys["PublicKey"], "preshared-key", "/dev/stdin", "allowed-ips", "10.59.0.0/24",
                    "endpoint", f"{address}:51820", "persistent-keepalive", "1", input=keys["PresharedKey"])
    return switch_on


@tap.deadline(300)
def test_move(lab):
    """export, encrypted, down; import elsewhere: the same keys and ports, no client needs a profile"""
    vps, fresh, home, phone, visitor = (lab[name] for name in ("vps", "fresh", "home", "phone", "visitor"))
    names = NameServer(lab["nameserver"], lab["nameserver"].v4, vps.v4)
    old = Server(vps, vps.prefix).run()
    old.admin("setup", "--endpoint", "vps.world.example", "--subnet", "10.59.0.0/24")
    home.write("/etc/resolv.conf", f"nameserver {lab['nameserver'].v4}\n")
    home.tcp_echo(443)
    client = Client(home).start()
    client.enrol("home", old.device("nas", "10.59.0.2"))
    switch_on = plain_client(phone, old.device("phone", "10.59.0.3", "--kind", "client"))
    switch_on(vps.v4)
    old.publish(443, "nas")
    for place in (vps.v4, embed(vps.prefix, "10.59.0.2")):
        Talk(visitor, place, 443).still("at the old place")
    until(lambda: phone.ping("10.59.0.1").all, 15, "the phone")
    key = json.loads(old.admin("status", "--json").stdout)["public-key"]

    said = old.admin("export", "/root/all.conf", "--encrypt", input="short\n", check=False)
    assert said.code == 1 and "at least 8" in said.stderr, said
    old.admin("export", "/root/all.conf", "--encrypt", input=PASSPHRASE)
    assert vps.run("stat", "-c", "%a", "/root/all.conf").stdout.strip() == "600"
    assert "PrivateKey" not in vps.read("/root/all.conf")
    with open(vps.open("/root/all.conf"), "rb") as f:
        sealed = f.read()
    old.process.stop()
    vps.run("adit-server", "down")

    new = Server(fresh, fresh.prefix).run()
    fresh.write("/root/all.conf", sealed, 0o600)
    said = new.admin("import", "/root/all.conf", input="another phrase\n", check=False)
    assert said.code == 4 and "another passphrase" in said.stderr, said
    new.admin("import", "/root/all.conf", input=PASSPHRASE)
    new.admin("subnet", "set-ipv6", "home", "--prefix", fresh.prefix)
    assert json.loads(new.admin("status", "--json").stdout)["public-key"] == key
    names.answers = (fresh.v4,)
    switch_on(fresh.v4)
    if "ADIT_FULL" not in os.environ:  # what the daemon finds out itself, but not before WireGuard is sure
        client.adit("down", "home")
        client.adit("up", "home")
    Talk(visitor, fresh.v4, 443, patience=240).still("at the new place")
    until(lambda: phone.ping("10.59.0.1").all, 15, "the phone, with the profile it had")
    assert fresh.prefix != vps.prefix
    Publisher(home).start()  # which asks the server what the device's addresses are
    Talk(visitor, embed(fresh.prefix, "10.59.0.2"), 443, patience=40).still("at the new place, by the new prefix")
    assert client.adit("status", "home").code == 0


@tap.drawing("internet -- vps")
def test_from_starttunnel(lab):
    """the database of another server becomes this one's: its devices keep their keys"""
    vps = lab["vps"]
    server = Server(vps, vps.prefix).run()
    with open(os.path.join(os.path.dirname(__file__), "../data/starttunnel/dump.json"), encoding="utf-8") as f:
        vps.write("/root/dump.json", f.read(), 0o600)
    said = server.admin("import", "/root/dump.json", check=False)
    assert said.code == 1 and len(said.stderr.splitlines()) == 1, said
    said = server.admin("import", "/root/dump.json", "--from-starttunnel")
    assert "1 automatic mappings: left out" in said.stderr and "+ device Name My-NAS" in said.stdout, said
    rows = {row["name"]: row for row in json.loads(server.admin("device", "list", "--json").stdout)}
    assert rows["My-NAS"]["ipv6"] == "2a11:1:2::a3b:302", rows
    peers = vps.run("wg", "show", "adit0", "allowed-ips").stdout
    assert len(peers.splitlines()) == 3 and "10.59.3.2/32" in peers, peers
    keys = {row["key"] for row in json.loads(server.admin("mappings", "--json").stdout)}
    assert keys == {"443/both", "6000-6009/both", "My-NAS:443/both", "My-NAS-2:5000-5001/both"}, keys


if __name__ == "__main__":
    tap.main(globals())
