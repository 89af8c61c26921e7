#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""House rule 1: no function over 80 lines; the median of the tree at most 20. TAP."""
import re
import statistics
import sys
from pathlib import Path

FOLDERS = ("libadit", "policy-routing", "pcp-client", "nm-plugin", "networkd-hooks", "client", "tunnel-server")
HEAD = re.compile(r"^[A-Za-z_][A-Za-z0-9_]*\(")


def functions(path):
    """(name, line, length): in our format a body opens and closes in the first column."""
    lines = path.read_text(encoding="utf-8").splitlines()
    start = None
    for number, line in enumerate(lines, 1):
        if line == "{":
            start = number
        elif line == "}" and start:
            name = next((text for text in reversed(lines[: start - 1]) if HEAD.match(text)), "?(")
            yield name.split("(")[0], start, number - start + 1
            start = None


def main():
    root = Path(sys.argv[1]).resolve()
    lengths, long = [], []
    for path in (p for folder in FOLDERS for p in sorted((root / folder).rglob("*.c"))):
        for name, line, length in functions(path):
            lengths.append(length)
            if length > 80:
                long.append(f"{path.relative_to(root)}:{line}: {name}: {length} lines")
    median = statistics.median(lengths) if lengths else 0
    print("1..2")
    for line in long:
        print(f"# {line}")
    print(f"{'not ok' if long else 'ok'} 1 - no function over 80 lines")
    print(f"{'ok' if median <= 20 else 'not ok'} 2 - median function {median} lines of {len(lengths)}")
    return 1 if long or median > 20 else 0


if __name__ == "__main__":
    sys.exit(main())
