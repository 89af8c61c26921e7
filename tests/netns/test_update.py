#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Another profile for a gateway that is there: what it does not replace is kept, or the old one is."""
import base64
import os
import re

import tap
from process import until
from story import Client, Server

DRAWING = """
visitor -- internet -- vps
internet -- cgnat -- home
"""
PSK = re.compile(r"^PresharedKey = .*\n", re.MULTILINE)


def random_key():
    """A key that nobody else has."""
    return base64.b64encode(os.urandom(32)).decode()


def begin(lab):
    """(client, profile) of a home machine whose port 443 a visitor reaches."""
    vps, home, visitor = lab["vps"], lab["home"], lab["visitor"]
    server = Server(vps, vps.prefix).start()
    profile = server.device("nas", "10.59.0.2")
    server.publish(443, "nas", families=(4,))
    client = Client(home).start()
    client.enrol("home", profile)
    home.http_server(443, "page\n")
    until(lambda: visitor.curl(f"http://{vps.v4}:443/", check=False).ok, 15, "the published port")
    return client, profile


def test_update(lab):
    """an update keeps link and preshared key; one that brings no handshake is taken back, and says so"""
    vps, home, visitor = lab["vps"], lab["home"], lab["visitor"]
    client, profile = begin(lab)
    before = client.adit("export", "home").stdout
    index = home.sh("cat /sys/class/net/home/ifindex").stdout
    home.write("/root/more.conf", PSK.sub("", profile), 0o600)
    client.adit("update", "home", "/root/more.conf")
    assert PSK.search(client.adit("export", "home").stdout)[0] == PSK.search(before)[0]
    assert home.sh("cat /sys/class/net/home/ifindex").stdout == index
    assert visitor.curl(f"http://{vps.v4}:443/") == "page\n"

    wrong = random_key()
    home.write("/root/wrong.conf", PSK.sub(f"PresharedKey = {wrong}\n", profile), 0o600)
    said = client.adit("update", "home", "/root/wrong.conf", check=False, timeout=60)
    assert said.code == 5 and "the old one is back" in said.stderr, said
    assert client.adit("export", "home").stdout == before
    until(lambda: visitor.curl(f"http://{vps.v4}:443/", check=False).ok, 15, "the old profile to carry again")


def test_status(lab):
    """status says within 15 s that nobody answers, and exits 5; `remove --all` leaves none"""
    home = lab["home"]
    client, profile = begin(lab)
    said = client.adit("status", "home")
    assert "home: up" in said.stdout, said.stdout
    wrong = random_key()
    client.adit("remove", "--all")
    home.write("/root/home.conf", re.sub(r"PublicKey = .*", f"PublicKey = {wrong}", profile), 0o600)
    client.adit("import", "/root/home.conf")
    said = client.adit("status", "home", check=False, timeout=30)
    assert said.code == 5 and "no handshake: key, PSK, endpoint or blocked UDP" in said.stdout, said
    client.adit("remove", "--all")
    assert "no gateway yet" in client.adit("status").stdout


if __name__ == "__main__":
    tap.main(globals())
