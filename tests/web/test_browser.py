#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The page in Chromium: each journey by clicks, every screen in light, dark and on a phone, live, and over
the end of its server. Screenshots lie in build/screenshots."""
import web
from browser import DESKTOP, PHONE
from page import URL, Page
from web import Client, tap, until

DRAWING = "internet -- vps"
ESCAPE = "\ue00c"


@tap.deadline(120)
def test_journeys(lab):
    """log in, add a device, publish a port in both families, close it, relabel, remove, subnets, log out: all by clicks"""
    with Page(lab) as page:
        see, click, kind = page.browser.see, page.browser.click, page.browser.type
        page.browser.open(URL)
        kind("input[type=password]", "not that one")
        click("button", "Log in")
        see("That is not the password.")
        page.enter()
        page.go("devices")
        see("No device yet")
        click(".action button")
        click("dialog button[type=submit]")
        page.browser.find("dialog .error")
        kind("dialog input[name=name]", "nas")
        click("dialog button[type=submit]")
        page.browser.find("dialog svg.qr")
        profile = page.browser.script("return document.querySelector('dialog textarea').value")
        public = lab["vps"].run("wg", "pubkey", input=profile.split("PrivateKey = ")[1].split("\n")[0]).stdout.strip()
        assert public == page.rows("/devices")[0]["public-key"], "the profile's key is not the device's"
        page.browser.press(ESCAPE)
        page.browser.gone("dialog")
        page.go("publications")
        click(".action button")
        kind("dialog input[name=ports]", "22")
        click("dialog button[type=submit]")
        see("reserved for the server", "dialog [data-field=ports] .error")
        kind("dialog input[name=ports]", "443")
        page.browser.choose("dialog select[name=redirect]", "https")
        kind("dialog input[name=label]", "Family photos")
        page.audit("the dialog")
        click("dialog button[type=submit]")
        page.browser.gone("dialog")
        see("Family photos", "table")
        rows = page.rows("/mappings")
        assert {(row["family"], row["key"], row["redirect"]) for row in rows} == {(4, "443/tcp", "https"), (6, "nas:443/tcp", "https")}, rows
        click("tbody input[role=switch]")
        until(lambda: [row["enabled"] for row in page.rows("/mappings")] == [False, True], 5, "the port to close")
        click("tbody button.name")
        click("dialog button", "Relabel")
        kind("dialog input[name=label]", "<b>Photos</b>")
        click("dialog button", "Save")
        see("<b>Photos</b>", "table")
        click("tbody button.name", "<b>Photos</b>")
        click("dialog button", "Remove")
        click("dialog button.danger")
        until(lambda: len(page.rows("/mappings")) == 1, 5, "the port to go")
        page.browser.gone("dialog")
        page.go("subnets")
        click(".action button")
        kind("dialog input[name=network]", "10.59.0.0/16")
        click("dialog button[type=submit]")
        see("overlaps", "dialog [data-field=network] .error")
        kind("dialog input[name=network]", "10.60.0.0/24")
        kind("dialog input[name=name]", "guests")
        click("dialog button[type=submit]")
        see("guests")
        page.go("devices")
        click("button.name", "nas")
        click("dialog button", "Rename")
        kind("dialog input[name=name]", "disk")
        click("dialog button", "Rename")
        page.browser.find("button.name", "disk")
        click("button.name", "disk")
        click("dialog button", "Remove")
        click("dialog button.danger")
        see("No device yet")
        click("button", "Log out")
        page.browser.find("input[type=password]")
        assert not page.browser.script("return document.cookie"), "a script reads the cookie"
        complaints = [row for row in page.browser.complaints() if " 401 " not in row and " 409 " not in row and " 422 " not in row]
        assert not complaints, complaints


@tap.drawing("internet -- vps\ninternet -- cgnat -- home")
@tap.deadline(120)
def test_looks(lab):
    """every part in light, dark and on a phone: nothing sticks out, everything has a name and can be read"""
    with Page(lab) as page:
        server = page.web.server
        Client(lab["home"]).start().enrol("home", server.device("nas", "10.59.0.2"))
        for name in ("office", "garage-pi"):
            server.device(name)
        server.admin("device", "add", "phone", "--kind", "client")
        server.admin("publish", "nas", "443", "--ip-version", "both", "--label", "Family photos", "--also-80")
        server.admin("publish", "office", "6000-6010/udp", "--label", "Voice")
        server.admin("forward", "set-enabled", "6000-6010/udp", "off")
        page.browser.open(URL)
        page.browser.find("input[type=password]")
        page.audit("the login")
        page.shoot("login")
        page.enter()
        until(lambda: "1 of 4" in page.browser.text().replace("\n", " "), 15, "the device to be online")
        page.audit_spoilt()
        for scheme in ("light", "dark"):
            page.browser.colours(scheme)
            for size, where in ((DESKTOP, "desktop"), (PHONE, "phone")):
                page.browser.size(*size)
                for view in ("overview", "devices", "publications", "subnets", "map"):
                    page.go(view)
                    page.audit(f"{view}, {scheme}, {where}")
                    page.shoot(f"{view}-{scheme}-{where}")
                page.go("publications")
                page.browser.click(".action button")
                page.audit(f"publish, {scheme}, {where}")
                page.shoot(f"publish-{scheme}-{where}")
                page.browser.press(ESCAPE)
                page.browser.gone("dialog")


@tap.deadline(90)
def test_live(lab):
    """changes by others appear by themselves, and the page comes back after either server was away"""
    with Page(lab) as page:
        page.enter()
        page.go("devices")
        page.web.server.device("nas")
        page.browser.find("button.name", "nas")
        page.web.server.process.kill()
        page.browser.see("adit-server does not run", ".banner")
        page.web.server.run()
        until(lambda: not page.browser.text(".banner"), 10, "the banner to go")
        page.web.server.device("office")
        page.browser.find("button.name", "office")
        page.web.process.kill()
        page.browser.see("No connection", ".banner", 15)
        page.web.run()
        page.browser.find("input[type=password]", timeout=20)  # a restart ends all sessions
        page.enter()
        page.go("devices")
        page.browser.find("button.name", "office")


if __name__ == "__main__":
    tap.main(globals())
