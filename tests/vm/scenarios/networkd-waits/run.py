#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What a gateway of networkd's waits for, and who waits for it.

The name of its server is looked up once by networkd, and again by aditd, which tells the link that is there. A
tunnel that is down holds nobody up: systemd-networkd-wait-online is measured, and with RequiredForOnline=yes it
hangs. Then the order of a boot.
"""

import os
import shutil
import time

import tap
from gateway import gateways, reaches, seconds, uplink
from peer import Peer
from tap import output, sh, works

LINK = "waits"
NAME, DEAD = "vps.example", "192.0.2.77"
PROFILE = "/run/waits.conf"
HOSTS = "/etc/hosts"
UPLINK = "/run/systemd/network/10-uplink.network"
REQUIRED = "/run/systemd/network/60-adit-waits.network.d"
UNITS = ("systemd-networkd.socket", "systemd-networkd.service")
NETWORK = """[Match]
Name={link}
[Network]
Address=192.0.2.2/24
Gateway=192.0.2.1
IPv6AcceptRA=no
"""
TIMEOUT = 25  # of wait-online


def write(path, text):
    """A file of the admin's."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def configured(link):
    """Whether networkd is through with a link."""
    return "(configured)" in output("networkctl", "--no-pager", "status", link)


def resolve(plain, address):
    """What the server's name means from here on."""
    write(HOSTS, f"{plain}\n{address} {NAME}\n")


def endpoint():
    """Where the kernel sends."""
    words = output("wg", "show", LINK, "endpoints").split()
    return words[1].rpartition(":")[0] if len(words) == 2 else None


def check_name(peer, plain):
    """Looked up in vain, then again, on the same link."""
    resolve(plain, DEAD)
    sh("adit", "import", "--backend", "networkd", PROFILE)
    tap.until(lambda: configured(LINK) and endpoint() == DEAD, "networkd has looked the name up, where nobody is", 60)
    index = sh("cat", f"/sys/class/net/{LINK}/ifindex")
    sh("systemctl", "kill", "--signal=STOP", "--kill-whom=main", "aditd")
    resolve(plain, "192.0.2.1")
    tap.ok(seconds(lambda: endpoint() != DEAD, 20) is None, "without aditd nobody looks it up again in 20 s (control)")
    sh("systemctl", "kill", "--signal=CONT", "--kill-whom=main", "aditd")
    tap.until(lambda: endpoint() == "192.0.2.1", "aditd looks it up again and tells the link", 90)
    tap.until(lambda: reaches("10.59.0.1", 1), "and it carries", 60)
    tap.same(sh("cat", f"/sys/class/net/{LINK}/ifindex"), index, "it is the same link")
    sh("ip", "-n", peer.name, "address", "delete", "192.0.2.1/24", "dev", "wan0")
    sh("ip", "-n", peer.name, "address", "add", "192.0.2.3/24", "dev", "wan0")
    resolve(plain, "192.0.2.3")
    took = seconds(lambda: endpoint() == "192.0.2.3" and reaches("10.59.0.1", 1), 330)
    tap.ok(took is not None, "the server moves while it is up: the link is told, without a command")
    tap.note(f"the server moves: carries again after {took} s (a handshake is overdue after 150 s)")
    tap.same(sh("cat", f"/sys/class/net/{LINK}/ifindex"), index, "it is the same link after that as well")
    sh("ip", "-n", peer.name, "address", "add", "192.0.2.1/24", "dev", "wan0")


def wait_online():
    """(whether networkd calls the machine online, seconds until it said so)."""
    program = next(path for path in ("/usr/lib/systemd/systemd-networkd-wait-online",
                                     "/lib/systemd/systemd-networkd-wait-online") if os.path.exists(path))
    start = time.monotonic()
    good = works(program, f"--timeout={TIMEOUT}", seconds=120)
    return good, time.monotonic() - start


def measure(words, want):
    """One result, with its figure."""
    good, took = wait_online()
    tap.ok(good == want, words)
    tap.note(f"{words}: {'online' if good else 'gave up'} after {took:.1f} s")


