#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""One story, told unchanged of each backend; then one gateway that changes hands.

Each result is called "BACKEND: STEP": docs/backends.md is made of them (tests/vm/backends.py).
"""

import os
import re
import subprocess
import sys

import tap
from gateway import gateways, preshared, reaches, state
from tap import output, sh, works
from vps import OUTSIDE, WAN, Vps
from watch import Watch

LINK = "house"
PROFILE = "/run/house.conf"
PAGE = "from behind the tunnel\n"
MANAGERS = {"networkd": "systemd-networkd.service", "direct": "aditd.service",
            "networkmanager": "NetworkManager.service"}
SERVER = ("10.59.0.1", "2001:db8:59::a3b:1")


class Told:
    """Results of one backend."""

    def __init__(self, backend, vps):
        self.backend, self.vps = backend, vps

    def ok(self, good, step):
        """One cell of the table."""
        return tap.ok(good, f"{self.backend}: {step}")

    def until(self, condition, step):
        """The same, for what takes its time."""
        return tap.until(condition, f"{self.backend}: {step}", 90)

    def watch(self):
        """What leaves in the clear."""
        return Watch(self.vps.name, "lan0", list(OUTSIDE.values()))

    def closed(self, step, *commands):
        """While commands run, nothing leaves in the clear; some would if the guard were open."""
        with self.watch() as watch:
            for words in commands:
                tap.step(words)
            watch.go_on()
        if not self.ok(watch.is_closed(), step):
            tap.note(watch)

    def open(self, step):
        """Nothing is captured: everything leaves as if there were no tunnel."""
        with self.watch() as watch:
            watch.go_on()
        if not self.ok(min(watch.left.values()) >= 20, step):
            tap.note(watch)

    def is_reached(self, told):
        """Whether a visitor comes in by both families, and port 80 leads to https."""
        seen = [self.vps.fetch(f"http://{host}:443/") for host in told]
        codes = [self.vps.fetch(f"http://{host}/", "-o", "/dev/null", "-w", "%{http_code}")
                 for host in told]
        return seen == [PAGE] * 2 and codes == ["308"] * 2


def answers():
    """Whether the server answers inside the tunnel, in both families."""
    return all(reaches(address, 1) for address in SERVER)


def carries():
    """Whether both families go through the tunnel to where everybody is."""
    return all(reaches(address, 1) for address in OUTSIDE.values())


def take_away():
    """Its addresses, by what an admin or a script may do."""
    for words in (("sysctl", "-qw", f"net.ipv6.conf.{LINK}.disable_ipv6=1"), ("sysctl", "-qw", f"net.ipv6.conf.{LINK}.disable_ipv6=0"),
                  ("ip", "-4", "address", "flush", "dev", LINK)):
        sh(*words)


def index():
    """The number of the link, which a new one has not."""
    return sh("ip", "-o", "link", "show", "dev", LINK).split(":")[0]


def row():
    """What adit says of it."""
    return gateways().get(LINK, {})


def bring(told, backend, words):
    """Imported and up, harmless."""
    sh("adit", "import", "--backend", backend, PROFILE)
    told.ok(row().get("backend") == backend, words)
    told.until(answers, "up: the server answers in both families")
    told.ok(f"dev {LINK}" not in sh("ip", "route", "show", "table", "main") +
            sh("ip", "-6", "route", "show", "table", "main"), "up: no route of it is in the main table")
    told.open("up: other traffic is not captured")


def publish(told, hosts):
    """Port 443 and its redirect."""
    output("adit", "publish", "443")  # a slow machine is told to look again, which is what follows
    told.until(lambda: told.is_reached(hosts),
               "publish 443: visitors come by both families, port 80 leads to https")


def break_it(told, backend, hosts, psk):
    """Selected; then down, and its manager killed."""
    sh("adit", "default", LINK)
    told.until(carries, "select: it carries everything, in both families")
    told.closed("select: nothing leaves beside it")
    told.closed("its addresses are taken away: nothing leaves", take_away)
    told.until(lambda: carries() and told.is_reached(hosts), "its addresses are taken away: they are back, it carries, visitors come")
    told.closed("its link is set down: nothing leaves", ("ip", "link", "set", LINK, "down"))
    told.until(lambda: carries() and told.is_reached(hosts), "its link is set down: it is up, it carries, visitors come")
    told.closed("down: nothing leaves", ("adit", "down", LINK))
    told.closed("up again: nothing leaves meanwhile", ("adit", "up", LINK))
    told.until(lambda: carries() and told.is_reached(hosts), "up again: it carries, visitors come")
    told.closed("kill its manager: nothing leaves",
                ("systemctl", "kill", "--kill-whom=main", "--signal=KILL", MANAGERS[backend]))
    told.until(lambda: works("systemctl", "is-active", MANAGERS[backend]) and works("adit", "list") and
               carries() and told.is_reached(hosts),
               "kill its manager: it carries again, visitors come")
    told.until(lambda: preshared(LINK) == [psk], "kill its manager: the preshared key is in the kernel")


def update(told, hosts, psk):
    """Another profile without the preshared key."""
    before = index()
    with open(PROFILE, encoding="utf-8") as file:
        text = re.sub(r"^PresharedKey = .*\n", "", file.read(), flags=re.MULTILINE)
    with open(PROFILE + ".new", "w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(re.sub(r"^PersistentKeepalive = .*", "PersistentKeepalive = 20", text, flags=re.MULTILINE))
    sh("adit", "update", LINK, PROFILE + ".new")
    told.ok(index() == before, "update: it is the same link")
    told.until(lambda: preshared(LINK) == [psk] and
               "\t20" in sh("wg", "show", LINK, "persistent-keepalive"),
               "update: what is new is in force, the preshared key is kept")
    told.until(lambda: told.is_reached(hosts), "update: visitors come")


def remove(told, before):
    """Nothing is left."""
    sh("adit", "default", "none")
    told.open("unselect: nothing is captured any more")
    sh("adit", "unpublish", "443")
    told.until(lambda: told.vps.fetch(f"http://{WAN}:443/") == "", "unpublish: the door is shut")
    sh("adit", "remove", LINK)
    after = state()
    if not told.ok(after == before, "remove: rules, routes, links, nft and files are as before, byte for byte"):
        for old, new in zip(before, after):
            if old != new:
                tap.note(f"was {old}\nis  {new}")


def story(vps, backend, psk, hosts):
    """The whole of it for one backend."""
    told = Told(backend, vps)
    before = state()
    bring(told, backend, "import: made by it")
    publish(told, hosts)
    break_it(told, backend, hosts, psk)
    update(told, hosts, psk)
    remove(told, before)


def move(vps, hosts):
    """From each to the next, selected all the while."""
    sh("adit", "import", "--backend", "direct", PROFILE)
    tap.until(answers, "moving: it is up", 90)
    output("adit", "publish", "443")
    sh("adit", "default", LINK)
    slot, profile = row().get("slot"), sh("adit", "export", LINK)
    for backend in ("networkmanager", "networkd", "direct"):
        told = Told(backend, vps)
        told.closed("moved to it: nothing leaves meanwhile", ("adit", "import", "--backend", backend, PROFILE))
        now = row()
        told.ok((now.get("backend"), now.get("slot"), sh("adit", "export", LINK)) == (backend, slot, profile),
                "moved to it: name, slot and keys are kept")
        told.until(lambda say=told: carries() and say.is_reached(hosts), "moved to it: it carries, publications are kept, visitors come")
    said = sh("adit", "import", "--backend", "direct", PROFILE)
    tap.ok("already" in said and row().get("backend") == "direct", "moving: where it is it stays")
    sh("adit", "default", "none")
    sh("adit", "unpublish", "443")
    sh("adit", "remove", LINK)


def main():
    """Each backend, then from one to the other."""
    for words in (("NetworkManager", "--version"), ("networkctl", "--version"), ("uname", "-r")):
        version = output(*words).splitlines()[0]  # "systemd 252 (252.39-1~deb12u1)"
        tap.note(f"{words[0]}: {version.split(' (')[0]}")
    sh("modprobe", "-a", "wireguard", "veth", "nf_tables", "nf_conntrack")
    sh("systemctl", "start", "NetworkManager", "systemd-networkd", "aditd")
    with Vps() as vps, open(PROFILE, "w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), 0o600)
        profile = vps.device(LINK)
        file.write(profile)
        file.flush()
        psk = re.search(r"^PresharedKey = (\S+)$", profile, re.MULTILINE)[1]
        gua = re.search(r"(2001:db8:59:[^/]*)/128", profile)[1]
        page = subprocess.Popen([sys.executable, os.path.join(os.path.dirname(os.path.abspath(__file__)), "page.py"),
                                 PAGE])
        try:
            for backend in MANAGERS:
                story(vps, backend, psk, (WAN, f"[{gua}]"))
            move(vps, (WAN, f"[{gua}]"))
        finally:
            page.kill()
    sh("systemctl", "stop", "systemd-networkd.socket", "systemd-networkd")
    for suffix in ("", ".new"):
        os.unlink(PROFILE + suffix)
    tap.done()


if __name__ == "__main__":
    main()
