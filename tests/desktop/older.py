#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""older.py OUT [TEST...]: GNOME 43 of Debian 12, whose Settings neither import nor show a WireGuard connection. TAP."""
import sys

from desk import connections, run, until
from story import OURS, Story, gateways, get, play


class Older(Story):
    test_double_click = Story.test_double_click
    test_publish = Story.test_publish
    test_copy = Story.test_copy
    test_unpublish = Story.test_unpublish
    test_guard = Story.test_guard
    test_remove = Story.test_remove

    def test_settings(self):
        """one that NetworkManager 1.42 holds is a gateway, too; GNOME Settings do not show it"""
        run("nmcli", "device", "set", "up0", "managed", "yes")
        run("nmcli", "connection", "up", "Line")
        run("nmcli", "connection", "import", "type", "wireguard", "file", self.file("home.conf", OURS))
        until(lambda: gateways() == ["home"], 20, "the gateway")
        until(lambda: get("home", "wireguard.listen-port") == "0", 20, "its settings")
        assert (get("home", "wireguard.fwmark"), get("home", "ipv4.route-table")) == ("0x3f000000", "20101")
        settings = self.desk.spawn("settings", "gnome-control-center", "network")
        self.person.see("VPN", "label", 40)
        self.person.see("Not set up", "label")
        self.desk.shot("settings")
        settings.kill()

    def test_editor(self):
        """nm-connection-editor does, and deletes it: the gateway is gone with it"""
        editor = self.desk.spawn("editor", "nm-connection-editor")
        self.desk.click(*self.person.place(self.person.see("home", "table cell")))
        self.desk.shot("editor")
        # by the mouse: its own action would not be answered before the dialog that it opens is
        self.desk.click(*self.person.place(self.person.see("Delete", "button")))
        self.person.see("Are you sure", part=True)
        self.desk.shot("editor-delete")
        self.person.press("Delete", "button")
        until(lambda: "home" not in connections(), 20, "the connection to go")
        self.gone(OURS)
        editor.kill()


if __name__ == "__main__":
    sys.exit(play(Older))
