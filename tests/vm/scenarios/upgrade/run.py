#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The life of our packages: upgraded from the schema before this one, removed, purged.

An upgrade disturbs no tunnel and opens no guard for a moment; a removal takes all that is in the
kernel and keeps what the user wrote; a purge leaves nothing. The last of all scenarios, by its name.
"""

import contextlib
import glob
import json
import os
import pathlib
import shutil
import sqlite3
import subprocess

import tap
from packages import PACKAGES, dpkg, names
from peer import Peer
from tap import output, sh, works

OLD = "0.0.9"
STORE = "/var/lib/adit-server/server.db"
# What takes a store back by one step, by the schema it comes from.
STEPS = {
    2: "ALTER TABLE publish DROP COLUMN redirect",
    3: "ALTER TABLE device DROP COLUMN wan4",
    4: "DROP INDEX device_next_key; ALTER TABLE device DROP COLUMN next_key;"
       "ALTER TABLE device DROP COLUMN next_until; ALTER TABLE device DROP COLUMN invite_until;"
       "ALTER TABLE subnet DROP COLUMN auto6; ALTER TABLE subnet DROP COLUMN old6;"
       "ALTER TABLE subnet DROP COLUMN old6_len; ALTER TABLE subnet DROP COLUMN old6_until",
    5: "DROP TABLE spent",
    6: "ALTER TABLE publish DROP COLUMN owner",
}
# The lab's, the tests' and the logs' own; and the users stay, as Debian has it.
NOT_OURS = ("/proc/", "/sys/", "/srv/", "/dev/", "/var/log/", "/run/adit-build", "/run/adit-lab", "/run/desk.conf",
            "/run/systemd/", "/run/udev/", "/run/adit-vm-", "/etc/systemd/system/adit-scenarios.service",
            "/etc/systemd/system/multi-user.target.wants/adit-scenarios.service")


def schema():
    """What the store says it is."""
    with contextlib.closing(sqlite3.connect(STORE)) as store:
        return store.execute("PRAGMA user_version").fetchone()[0]


def age():
    """The store and the installed packages are of the release before: what dpkg then runs is an upgrade."""
    now, version = schema(), sh("dpkg-query", "--show", "--showformat=${Version}", "adit-server")
    with contextlib.closing(sqlite3.connect(STORE)) as store:
        store.executescript(f"BEGIN; {STEPS[now]}; PRAGMA user_version = {now - 1}; COMMIT")
    path = "/var/lib/dpkg/status"
    with open(path, encoding="utf-8") as file:
        entries = file.read().split("\n\n")
    for number, entry in enumerate(entries):
        lines = entry.splitlines()
        if lines and lines[0].removeprefix("Package: ") in names():
            old = [f"Version: {OLD}" if line.startswith("Version: ") else line for line in lines]
            # They depend on one another in exactly this version.
            entries[number] = "\n".join(line.replace(f"= {version})", f"= {OLD})") for line in old)
    with open(path, "w", encoding="utf-8") as file:
        file.write("\n\n".join(entries))
    tap.same(sh("dpkg-query", "--show", "--showformat=${Version}", "adit-server"), OLD, "an older release is installed")
    return now


def server():
    """A server with a device and a port, and a setting of the operator's own."""
    sh("ip", "link", "add", "wan0", "type", "veth", "peer", "name", "wan1")
    for command in (("address", "add", "203.0.113.2/24", "dev", "wan0"), ("link", "set", "wan0", "up"),
                    ("link", "set", "wan1", "up"), ("route", "add", "default", "via", "203.0.113.1", "dev", "wan0")):
        sh("ip", *command)
    works("systemctl", "start", "adit-server")
    sh("adit-server", "setup", "--endpoint=203.0.113.2", "--wan=wan0", "--subnet=10.78.0.0/24", "--ipv6=none")
    sh("adit-server", "device", "add", "lodge", "--subnet=10.78.0.0/24", "--out=/run/adit-vm-lodge.conf")
    sh("adit-server", "publish", "lodge", "8081")
    with open("/etc/adit/server.conf", "a", encoding="utf-8") as file:
        file.write("\n# the operator was here\n")


