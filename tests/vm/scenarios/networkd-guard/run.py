#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""networkd-guard=yes: networkd keeps the guard a second time, by rules of its own in a .network for lo.

With aditd dead, all that carries our tag deleted, nftables flushed and networkd at its defaults, a selected
gateway still lets nothing out. The control is the same without the setting. Then the same beside a .network that
an admin has for lo; taken back, everything is as it was.
"""

import os

import tap
from gateway import OUTSIDE, OUTSIDE6, gateways, reaches, state, uplink, uplink6
from peer import Peer
from tap import output, sh, works
from watch import Watch

LINK = "kept"
PROFILE = "/run/kept.conf"
CONF = "/etc/adit/adit.conf"
FOLDER = "/etc/systemd/network"
OWN = FOLDER + "/60-adit-lo.network"
THEIRS = FOLDER + "/10-lo.network"
DROP_IN = THEIRS + ".d/90-adit.conf"
MASK = "/etc/systemd/networkd.conf.d/90-adit.conf"
UPLINK = "/run/systemd/network/10-uplink.network"
UNITS = ("systemd-networkd.socket", "systemd-networkd.service")
WAYS = (OUTSIDE, OUTSIDE6)
ROUNDS = 4  # of a removal that went wrong every other time
NETWORK = """[Match]
Name={link}
[Network]
Description={words}
Address=192.0.2.2/24
Address=2001:db8:7::2/64
Gateway=192.0.2.1
Gateway=2001:db8:7::1
IPv6AcceptRA=no
"""
FORGET = ("for f in -4 -6; do while ip $f rule del protocol 173 2>/dev/null; do :; done;"
          "ip $f route flush table all proto 173 2>/dev/null || :; done; nft delete table inet adit || :")


def write(path, text):
    """A file of the admin's."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)


def lacks():
    """What of networkd's ladder is not there, in both families."""
    wanted = ("1680:", "1681:", "1690:", "1691:", "20080:", "20090:", "20091:")
    missing = []
    for family in ("-4", "-6"):
        rules = sh("ip", family, "rule")
        missing += [family + " " + word for word in wanted if word not in rules]
        if "metric 4294967294" not in sh("ip", family, "route", "show", "table", "20101"):
            missing.append(family + " blackhole")
    return missing


def left_over():
    """What of it is there."""
    return [line for family in ("-4", "-6") for line in sh("ip", family, "rule").splitlines()
            if line.startswith(("16", "1700:", "1701:", "1705:", "1706:", "2008", "2009"))] + \
        [line for family in ("-4", "-6") for line in sh("ip", family, "route", "show", "table", "all").splitlines()
         if "4294967294" in line]


def lo():
    """The addresses of lo, and the routes it has in main and local."""
    return [sh("sh", "-c", f"ip {family} -o address show dev lo | sed 's/valid.*//'") for family in ("-4", "-6")]


def until_kept(words):
    """networkd has it."""
    if not tap.until(lambda: lacks() == [], words, 60):
        tap.note(lacks())
        tap.note(output("networkctl", "--no-pager", "status", "lo"))


def until_gone(words):
    """networkd has taken it back."""
    if not tap.until(lambda: left_over() == [], words, 60):
        tap.note("\n".join(left_over()))


def keep(plain, yes):
    """The setting, put in force."""
    line = f"[policy]\nnetworkd-guard = {'yes' if yes else 'no'}\n"
    write(CONF, plain.replace("[policy]\n", line) if "[policy]\n" in plain else plain + line)
    sh("systemctl", "reload", "aditd")


def orphan():
    """aditd dead, ours gone by a stranger's hand, and networkd about to configure its link anew."""
    sh("systemctl", "stop", "aditd")
    sh("sh", "-c", FORGET)


def check_alone(peer):
    """The second ladder by itself."""
    orphan()
    with Watch(peer.name, "wan0", WAYS) as watch:
        write(UPLINK, NETWORK.format(link=peer.near, words="another"))
        sh("networkctl", "reload")
        sh("networkctl", "reconfigure", peer.near)
        watch.go_on(least=1000)
    if not tap.ok(watch.is_closed(1000), "aditd dead, ours deleted, networkd reconfigured: nothing leaves in the clear"):
        tap.note(watch)
    tap.note(watch)
    tap.ok(reaches(OUTSIDE, 5), "it even carries, by the rules that networkd keeps")
    sh("systemctl", "start", "aditd")
    tap.until(lambda: all("20071:" in sh("ip", f, "rule") for f in ("-4", "-6")), "aditd puts its own beside it", 60)
    until_kept("and leaves networkd's alone")


