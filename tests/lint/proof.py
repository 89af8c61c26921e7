#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""docs/proof.md names tests that exist: `FILE::FUNCTION` for each."""
import os
import re
import sys

NAMED = re.compile(r"`((?:tests|packaging)/[\w/.-]+)::(\w+)`")


def missing(root, path, name):
    """Why that test is none, or None."""
    try:
        with open(os.path.join(root, path), encoding="utf-8") as file:
            text = file.read()
    except OSError as error:
        return f"{path}: {error.strerror}"
    return None if re.search(rf"^(def )?{name}\(", text, re.M) else f"{path}: {name}: no such function"


def main():
    """One point for the page."""
    root = sys.argv[1]
    with open(os.path.join(root, "docs", "proof.md"), encoding="utf-8") as file:
        named = NAMED.findall(file.read())
    found = sorted(filter(None, (missing(root, *pair) for pair in set(named))))
    for line in found:
        print(f"# docs/proof.md: {line}")
    good = not found and len(named) > 40
    print(f"1..1\n{'ok' if good else 'not ok'} 1 - the {len(named)} tests that docs/proof.md names exist")
    sys.exit(0 if good else 1)


if __name__ == "__main__":
    main()
