#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Adds up the TAP points of meson's test logs; the last line is 'N passed, N failed, N skipped'.

A skipped test is a failed run: what cannot be proved here is not proved.
"""
import argparse
import itertools
import json
import re
import sys

OUTAGE = re.compile(r"^# (outage: .*)$", re.M)  # how long a visitor got no answer
POINT = re.compile(r"^(not )?ok\b(?P<rest>.*)$", re.M)
WHY_LINES = 80  # of what a program says before a point that fails


def why(text, point):
    """The comments just above and below a point: a log is all that is left of a run elsewhere."""
    lines = text[:point.start()].splitlines()
    first = len(lines)
    while first > 0 and lines[first - 1].startswith("#"):
        first -= 1
    below = list(itertools.takewhile(lambda line: line.startswith("#"), text[point.end():].lstrip("\n").splitlines()))
    return ["    " + line for line in lines[first:][:WHY_LINES] + below[:WHY_LINES]]


def tally(entry):
    """(passed, failed, skipped, complaints) of one program's run."""
    passed = failed = skipped = 0
    complaints = []
    said = entry.get("stdout") or ""
    points = list(POINT.finditer(said))
    for point in points:
        if re.search(r"#\s*skip", point["rest"], re.I):
            skipped += 1
            complaints.append(f"skipped: {entry['name']}:{point['rest']}")
        elif point[1]:
            failed += 1
            complaints += [f"failed: {entry['name']}:{point['rest']}"] + why(said, point)
        else:
            passed += 1
    if entry["result"] == "SKIP" and not skipped:
        skipped += 1
        complaints.append(f"skipped: {entry['name']}")
    elif entry["result"] not in ("OK", "SKIP") and not failed:
        failed += 1
        complaints.append(f"failed: {entry['name']}: {entry['result'].lower()}")
        complaints += ["    " + line for line in said.splitlines()[-WHY_LINES:]]  # where it ended
        complaints += ["    " + line for line in (entry.get("stderr") or "").splitlines()[-10:]]
    elif not points and entry["result"] == "OK":
        passed += 1
    return passed, failed, skipped, complaints


def count(points, logs):
    """([passed, failed, skipped], outages, complaints) of points as --point has them, and of meson's logs."""
    total = [0, 0, 0]
    complaints, outages = [], []
    for point in points:
        name, _, verdict = point.rpartition(":")
        total[0 if verdict == "ok" else 1] += 1
        if verdict != "ok":
            complaints.append(f"failed: {name}")
    for log in logs:
        with open(log, encoding="utf-8") as lines:
            for line in lines:
                entry = json.loads(line)
                *counts, said = tally(entry)
                total = [a + b for a, b in zip(total, counts)]
                outages += OUTAGE.findall(entry.get("stdout") or "")
                complaints += said
    return total, outages, complaints


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--point", action="append", default=[], help="NAME:ok or NAME:not ok")
    parser.add_argument("log", nargs="*")
    args = parser.parse_args()
    total, outages, complaints = count(args.point, args.log)
    for line in outages + complaints:
        print(line)
    print(f"{total[0]} passed, {total[1]} failed, {total[2]} skipped")
    return 1 if total[1] or total[2] or not total[0] else 0


if __name__ == "__main__":
    sys.exit(main())
