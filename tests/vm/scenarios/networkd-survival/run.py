#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A selected gateway of networkd's survives networkd, with our drop-in and without it.

Whatever networkd goes through, two talkers go on talking, and a listener beyond the uplink counts what
comes out in the clear. The control: without a selection it hears both.
"""

import os
import subprocess

import tap
from gateway import gateways, reaches
from tap import output, sh, works
from vps import OUTSIDE, Vps
from watch import Watch

LINK = "house"
PROFILE = "/run/house.conf"
UPLINK = "/run/systemd/network/10-up0.network"
MASK = "/etc/systemd/networkd.conf.d/90-adit.conf"
OFFERED = 1000  # at least, of each family, in each storm
UNITS = ("systemd-networkd.socket", "systemd-networkd.service")
NETWORK = """[Match]
Name=up0
[Network]
Description={words}
Address=192.0.2.2/24
Address=2001:db8:2::2/64
Gateway=192.0.2.1
Gateway=2001:db8:2::1
IPv6AcceptRA=no
"""


def write(path, text):
    """A file of the admin's."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def configured(link):
    """Whether networkd is through with a link."""
    return "(configured)" in output("networkctl", "--no-pager", "status", link)


def policy():
    """Our rules and blackholes, of both families."""
    return [sh("sh", "-c", f"ip {family} rule | grep -v 'from all lookup'; "
               f"ip {family} route show table 20101 type blackhole") for family in ("-4", "-6")]


def deleted(log):
    """How many of our rules somebody took away."""
    with open(log, encoding="utf-8") as file:
        return len([line for line in file if line.startswith("Deleted 17") or line.startswith("Deleted 20")])


def talk(vps):
    """Both families, beyond the uplink."""
    return Watch(vps.name, "lan0", list(OUTSIDE.values()))


def storms():
    """What may become of networkd and its links: (words, commands)."""
    return (("networkd restarted", (("systemctl", "restart", "systemd-networkd"),)),
            ("networkctl reload with a changed file", (("sed", "-i", "s/^Description=.*/&+/", UPLINK), ("networkctl", "reload"))),
            ("networkctl reconfigure of the uplink", (("networkctl", "reconfigure", "up0"),)),
            ("networkctl reconfigure of the tunnel", (("networkctl", "reconfigure", LINK),)),
            ("the uplink flaps", (("ip", "link", "set", "up0", "down"), ("ip", "link", "set", "up0", "up"))),
            ("the tunnel flaps", (("ip", "link", "set", LINK, "down"), ("ip", "link", "set", LINK, "up"))),
            ("the tunnel is deleted", (("ip", "link", "delete", LINK),)))


def weather(vps, words):
    """All of it, one after the other, while somebody talks."""
    before = policy()
    for what, commands in storms():
        with talk(vps) as watch:
            for command in commands:
                sh(*command)
            tap.until(lambda: reaches(OUTSIDE["4"], 1) and reaches(OUTSIDE["6"], 1),
                      f"{words}: {what}: both families carry again", 60)
            watch.go_on(least=OFFERED)
        tap.ok(watch.is_closed(OFFERED), f"{words}: {what}: nothing left in the clear")
        tap.note(watch)
        tap.until(lambda: policy() == before, f"{words}: {what}: every rule and blackhole is there")


def survive(vps, words, theirs):
    """@theirs: networkd thinks that all rules are its own."""
    sh("systemctl", "restart", "systemd-networkd")
    tap.until(lambda: configured("up0"), f"{words}: networkd has the uplink")
    sh("adit", "import", "--backend", "networkd", PROFILE)
    tap.until(lambda: reaches("10.59.0.1", 1), f"{words}: the tunnel is up")
    with talk(vps) as watch:
        watch.go_on(least=OFFERED)
    tap.ok(min(watch.left.values()) > OFFERED * 0.9, f"{words}: unselected, talk leaves in the clear (control)")
    tap.note(watch)
    sh("adit", "default", LINK)
    tap.until(lambda: reaches(OUTSIDE["4"], 1) and reaches(OUTSIDE["6"], 1), f"{words}: it carries both families")
    log = "/run/rules.log"
    with open(log, "wb") as file, subprocess.Popen(["ip", "monitor", "rule"], stdout=file) as monitor:
        weather(vps, words)
        monitor.kill()
    tap.ok((deleted(log) > 0) == theirs,
           f"{words}: networkd has taken rules away, and got them back" if theirs
           else f"{words}: networkd took no rule away")
    sh("adit", "default", "none")
    sh("adit", "remove", LINK)


def main():
    """With the drop-in, then with the settings at their defaults."""
    tap.note(sh("networkctl", "--version").splitlines()[0])
    with Vps() as vps:
        write(PROFILE, vps.device(LINK))
        write(UPLINK, NETWORK.format(words="one"))
        try:
            survive(vps, "with the drop-in", False)
            os.makedirs(os.path.dirname(MASK), exist_ok=True)
            os.symlink("/dev/null", MASK)
            survive(vps, "without it", True)
        finally:
            if LINK in gateways():
                works("adit", "remove", LINK)
            works("systemctl", "stop", *UNITS)
            for path in (MASK, UPLINK, PROFILE):
                if os.path.lexists(path):
                    os.unlink(path)
    tap.done()


if __name__ == "__main__":
    main()
