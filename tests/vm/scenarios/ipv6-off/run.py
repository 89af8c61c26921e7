#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A machine that has IPv6 switched off for all its links takes a gateway of each backend: its tunnel has both families,
nobody else gets IPv6 by it until it is selected, and with it everything is off again.
"""

import os

import tap
from gateway import OUTSIDE, gateways, reaches, seen, state, uplink
from peer import Peer
from tap import output, sh, works

LINK = "off6"
PROFILE = "/run/off6.conf"
BEYOND = "2600::1"  # nobody's; who has no IPv6 does not even ask
BACKENDS = ("networkmanager", "networkd", "direct")
ALL = ("all", "default", "lo")


def switch(value):
    """IPv6 of all links that there are, and of new ones."""
    for name in ALL:
        sh("sysctl", "-qw", f"net.ipv6.conf.{name}.disable_ipv6={value}")


def settings():
    """What they say."""
    return [sh("sysctl", "-n", f"net.ipv6.conf.{name}.disable_ipv6") for name in ALL]


def story(peer, backend):
    """Imported, selected, removed."""
    before = state()
    # a manager that has just started may not be known yet
    tap.until(lambda: works("adit", "import", "--backend", backend, PROFILE), f"{backend}: it is imported", 60)
    tap.until(lambda: reaches("10.59.0.1", 1) and reaches("fd59::1", 1), f"{backend}: its server answers in both families", 60)
    tap.same(gateways()[LINK]["backend"], backend, f"{backend}: made by it")
    tap.same((seen(peer, OUTSIDE), seen(peer, BEYOND)), ((3, 0), (0, 0)), f"{backend}: unselected, neither family is captured")
    sh("adit", "default", LINK)
    tap.until(lambda: reaches(OUTSIDE, 1) and seen(peer, BEYOND) == (0, 3), f"{backend}: selected, it carries both", 60)
    sh("adit", "default", "none")
    tap.until(lambda: works("adit", "remove", LINK), f"{backend}: removed")
    tap.same(settings(), ["1"] * len(ALL), f"{backend}: removed, IPv6 is off as before")
    for old, new in zip(before, state()):
        tap.same(new, old, f"{backend}: removed, everything is as it was before")


def main():
    """Each backend in turn."""
    sh("systemctl", "start", "NetworkManager", "systemd-networkd", "aditd")
    with Peer() as peer:
        uplink(peer)
        with open(PROFILE, "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(peer.profile)
        switch(1)
        try:
            for backend in BACKENDS:
                story(peer, backend)
        finally:
            if gateways():
                tap.note(output("adit", "remove", "--all"))
            switch(0)
            sh("systemctl", "stop", "systemd-networkd.socket", "systemd-networkd")
            os.unlink(PROFILE)
    tap.done()


if __name__ == "__main__":
    main()
