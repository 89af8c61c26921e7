#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""adit-agent at the real aditd and adit-publisher: what somebody at a desktop is told and asked, and what a button does."""
import json
import os

import tap
from desktop import Desktop
from lab import SOURCE
from networkmanager import NetworkManager
from process import until
from publishing import DRAWING, fetch, is_closed, published
from story import Client, Publisher, Server, embed

PEOPLE = ("adit-publisher", "ada")
WEB = "Published: web (443/tcp)"
DROPPED = "home is connected, but visitors may not come through"


class Site:
    """A server, a home machine whose bus has our policies (strict), and its user."""

    def __init__(self, lab, user="root", strict=True):
        self.lab, self.home = lab, lab["home"]
        self.home.sh("".join(f"useradd {name};" for name in PEOPLE))
        self.home.bus(*[self.home.write(f"/etc/dbus-{name}.conf", source("data", f"org.adit.{name}.conf"))
                        for name in (("Client1", "Publisher1") if strict else ())])
        self.server = Server(lab["vps"], lab["vps"].prefix).start()
        self.profile = self.server.device("nas", "10.59.0.2")
        self.client = Client(self.home).start()
        self.publisher = Publisher(self.home, "adit-publisher").start()
        self.desktop = Desktop(self.home, user)
        self.gua = embed(lab["vps"].prefix, "10.59.0.2")

    def enrol(self):
        self.client.enrol("home", self.profile)
        self.desktop.see("New gateway: home")

    def publish(self):
        self.page = self.home.http_server(443, "from behind CGNAT\n")
        self.client.adit("publish", "443", "--gateway", "home", "--no-redirect", "--label", "web", timeout=20)
        self.desktop.see(WEB)

    @property
    def addresses(self):
        """As a notification names them."""
        return f"{self.lab['vps'].v4}:443\n[{self.gua}]:443"

    def selected(self):
        return any(row["default4"] for row in json.loads(self.client.adit("list", "--json").stdout))


def source(*path):
    with open(os.path.join(SOURCE, *path), encoding="utf-8") as f:
        return f.read()


def test_told(lab):
    """a user without rights hears of a gateway, a port with both its addresses, one that is refused, a firewall of her own"""
    site = Site(lab, "ada")
    desktop = site.desktop.start()
    assert desktop.all() == []
    site.enrol()
    assert f"10.59.0.2, {site.gua}" in desktop.look("New gateway: home").body
    site.publish()
    site.home.nft("table inet planted { chain input { type filter hook input priority 0; policy drop;"
                  " iifname lo accept; ct state established accept; icmpv6 type != echo-request accept; }; }")
    site.client.adit("list")  # aditd looks around when somebody asks, or once a minute
    notice = desktop.look(WEB)
    assert notice.body == site.addresses and notice.actions[1::2] == ["Unpublish"], notice
    desktop.press(WEB, "Unpublish")
    assert "only root may" in desktop.see("It could not be taken back").body
    assert {row["state"] for row in published(site.client).values()} == {"published"}
    body = desktop.see(DROPPED, 30).body
    assert "443/tcp at home by IPv4" in body and "planted" in body, body
    site.home.run("nft", "delete", "table", "inet", "planted")
    site.client.adit("list")
    desktop.miss(DROPPED)
    site.client.adit("unpublish", "443")
    desktop.miss(WEB)
    site.server.admin("device", "set-publish", "nas", "off")
    site.client.adit("publish", "444", check=False, timeout=20)
    assert "set-publish" in desktop.see("Could not be published: 444/tcp").body


