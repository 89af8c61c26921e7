#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The page in Chromium for everybody: by keyboard, in three languages, with thousands of rows, without IPv6."""
import json
import os

import web
from page import SHOTS, URL, Page
from web import Client, tap, until

DRAWING = "internet -- vps"
ESCAPE, TAB, ENTER = "\ue00c", "\ue004", "\ue007"


@tap.deadline(60)
def test_keyboard(lab):
    """the whole way by keyboard: skip link, parts, a dialog that keeps the focus and gives it back"""
    with Page(lab) as page:
        page.web.server.device("nas")
        page.enter()
        focus = lambda: page.browser.script("const e = document.activeElement; return e.getAttribute('href') || e.name || e.textContent.trim() || e.tagName")
        page.browser.script("document.activeElement.blur(); document.getElementById('skip').focus()")
        page.browser.press(ENTER)
        assert page.browser.script("return document.activeElement.id") == "main"
        seen = []
        page.browser.script("document.getElementById('skip').focus()")
        for _ in range(14):
            page.browser.press(TAB)
            seen.append(focus())
        assert {"#overview", "#devices", "#publications", "#subnets", "#map"} <= set(seen), seen
        page.browser.script("document.querySelector('nav a[href=\"#publications\"]').focus()")
        page.browser.press(ENTER)
        until(lambda: page.browser.script("return document.activeElement.tagName") == "H1", 5, "the heading to get the focus")
        page.browser.press(TAB, ENTER)
        page.browser.find("dialog")
        for _ in range(30):
            page.browser.press(TAB)
            assert page.browser.script("return !!document.activeElement.closest('dialog') || document.activeElement === document.body"), focus()
        page.browser.press(ESCAPE)
        page.browser.gone("dialog")
        assert "Publish" in focus(), focus()


@tap.deadline(60)
def test_languages(lab):
    """the page speaks German and Italian, has every word in each, and remembers which"""
    with Page(lab) as page:
        page.enter()
        holes = page.browser.script("""return import("./words.js").then(({ words, languages }) => Object.entries(words)
            .filter(([, texts]) => texts.length !== Object.keys(languages).length || texts.some((text) => !text.trim())
                || new Set(texts.map((text) => (text.match(/\\{\\d\\}/g) || []).sort().join())).size !== 1).map(([key]) => key))""")
        assert holes == [], holes
        for language, word in (("de", "Übersicht"), ("it", "Panoramica"), ("en", "Overview")):
            page.browser.choose("select", language)
            page.browser.see(word, "h1")
            assert page.browser.script("return document.documentElement.lang") == language
            for view in ("devices", "publications", "subnets", "map", "overview"):
                page.go(view)
                page.audit(f"{view} in {language}")
        page.browser.choose("select", "de")
        page.browser.open(URL + "#devices")
        page.browser.see("Geräte", "h1")


@tap.deadline(90)
def test_many(lab):
    """a thousand devices and five thousand ports: painted within a second, filtered without a wait"""
    with Page(lab) as page:
        page.web.fill(1000, 5000)
        page.enter()
        page.browser.script("location.hash = 'publications'")
        page.browser.find("tbody tr")
        page.browser.call("POST", "/refresh", {})
        page.browser.find("tbody tr", timeout=20)
        paint = page.browser.script("return performance.getEntriesByName('first-contentful-paint')[0].startTime")
        keys = ["s", "se", "service 4", "service 49", "d7", "443", "x"]
        # The best of five rounds: on a machine that others load, the processor's own clock is no more than a hint.
        took = min(page.browser.cpu("""
            const box = document.querySelector("input[type=search]");
            for (const text of arguments[0]) {
                box.value = text;
                box.dispatchEvent(new Event("input"));
                document.body.offsetHeight;
            }""", keys) / len(keys) for _ in range(5))
        print(f"# first paint {paint:.0f} ms; a key {took:.0f} ms of the processor")
        figures = {"first-paint-ms": paint, "filter-cpu-ms": took}
        with open(os.path.join(SHOTS, "figures.json"), "w", encoding="utf-8") as f:
            json.dump(figures, f)
        assert paint < 1000, paint
        assert took < (50 if web.FULL else 100), took
        assert page.browser.script("return document.querySelectorAll('tbody tr').length") <= 100
        page.browser.type("input[type=search]", "service 4999")
        until(lambda: page.browser.script("return document.querySelectorAll('tbody tr').length") == 1, 5, "the one row")
        page.go("map")
        page.go("devices")
        page.browser.find("tbody tr")


