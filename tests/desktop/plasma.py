#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""plasma.py OUT [TEST...]: the same at a fresh KDE Plasma of Debian 13, its System Settings and Dolphin. TAP."""
import os
import sys

from desk import connections, run, until
from person import role_of
from story import OURS, Story, gateways, get, play, secrets, witness


class Plasma(Story):
    ICON = "list item"

    def begin(self):
        """The shell with what it needs, and the agent at login."""
        folder = os.path.join(self.home, ".config")
        os.makedirs(folder, exist_ok=True)
        with open(os.path.join(folder, "kwalletrc"), "w", encoding="utf-8") as file:
            file.write("[Wallet]\nEnabled=false\n")  # it asks to be set up, whatever connection is looked at
        for name, *argv in (("kwin", "kwin_x11"), ("kded", "kded6"), ("shell", "plasmashell")):
            self.desk.spawn(name, *argv)
        self.person.see("Application Launcher", "button", 60)
        self.desk.spawn("agent", "adit-agent", "--gapplication-service")

    def files(self):
        return self.desk.spawn("files", "dolphin", "--new-window", self.home)

    def menu(self, name):
        self.click("Application Launcher", "button")
        self.person.see("Search", "text")
        self.desk.type(name)
        self.person.see(name, "list item")
        self.desk.shot("menu")
        self.person.insist("Return", "Search", "text")

    def click(self, name, role):
        """By the mouse: its own action would not be answered before the dialog that it opens is."""
        self.desk.click(*self.person.middle(self.person.see(name, role)))

    def nameless(self, role):
        """Things of System Settings that tell no name, in their order."""
        return [node for node in self.person.all()
                if role_of(node) == role and not node.get_name() and node.get_application().get_name() == "systemsettings"]

    def last_row(self):
        """Where the last row of a list is, which is scrolled to its end."""
        before = self.person.middle(self.nameless("list item")[-1])
        self.desk.move(*self.person.middle(self.nameless("list item")[len(self.nameless("list item")) // 2]))
        run("xdotool", "click", "--repeat", "10", "--delay", "10", "5")
        return before == self.person.middle(self.nameless("list item")[-1]) and before

    def test_import(self):
        """System Settings import our server's profile, aditd makes a gateway of it, and a notification says so"""
        self.file("home.conf", OURS)
        self.settings = self.desk.spawn("settings", "systemsettings", "kcm_networkmanagement")
        self.person.see("Wired Ethernet", "heading", 60)
        self.nameless("button")[0].do_action(0)
        self.person.see("Choose a Connection Type", "frame")
        until(lambda: len(self.nameless("list item")) > 9, 20, "the kinds of connections")
        self.desk.click(*until(self.last_row, 20, "the list to rest"))  # Import VPN connection...
        self.desk.shot("kinds")
        self.click("Create", "button")
        self.click("home.conf", "table cell")
        self.desk.shot("chooser")
        self.click("Open", "button")
        self.person.see("Connection imported.")
        until(lambda: gateways() == ["home"], 20, "the gateway")
        until(lambda: get("home", "wireguard.fwmark") == "0x3f000000", 20, "its settings")
        for what, value in (("ipv4.route-table", "20101"), ("ipv6.route-table", "20101"),
                            ("wireguard.ip4-auto-default-route", "0"), ("wireguard.ip6-auto-default-route", "0")):
            assert get("home", what) == value, (what, get("home", what))
        self.person.rest("New gateway: home")
        self.desk.shot("gateway")

    def test_delete(self):
        """deleting it there removes the gateway, whole"""
        assert witness("keeps", *secrets(OURS)) != [""], "no key is found where there must be one"
        self.desk.click(*self.person.middle(self.nameless("list item")[-1]))
        self.person.see("Private key:", "label")
        self.desk.click(*self.person.middle(self.nameless("button")[1]))
        self.person.see("Do you want to remove the connection 'home'?")
        self.desk.shot("remove")
        self.click("OK", "button")
        until(lambda: "home" not in connections(), 20, "the connection to go")
        self.gone(OURS)

    test_double_click = Story.test_double_click
    test_publish = Story.test_publish
    test_copy = Story.test_copy
    test_unpublish = Story.test_unpublish
    test_guard = Story.test_guard
    test_remove = Story.test_remove


if __name__ == "__main__":
    sys.exit(play(Plasma))
