#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""docs/leak-matrix.md from its figures: leak-matrix.json (the lab's, by ./dev leaks) and leak-backends.json (of the
scenarios leaks-* in virtual machines, one for each backend).

usage: tests/leakpage.py NAME=FILE[,FILE]...    the TAP of those scenarios, as in bookworm=build/vm/bookworm-leaks.tap;
                                                 backends that it has not keep the figures they had
       tests/leakpage.py --check         the page is that of its figures, and nothing in it has leaked
"""

import json
import os
import re
import sys

DOCS = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "docs")
LAB, MACHINES = "leak-matrix.json", "leak-backends.json"
BACKENDS = ("networkmanager", "networkd", "direct")
RELEASES = {"bookworm", "trixie"}
OFFERED = 1000  # at least, of each kind in each cell
CELL = re.compile(r"^# leak cell: (\{.*\})$")
NOTE = re.compile(r"^# (systemd|NetworkManager|Linux): (.*)$")

INTRO = """# Leak matrix

Made by `sudo ./dev leaks` (the first table) and `sudo ./dev leaks vm` (the second).

## Whatever happens to a selected gateway

In network namespaces, with a gateway whose link aditd makes; the gate runs the same cells and checks that this page
has a row for each. In a cell datagrams for an address on the Internet are offered without pause, by a program of the
home machine and by a container behind it, before, while and after something happens; captures on every uplink count
those that left in the clear. Names are datagrams for port 53 of the LAN's own resolver, in both families, with
systemd-resolved running and told of the gateway's servers. The raw figures are in leak-matrix.json.

†: the LAN is reached while a gateway is selected, but for its resolver, which nftables alone keeps closed. Where
a stranger has flushed all of nftables, it is open until aditd has put its table back.

"""

MORE = """
## Whoever makes the link

In virtual machines with the installed packages, kernel WireGuard and systemd-resolved, on {releases}. A cell says
how much was offered and how much of it left by the uplink in the clear. All: datagrams for an address on the
Internet; names: for port 53 of the LAN's resolver, in both families. Own: those that bear the gateway's own address,
which must not leave beside it even while nothing is selected. While nothing is selected all the rest leaves, as it
should: each of those rows is the control of its fellow below, by the same capture. "It boots" means that the managers
were stopped and links, rules, routes and tables of ours deleted; then the units start one after the other, as at a
boot (a boot of its own, from power-on, is in the scenario boot-guard). The raw figures are in leak-backends.json.

