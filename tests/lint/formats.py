#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""formats.py ROOT: the man pages of our files have the keys that the programs' tables have. TAP."""
import re
import sys
from pathlib import Path

# page: the table's source, and how a row of it begins
PAGES = {
    "adit-agent.conf.5": ("client/agent/settings.c", r'\{ "(\w+)",\s+"(\w+)",\s+ADIT_SETTING_'),
    "adit.conf.5": ("client/settings.c", r'\{ "(\w+)",\s+"([\w-]+)",\s+ADIT_SETTING_'),
    "adit-server.conf.5": ("tunnel-server/settings.c", r'\{ "(\w+)",\s+"(\w+)",\s+ADIT_SETTING_'),
    "adit-server-file.5": ("tunnel-server/config.c", r'\{ "(\w+)",\s+"(\w+)",\s+set_'),
    "adit-web.conf.5": ("tunnel-server/web/settings.c", r'\{ "(\w+)",\s+"(\w+)",\s+ADIT_SETTING_'),
}


def paged(text):
    """(section, key) of ".Ss [Section]" and the ".It Cm Key" below it."""
    section = ""
    for line in text.splitlines():
        if found := re.match(r"\.Ss \[(\w+)\]", line):
            section = found[1]
        elif found := re.match(r"\.It Cm ([\w-]+)$", line):
            yield section, found[1]


def main():
    root = Path(sys.argv[1])
    pages = {name: row for name, row in PAGES.items() if (root / "docs/man" / name).exists()}
    print(f"1..{len(pages)}")
    failed = False
    for count, (name, (source, row)) in enumerate(pages.items(), 1):
        page = set(paged((root / "docs/man" / name).read_text(encoding="utf-8")))
        table = set(re.findall(row, (root / source).read_text(encoding="utf-8")))
        wrong = [f"[{section}] {key}: not in the page" for section, key in sorted(table - page)]
        wrong += [f"[{section}] {key}: not in {source}" for section, key in sorted(page - table)]
        wrong += [] if table else [f"{source}: no table found"]
        failed |= bool(wrong)
        for line in wrong:
            print(f"# {line}")
        print(f"{'not ok' if wrong else 'ok'} {count} - {name} has the keys of {source}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
