#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The whole story on this machine, with the installed packages.

A blank VPS behind the Internet becomes a server; its file is imported by stock nmcli (or by adit into networkd, or by
adit itself: ADIT_BACKENDS); a visitor comes by https, by UDP and by WireGuard, in both families, and is seen by his
own address.
"""

import json
import os
import shutil
import sys

import nm
import tap
from gateway import gateways, state
from house import House
from tap import sh, works

# pylint: disable=wrong-import-order,import-error
import whole
from process import until
from story import Server

DRAWING = """
visitor -- internet -- vps
internet -- cgnat -- home
"""
LINK = "whole"
PROFILE = f"/run/{LINK}.conf"


def by_networkmanager():
    """As a user does who knows nothing of adit: nmcli connection import."""
    with open(PROFILE, encoding="utf-8") as file:
        status, words = nm.import_file("wireguard", LINK + ".conf", file.read())
    tap.same(status, 0, "nmcli imports the file") or tap.note(words)
    tap.until(lambda: gateways().get(LINK, {}).get("backend") == "networkmanager", "it becomes a gateway by itself", 60)


def by_networkd():
    """adit writes networkd's files."""
    sh("systemctl", "start", "systemd-networkd")
    sh("adit", "import", "--backend=networkd", PROFILE)


def by_adit():
    """aditd makes the link."""
    sh("adit", "import", "--backend=direct", PROFILE)


BACKENDS = {"networkmanager": by_networkmanager, "networkd": by_networkd, "direct": by_adit}


def act(words, run):
    """One act of the story as one result."""
    try:
        run()
        tap.ok(True, words)
    except Exception as error:  # pylint: disable=broad-except
        tap.ok(False, words)
        tap.note(f"{type(error).__name__}: {error}")
        for argv in (("adit", "list"), ("adit", "published"), ("wg", "show"), ("ip", "-6", "rule"), ("ip", "rule")):
            tap.note(tap.output(*argv))


def everything():
    """All that a removal must put back; that nothing is published is a file, too."""
    *kernel, files = state()
    return kernel + [{name: what for name, what in files.items() if not name.endswith("/publish.conf")}]


def tell(house, server, backend):
    """Imported, published, visited, removed."""
    before = everything()
    BACKENDS[backend]()
    tap.until(lambda: gateways().get(LINK, {}).get("up"), f"{backend}: up", 60)
    row = json.loads(server.admin("device", "list", "--json", timeout=30).stdout)[0]
    cast = whole.Cast(house.lab["vps"], house.home, house.lab["visitor"],
                      lambda *words, **kw: house.home.run("adit", *words, **{**kw, "timeout": 180}), row["ipv6"])
    act(f"{backend}: {whole.act_https.__doc__}", lambda: whole.act_https(cast))
    act(f"{backend}: {whole.act_udp.__doc__}", lambda: whole.act_udp(cast))
    act(f"{backend}: {whole.act_wireguard.__doc__}", lambda: whole.act_wireguard(cast))
    act(f"{backend}: {whole.act_end.__doc__}", lambda: whole.act_end(cast))
    for words in json.loads(cast.adit("published", "--json").stdout)["publications"]:
        works("adit", "unpublish", words["ports"])
    # Refused while aditd itself is still at work on the gateway, with those words.
    tap.until(lambda: works("adit", "remove", LINK), f"{backend}: removed")
    house.home.close()  # its services: the next backend has its own
    for old, new in zip(before, everything()):
        tap.same(new, old, f"{backend}: removed, everything is as it was")
    if backend == "networkd":
        sh("systemctl", "stop", "systemd-networkd.socket", "systemd-networkd")


def main():
    """The VPS once, the backends in turn."""
    if shutil.which("wireguard-go"):
        sys.exit("wireguard-go is installed: this would prove nothing of the kernel's")
    with House(DRAWING) as house:
        server = Server(house.lab["vps"]).run()
        house.lab["vps"].spawn("adit-redirect")
        server.admin("setup", timeout=30)
        profile = server.admin("device", "add", LINK, timeout=30).stdout
        with open(PROFILE, "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(profile)
        # One is what a full run has time for, and what a desktop has; the others on request.
        for backend in os.environ.get("ADIT_BACKENDS", "networkmanager").split():
            tell(house, server, backend)
    os.unlink(PROFILE)
    tap.done()


if __name__ == "__main__":
    main()
