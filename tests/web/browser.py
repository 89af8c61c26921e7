# SPDX-License-Identifier: GPL-2.0-or-later
"""Chromium on a machine of the lab, driven by chromedriver's W3C protocol and nothing else."""
import base64
import contextlib
import http.client
import json
import os

from errors import LabError
from process import until

PORT = 9515  # of the machine's own namespace
ARGUMENTS = ("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
             "--disable-background-networking", "--disable-component-update", "--disable-sync",
             "--disable-dev-shm-usage", "--disable-extensions", "--hide-scrollbars", "--user-data-dir=/tmp/browser")
ELEMENT = "element-6066-11e4-a52e-4f735466cecf"
DESKTOP, PHONE = (1280, 860, False), (360, 740, True)


class Browser:
    def __init__(self, machine, language="en"):
        self.machine, self.session = machine, None
        self.process = machine.spawn("chromedriver", f"--port={PORT}")
        machine.wait_port(PORT, timeout=20)
        options = {"args": [*ARGUMENTS, f"--lang={language}", f"--accept-lang={language}"]}
        self.session = self._call("POST", "/session", {"capabilities": {"alwaysMatch": {
            "browserName": "chrome", "goog:chromeOptions": options,
            "goog:loggingPrefs": {"browser": "ALL"}}}}, 60)["sessionId"]
        self.size(*DESKTOP)

    def _call(self, method, path, body=None, timeout=30):
        with self.machine.inside():
            connection = http.client.HTTPConnection("127.0.0.1", PORT, timeout=timeout)
            connection.connect()
        with contextlib.closing(connection):
            connection.request(method, path, None if body is None else json.dumps(body))
            value = json.loads(connection.getresponse().read())["value"]
        if isinstance(value, dict) and "error" in value:
            raise LabError(f"{path}: {value['error']}: {value['message'].splitlines()[0]}")
        return value

    def call(self, method, path, body=None):
        return self._call(method, f"/session/{self.session}{path}", body)

    def close(self):
        if self.session:
            self.call("DELETE", "")
            self.session = None
        self.process.stop()

    # -- the window --------------------------------------------------------------------------

    def cdp(self, command, **params):
        return self.call("POST", "/goog/cdp/execute", {"cmd": command, "params": params})

    def size(self, width, height, is_phone):
        self.cdp("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=is_phone)

    def colours(self, scheme):
        self.cdp("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])

    def open(self, url):
        self.call("POST", "/url", {"url": url})

    def screenshot(self, path):
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "wb") as f:
            f.write(base64.b64decode(self.call("GET", "/screenshot")))

    def script(self, text, *args):
        return self.call("POST", "/execute/sync", {"script": text, "args": list(args)})

    def cpu(self, text, *args):
        """Milliseconds of the processor that a script costs the page, whatever else the machine does."""
        def spent():
            return {m["name"]: m["value"] for m in self.cdp("Performance.getMetrics")["metrics"]}["TaskDuration"]

        self.cdp("Performance.disable")
        self.cdp("Performance.setTimeDomain", timeDomain="threadTicks")
        self.cdp("Performance.enable")
        before = spent()
        self.script(text, *args)
        return (spent() - before) * 1000

    def complaints(self):
        """What the page's console said that is worse than chatter."""
        rows = self.call("POST", "/se/log", {"type": "browser"})
        return [row["message"] for row in rows if row["level"] in ("SEVERE", "WARNING")]

    # -- what a person does ------------------------------------------------------------------

    def find(self, css, text=None, timeout=10):
        """The first visible element, perhaps with that text; waits for it."""
        def look():
            found = self.script("""
                const [css, text] = arguments;
                const open = [...document.querySelectorAll("dialog[open]")].at(-1) || document;
                return [open, ...open.querySelectorAll("*")].filter((e) => e.matches?.(css)).find((e) => e.checkVisibility()
                    && (text === null || e.textContent.trim() === text)) || null;""", css, text)
            return found and found[ELEMENT]
        return until(look, timeout, f"{css} {text or ''} in the page")

    def on(self, css, text, *steps):
        """The steps of the protocol on one element; from the first again, should the page have drawn it anew."""
        def go():
            try:
                element = self.find(css, text)
                for command, body in steps:
                    self.call("POST", f"/element/{element}/{command}", body)
            except LabError as e:
                if "stale element" not in str(e):
                    raise
                return False
            return True
        until(go, 10, f"{css} {text or ''} to stand still")

    def click(self, css, text=None):
        self.on(css, text, ("click", {}))

    def type(self, css, text):
        self.on(css, None, ("clear", {}), ("value", {"text": text}))

    def choose(self, css, value):
        self.script("""const [element, value] = arguments; element.value = value;
            element.dispatchEvent(new Event("input", {bubbles: true}));
            element.dispatchEvent(new Event("change", {bubbles: true}));""", {ELEMENT: self.find(css)}, value)

    def press(self, *keys):
        self.call("POST", "/actions", {"actions": [{"type": "key", "id": "keys", "actions": [
            {"type": kind, "value": key} for key in keys for kind in ("keyDown", "keyUp")]}]})

    def text(self, css="main"):
        return self.script("return document.querySelector(arguments[0])?.innerText || ''", css)

    def see(self, text, css="body", timeout=10):
        """Waits until the page says so."""
        until(lambda: text in self.text(css), timeout, f"{text!r} in {css}: it says {self.text(css)[:600]!r}"
              if timeout == 0 else f"{text!r} in {css}")

    def gone(self, css, timeout=10):
        until(lambda: not self.script("return document.querySelector(arguments[0])", css), timeout, f"{css} to go")