def client(peer):
    """A gateway that is selected: its guard is closed."""
    with open("/run/desk.conf", "w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(peer.profile)
    works("systemctl", "start", "aditd")
    sh("adit", "import", "--backend=direct", "/run/desk.conf")
    sh("adit", "default", "desk")
    tap.until(lambda: works("ping", "-c", "1", "-W", "2", "10.59.0.1"), "the gateway's server answers")


def links():
    """Of both tunnels: what would change if anybody made them anew."""
    return [(sh("cat", f"/sys/class/net/{name}/ifindex"), sh("wg", "show", name, "listen-port"),
             sh("wg", "show", name, "peers")) for name in ("adit0", gateway_link())]


def gateway_link():
    """The link of the gateway's table."""
    line = sh("ip", "-4", "route", "show", "table", "20101", "10.59.0.1")
    return line.split()[line.split().index("dev") + 1]


def upgrade():
    """dpkg takes the new release over the old one while everything is up."""
    sh("systemctl", "stop", "adit-server")
    now, before = age(), links()
    tap.same(schema(), now - 1, "the store is of the schema before")
    with subprocess.Popen(["ip", "monitor", "rule"], stdout=subprocess.PIPE, text=True) as monitor:
        try:
            dpkg("--install", *PACKAGES)
            tap.until(lambda: "lodge" in output("adit-server", "device", "list"), "the new server knows its device")
            tap.until(lambda: "desk" in output("adit", "list"), "the new aditd knows its gateway")
        finally:
            monitor.terminate()
        events = monitor.communicate(timeout=30)[0].splitlines()
    tap.same(schema(), now, "the store was migrated")
    tap.same(links(), before, "neither tunnel was made anew")
    tap.same([line for line in events if line.startswith("Deleted")], [], "no rule of a closed guard was away for a moment")
    tap.ok("8081" in sh("adit-server", "mappings"), "the port is still published")
    with open("/etc/adit/server.conf", encoding="utf-8") as file:
        tap.ok("the operator was here" in file.read(), "the operator's settings file is kept")
    for unit in ("adit-server", "aditd", "adit-redirect", "adit-publisher"):
        tap.until(lambda name=unit: works("systemctl", "is-active", name), f"{unit} runs")


def kernel():
    """What is in the kernel that could be ours."""
    found = []
    for family in ("-4", "-6"):
        found += [line for line in output("ip", family, "rule").splitlines() if "proto 173" in line]
        found += output("ip", family, "route", "show", "table", "all", "proto", "173").splitlines()
    found += output("ip", "-o", "link", "show", "type", "wireguard").splitlines()
    return found + [line for line in output("nft", "list", "tables").splitlines() if "adit" in line]


def remove():
    """What is in the kernel goes with the programs, also a closed guard; what the user wrote stays."""
    tap.ok(any("20070:" in line for line in kernel()), "the guard is closed before")
    dpkg("--remove", *names())
    tap.same(kernel(), [], "nothing of ours is left in the kernel")
    tap.ok(os.path.exists("/etc/adit/gateways/desk.conf") and os.path.exists(STORE), "profiles and the store are kept")
    left = [unit for unit in output("systemctl", "list-units", "--plain", "--no-legend", "adit*").splitlines()
            if "adit-scenario" not in unit]
    tap.same(left, [], "no unit of ours is loaded")


def files():
    """Every file that has our name."""
    found = output("find", "/", "-xdev", "-iname", "*adit*", "-print").splitlines()
    found += output("find", "/run", "/tmp", "-iname", "*adit*", "-print").splitlines()
    with open("/srv/adit/wanted.json", encoding="utf-8") as file:  # where the tests lie outside, a link here
        top = pathlib.Path(json.load(file)["top"])
    found = set(found) - {str(folder) for folder in (top, *top.parents)}
    return sorted(path for path in found if not path.startswith(NOT_OURS) and "systemd-private" not in path)


def purge():
    """Nothing is left but the users."""
    shutil.rmtree("/run/adit-build", ignore_errors=True)
    dpkg("--purge", *names())
    tap.same([path for path in files() if "adit-scenario" not in path], [], "no file of ours is left")
    tap.ok(not works("dpkg-query", "--show", "*adit*"), "dpkg knows none of them")
    tap.same(sh("dpkg", "--audit"), "", "dpkg finds nothing half done")


def again():
    """From nothing, as the README tells the owner of a VPS and of a home machine."""
    for package in ("adit-server", "adit"):
        path, = glob.glob(f"/srv/adit/packages/{package}_*.deb")
        sh("env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "--yes", "--no-install-recommends", path, seconds=200)
    server()
    with Peer("again") as peer:
        client(peer)
    tap.ok("lodge" in sh("adit-server", "device", "list"), "a server is set up on the purged machine")
    dpkg("--purge", *names())  # who comes after knows the machine with all of them, and nothing set up
    dpkg("--install", *PACKAGES)


def main():
    """Up, then newer, then away, then never there."""
    sh("modprobe", "-a", "wireguard", "veth", "nf_tables", "nf_conntrack")
    tap.ok(len(PACKAGES) >= 7, "the packages are here")
    try:
        server()
        with Peer("upgrade") as peer:
            client(peer)
            upgrade()
            remove()
        purge()
        if os.environ.get("ADIT_FULL"):
            works("ip", "link", "delete", "wan0")
            again()
    finally:
        works("ip", "link", "delete", "wan0")
    tap.done()


if __name__ == "__main__":
    main()