def test_asked(lab):
    """a service that begins to listen is asked about and published by a button; a guard that holds everything back is opened by one"""
    site = Site(lab)
    desktop, visitor, url = site.desktop.start(), lab["visitor"], f"http://{lab['vps'].v4}:8080/"
    site.home.spawn("busybox", "httpd", "-f", "-p", "8080", "-h", "/etc")
    site.home.wait_port(8080)
    site.enrol()  # until there is a gateway nobody looks what listens
    question = "A service listens on port 8080. Publish it?"
    assert "busybox" in desktop.see(question, 30).body and is_closed(visitor, url)
    desktop.press(question, "Publish")
    desktop.see("Published: busybox (8080/tcp)")
    assert visitor.curl(url + "hostname", "-o", "/dev/null", "-w", "%{http_code}") in ("200", "404")
    desktop.miss(question)
    desktop.press("Published: busybox (8080/tcp)", "Unpublish")
    until(lambda: is_closed(visitor, url) and not published(site.client), 10, "the port to close")
    site.client.adit("default", "home")
    site.client.adit("down", "home")
    blocked = "Traffic is blocked: home has no connection"
    assert desktop.see(blocked).urgency == 2 and site.selected()
    desktop.press(blocked, "Open the guard")
    until(lambda: not site.selected(), 10, "the guard to open")
    desktop.miss(blocked)


def test_restarts(lab):
    """aditd, adit-publisher and the agent die and come back: no news are told twice, and those that come then are told"""
    site = Site(lab)
    desktop = site.desktop.start()
    site.enrol()
    site.publish()
    before = desktop.summaries()
    for daemon in (site.client, site.publisher):
        daemon.process.kill()
        daemon.start()
        until(lambda: {r["state"] for r in published(site.client).values()} == {"published"}, 10, "the leases to be back")
    desktop.agent.kill()
    desktop.start()
    site.client.process.stop()
    site.client.adit("published", check=False)
    site.client.start()
    site.server.admin("subnet", "add", "10.60.0.0/24", "--name", "more")
    site.client.enrol("cabin", site.server.device("cabin", "10.60.0.2", "--subnet", "more"))
    desktop.see("New gateway: cabin")
    assert desktop.summaries() == before + ["New gateway: cabin"], desktop.summaries()
    assert desktop.agent.stop() == 0
    site.client.adit("remove", "cabin")
    site.client.enrol("shed", site.server.device("shed", "10.60.0.3", "--subnet", "more"))
    desktop.start().see("New gateway: shed")
    desktop.agent.stop()
    site.publisher.process.stop()
    site.client.process.stop()
    desktop.start()  # with nobody there
    site.client.start()
    site.publisher.start()
    site.client.adit("publish", "444", "--gateway", "home", "--no-redirect", "--label", "anew", timeout=20)
    assert desktop.see("Published: anew (444/tcp)").body == site.addresses.replace("443", "444")
    until(lambda: "cabin" not in desktop.remembered(), 15, "what is gone to be forgotten")
    assert desktop.summaries()[len(before) + 1:] == ["New gateway: shed", "Published: anew (444/tcp)"], desktop.summaries()


def test_offer(lab):
    """auto-adopt = ask: NetworkManager's connection to a tunnel server is asked about, and a button makes it a gateway"""
    site = Site(lab, strict=False)  # NetworkManager wants a name, too
    network_manager, home, client = NetworkManager(site.home), site.home, site.client
    home.write("/etc/adit/adit.conf", "[gateways]\nauto-adopt = ask\n")
    client.process.stop()
    client.start()
    until(lambda: client.adit("adopt", "x", check=False).code == 3, 10, "aditd to see NetworkManager")
    desktop = site.desktop.start()
    home.write("/root/mine.conf", site.profile, 0o600)
    network_manager.bring("/root/mine.conf")
    question = 'Use "mine" as a gateway?'
    assert "tunnel server" in desktop.see(question).body and "mine" not in client.adit("list", "--json").stdout
    client.process.kill()
    client.start()
    desktop.see(question)
    assert desktop.summaries().count(question) == 1, "aditd's restart is no reason to ask again"
    desktop.press(question, "Use as gateway")
    until(lambda: [row["name"] for row in json.loads(client.adit("list", "--json").stdout)] == ["mine"], 10, "the gateway")
    assert network_manager.get("mine", "wireguard.fwmark") == "0x3f000000"
    desktop.miss(question)


if __name__ == "__main__":
    tap.main(globals())
