#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""tunnel.py OUT [TEST...]: GNOME Settings and a real tunnel of NetworkManager's, where the kernel has WireGuard. TAP."""
import sys

from desk import run, until
from story import Story, get, gateways, links, play, visit, witness


def is_up():
    """Whether NetworkManager has it up."""
    return "home:activated" in run("nmcli", "-t", "-f", "NAME,STATE", "connection", "show", "--active")[1].split()


class Tunnel(Story):
    def begin(self):
        """No shell: what is pressed here needs none, and it would be slow."""

    def visitor_sees(self, page):
        until(lambda: (visit("203.0.113.1", 8080) == "200") == page, 40, f"the page to be {'there' if page else 'away'}")

    def test_on(self):
        """a profile that NetworkManager imported is a gateway, its switch shows it on, and a visitor comes through it"""
        path = self.file("home.conf", self.served())
        run("nmcli", "connection", "import", "type", "wireguard", "file", path)
        until(lambda: gateways() == ["home"], 20, "the gateway")
        until(lambda: get("home", "wireguard.listen-port") == "0" and is_up(), 20, "the tunnel")
        self.desk.spawn("page", "python3", "-m", "http.server", "8080", "--bind", "0.0.0.0", "--directory", "/usr/share/mime")
        run("adit", "publish", "8080", "--no-redirect", check=False)
        self.visitor_sees(True)
        self.open_settings()
        until(lambda: self.person.is_on("home"), 20, "the switch to be on")

    def test_off(self):
        """switched off in GNOME Settings the tunnel is down and the port away; aditd leaves it so, and says so"""
        self.person.switch("home")
        until(lambda: not is_up(), 20, "the tunnel to go down")
        self.visitor_sees(False)
        until(lambda: "down" in run("adit", "list", check=False)[1], 20, "adit list to say so")
        assert not self.person.is_on("home") and not is_up()
        self.desk.shot("off")

    def test_on_again(self):
        """switched on again it is up, and the visitor is served as before"""
        self.person.switch("home")
        until(is_up, 20, "the tunnel to come up")
        self.visitor_sees(True)
        assert self.person.is_on("home")
        self.desk.shot("on")

    def test_delete(self):
        """removed in GNOME Settings: connection, link, gateway, rules and keys are gone; the port is away for good"""
        assert links() - self.links == {get("home", "connection.interface-name")}, links()
        assert witness("table") != [""]
        self.remove(self.served())
        self.visitor_sees(False)
        self.desk.shot("deleted")


if __name__ == "__main__":
    sys.exit(play(Tunnel))
