#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A real NetworkManager's connections: taken over, followed, edited by others, given back."""
import json
import re

import tap
from networkmanager import NetworkManager
from policysite import everything
from process import until
from story import Client, Server

DRAWING = "visitor -- internet -- vps\ninternet -- home"
LINK = "adit-vm"
REWRITTEN = {"wireguard.fwmark": "0x3f000000", "wireguard.ip4-auto-default-route": "0",
             "wireguard.ip6-auto-default-route": "0", "wireguard.listen-port": "0",
             "wireguard.private-key-flags": "0", "ipv4.route-table": "20101", "ipv6.route-table": "20101"}


class Site:
    """home with NetworkManager and aditd, and a profile of the server's."""

    def __init__(self, lab):
        self.home = lab["home"]
        self.profile = Server(lab["vps"], lab["vps"].prefix).start().device("nas", "10.59.0.2")
        self.private, self.psk = (re.search(rf"{key} = (\S+)", self.profile)[1] for key in ("PrivateKey", "PresharedKey"))
        self.nm = NetworkManager(self.home)
        self.client = Client(self.home).start()
        until(lambda: self.client.adit("adopt", "x", check=False).code == 3, 10, "aditd to see NetworkManager")

    def bring(self, name=LINK, text=None):
        self.home.write(f"/root/{name}.conf", text or self.profile, 0o600)
        return self.nm.bring(f"/root/{name}.conf")

    def gateways(self):
        return [row["name"] for row in json.loads(self.client.adit("list", "--json").stdout)]

    def until_gateway(self):
        until(lambda: self.gateways() == [LINK] and self.nm.get(LINK, "wireguard.fwmark") == "0x3f000000", 5, "a gateway")


def test_follow(lab):
    """imported it is rewritten; what editors lose is put back; what they change arrives; then nobody asks on"""
    site = Site(lab)
    nm, home = site.nm, site.home
    before = everything(home)
    site.bring(text=site.profile.replace("[Interface]", "[Interface]\nListenPort = 51820"))
    site.until_gateway()
    until(lambda: {key: nm.get(LINK, key) for key in REWRITTEN} == REWRITTEN, 5, "the rewriting")
    uuid = nm.get(LINK, "connection.uuid")
    asked = home.spawn("dbus-monitor", "--system", "member=GetSecrets")
    for secrets in ((site.private, site.psk, 4), (site.private,)):
        nm.edit(LINK, *secrets)
        until(lambda: nm.preshared(LINK) == site.psk, 10, f"{len(secrets)}: the preshared key to be back")
    other = home.run("wg", "genpsk").stdout.strip()
    nm.edit(LINK, site.private, other)
    until(lambda: other in site.client.adit("export", LINK).stdout, 10, "another key, which only secrets tell, to arrive")
    nm.cli("connection", "modify", LINK, "connection.zone", "trusted", "ipv4.dns-search", "corp.example")
    until(lambda: "corp.example" in site.client.adit("export", LINK).stdout, 10, "an edit to arrive")

    def questions():
        return asked.output().count("member=GetSecrets")

    def is_quiet():
        before = questions()
        home.run("sleep", "1")
        return questions() == before
    until(is_quiet, 10, "a second in which nothing is asked")
    assert questions() < 20, "aditd asks on"
    assert (nm.get(LINK, "connection.uuid"), nm.get(LINK, "connection.zone")) == (uuid, "trusted")
    nm.cli("connection", "delete", LINK)
    until(lambda: not site.gateways(), 5, "deleted, it is no gateway")
    until(lambda: everything(home) == before, 5, "everything as before")


def test_give_back(lab):
    """unadopt restores it byte for byte, for good; adopted for everyone it is there at boot"""
    site = Site(lab)
    nm, client = site.nm, site.client
    client.process.stop()
    site.bring()
    before = nm.keyfile(LINK)
    client.start()
    site.until_gateway()
    assert nm.keyfile(LINK) != before
    client.adit("unadopt", LINK)
    assert nm.keyfile(LINK) == before
    client.process.stop()
    client.start()
    until(lambda: client.adit("adopt", "x", check=False).code == 3, 10, "aditd to see NetworkManager")
    assert not site.gateways() and nm.keyfile(LINK) == before
    nm.cli("connection", "modify", LINK, "connection.permissions", "user:root", "connection.autoconnect", "no")
    client.adit("adopt", LINK)
    assert "only for root" in client.adit("list").stdout
    client.adit("adopt", "--everyone", LINK)  # which waits while aditd still looks at the edit before
    assert "only for root" not in client.adit("list").stdout
    assert (nm.get(LINK, "connection.permissions"), nm.get(LINK, "connection.autoconnect")) == ("", "yes")


def test_again(lab):
    """imported once more by nmcli, under another name: one connection stays, the old one with the new profile"""
    site = Site(lab)
    nm = site.nm
    site.bring()
    site.until_gateway()
    uuid = nm.get(LINK, "connection.uuid")
    site.bring("again", site.profile.replace("PersistentKeepalive = 25", "PersistentKeepalive = 21"))
    until(lambda: nm.names() == [LINK], 10, "one connection")
    until(lambda: "PersistentKeepalive = 21" in site.client.adit("export", LINK).stdout, 10, "the newer profile")
    until(lambda: "persistent-keepalive=21" in nm.keyfile(LINK), 10, "NetworkManager to have it")
    assert nm.get(LINK, "connection.uuid") == uuid and site.gateways() == [LINK]
    nm.cli("connection", "clone", LINK, "copy")
    site.home.run("sleep", "1")  # a copy is no import: nothing may be done to it
    assert sorted(nm.names()) == [LINK, "copy"] and site.gateways() == [LINK]


def test_update_away(lab):
    """an update while NetworkManager is away is refused in one sentence and changes nothing; once it is back it works"""
    site = Site(lab)
    home, client = site.home, site.client
    site.bring()
    site.until_gateway()
    before, kept = client.adit("export", LINK).stdout, site.nm.keyfile(LINK)
    home.write("/root/newer.conf", site.profile.replace("PersistentKeepalive = 25", "PersistentKeepalive = 21"), 0o600)
    site.nm.process.stop()
    said = client.adit("update", LINK, "/root/newer.conf", check=False)
    assert said.code == 5 and said.stderr == "adit: NetworkManager: not running: systemctl start NetworkManager\n", said
    assert client.adit("export", LINK).stdout == before and site.nm.keyfile(LINK) == kept
    site.nm.start()
    until(lambda: client.adit("update", LINK, "/root/newer.conf", check=False, timeout=60).ok, 20, "it to work again")
    assert "PersistentKeepalive = 21" in client.adit("export", LINK).stdout


def test_asked(lab):
    """auto-adopt = ask offers, no does not even that"""
    site = Site(lab)
    for word, offered in (("ask", True), ("no", False)):
        site.home.write("/etc/adit/adit.conf", f"[gateways]\nauto-adopt = {word}\n")
        seen = site.client.process.output().count("reloaded")
        site.client.process.signal(1)
        site.client.process.wait_output("(?s)" + "reloaded.*" * (seen + 1), 10)
        site.bring(word)
        if offered:
            until(lambda: "adit adopt 'ask'" in site.client.adit("list").stdout, 5, "the offer")
        assert f"adit adopt '{word}'" not in site.client.adit("list").stdout or offered
        assert not site.gateways() and site.nm.get(word, "ipv4.method") == "manual"
        site.nm.cli("connection", "delete", word)
        until(lambda: "could be" not in site.client.adit("list").stdout, 5, "no offer")


if __name__ == "__main__":
    tap.main(globals())
