#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Order without a race: whatever NetworkManager does to a selected gateway, in whatever order,
nothing leaves in the clear. Twenty rounds, 200 in a full run.
"""

import os
import random
import re

import nm
import tap
from gateway import OUTSIDE, Talker, gateways, reaches, seconds, uplink, uplink6
from peer import Peer
from tap import sh, works

LINK = "adit-vm"
ROUNDS = 200 if os.environ.get("ADIT_FULL") else 20
PACKAGES = "/srv/adit/packages"
NM = "org.freedesktop.NetworkManager"


def down_up():
    """By nmcli, as a user does."""
    sh("nmcli", "connection", "down", LINK)
    sh("nmcli", "connection", "up", LINK)


def anew():
    """Activated while it is active."""
    sh("nmcli", "connection", "up", LINK)


def reapply():
    """With a change, so that it is one."""
    sh("nmcli", "connection", "modify", LINK, "ipv4.dns-search", f"r{random.randrange(1 << 30)}.example")
    works("nmcli", "device", "reapply", LINK)


def delete_link():
    """By a stranger; NetworkManager gives up, and is asked again."""
    works("ip", "link", "delete", LINK)
    seconds(lambda: works("nmcli", "connection", "up", LINK), 20)


def suspend():
    """What NetworkManager does when the machine goes to sleep and wakes."""
    for word in ("true", "false"):
        sh("busctl", "call", NM, "/org/freedesktop/NetworkManager", NM, "Sleep", "b", word)
    seconds(lambda: nm.active(LINK), 30) or works("nmcli", "connection", "up", LINK)


def restart(*argv):
    """NetworkManager goes and comes."""
    sh("systemctl", *argv, "NetworkManager")
    seconds(lambda: works("nmcli", "connection", "show", LINK), 60)


def late():
    """The link comes up while aditd is not there: NetworkManager is the first after a boot."""
    sh("systemctl", "stop", "aditd")
    works("nmcli", "connection", "down", LINK)
    sh("nmcli", "connection", "up", LINK)
    sh("systemctl", "start", "aditd")


def boot():
    """As after a boot: nothing of ours is in the kernel, the guard comes first, then NetworkManager
    with autoconnect, then aditd."""
    sh("systemctl", "stop", "aditd", "NetworkManager")
    works("ip", "link", "delete", LINK)
    sh("systemctl", "restart", "adit-guard")
    sh("systemctl", "start", "NetworkManager")
    seconds(lambda: nm.active(LINK), 30)
    sh("systemctl", "start", "aditd")


def upgrade():
    """The packages are installed over themselves."""
    debs = [os.path.join(PACKAGES, name) for name in os.listdir(PACKAGES)
            if re.match(r"adit(-networkmanager)?_", name)]
    sh("dpkg", "--install", *debs, seconds=120)


EVENTS = ([down_up] * 4 + [anew] * 2 + [reapply] * 4 + [delete_link] * 3 + [suspend] * 2 + [late] * 2 +
          [lambda: restart("restart"), lambda: restart("kill", "--kill-whom=main", "--signal=KILL"), boot])


def play(talker, events):
    """All of them; what leaked, and how little was offered at least."""
    leaked, least = [], None
    for happen in events:
        words = (happen.__doc__ or "NetworkManager goes and comes").split(";")[0].split("\n")[0]
        for family, (offered, seen) in zip((4, 6), talker.during(happen)):
            least = offered if least is None else min(least, offered)
            if seen:
                leaked.append(f"IPv{family}: {seen} of {offered}: {words}")
    return leaked, least


def main():
    """Import, control, select, rounds, control."""
    seed = int(os.environ.get("ADIT_SEED") or random.randrange(1 << 16))
    tap.note(f"ADIT_SEED={seed}")
    random.seed(seed)
    with Peer() as peer:
        uplink(peer)
        uplink6(peer)
        status, words = nm.import_file("wireguard", LINK + ".conf", peer.profile)
        tap.same(status, 0, "nmcli imports the profile") or tap.note(words)
        tap.until(lambda: LINK in gateways() and reaches("10.59.0.1", 1), "it is a gateway")
        more = [upgrade] * (ROUNDS // 100)
        events = more + [e for _ in range(ROUNDS // len(EVENTS)) for e in random.sample(EVENTS, len(EVENTS))]
        with Talker(peer) as talker:
            for family, (offered, seen) in zip((4, 6), talker.during(lambda: None)):
                tap.ok(seen > offered // 2, f"control: IPv{family} leaves in the clear, {seen} of {offered}")
            sh("adit", "default", LINK)
            talker.more()
            leaked, least = play(talker, events)
            tap.same(leaked, [], f"{len(events)} rounds: nothing leaves in the clear, of {least} or more in each")
            tap.ok(min(talker.offered.values()) >= 1000, f"offered: {talker.offered}")
            tap.until(lambda: nm.active(LINK) and reaches(OUTSIDE, 1), "it carries after all that", 60)
            sh("adit", "default", "none")
            talker.anew()
            for family, (offered, seen) in zip((4, 6), talker.during(lambda: None)):
                tap.ok(seen > offered // 2, f"control: IPv{family} leaves again, {seen} of {offered}")
        sh("adit", "remove", LINK)
    tap.done()


if __name__ == "__main__":
    main()
