#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""hooks.d: an admin's programs hear what happens; names follow what is published, in a real name server."""
import json
import os
import re

import tap
from nameserver import OTHER, ZONE, Primary, tsig_key
from process import until
from publishing import DRAWING as DRAWING
from publishing import begin, published
from story import TALK

HERE = os.path.dirname(os.path.abspath(__file__))
READY = os.path.join(HERE, "..", "..", "data", "hooks")
TOKEN = "i-am-a-token_of_the_lab"
EVENTS = ("gateway-up", "gateway-down", "published", "lost", "selected")
TELL = """#!/bin/sh
{ echo "[$ADIT_EVENT]"; env | grep -v '^PWD=' | sort; echo "uid=$(id -u)"; echo "."; } >>/run/told/log
"""


class Hooks:
    """adit-hooks on the home machine, which root starts and which becomes nobody; /run/told/log is what it told."""

    def __init__(self, home, folders=EVENTS):
        self.home, self.process = home, None
        home.bus()
        home.run("install", "-d", "-m", "0777", "/run/told")
        for event in EVENTS:
            home.run("mkdir", "-p", f"/etc/adit/hooks.d/{event}")
        for event in folders:
            self.add(event, "50-tell", TELL)

    def add(self, event, name, text, mode=0o755):
        self.home.write(f"/etc/adit/hooks.d/{event}/{name}", text, mode)

    def start(self):
        self.process = self.home.spawn("adit-hooks", env=TALK)
        self.process.wait_output("ready", 15)
        return self

    def told(self):
        """[{variable: value}] of every event, in order."""
        text = self.home.read("/run/told/log") if self.home.exists("/run/told/log") else ""
        return [dict(re.findall(r"^(\w+)=(.*)$", part, re.MULTILINE)) for part in text.split("\n.\n")[:-1]]

    def until_told(self, words, seconds=15, **want):
        """The first event that has these values."""
        def look():
            return next((e for e in self.told() if all(e.get(k) == v for k, v in want.items())), None)
        return until(look, seconds, words)

    def names(self):
        return [e["ADIT_EVENT"] for e in self.told()]


def test_events(lab):
    """each event comes once, in order, as nobody, with what it is about and no secret; daemons that go and come are none"""
    home, vps = lab["home"], lab["vps"]
    hooks = Hooks(home).start()
    _, client, publisher, gua = begin(lab)
    home.http_server(443, "page\n")
    client.adit("publish", "443", "--label", "my page", timeout=20)
    up = hooks.until_told("gateway-up", 30, ADIT_EVENT="gateway-up")
    assert (up["ADIT_GATEWAY"], up["ADIT_LINK"], up["ADIT_BACKEND"], up["ADIT_STATE"]) == \
        ("home", "home", "direct", "up"), up
    assert up["ADIT_ADDRESSES"].split() == ["10.59.0.2", gua] and up["uid"] == "65534", up
    for family, host in (("4", vps.v4), ("6", gua)):
        event = hooks.until_told(f"published by IPv{family}", ADIT_EVENT="published", ADIT_FAMILY=family)
        assert (event["ADIT_OUTSIDE_ADDRESS"], event["ADIT_OUTSIDE_PORT"]) == (host, "443"), event
        assert (event["ADIT_LABEL"], event["ADIT_PORTS"], event["ADIT_OUTSIDE_BEFORE"]) == ("my page", "443/tcp", "")
    assert set(up) == {"ADIT_EVENT", "ADIT_GATEWAY", "ADIT_LINK", "ADIT_BACKEND", "ADIT_STATE", "ADIT_ADDRESSES",
                       "ADIT_CONFIG_DIR", "LANG", "PATH", "uid"}, up
    before = sorted(hooks.names())
    assert before == ["gateway-up", "published", "published"], before

    publisher.process.kill()
    client.process.kill()
    client.start()
    publisher.start()
    until(lambda: {r["state"] for r in published(client).values()} == {"published"}, 15, "the leases to be taken up")
    client.adit("default", "home")
    event = hooks.until_told("selected", ADIT_EVENT="selected")
    assert (event["ADIT_DEFAULT4"], event["ADIT_DEFAULT6"], event["ADIT_DEFAULT4_BEFORE"]) == ("home", "home", ""), event
    assert sorted(hooks.names()) == before + ["selected"], hooks.names()

    client.adit("default", "none")
    client.adit("unpublish", "443")
    for family in "46":
        event = hooks.until_told(f"lost by IPv{family}", ADIT_EVENT="lost", ADIT_FAMILY=family)
        assert event["ADIT_WITHDRAWN"] == "yes" and event["ADIT_OUTSIDE_PORT"] == "443", event
    client.adit("down", "home")
    hooks.until_told("gateway-down", ADIT_EVENT="gateway-down")
    profile = home.read("/root/home.conf")
    log = home.read("/run/told/log") + hooks.process.output()
    keys = re.findall(r"^(?:PrivateKey|PresharedKey) = (\S+)$", profile, re.MULTILINE)
    assert len(keys) == 2 and not any(key in log for key in keys)


