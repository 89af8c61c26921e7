# SPDX-License-Identifier: GPL-2.0-or-later
"""A topology in a few lines of text.

    visitor -- internet -- vps(routed)      a machine may carry options
    internet -- cgnat -(delay 20ms)- home   so may a wire
    home -- container                       naming a machine again adds wires to it
    internet -- laptop:home                 any name may play a role; else the name says it

This module only reads; what addresses and routes follow from it is addressing.py.
"""
import re
from dataclasses import dataclass, field

from errors import DrawingError

# Lower rank stands nearer to the middle of the Internet: on a wire it is the upper end, which
# gives addresses to the lower one.
RANKS = {"internet": 0, "cgnat": 1, "router": 2, "vps": 3, "home": 3, "visitor": 3,
         "lan": 4, "container": 4}

# What a role understands in its parentheses. A value follows a slash: onlink/124.
OPTIONS = {
    "internet": {"trusting"},
    "cgnat": {"v6", "ula", "fully-random"},
    "router": {"ula"},
    "vps": {"onlink", "routed", "nat", "v4only", "ra"},
    "home": {"v4only", "v6only", "ra"},
    "visitor": {"v4only", "v6only", "ra"},
    "lan": set(),
    "container": set(),
}

# Names that a link inside a machine has.
RESERVED = {"lo", "wan", "lan0", "br0", "all", "default"}

_NODE = re.compile(r"\s*([A-Za-z][A-Za-z0-9-]{0,13}?)(?::([a-z]+))?(?:\(([^()]*)\))?\s*"
                   r"(?=$|--|-\()")
_WIRE = re.compile(r"--|-\(([^()]*)\)-")
_TIME = re.compile(r"(\d+(?:\.\d+)?)(ms|s)$")
_SHARE = re.compile(r"(\d+(?:\.\d+)?)%$")


@dataclass
class Node:
    name: str
    role: str
    options: dict = field(default_factory=dict)  # word -> value after the slash, or None

    def has(self, word):
        return word in self.options


@dataclass
class Span:
    """One wire of the drawing; upper is the end nearer to the Internet."""
    upper: Node
    lower: Node
    line: int
    loss: float = 0.0   # of every frame, each way: 0.05 is 5 %
    delay: float = 0.0  # seconds, one way


@dataclass
class Drawing:
    nodes: dict
    spans: list


def _role(name, said, where):
    if name in RESERVED or re.match(r"(eth|wg)\d*$", name):
        raise DrawingError(f"{where}: {name}: is the name of a link, not of a machine")
    role = said or name.rstrip("0123456789").rstrip("-")
    if role not in RANKS:
        raise DrawingError(f"{where}: {name}: no role of this name: write {name}:ROLE, one of "
                           + ", ".join(sorted(RANKS)))
    return role


def _node_options(node, text, where):
    for word in filter(None, (w.strip() for w in (text or "").split(","))):
        key, _, value = word.partition("/")
        if key not in OPTIONS[node.role]:
            known = ", ".join(sorted(OPTIONS[node.role])) or "none"
            raise DrawingError(f"{where}: {node.name}: {word}: a {node.role} has no such option "
                               f"(it has: {known})")
        if value and not (key in ("onlink", "routed") and value.isdigit()
                          and 48 <= int(value) <= 126):
            raise DrawingError(f"{where}: {node.name}: {word}: the value must be a prefix length "
                               "from 48 to 126, of onlink or routed")
        node.options[key] = int(value) if value else None
    if node.has("onlink") and node.has("routed"):
        raise DrawingError(f"{where}: {node.name}: onlink and routed exclude each other")


def _wire_options(text, where):
    loss = delay = 0.0
    for word in filter(None, (w.strip() for w in (text or "").split(","))):
        key, _, value = word.partition(" ")
        time, share = _TIME.match(value.strip()), _SHARE.match(value.strip())
        if key == "delay" and time:
            delay = float(time[1]) * (0.001 if time[2] == "ms" else 1)
        elif key == "loss" and share and float(share[1]) <= 100:
            loss = float(share[1]) / 100
        else:
            raise DrawingError(f"{where}: wire: {word}: must be 'delay 20ms' or 'loss 5%'")
    return loss, delay


def _span(a, b, wire, number, where):
    if RANKS[a.role] == RANKS[b.role] or a is b:
        raise DrawingError(f"{where}: {a.name} -- {b.name}: a {a.role} and a {b.role} cannot be "
                           "wired: neither is nearer to the Internet")
    upper, lower = sorted((a, b), key=lambda n: RANKS[n.role])
    if upper.role in ("visitor",) or (lower.role in ("vps", "visitor") and upper.role != "internet"):
        raise DrawingError(f"{where}: {a.name} -- {b.name}: a vps and a visitor hang on an "
                           "internet")
    loss, delay = _wire_options(wire, where)
    return Span(upper, lower, number, loss, delay)


def _line(drawing, number, line):
    where, at, last, wire = f"drawing:{number}", 0, None, None
    while True:
        found = _NODE.match(line, at)
        if not found:
            raise DrawingError(f"{where}: a machine was expected at: {line[at:].strip() or 'the end'}")
        name, said, options = found.groups()
        node = drawing.nodes.get(name)
        if node is None:
            node = drawing.nodes[name] = Node(name, _role(name, said, where))
        elif said and said != node.role:
            raise DrawingError(f"{where}: {name}: is a {node.role} above and a {said} here")
        _node_options(node, options, where)
        if last:
            span = _span(last, node, wire, number, where)
            for old in drawing.spans:
                if {old.upper.name, old.lower.name} == {last.name, name}:
                    raise DrawingError(f"{where}: {last.name} -- {name}: wired already in line "
                                       f"{old.line}")
            drawing.spans.append(span)
        at, last = found.end(), node
        if at == len(line):
            return
        found = _WIRE.match(line, at)
        if not found:
            raise DrawingError(f"{where}: a wire (-- or -(delay 20ms)-) was expected at: {line[at:]}")
        wire, at = found[1], found.end()


def parse(text):
    """The drawing in `text`; raises DrawingError naming the line."""
    drawing = Drawing({}, [])
    for number, line in enumerate(text.split("\n"), 1):
        line = line.split("#", 1)[0].strip()
        if line:
            _line(drawing, number, line)
    if not drawing.nodes:
        raise DrawingError("drawing:1: empty: name at least one machine")
    return drawing
