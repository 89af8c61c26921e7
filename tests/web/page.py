# SPDX-License-Identifier: GPL-2.0-or-later
"""Somebody at the page, in Chromium; and what has to hold of every screen."""
import os

import web
from browser import Browser
from web import Web, until  # noqa: F401

URL = f"http://127.0.0.1:{web.PORT}/"
SHOTS = os.path.join(os.environ.get("ADIT_BUILD", "build"), "screenshots")

# What axe-core calls serious, as far as it can be said in a screen: names, labels, roles, contrast, ids.
AUDIT = r"""
const wrong = [];
const visible = (e) => e.checkVisibility({ opacityProperty: true, visibilityProperty: true });
const named = (e) => (e.getAttribute("aria-label") || e.labels?.[0]?.textContent || e.textContent || "").trim()
    || document.getElementById(e.getAttribute("aria-labelledby") || "")?.textContent.trim();
const root = [...document.querySelectorAll("dialog[open]")].at(-1) || document.body;
if (!document.documentElement.lang) wrong.push("html without lang");
if (!document.title) wrong.push("no title");
const ids = [...document.querySelectorAll("[id]")].map((e) => e.id);
ids.filter((id, i) => ids.indexOf(id) !== i).forEach((id) => wrong.push(`id ${id} twice`));
for (const e of root.querySelectorAll("button, a[href], input, select, textarea, [role=img], [role=region], nav, dialog, table"))
    if (visible(e) && !named(e)) wrong.push(`no name: ${e.outerHTML.slice(0, 120)}`);
for (const e of document.querySelectorAll("[aria-describedby], [aria-labelledby]"))
    for (const id of (e.getAttribute("aria-describedby") || e.getAttribute("aria-labelledby")).split(" "))
        if (!document.getElementById(id)) wrong.push(`${id}: described by nothing`);
if (root === document.body && document.querySelectorAll("main").length !== 1) wrong.push("not one main");
if (root === document.body && document.querySelectorAll("h1").length !== 1) wrong.push("not one h1");
for (const e of root.querySelectorAll("[tabindex]")) if (e.tabIndex > 0) wrong.push("tabindex above 0");
const rgb = (text) => { const c = document.createElement("canvas").getContext("2d", { willReadFrequently: true });
    c.fillStyle = text; c.fillRect(0, 0, 1, 1); return [...c.getImageData(0, 0, 1, 1).data]; };
const light = ([r, g, b]) => { const f = (v) => (v /= 255) <= .03928 ? v / 12.92 : ((v + .055) / 1.055) ** 2.4;
    return .2126 * f(r) + .7152 * f(g) + .0722 * f(b); };
const ground = (e) => { for (; e; e = e.parentElement) { const c = getComputedStyle(e).backgroundColor, v = rgb(c);
    if (!/rgba\(.*, 0\)/.test(c) && v[3] > 250) return v; } return rgb(getComputedStyle(document.documentElement).backgroundColor); };
const walker = document.createTreeWalker(root, NodeFilter.SHOW_TEXT);
const looked = new Set();
while (walker.nextNode()) {
    const e = walker.currentNode.parentElement;
    if (!walker.currentNode.textContent.trim() || looked.has(e) || !visible(e) || e.closest("svg, .unseen, .skip, :disabled, option")) continue;
    if (e.closest("label")?.querySelector(":disabled")) continue;
    looked.add(e);
    const style = getComputedStyle(e), a = light(rgb(style.color)), b = light(ground(e));
    const ratio = (Math.max(a, b) + .05) / (Math.min(a, b) + .05), size = parseFloat(style.fontSize);
    const wanted = size >= 24 || (size >= 18.66 && style.fontWeight >= 700) ? 3 : 4.5;
    if (ratio < wanted) wrong.push(`contrast ${ratio.toFixed(2)}: ${e.outerHTML.slice(0, 100)}`);
}
if (document.documentElement.scrollWidth > innerWidth + 1) wrong.push(`wider than the window: ${document.documentElement.scrollWidth}`);
for (const e of root.querySelectorAll("button, a[href], select, input:not([type=radio])")) {
    const box = e.getBoundingClientRect();
    if (visible(e) && box.width && (box.height < 16 || box.width < 16)) wrong.push(`too small to touch: ${e.outerHTML.slice(0, 100)}`);
}
return wrong;
"""


# Beside that, axe-core itself (`./dev test axe`): the path of its axe.min.js. It is no Debian package.
AXE = os.environ.get("ADIT_AXE")
RUN_AXE = """return axe.run(document, { resultTypes: ["violations"] }).then((result) => result.violations.map((v) =>
    `axe: ${v.id} (${v.impact}): ${v.nodes.slice(0, 3).map((n) => n.html.slice(0, 160)).join(" | ")}`))"""
# A button without a name, and words that nobody can read.
SPOIL = """document.querySelector("main").insertAdjacentHTML("beforeend",
    '<p id="spoilt"><button type="button"></button><span>Can this be read?</span></p>');
Object.assign(document.querySelector("#spoilt span").style, { color: "rgb(119, 119, 119)", backgroundColor: "rgb(136, 136, 136)" });"""


class Page:
    """Somebody at the page."""

    def __init__(self, lab, prefix=True, settings="", on="vps"):
        os.makedirs(SHOTS, exist_ok=True)
        self.web = Web(lab, prefix=prefix).start(settings)
        self.web.log_in()
        self.browser = Browser(lab[on])

    def __enter__(self):
        return self

    def __exit__(self, *failure):
        if failure[0]:
            self.shoot("failure")
            print("# the console says " + repr(self.browser.complaints()))
        self.browser.close()

    def shoot(self, name):
        self.browser.screenshot(os.path.join(SHOTS, name + ".png"))

    def enter(self):
        self.browser.open(URL)
        self.log_in()
        self.browser.see("Problems")

    def log_in(self):
        self.browser.type("input[type=password]", web.PASSWORD)
        self.browser.click("button", "Log in")
        self.browser.find('nav a[href="#overview"]')

    def go(self, view):
        self.browser.click(f'nav a[href="#{view}"]')
        self.browser.find(f'nav a[href="#{view}"][aria-current=page]')

    def look(self):
        """What is wrong, by each who looks."""
        wrong = self.browser.script(AUDIT)
        if AXE:
            with open(AXE, encoding="utf-8") as f:
                self.browser.script("if (!window.axe) {" + f.read() + "}")
            wrong += self.browser.script(RUN_AXE)
        return wrong

    def audit(self, where):
        wrong = self.look()
        assert not wrong, f"{where}: " + "\n".join(wrong)

    def audit_spoilt(self):
        """The same on a screen that is wrong: each who looks has to see it."""
        self.browser.script(SPOIL)
        wrong = self.look()
        for word in ("no name: ", "contrast ") + (("axe: button-name ", "axe: color-contrast ") if AXE else ()):
            assert any(line.startswith(word) for line in wrong), f"{word}: not seen in {wrong}"
        self.browser.script("document.getElementById('spoilt').remove()")

    def rows(self, path):
        return self.web.api("GET", path)