@tap.deadline(60)
def test_no_gua(lab):
    """a device without a public IPv6 address is offered IPv4 alone, and told why"""
    with Page(lab, prefix=False) as page:
        page.web.server.device("nas")
        page.enter()
        page.go("publications")
        page.browser.click(".action button")
        off = page.browser.script("return [...document.querySelectorAll('[name=ip-version]')].filter((e) => e.disabled).map((e) => e.value)")
        assert off == ["6", "both"], off
        page.browser.see("no public IPv6 address", "dialog")
        page.browser.type("dialog input[name=ports]", "8080")
        page.browser.click("dialog button[type=submit]")
        until(lambda: [row["family"] for row in page.rows("/mappings")] == [4], 5, "the forward")


@tap.drawing("internet -- vps\ninternet -- cgnat -- home")
@tap.deadline(60)
def test_device(lab):
    """a device that may sees its own ports without a login, changes nothing, and its owner can still log in"""
    with Page(lab, settings="[Web]\nDeviceAccess = yes\n", on="home") as page:
        server, url = page.web.server, f"http://10.59.0.1:{web.PORT}/"
        Client(lab["home"]).start().enrol("home", server.device("nas", "10.59.0.2"))
        server.device("other", "10.59.0.3")
        server.publish(8080, "nas", families=(4,))
        server.publish(8081, "other", families=(4,))
        page.web.wait_let_in(lab["home"])
        page.browser.open(url + "#publications")
        page.browser.find("button.name", "8080/tcp")
        assert "8081" not in page.browser.text() and page.browser.script("return document.querySelectorAll('nav a').length") == 2
        assert page.browser.script("return document.querySelector('[role=switch]').disabled && !document.querySelector('.action button')")
        page.audit("a device's own ports")
        page.browser.click("header button", "Log in")
        page.log_in()
        page.go("publications")
        page.browser.find("button.name", "8081/tcp")


@tap.drawing("internet -- vps\ninternet -- cgnat -- home")
@tap.deadline(60)
def test_device_manages(lab):
    """a device that may publishes by clicks and switches what is its own; the operator's has no switch; and after a restart too"""
    with Page(lab, settings="[Web]\nDeviceAccess = yes\nDeviceManage = yes\n", on="home") as page:
        server, url, browser = page.web.server, f"http://10.59.0.1:{web.PORT}/", page.browser
        Client(lab["home"]).start().enrol("home", server.device("nas", "10.59.0.2"))
        server.publish(8080, "nas", families=(4,))
        page.web.wait_let_in(lab["home"])
        browser.open(url + "#publications")
        browser.find("button.name", "8080/tcp")
        assert browser.script("return document.querySelector('[role=switch]').disabled"), "the operator's"
        browser.click(".action button")
        browser.type("dialog input[name=ports]", "9090")
        browser.type("dialog input[name=label]", "Mine")
        page.audit("a device publishes")
        browser.click("dialog button[type=submit]")
        browser.find("button.name", "Mine")
        page.web.process.kill()
        browser.see("No connection", ".banner", 15)
        page.web.run()
        until(lambda: not browser.text(".banner"), 20, "the banner to go")
        browser.script("[...document.querySelectorAll('[role=switch]')].find((e) => !e.disabled).click()")
        until(lambda: [row["enabled"] for row in json.loads(server.admin("mappings", "--json").stdout) if row["origin"] == "device"][:1] == [False],
              10, "its port to close")
        page.shoot("device-manages")


if __name__ == "__main__":
    tap.main(globals())