def names_setup(lab, hooks):
    """The two ready hooks, their settings and credentials, for www.lab.example."""
    home, outside = lab["home"], lab["visitor"]
    primary = Primary(outside)
    outside.write("/root/desec.py", open(os.path.join(HERE, "desec.py"), encoding="utf-8").read())
    api = outside.spawn("python3", "/root/desec.py", 8053, TOKEN, "/root/held.json")
    api.wait_output("ready", 15)
    for name in ("dns-common", "dns-rfc2136", "dns-desec"):
        with open(os.path.join(READY, name), encoding="utf-8") as file:
            home.write(f"/run/ready/{name}", file.read(), 0o644 if name == "dns-common" else 0o755)
    for event in ("published", "lost"):
        for name in ("dns-rfc2136", "dns-desec"):
            home.run("ln", "-s", f"/run/ready/{name}", f"/etc/adit/hooks.d/{event}/{name}")
        hooks.add(event, "10-fails", "#!/bin/sh\nexit 3\n")
        hooks.add(event, "20-hangs", "#!/bin/sh\nsleep 600 & wait\n")
        hooks.add(event, "30-open", "#!/bin/sh\ntouch /run/told/open\n", 0o777)
    home.write("/etc/adit/adit.conf", "[hooks]\ntimeout = 3s\n")
    home.write("/etc/adit/dns-rfc2136.conf", f"# ours\nname = www.{ZONE}\nserver = {outside.v4}\nzone = {ZONE}\n"
               "key = /etc/adit/dns.key\nports = 443/tcp\n")
    home.write("/etc/adit/dns-desec.conf", f"name = www.{ZONE}\ndomain = {ZONE}\ntoken = /etc/adit/desec.token\n"
               f"url = http://{outside.v4}:8053/api/v1\n")
    for path, text in (("/etc/adit/dns.key", tsig_key()), ("/etc/adit/desec.token", TOKEN + "\n")):
        home.write(path, text, 0o640)
        home.run("chown", "root:nogroup", path)
    return primary, lambda: json.loads(outside.read("/root/held.json")) if outside.exists("/root/held.json") else {}