"""


def is_good(row):
    """As tests/vm/guest/leaks.py has it, asked again of what is written down."""
    wide, own = [row[w] for w in ("ipv4", "ipv6", "names")], [row[w] for w in ("own4", "own6")]
    enough = all(offered >= OFFERED for offered, _ in wide + own)
    leaks = all(left > 0 for _, left in wide)
    if row["control"]:
        return enough and leaks and all(left > 0 for _, left in own)
    closed = not any(left for _, left in own)
    return enough and closed and (not any(left for _, left in wide) if row["selected"] else leaks)


def lab_table(cells):
    """Of the lab."""
    rows = ["| guard | while | IPv4 offered | leaked | IPv6 offered | leaked | names asked | leaked |",
            "|---|---|--:|--:|--:|--:|--:|--:|"]
    for cell in cells:
        mark, names = " (control: must leak)" if cell["control"] else "", f"{cell['leaked_names']}{' †' if cell['open_names'] else ''}"
        rows.append(f"| {cell['mode']} | {cell['event']}{mark} | {cell['offered4']} | {cell['leaked4']} | {cell['offered6']} | "
                    f"{cell['leaked6']} | {cell['asked']} | {names} |")
    return "\n".join(rows) + "\n"


def machines_table(rows):
    """Of one release: a row for each cell."""
    lines = ["| link made by | selected | while | IPv4 offered | leaked | IPv6 offered | leaked | names asked | leaked | own offered | leaked |",
             "|---|---|---|--:|--:|--:|--:|--:|--:|--:|--:|"]
    for row in rows:
        own = [a + b for a, b in zip(row["own4"], row["own6"])]
        figures = " | ".join(f"{n}" for pair in (row["ipv4"], row["ipv6"], row["names"], own) for n in pair)
        mark = " (control: must leak)" if row["control"] else ""
        lines.append(f"| {row['backend']} | {'it' if row['selected'] else 'none'} | {row['event']}{mark} | {figures} |")
    return "\n".join(lines) + "\n"


def page(cells, figures):
    """Both tables."""
    releases = [f"{name} ({run['notes'].get('systemd', '?')}, NetworkManager {run['notes'].get('NetworkManager', '?')}, "
                f"Linux {run['notes'].get('Linux', '?')})" for name, run in figures.items()]
    text = INTRO + lab_table(cells)
    if figures:
        text += MORE.format(releases=" and ".join(releases))
    for name, run in figures.items():
        text += f"### {name}\n\n" + machines_table(run["cells"]) + "\n"
    return text.rstrip("\n") + "\n"


def read(folder, name, default):
    """Figures that are there."""
    path = os.path.join(folder, name)
    if not os.path.exists(path):
        return default
    with open(path, encoding="utf-8") as file:
        return json.load(file)


def write(folder, name=None, what=None):
    """New figures, if there are any, and the page of all."""
    os.makedirs(folder, exist_ok=True)
    if name:
        with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
            json.dump(what, file, indent=1, ensure_ascii=False)
            file.write("\n")
    with open(os.path.join(folder, "leak-matrix.md"), "w", encoding="utf-8") as file:
        file.write(page(read(folder, LAB, []), read(folder, MACHINES, {})))


def parse(paths, before):
    """(cells, notes) of one release, which may have taken several boots, over those of before."""
    run = {"notes": dict(before["notes"]), "cells": []}
    for path in paths.split(","):
        with open(path, encoding="utf-8") as file:
            for line in file:
                if found := CELL.match(line.rstrip()):
                    run["cells"].append(json.loads(found[1]))
                elif found := NOTE.match(line.rstrip()):
                    run["notes"][found[1]] = found[2]
    measured = {row["backend"] for row in run["cells"]}
    run["cells"] += [row for row in before["cells"] if row["backend"] not in measured]
    run["cells"].sort(key=lambda row: BACKENDS.index(row["backend"]))
    return run


def check():
    """As the lint has it."""
    figures = read(DOCS, MACHINES, {})
    with open(os.path.join(DOCS, "leak-matrix.md"), encoding="utf-8") as file:
        same = file.read() == page(read(DOCS, LAB, []), figures)
    bad = [f"{name}: {row['backend']}: {row['event']}" for name, run in figures.items() for row in run["cells"] if not is_good(row)]
    kinds = [{(row["selected"], row["event"]) for row in run["cells"] if row["backend"] == backend}
             for run in figures.values() for backend in BACKENDS]
    whole = set(figures) == RELEASES and all(len(seen) >= 18 for seen in kinds)
    print("1..3")
    print(f"{'ok' if same else 'not ok'} 1 - docs/leak-matrix.md is made of its figures")
    print(f"{'not ok' if bad else 'ok'} 2 - each cell offered enough, kept what it must and let go what it must {' '.join(bad)}")
    print(f"{'ok' if whole else 'not ok'} 3 - every backend has its cells, on {' and '.join(figures) or 'nothing'}")
    return 0 if same and whole and not bad else 1


def main():
    """Read the runs, write both files; or check them."""
    if sys.argv[1:] == ["--check"]:
        return check()
    runs = dict(word.split("=", 1) for word in sys.argv[1:])
    figures = read(DOCS, MACHINES, {})
    for name, paths in runs.items():
        figures[name] = parse(paths, figures.get(name, {"notes": {}, "cells": []}))
    write(DOCS, MACHINES, dict(sorted(figures.items())))
    return check()


if __name__ == "__main__":
    sys.exit(main())
