# SPDX-License-Identifier: GPL-2.0-or-later
"""Who may call what of our daemons: the methods from their introspection files, a caller, and what he is told."""
import os
import re
import xml.etree.ElementTree as ET

SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

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
        for interface in ET.fromstring(text).iter("interface"):
            for method in interface.findall("method"):
                ARGUMENTS[interface.get("name"), method.get("name")] = [
                    arg.get("type") for arg in method.findall("arg[@direction='in']")]
    found = [(interface.get("name"), method.get("name"))
             for text in texts for interface in ET.fromstring(text).iter("interface")
             for method in interface.findall("method") if not interface.get("name").startswith("org.adit.Publisher1")]
    return found + sorted(LOOK | {("org.freedesktop.DBus.Properties", "Set")})


def ask(run, service, path, interface, method, *options):
    """What the caller of a bus is told; about things that are not there, so that what is let through changes nothing."""
    types = ARGUMENTS.get((interface, method), []) if interface.startswith("org.adit.Client1") else []
    argument = ["".join(types), *(NOTHING.get(word, "0") for word in types)] if types else []
    if method == "GetAll":
        argument = ["s", "x"]  # an interface that nobody has
    said = run("busctl", *(options or ["--timeout=5"]), "call", service, path, interface, method, *argument)
    return f"asked wrongly: {said.strip()}" if types and "does not match expected type" in said else verdict(said)


def verdict(said):
    """Of busctl's words: denied by the bus or the daemon, heard by the daemon, or neither: then those words."""
    if re.search("Access denied|AccessDenied|not allowed|org.adit.Error.Denied|only root may", said):
        return "denied"
    return f"nobody answered: {said.strip()}" if re.search("timed out|Timeout|Unknown method", said) else "heard"


def matrix(callers, service, objects, texts, allowed, *options):
    """Every caller, a function that runs a command and gives what it said, and every method; the differences."""
    wrong = []
    for who, run in callers.items():
        for interface, method in methods(texts):
            path = objects.get(interface, objects["*"])
            may = who == "root" or "*" in allowed[who] or (interface, method) in allowed[who]
            got = ask(run, service, path, interface, method, *options)
            if got != ("heard" if may else "denied"):
                wrong.append(f"{who}: {interface}.{method}: {got}")
    return wrong


CLIENT_PATHS = {"*": "/org/adit/Client1", "org.adit.Client1.Manager": "/org/adit/Client1/manager",
                "org.adit.Client1.Publications": "/org/adit/Client1/manager"}
SERVER_PATHS = {"*": "/org/adit/Server1"}


def client_texts():
    """What aditd answers to."""
    texts = [source("client", f"org.adit.{name}.xml") for name in ("Client1", "Publisher1")]
    assert len([m for m in methods(texts) if m[0].startswith("org.adit.Client1.")]) >= 12
    return texts
