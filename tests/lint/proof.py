#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""docs/proof.md and docs/conformance.md name tests that exist; in the latter no number is without one. TAP.

A test is `FILE::FUNCTION`, or `FILE::PREFIX*` for the cases of a table whose names begin so.
"""
import os
import re
import sys

NAMED = re.compile(r"`((?:tests|packaging)/[\w/.-]+)::([\w-]+\*?)`")
ROW = re.compile(r"^\| ([SCE]\d+) \|[^|]*\|(.*)\|$", re.M)
CASE = re.compile(r'"(?:/[\w/-]*/)?([SCE]\d+-)')
NUMBERS = [f"{letter}{n}" for letter, last in (("S", 27), ("C", 17), ("E", 9)) for n in range(1, last + 1)]


def read(root, *path):
    with open(os.path.join(root, *path), encoding="utf-8") as file:
        return file.read()


def missing(root, path, name):
    """Why that test is none, or None."""
    try:
        text = read(root, path)
    except OSError as error:
        return f"{path}: {error.strerror}"
    if name.endswith("*"):
        return None if re.search(rf'"(/[\w/-]*/)?{name[:-1]}', text) else f"{path}: {name}: no such case"
    return None if re.search(rf"^( *def )?{name}\(", text, re.M) else f"{path}: {name}: no such function"


def not_named(root, rows):
    """Cases of a file that bear a number whose row does not name that file."""
    for folder, _, names in os.walk(os.path.join(root, "tests")):
        tests = (n for n in names if n.startswith("test-") and n.endswith(".c"))
        for path in (os.path.relpath(os.path.join(folder, n), root) for n in tests):
            for case in sorted(set(CASE.findall(read(root, path)))):
                if f"{path}::{case}*" not in rows.get(case[:-1], ""):
                    yield f"{path}: {case}*: not in docs/conformance.md"


def numbers(root, text):
    """What is wrong with the rows of the numbers."""
    found = ROW.findall(text)
    if [number for number, _ in found] != NUMBERS:
        yield f"docs/conformance.md: not each of {NUMBERS[0]} to {NUMBERS[-1]} once, in order"
    for number, tests in found:
        if not NAMED.search(tests) and not tests.strip().startswith("left out: "):
            yield f"docs/conformance.md: {number}: neither a test nor why there is none"
    yield from not_named(root, dict(found))


def main():
    """One point a page."""
    root = sys.argv[1]
    good = True
    print("1..2")
    for point, (page, least) in enumerate((("proof.md", 40), ("conformance.md", 50)), 1):
        text = read(root, "docs", page)
        named = NAMED.findall(text)
        found = sorted(filter(None, (missing(root, *pair) for pair in set(named))))
        if page == "conformance.md":
            found += list(numbers(root, text))
        for line in found:
            print(f"# docs/{page}: {line}")
        whole = not found and len(named) > least
        print(f"{'ok' if whole else 'not ok'} {point} - the {len(named)} tests that docs/{page} names exist")
        good = good and whole
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