def test_names(lab):
    """a name follows what is published, by RFC 2136 at BIND and by HTTP; what fails, hangs or is anybody's harms nobody"""
    home, vps = lab["home"], lab["vps"]
    hooks = Hooks(home, ())
    primary, held = names_setup(lab, hooks)
    assert primary.ask("www", "A") == ["192.0.2.99"] and not primary.ask("www", "AAAA")
    hooks.start()
    _, client, _, gua = begin(lab)
    home.http_server(443, "page\n")
    client.adit("publish", "443", timeout=20)
    until(lambda: (primary.ask("www", "A"), primary.ask("www", "AAAA")) == ([vps.v4], [gua]), 30,
          "the name to be where it is published")
    until(lambda: held() == {"www A": [vps.v4], "www AAAA": [gua]}, 30, "the same by HTTP")
    said = hooks.process.output()
    for words in ("10-fails: exit status 3", "20-hangs: ended, because it took more than 3 s",
                  "30-open: not run: others than its owner may write it"):
        assert words in said, (words, said)
    assert not home.exists("/run/told/open")
    client.adit("unpublish", "443")
    until(lambda: not primary.ask("www", "A") and not primary.ask("www", "AAAA"), 30, "the name to go")
    until(lambda: held() == {}, 30, "it to go by HTTP")
    assert primary.ask("ns", "A") == ["192.0.2.53"], "what is not ours stays"
    until(lambda: not hooks_running(home), 15, "the hooks to be done")
    assert hooks.process.alive and TOKEN not in hooks.process.output() and "c2VjcmV0" not in hooks.process.output()


def hooks_running(home):
    return home.sh("pgrep -f 'hooks[.]d/' || true").stdout.split()


def refused(hooks, client, words):
    """What the log says of a name that cannot follow."""
    client.adit("publish", "443", timeout=20)
    hooks.process.wait_output(words, 30)


def test_names_refused(lab):
    """a wrong key, a wrong token and a wrong line are said in the log, and no secret is; a kept name stays when its lease is lost"""
    home = lab["home"]
    hooks = Hooks(home, ())
    primary, held = names_setup(lab, hooks)
    for event in ("published", "lost"):
        home.sh(f"rm /etc/adit/hooks.d/{event}/[123]0-*")
    home.write("/etc/adit/adit.conf", "")
    home.write("/etc/adit/dns.key", tsig_key(OTHER), 0o640)
    home.write("/etc/adit/desec.token", "another-token\n", 0o640)
    hooks.start()
    _, client, _, gua = begin(lab)
    home.http_server(443, "page\n")
    refused(hooks, client, "(?s)(?=.*BADSIG)(?=.*dns-rfc2136: exit status)(?=.*401)(?=.*Invalid token)(?=.*dns-desec: exit status)")
    assert OTHER not in hooks.process.output() and "another-token" not in hooks.process.output()
    assert primary.ask("www", "A") == ["192.0.2.99"] and held() == {}
    hooks.process.stop()
    home.write("/etc/adit/dns.key", tsig_key(), 0o640)
    home.write("/etc/adit/dns-desec.conf", "name = www\ncolour = red\n")
    hooks.start()  # it tells what there is
    until(lambda: primary.ask("www", "AAAA") == [gua], 20, "the name to follow")
    hooks.process.wait_output("dns-desec.conf:2:colour = red: not understood", 20)
    for event, withdrawn, keep, ports, left in (("lost", "no", "keep", "443/tcp", [gua]), ("lost", "no", "remove", "80/tcp", [gua]),
                                                ("lost", "no", "remove", "443/tcp", []), ("published", "", "keep", "443/tcp", [gua]),
                                                ("lost", "yes", "keep", "443/tcp", [])):
        home.sh(f"sed -i '/^when-lost/d; $ a when-lost = {keep}' /etc/adit/dns-rfc2136.conf")
        rows = f"443/tcp 6 home [{gua}]:443\n" if event == "published" else ""
        home.run("/run/ready/dns-rfc2136", env={
            "ADIT_EVENT": event, "ADIT_WITHDRAWN": withdrawn, "ADIT_FAMILY": "6", "ADIT_GATEWAY": "home",
            "ADIT_PORTS": ports, "ADIT_PUBLISHED": f"443/tcp 4 home 192.0.2.1:443\n{rows}"})
        assert primary.ask("www", "AAAA") == left, (event, withdrawn, keep, ports)


if __name__ == "__main__":
    tap.main(globals())