def check_control(peer, plain):
    """Without the setting the same leaks."""
    keep(plain, False)
    until_gone("taken back: networkd has none of it left")
    tap.until(lambda: not os.path.exists(OWN), "and the file is gone")
    orphan()
    with Watch(peer.name, "wan0", WAYS) as watch:
        watch.go_on(least=1000)
    if not tap.ok(min(watch.left.values()) > 900, "without it the same leaks in both families (control)"):
        tap.note(watch)
    tap.note(watch)
    sh("systemctl", "start", "aditd")
    tap.until(lambda: "20071:" in sh("ip", "rule"), "aditd is back", 60)


def check_package(plain):
    """With the drop-in of our package networkd leaves alone what it did not make; its own it takes back."""
    os.unlink(MASK)
    sh("systemctl", "restart", "systemd-networkd")
    keep(plain, True)
    until_kept("again, with our networkd.conf.d drop-in: networkd has it")
    keep(plain, False)
    until_gone("taken back there: networkd has none of it left")
    keep(plain, True)
    until_kept("and once more: networkd has it")


def check_admin():
    """Beside an admin's file for lo; and networkd slower than its answers, as on a busy machine."""
    sh("systemctl", "service-log-level", "systemd-networkd.service", "debug")
    write(THEIRS, "; the admin's\n[Match]\nName=lo\n\n[Network]\nAddress=10.255.0.1/32\n")
    sh("systemctl", "restart", "aditd")
    tap.until(lambda: os.path.exists(DROP_IN) and not os.path.exists(OWN), "the admin has a file for lo: a drop-in of it", 60)
    until_kept("networkd has it from there")
    tap.until(lambda: "10.255.0.1/32" in sh("ip", "address", "show", "dev", "lo"), "and the admin's address, too", 60)
    for number in range(ROUNDS):
        if number > 0:
            sh("networkctl", "reload")  # by now it may be at that itself
            sh("adit", "import", "--backend", "networkd", PROFILE)
            tap.until(lambda: reaches("10.59.0.1", 1), "once more: the tunnel is up", 60)
            sh("adit", "default", LINK)
            until_kept("networkd has it from there")
        sh("adit", "remove", LINK)
        until_gone("the gateway is removed: none of it is left")
        tap.until(lambda: not os.path.exists(THEIRS + ".d"), "the drop-in has gone with its folder")
    tap.ok("10.255.0.1/32" in sh("ip", "address", "show", "dev", "lo"), "the admin's address stays")
    os.unlink(THEIRS)
    sh("networkctl", "reload")
    works("ip", "address", "delete", "10.255.0.1/32", "dev", "lo")


def story(peer, plain):
    """Set, alone, taken back, beside the admin's."""
    had = lo()
    before = state()
    sh("adit", "import", "--backend", "networkd", PROFILE)
    tap.until(lambda: reaches("10.59.0.1", 1), "the tunnel is up", 60)
    sh("adit", "default", LINK)
    tap.until(lambda: reaches(OUTSIDE, 1), "selected, it carries", 60)
    tap.same(left_over(), [], "by default networkd keeps nothing")
    keep(plain, True)
    until_kept("networkd-guard=yes: networkd has every rule and both blackholes")
    tap.same(lo(), had, "lo has the addresses it had")
    check_alone(peer)
    check_control(peer, plain)
    check_package(plain)
    check_admin()
    write(CONF, plain)
    sh("systemctl", "reload", "aditd")
    tap.same(lo(), had, "lo is as it was")
    for old, new in zip(before, state()):
        tap.same(new, old, "everything is as it was before")


def main():
    """networkd with its defaults."""
    tap.note(sh("networkctl", "--version").splitlines()[0])
    plain = ""
    if os.path.exists(CONF):
        with open(CONF, encoding="utf-8") as file:
            plain = file.read()
    with Peer() as peer:
        try:
            uplink(peer)
            uplink6(peer)
            write(UPLINK, NETWORK.format(link=peer.near, words="one"))
            os.makedirs(os.path.dirname(MASK), exist_ok=True)
            os.symlink("/dev/null", MASK)
            write(PROFILE, peer.profile)
            sh("systemctl", "restart", "systemd-networkd")
            tap.until(lambda: "(configured)" in output("networkctl", "--no-pager", "status", peer.near),
                      "networkd has the uplink", 60)
            story(peer, plain)
        finally:
            write(CONF, plain)
            works("systemctl", "restart", "aditd")
            if LINK in gateways():
                works("adit", "remove", LINK)
            works("systemctl", "stop", *UNITS)
            for path in (MASK, UPLINK, PROFILE, THEIRS, OWN, DROP_IN):
                if os.path.lexists(path):
                    os.unlink(path)
            works("rmdir", THEIRS + ".d")
    tap.done()


if __name__ == "__main__":
    main()
