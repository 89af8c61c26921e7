#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""dbus.py XML...: the man page of a D-Bus service, from its introspection files and the comments in them."""
import re
import sys
import xml.etree.ElementTree as ET

DIRECTIONS = {"in": "takes", "out": "returns"}


def words(text):
    """A comment as mdoc text: one line, nothing that roff would take for its own."""
    text = " ".join(text.split()).replace("\\", "\\e").replace("-", "\\-")
    return re.sub(r"^([.'])", r"\\&\1", text)


def arguments(element):
    """What a method takes and returns, a line each."""
    for direction, verb in DIRECTIONS.items():
        found = [f".Va {arg.get('name')} Li {arg.get('type')}" for arg in element.findall("arg")
                 if arg.get("direction", "out") == direction]
        if found:
            yield f"It {verb}"
            for number, line in enumerate(found):
                yield line + (" ," if number + 1 < len(found) else " .")


def member(element, comment):
    """One method, property or signal."""
    name, kind = element.get("name"), element.tag
    more = f" Li {element.get('type')}" if kind == "property" else ""
    yield f".It Sy {name}{more}"
    if kind == "property" and element.get("access") != "read":
        yield "May be written."
    # a comment opens with the name of what it describes
    text = re.sub(rf"^{name}: *", "", " ".join(comment.split()))
    if text:
        yield words(text[:1].upper() + text[1:])
    yield from arguments(element)


def section(interface, comment):
    """One interface: methods, then properties, then signals, each in the file's order."""
    yield f".Sh INTERFACE {interface.get('name')}"
    if comment:
        yield words(comment)
    for tag, title in (("method", "Methods"), ("property", "Properties"), ("signal", "Signals")):
        said, lines = "", []
        for element in interface:
            if element.tag is ET.Comment:
                said = element.text
                continue
            if element.tag == tag:
                lines += member(element, said)
            said = ""
        if lines:
            yield from (f".Ss {title}", ".Bl -tag -width Ds", *lines, ".El")


def sections(root):
    """Every interface of a file."""
    said = ""
    for element in root:
        if element.tag is ET.Comment:
            said = element.text
        elif element.tag == "interface":
            yield from section(element, said)
            said = ""


def page(paths):
    """The whole page."""
    roots = [ET.parse(path, ET.XMLParser(target=ET.TreeBuilder(insert_comments=True))).getroot()
             for path in paths]
    name = roots[0].find("interface").get("name").rpartition(".")[0]
    daemon = "adit-server 8" if "Server" in name else "aditd 8"
    yield '.\\" Made from the introspection file.'
    yield from (".Dd November 21, 2026", f".Dt {name.upper()} 5", ".Os adit", ".Sh NAME",
                f".Nm {name}", f".Nd the D-Bus interface of {daemon.split()[0]}", ".Sh DESCRIPTION")
    yield "Types are written as D\\-Bus signatures."
    for root in roots:
        yield from sections(root)
    yield from (".Sh SEE ALSO", ".Xr busctl 1 ,", f".Xr {daemon}")


if __name__ == "__main__":
    print("\n".join(page(sys.argv[1:])))
