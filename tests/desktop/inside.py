#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""inside.py STORY OUT [TEST...]: the machine of the desktop suite, in its chroot as root; then the story as its user."""
import os
import subprocess
import sys

from desk import System, run, until

HERE = os.path.dirname(os.path.abspath(__file__))


def uplink():
    """A line for NetworkManager to manage: who makes a tunnel is decided by the default route."""
    run("ip", "link", "add", "up0", "type", "veth", "peer", "name", "far0")
    run("ip", "link", "set", "far0", "up")
    run("nmcli", "device", "set", "up0", "managed", "yes")
    run("nmcli", "connection", "add", "type", "ethernet", "con-name", "Line", "ifname", "up0", "ipv4.method", "manual",
        "ipv4.addresses", "192.0.2.2/24", "ipv4.gateway", "192.0.2.1", "ipv6.method", "disabled")
    until(lambda: "default" in run("ip", "route")[1], 20, "the default route")


def server(machine):
    """A tunnel server at the other end of the line, a visitor behind it; the profile of a device."""
    for name in ("vps", "visitor"):
        run("ip", "netns", "add", name)
        run("ip", "-n", name, "link", "set", "lo", "up")
    run("ip", "link", "set", "far0", "netns", "vps")
    run("ip", "-n", "vps", "link", "add", "wan0", "type", "veth", "peer", "name", "eth0", "netns", "visitor")
    for namespace, link, address in (("vps", "far0", "192.0.2.1/24"), ("vps", "wan0", "203.0.113.1/24"),
                                     ("visitor", "eth0", "203.0.113.9/24")):
        run("ip", "-n", namespace, "address", "add", address, "dev", link)
        run("ip", "-n", namespace, "link", "set", link, "up")
    run("ip", "-n", "visitor", "route", "add", "default", "via", "203.0.113.1")
    machine.spawn("visitor", "ip", "netns", "exec", "visitor", os.path.join(HERE, "visitor.py"), "/run/visitor.sock")
    machine.spawn("adit-server", "ip", "netns", "exec", "vps", "adit-server", "run")
    until(lambda: run("adit-server", "status", check=False)[0] == 0, 20, "adit-server")
    run("adit-server", "setup", "--endpoint", "192.0.2.1", "--wan", "wan0", "--subnet", "10.59.0.0/24", "--ipv6", "none")
    return run("adit-server", "device", "add", "nas", "--ip", "10.59.0.2")[1]


def main():
    story, out = sys.argv[1:3]
    machine = System(os.path.join(out, "machine"))
    os.makedirs(machine.out, exist_ok=True)
    machine.start()
    uplink()
    for folder in ("/etc/adit", "/var/lib/adit", "/run/adit", "/var/lib/adit-server", "/var/lib/adit-publisher"):
        os.makedirs(folder, exist_ok=True)
    run("chown", "adit-publisher:", "/var/lib/adit-publisher")
    machine.spawn("aditd", "/usr/libexec/adit/aditd")
    until(lambda: "ready" in machine.log("aditd"), 20, "aditd")
    machine.spawn("adit-publisher", "setpriv", "--reuid=adit-publisher", "--regid=adit-publisher", "--clear-groups",
                  "/usr/libexec/adit/adit-publisher", "--state-dir", "/var/lib/adit-publisher")
    machine.spawn("witness", os.path.join(HERE, "witness.py"), "/run/witness.sock", out)
    session = os.path.join(out, "session")
    env = machine.user(session, "KDE" if story == "plasma.py" else "GNOME")
    with open(os.path.join(session, "served.conf"), "w", encoding="utf-8") as file:
        file.write(server(machine))
    return subprocess.run(["setpriv", "--reuid=ada", "--regid=ada", "--init-groups", "python3", "-u",
                           os.path.join(HERE, story), session, *sys.argv[3:]], env=env, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
