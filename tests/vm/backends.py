#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""docs/backends.md and docs/backends.json from the TAP of the scenario one-behaviour.

usage: tests/vm/backends.py NAME=FILE...      as in bookworm=build/vm/bookworm.tap
       tests/vm/backends.py --check           the page is that of its figures, and nothing in it fails
"""

import json
import os
import re
import sys

DOCS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs")
COLUMNS = ("networkmanager", "networkd", "direct")
RESULT = re.compile(r"^(not )?ok \d+ - one-behaviour: (networkmanager|networkd|direct): (.*)$")
NOTE = re.compile(r"^# (NetworkManager|networkctl|uname): (.*)$")
HEAD = """# One behaviour, three backends

Made by `sudo ./dev backends`; `./dev test full` tells the same story. Who makes the link is
another in each column; the story, its server, its visitor and its captures are the same, on {releases}.
"Nothing leaves" is a count of packets in the clear on the uplink, of both families, while two
programs talk without pause; the control of each is the line that says that nothing is captured. The raw results are in backends.json.

"""


def read(path):
    """(results {backend: {step: good}}, notes) of one run."""
    rows, notes = {column: {} for column in COLUMNS}, {}
    with open(path, encoding="utf-8") as file:
        for line in file:
            if found := RESULT.match(line.rstrip()):
                step = re.sub(r" \(not within .*\)$", "", found[3])
                rows[found[2]][step] = rows[found[2]].get(step, True) and not found[1]
            elif found := NOTE.match(line.rstrip()):
                notes[found[1]] = found[2]
    return rows, notes


def cell(figures, column, step):
    """What all releases say of one step."""
    said = [run["results"][column].get(step) for run in figures.values()]
    if None in said:
        return "–"
    return "yes" if all(said) else "**no**"


def page(figures):
    """The table, in the order of the story."""
    releases = [f"{name} (NetworkManager {run['notes'].get('NetworkManager', '?')}, "
                f"{run['notes'].get('networkctl', '?')}, Linux {run['notes'].get('uname', '?')})"
                for name, run in figures.items()]
    lines = [HEAD.format(releases=" and ".join(releases)),
             "| step | " + " | ".join(COLUMNS) + " |\n", "|---|" + "---|" * len(COLUMNS) + "\n"]
    steps = list(dict.fromkeys(step for run in figures.values() for column in COLUMNS
                               for step in run["results"][column]))
    for step in steps:
        cells = [cell(figures, column, step) for column in COLUMNS]
        lines.append(f"| {step} | " + " | ".join(cells) + " |\n")
    return "".join(lines)


def check():
    """As the lint has it."""
    with open(os.path.join(DOCS, "backends.json"), encoding="utf-8") as file:
        figures = json.load(file)
    with open(os.path.join(DOCS, "backends.md"), encoding="utf-8") as file:
        good = file.read() == page(figures)
    green = all(all(steps.values()) and len(steps) > 15
                for run in figures.values() for steps in run["results"].values())
    print("1..2")
    print(f"{'ok' if good else 'not ok'} 1 - docs/backends.md is made of docs/backends.json")
    print(f"{'ok' if green else 'not ok'} 2 - every step holds for every backend, on {' and '.join(figures)}")
    return 0 if good and green else 1


def main():
    """Read the runs, write both files; or check them."""
    if sys.argv[1:] == ["--check"]:
        return check()
    figures = {}
    for word in sys.argv[1:]:
        name, path = word.split("=", 1)
        results, notes = read(path)
        figures[name] = {"results": results, "notes": notes}
    with open(os.path.join(DOCS, "backends.json"), "w", encoding="utf-8") as file:
        json.dump(figures, file, indent=1, ensure_ascii=False)
        file.write("\n")
    with open(os.path.join(DOCS, "backends.md"), "w", encoding="utf-8") as file:
        file.write(page(figures))
    return 0


if __name__ == "__main__":
    sys.exit(main())