def never_up(*more):
    """The link anew, as an admin's drop-in has it: it is there, and nobody sets it up."""
    works("adit", "down", LINK)
    write(REQUIRED + "/50-admin.conf", "\n".join(("[Link]", "ActivationPolicy=manual", *more)) + "\n")
    works("adit", "up", LINK)
    tap.until(lambda: "State: off (configuring)" in output("networkctl", "--no-pager", "status", LINK),
              "a link that does not come up" + "".join(f", with {word}" for word in more), 60)


def check_online(peer):
    """Nobody waits for a dead tunnel."""
    tap.until(lambda: configured(peer.near), "networkd has the uplink", 60)
    measure("wait-online does not wait while the tunnel is up", True)
    sh("ip", "-n", peer.name, "link", "set", "wan0", "down")
    sh("ip", "-n", peer.name, "link", "set", "wan0", "up")
    sh("ip", "-n", peer.name, "link", "set", "wg0", "down")
    tap.until(lambda: configured(peer.near), "the uplink is back", 60)
    measure("wait-online does not wait for a tunnel whose server is dead", True)
    sh("ip", "link", "set", LINK, "down")
    measure("wait-online does not wait for a tunnel whose link is down", True)
    never_up()
    measure("wait-online does not wait for a tunnel whose link never comes up", True)
    never_up("RequiredForOnline=yes")
    measure("with RequiredForOnline=yes it hangs for that one (control)", False)


def listed(unit, what):
    """Units of one list of a unit's."""
    return sh("systemctl", "show", f"--property={what}", "--value", unit).split()


def shipped(unit):
    """Keys of a unit's file as systemd ships it: {key: words}."""
    found = {}
    with open(next(path for top in ("/usr/lib", "/lib") for path in [f"{top}/systemd/system/{unit}"]
                   if os.path.exists(path)), encoding="utf-8") as file:
        for line in file:
            key, _, value = line.strip().partition("=")
            found.setdefault(key, []).extend(value.split())
    return found


def check_order():
    """Of a boot, as systemd has read it."""
    tap.ok("network-pre.target" in listed("adit-guard.service", "Before") and
           "network-pre.target" in listed("adit-guard.service", "Wants"), "the guard comes before network-pre.target, and wants it")
    tap.ok("network-pre.target" in listed("systemd-networkd.service", "After"), "networkd comes after network-pre.target")
    wait = shipped("systemd-networkd-wait-online.service")  # masked here: nothing is to wait in this machine
    tap.ok("systemd-networkd.service" in wait["After"] and "network-online.target" in wait["Before"],
           "wait-online comes after networkd, and before network-online.target")
    tap.ok("network-online.target" not in listed("aditd.service", "After") + listed("aditd.service", "Wants"),
           "aditd waits for no network: it has the guard, and hears when one comes")
    tap.ok("adit-guard.service" in listed("aditd.service", "After"), "aditd comes after the guard")


def main():
    """Names, then wait-online, then the order."""
    tap.note(sh("networkctl", "--version").splitlines()[0])
    with open(HOSTS, encoding="utf-8") as file:
        plain = file.read()
    with Peer() as peer:
        try:
            uplink(peer)
            write(UPLINK, NETWORK.format(link=peer.near))
            write(PROFILE, peer.profile.replace("Endpoint = 192.0.2.1:", f"Endpoint = {NAME}:"))
            sh("systemctl", "restart", "systemd-networkd")
            check_name(peer, plain)
            check_online(peer)
            check_order()
        finally:
            works("systemctl", "kill", "--signal=CONT", "--kill-whom=main", "aditd")
            if LINK in gateways():
                works("adit", "remove", LINK)
            works("systemctl", "stop", *UNITS)
            write(HOSTS, plain)
            shutil.rmtree(REQUIRED, ignore_errors=True)
            for path in (UPLINK, PROFILE):
                if os.path.exists(path):
                    os.unlink(path)
    tap.done()


if __name__ == "__main__":
    main()
