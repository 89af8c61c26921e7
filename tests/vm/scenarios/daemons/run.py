#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The daemons as their units start them: stripped of power, and yet they do their work.

The server's device is a machine in a namespace; a visitor there reaches it through a forward and
comes back. Then aditd takes a profile. No key is found where it must not be.
"""

import os
import pwd
import re
import stat
import subprocess

import tap
from peer import Peer
from street import clear, device, inside, keys_of, pave
from tap import output, sh, works

NET_ADMIN = "0000000000001000"
HOME = "home"
MODES = {  # who may read what; below a closed folder nothing need be said
    "/var/lib/adit-server": ("drwx------", "adit-server"),
    "/var/lib/adit-server/server.db": ("-rw-------", "adit-server"),
    "/run/adit-server": ("drwxr-xr-x", "adit-server"),
    "/run/adit-server/redirect.sock": ("srw-rw----", "adit-server"),
    "/var/lib/adit": ("drwx------", "root"),
    "/etc/adit/gateways": ("drwx------", "root"),
    "/etc/adit/gateways/desk.conf": ("-rw-------", "root"),
}


def status(unit):
    """Of a unit's main process: what /proc says about its power."""
    pid = sh("systemctl", "show", "--property=MainPID", "--value", unit)
    with open(f"/proc/{pid}/status", encoding="utf-8") as file:
        words = dict(line.rstrip("\n").split(":\t", 1) for line in file if ":\t" in line)
    with open(f"/proc/{pid}/limits", encoding="utf-8") as file:
        core = re.search(r"Max core file size +(\S+) +(\S+)", file.read()).groups()
    user = pwd.getpwuid(int(words["Uid"].split()[1])).pw_name
    return user, words["CapEff"], words["CapBnd"], words["NoNewPrivs"], words["Seccomp"], core


def powers():
    """Each daemon's user and capabilities are what its unit promises."""
    zero = ("0", "0")
    for unit, user, caps in (("adit-server", "adit-server", NET_ADMIN),
                             ("aditd", "root", NET_ADMIN),
                             ("adit-publisher", "adit-publisher", "0" * 16),
                             ("adit-web", "adit-web", "0" * 16),
                             ("adit-redirect", "adit-redirect", "0" * 16)):
        tap.until(lambda name=unit: works("systemctl", "is-active", name), f"{unit} is active")
        got = status(unit)
        want = (user, caps, caps, "1", "2", zero if int(caps, 16) else got[5])
        tap.same(got, want, f"{unit}: {user}, no capability but its own, no new privilege, filtered")


BOUNDS = {"adit-server": 20, "aditd": 22}  # times ten; 15 for who has no capability


def exposures():
    """What systemd makes of the units as this release reads them, while they do their work."""
    for unit in ("adit-server", "aditd", "adit-publisher", "adit-web", "adit-redirect"):
        bound = BOUNDS.get(unit, 15)
        words = output("systemd-analyze", "security", "--no-pager", f"--threshold={bound}", f"{unit}.service")
        tap.ok(works("systemd-analyze", "security", "--no-pager", f"--threshold={bound}", f"{unit}.service"),
               f"{unit}: {words.splitlines()[-1].strip('→ ')}: at most {bound / 10}")


def serve():
    """The server's whole work under its unit; the profile of its device."""
    pave()
    sh("adit-server", "setup", "--endpoint=203.0.113.2", "--wan=wan0", "--subnet=10.77.0.0/24",
       "--ipv6=none")
    path = "/run/adit-vm-device.conf"
    sh("adit-server", "device", "add", HOME, "--out=" + path)
    tap.same(stat.filemode(os.stat(path).st_mode), "-rw-------", "a profile is its owner's alone")
    with open(path, encoding="utf-8") as file:
        profile = file.read()
    address = device(profile)
    tap.until(lambda: inside("ping", "-c", "1", "-W", "2", "10.77.0.1", check=works),
              "the device reaches the server")
    sh("adit-server", "publish", HOME, "8080")
    tap.ok(address in sh("nft", "list", "table", "inet", "adit_server"), "the forward is in nft")
    tap.same(sh("sysctl", "-n", "net.ipv4.ip_forward"), "1", "the server may switch forwarding on")
    before = sh("wg", "show", "adit0", "latest-handshakes")
    sh("systemctl", "restart", "adit-server")
    tap.same(sh("wg", "show", "adit0", "latest-handshakes"), before, "a restart disturbs no tunnel")
    tap.ok(HOME in sh("adit-server", "device", "list"), "the store is read again")
    sh("adit-server", "export", "/run/adit-vm-export")
    tap.same(stat.filemode(os.stat("/run/adit-vm-export").st_mode), "-rw-------",
             "so is an export")
    tap.until(lambda: works("systemctl", "is-active", "adit-redirect"), "the redirect runs")
    return profile


def take(peer):
    """aditd's work under its unit."""
    with open("/run/desk.conf", "w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(peer.profile)
    sh("adit", "import", "--backend=direct", "/run/desk.conf")
    for address in ("10.59.0.1", "fd59::1"):
        tap.until(lambda to=address: works("ping", "-c", "1", "-W", "2", to),
                  f"a gateway's server answers: {address}")
    sh("adit", "default", "desk")
    tap.ok("20070:" in sh("ip", "-4", "rule"), "a selection is in force")
    tap.ok(os.path.exists("/etc/adit/guard.ip4"), "the boot guard is written")
    sh("adit", "default", "none")
    tap.until(lambda: "MESSAGE=desk: import: done" in
              output("journalctl", "--boot", "--output=verbose", "ADIT_GATEWAY=desk", "ADIT_VERB=import"),
              "the journal can be asked for a gateway")
    tap.until(lambda: "up" in sh("systemctl", "show", "--property=StatusText", "--value", "aditd"), "systemctl status tells")
    sh("systemctl", "restart", "aditd")
    tap.ok("desk" in sh("adit", "list"), "gateways are found again after a restart")


def secrets(keys):
    """Nobody but their owners can read keys, and no log or command line has one."""
    for path, want in MODES.items():
        about = os.stat(path)
        tap.same((stat.filemode(about.st_mode), pwd.getpwuid(about.st_uid).pw_name), want, path)
    journal = subprocess.run(("journalctl", "--boot", "--no-pager", "--output=export"),
                             stdout=subprocess.PIPE, check=True).stdout.decode(errors="replace")
    lines = []
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            for name in ("cmdline", "environ"):
                with open(f"/proc/{pid}/{name}", encoding="utf-8", errors="replace") as file:
                    lines.append(file.read())
        except OSError:
            pass  # it has ended
    tap.ok(len(keys) == 4 and len(set(keys)) == 4, "there are four keys to look for")
    tap.ok(not any(key in journal for key in keys), "no key is in the journal")
    tap.ok(not any(key in line for key in keys for line in lines), "no key is in a command line")


def main():
    """The server, the client, their powers, their secrets."""
    sh("modprobe", "-a", "wireguard", "veth", "nf_tables", "nf_conntrack")
    try:
        profile = serve()
        with Peer("daemons") as peer:
            take(peer)
            powers()
            exposures()
            secrets(keys_of(profile) + keys_of(peer.profile))
            sh("adit", "remove", "desk")
        sh("adit-server", "down")
        tap.ok(not works("nft", "list", "table", "inet", "adit_server"), "down leaves no table")
    finally:
        clear()
    tap.done()


if __name__ == "__main__":
    main()
