#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Installed anew, removed and purged by dpkg, with a server and a closed guard in force.

The last scenario of a boot, by its name: after it the machine has no adit.
"""

import glob
import os
import stat

import tap
from peer import Peer
from tap import output, sh, works

DEBS = os.path.join(os.environ["ADIT_TESTS"], "..", "packages", "*.deb")
FOLDERS = ("/etc", "/usr", "/var/lib", "/run", "/var/cache")
# Not ours to remove: dpkg's and apt's own books, and what this machine is tested with.
OTHERS = ("/var/lib/dpkg/", "/var/lib/apt/", "/run/adit-", "/run/systemd/", "/var/lib/systemd/",
          "/etc/systemd/system/adit-scenarios.service",
          "/etc/systemd/system/multi-user.target.wants/adit-scenarios.service")


def packages():
    """Everything of ours that dpkg knows, in whatever state."""
    lines = sh("dpkg-query", "--show", "--showformat=${Package} ${db:Status-Abbrev}\n")
    return [line.split()[0] for line in lines.splitlines() if "adit" in line.split()[0]]


def left():
    """Files that carry our name or lie in a folder that does."""
    found = []
    for top in FOLDERS:
        for folder, folders, names in os.walk(top):
            found += [os.path.join(folder, name) for name in folders + names if "adit" in name]
    return sorted(path for path in found if not path.startswith(OTHERS))


def kernel():
    """What of ours is in the kernel."""
    found = [line for family in ("-4", "-6")
             for line in (sh("ip", family, "rule").splitlines() +
                          sh("ip", family, "route", "show", "table", "all").splitlines())
             if "proto 173" in line or "lookup 201" in line or " 17" in line.split(":")[0]]
    tables = [line for line in sh("nft", "list", "tables").splitlines() if "adit" in line]
    links = [line for line in sh("ip", "-o", "link", "show", "type", "wireguard").splitlines()]
    return found + tables + links


def in_force():
    """A server with a device, a gateway that is selected."""
    sh("ip", "link", "add", "wan9", "type", "dummy")
    sh("ip", "address", "add", "203.0.113.9/24", "dev", "wan9")
    sh("ip", "link", "set", "wan9", "up")
    sh("adit-server", "setup", "--endpoint=203.0.113.9", "--wan=wan9", "--subnet=10.78.0.0/24",
       "--ipv6=none")
    sh("adit-server", "device", "add", "shed", "--subnet=10.78.0.0/24",
       "--out=/run/adit-vm-shed.conf")


def main():
    """Reinstall as an upgrade does, remove, purge."""
    sh("modprobe", "-a", "wireguard", "dummy", "nf_tables", "nf_conntrack")
    in_force()
    with Peer("last") as peer:
        with open("/run/adit-vm-last.conf", "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), stat.S_IRUSR | stat.S_IWUSR)
            file.write(peer.profile)
        sh("adit", "import", "--backend=direct", "--name=last", "/run/adit-vm-last.conf")
        sh("adit", "default", "last")
        tap.ok(len(kernel()) > 10, "there is something to leave behind")
        names = packages()
        tap.ok({"adit", "adit-server"} <= set(names), "packages of ours: " + " ".join(names))
        before = kernel()
        tap.ok(works("dpkg", "--install", *glob.glob(DEBS), seconds=200),
               "dpkg installs them over themselves, as an upgrade does")
        tap.same(kernel(), before, "nothing in the kernel has changed by that")
        for unit in ("adit-server", "aditd"):
            tap.until(lambda name=unit: works("systemctl", "is-active", name), f"{unit} runs again")
        tap.ok("shed" in sh("adit-server", "device", "list"), "the server knows its devices")
        tap.ok("last" in sh("adit", "list"), "aditd knows its gateways")
        tap.ok(works("dpkg", "--remove", *names, seconds=120), "dpkg removes them")
        tap.same(kernel(), [], "nothing is left in the kernel")
        tap.ok(os.path.exists("/etc/adit/gateways/last.conf"), "profiles stay until a purge")
        tap.ok(works("dpkg", "--purge", *packages(), seconds=120), "dpkg purges them")
        tap.same(left(), [], "no file is left")
        tap.same(packages(), [], "dpkg knows none")
        running = output("systemctl", "list-units", "--all", "--plain", "--no-legend", "adit*")
        units = [line.split()[0] for line in running.splitlines() if "scenario" not in line]
        tap.same(units, [], "no unit is left")
    tap.done()


if __name__ == "__main__":
    main()
