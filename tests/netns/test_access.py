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
          "other": LOOK | {("org.adit.Client1.Manager", "Refresh")},
          "publisher": LOOK | {("org.adit.Client1.Manager", "Refresh"), ("org.adit.Client1.Publications", "FindDrops")}}
SERVER = {"admin": {"*"}, "other": set()}


# What a method is asked with, so that the daemon gets to judge who asks: names of nothing.
NOTHING = {"s": "x", "b": "false", "h": "0"}
ARGUMENTS = {}


def source(*path):
    with open(os.path.join(SOURCE, *path), encoding="utf-8") as f:
        return f.read()


def methods(texts):
    """Every method of introspection files, and the ones that come with the bus."""
    for text in texts:
        for method in ET.fromstring(text).iter("method"):
            ARGUMENTS[method.get("name")] = [arg.get("type") for arg in method.findall("arg[@direction='in']")]
    found = [(interface.get("name"), method.get("name"))
             for text in texts for interface in ET.fromstring(text).iter("interface")
             for method in interface.findall("method") if not interface.get("name").startswith("org.adit.Publisher1")]
    return found + sorted(LOOK | {("org.freedesktop.DBus.Properties", "Set")})


def people(machine, *users):
    """A member of the group adit-admin, somebody else, and the daemons' own users."""
    machine.sh("groupadd adit-admin; useradd -G adit-admin anna; useradd otto;" + "".join(f"useradd {user};" for user in users))


def policies(machine, *names):
    """Our policy files, where the machine's bus reads them."""
    return [machine.write(f"/etc/dbus-{name}.conf", source("data", f"org.adit.{name}.conf")) for name in names]


def ask(machine, user, service, path, interface, method):
    """What a user is told; about things that are not there, so that what is let through changes nothing."""
    as_user = [] if user == "root" else ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups"]
    types = ARGUMENTS.get(method, []) if interface.startswith("org.adit.Client1") else []
    argument = ["".join(types), *(NOTHING.get(word, "0") for word in types)] if types else []
    if method == "GetAll":
        argument = ["s", "x"]  # an interface that nobody has
    done = machine.run(*as_user, "busctl", "--timeout=5", "call", service, path, interface, method, *argument,
                       check=False)
    return "denied" if re.search("Access denied|AccessDenied|not allowed|org.adit.Error.Denied|only root may", done.stderr) else "heard"


def matrix(machine, service, objects, texts, allowed):
    """Every caller and every method; the differences."""
    wrong = []
    users = {"root": "root", "admin": "anna", "other": "otto", "publisher": "adit-publisher"}
    for who, user in ((who, users[who]) for who in ("root", *allowed)):
        for interface, method in methods(texts):
            path = objects.get(interface, objects["*"])
            may = who == "root" or "*" in allowed[who] or (interface, method) in allowed[who]
            got = ask(machine, user, service, path, interface, method)
            if got != ("heard" if may else "denied"):
                wrong.append(f"{who}: {interface}.{method}: {got}")
    return wrong


def test_client(lab):
    """aditd: root changes; others look; the publisher has one question answered besides"""
    home = lab["home"]
    people(home, "adit-publisher")
    home.bus(*policies(home, "Client1", "Publisher1"))
    Client(home).start()
    paths = {"*": "/org/adit/Client1", "org.adit.Client1.Manager": "/org/adit/Client1/manager"}
    paths["org.adit.Client1.Publications"] = paths["org.adit.Client1.Manager"]
    texts = [source("client", f"org.adit.{name}.xml") for name in ("Client1", "Publisher1")]
    assert len([m for m in methods(texts) if m[0].startswith("org.adit.Client1.")]) >= 12
    assert not (wrong := matrix(home, "org.adit.Client1", paths, texts, CLIENT)), "\n".join(wrong)


def test_server(lab):
    """adit-server: root and the group adit-admin; nobody else, not even to look"""
    vps = lab["vps"]
    people(vps, "adit-server")
    vps.bus(*policies(vps, "Server1"))
    Server(vps).start()
    paths = {"*": "/org/adit/Server1"}
    texts = [source("tunnel-server", "org.adit.Server1.xml")]
    assert not (wrong := matrix(vps, "org.adit.Server1", paths, texts, SERVER)), "\n".join(wrong)


def test_names(lab):
    """only the daemons' users may take the daemons' names"""
    people(lab["home"], "adit-server", "adit-publisher")
    people(lab["vps"], "adit-server", "adit-publisher")
    lab["home"].bus(*policies(lab["home"], "Client1", "Publisher1"))
    lab["vps"].bus(*policies(lab["vps"], "Server1"))
    for machine, name, owners in ((lab["home"], "org.adit.Client1", ["root"]),
                                  (lab["home"], "org.adit.Publisher1", ["adit-publisher"]),
                                  (lab["vps"], "org.adit.Server1", ["root", "adit-server"])):
        for user in ("root", "adit-server", "adit-publisher", "anna", "otto"):
            done = machine.run("setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", "busctl", "call",
                               "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "RequestName",
                               "su", name, "4", check=False)
            assert (done.code == 0) == (user in owners), f"{user}: {name}: {done}"


if __name__ == "__main__":
    tap.main(globals())
