#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Who may call what on the bus, under our policies and a real dbus-daemon: every method of every interface."""
import os
import re
import xml.etree.ElementTree as ET

import tap
from lab import SOURCE
from story import Client, Server

DRAWING = "home -- internet -- vps"

# On top of root, who may everything: (interface, method) of a caller, "*" for all; the rest is refused.
LOOK = {("org.freedesktop.DBus.Properties", "GetAll"), ("org.freedesktop.DBus.Introspectable", "Introspect"),
        ("org.freedesktop.DBus.ObjectManager", "GetManagedObjects")}
CLIENT = {"admin": LOOK | {("org.adit.Client1.Manager", "Refresh")},
          "other": LOOK | {("org.adit.Client1.Manager", "Refresh")}}
SERVER = {"admin": {"*"}, "other": set()}


def source(*path):
    with open(os.path.join(SOURCE, *path), encoding="utf-8") as f:
        return f.read()


def methods(text):
    """Every method of an introspection file, and the ones that come with the bus."""
    found = [(interface.get("name"), method.get("name"))
             for interface in ET.fromstring(text) for method in interface.findall("method")]
    return found + sorted(LOOK | {("org.freedesktop.DBus.Properties", "Set")})


def people(machine, *users):
    """A member of the group adit-admin, somebody else, and the daemons' own users."""
    machine.sh("groupadd adit-admin; useradd -G adit-admin anna; useradd otto;" + "".join(f"useradd {user};" for user in users))


def ask(machine, user, service, path, interface, method):
    """What a user is told; without arguments, so that what is let through changes nothing."""
    as_user = [] if user == "root" else ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups"]
    argument = ["s", "x"] if method == "GetAll" else []  # an interface that nobody has
    done = machine.run(*as_user, "busctl", "--timeout=5", "call", service, path, interface, method, *argument,
                       check=False)
    return "denied" if re.search("Access denied|AccessDenied|not allowed|org.adit.Error.Denied", done.stderr) else "heard"


def matrix(machine, service, objects, text, allowed):
    """Every caller and every method; the differences."""
    wrong = []
    for who, user in (("root", "root"), ("admin", "anna"), ("other", "otto")):
        for interface, method in methods(text):
            path = objects.get(interface, objects["*"])
            may = who == "root" or "*" in allowed[who] or (interface, method) in allowed[who]
            got = ask(machine, user, service, path, interface, method)
            if got != ("heard" if may else "denied"):
                wrong.append(f"{who}: {interface}.{method}: {got}")
    return wrong


def test_client(lab):
    """aditd: root changes; others look"""
    home = lab["home"]
    people(home)
    home.bus(home.write("/etc/dbus-adit.conf", source("data", "org.adit.Client1.conf")))
    Client(home).start()
    paths = {"*": "/org/adit/Client1", "org.adit.Client1.Manager": "/org/adit/Client1/manager"}
    text = source("client", "org.adit.Client1.xml")
    assert len([m for m in methods(text) if m[0] == "org.adit.Client1.Manager"]) >= 5
    assert not (wrong := matrix(home, "org.adit.Client1", paths, text, CLIENT)), "\n".join(wrong)


def test_server(lab):
    """adit-server: root and the group adit-admin; nobody else, not even to look"""
    vps = lab["vps"]
    people(vps, "adit-server")
    vps.bus(vps.write("/etc/dbus-adit.conf", source("data", "org.adit.Server1.conf")))
    Server(vps).start()
    paths = {"*": "/org/adit/Server1"}
    text = source("tunnel-server", "org.adit.Server1.xml")
    assert not (wrong := matrix(vps, "org.adit.Server1", paths, text, SERVER)), "\n".join(wrong)


def test_names(lab):
    """only the daemons' users may take the daemons' names"""
    for machine, policy, name, owners in ((lab["home"], "Client1", "org.adit.Client1", ["root"]),
                                          (lab["vps"], "Server1", "org.adit.Server1", ["root", "adit-server"])):
        people(machine, "adit-server")
        machine.bus(machine.write("/etc/dbus-adit.conf", source("data", f"org.adit.{policy}.conf")))
        for user in ("root", "adit-server", "anna", "otto"):
            done = machine.run("setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", "busctl", "call",
                               "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "RequestName",
                               "su", name, "4", check=False)
            assert (done.code == 0) == (user in owners), f"{user}: {name}: {done}"


if __name__ == "__main__":
    tap.main(globals())
