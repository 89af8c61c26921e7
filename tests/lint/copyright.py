#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""copyright.py ROOT: debian/copyright says of every file what its own first lines do; every source has such a line. TAP."""
import fnmatch
import os
import re
import sys
from pathlib import Path

SPDX = re.compile(r"SPDX-License-Identifier: (\S+)")
SOURCE = (".c", ".h", ".py", ".sh")
NOT_OURS = {"build", ".git", "LICENSES"}


def paragraphs(text):
    """[(patterns, licence)] in their order; the last that fits a file counts."""
    found = re.findall(r"^Files:((?: .*\n)+)Copyright:.*\nLicense: (\S+)", text, re.MULTILINE)
    return [(words.split(), licence) for words, licence in found]


def said(rows, name):
    """The licence that debian/copyright gives a file."""
    return [licence for patterns, licence in rows if any(fnmatch.fnmatchcase(name, p) for p in patterns)][-1]


def own(path):
    """The one in its first lines, or None."""
    with open(path, "rb") as file:
        match = SPDX.search(file.read(400).decode("utf-8", "replace"))
    return match[1] if match else None


def wrong(root):
    """Files that differ, by name."""
    rows = paragraphs((root / "debian/copyright").read_text(encoding="utf-8"))
    for folder, folders, names in os.walk(root):
        folders[:] = sorted(n for n in folders if n not in NOT_OURS and not n.startswith("build"))
        for path in (Path(folder, n) for n in sorted(names)):
            if not path.is_file():
                continue
            name, licence = str(path.relative_to(root)), own(path)
            if licence is None and path.suffix in SOURCE:
                yield f"{name}: no SPDX-License-Identifier"
            elif licence is not None and licence != said(rows, name):
                yield f"{name}: {licence}; debian/copyright: {said(rows, name)}"


def main():
    found = list(wrong(Path(sys.argv[1])))
    print("\n".join(["1..1", *(f"# {line}" for line in found)]))
    print(f"{'not ok' if found else 'ok'} 1 - debian/copyright and the files agree")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
