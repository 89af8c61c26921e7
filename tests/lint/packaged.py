#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""packaged.py ROOT BUILD: every file that meson installs stands in a debian/*.install. TAP.

dh_missing says the same, but a package build later.
"""
import fnmatch
import glob
import json
import os
import re
import sys


def braces(pattern):
    """{usr/,}lib -> usr/lib, lib"""
    match = re.search(r"\{([^}]*)\}", pattern)
    if not match:
        return [pattern]
    return [full for word in match[1].split(",")
            for full in braces(pattern[:match.start()] + word + pattern[match.end():])]


def listed(root):
    """The patterns of all packages."""
    rows = []
    for path in glob.glob(os.path.join(root, "debian", "*.install")):
        with open(path, encoding="utf-8") as file:
            rows += [row.split()[0] for row in file if row.strip() and not row.startswith("#")]
    return [pattern for row in rows for pattern in braces(row)]


def installed(build):
    """What meson would install, as a package lays it out: below usr, but for etc."""
    info = os.path.join(build, "meson-info")
    with open(os.path.join(info, "intro-buildoptions.json"), encoding="utf-8") as file:
        prefix = next(o["value"] for o in json.load(file) if o["name"] == "prefix")
    with open(os.path.join(info, "intro-installed.json"), encoding="utf-8") as file:
        paths = json.load(file).values()
    names = [os.path.relpath(path, prefix) for path in paths]
    return sorted(name if name.startswith("etc/") else "usr/" + name for name in names)


def main():
    root, build = sys.argv[1:]
    patterns = listed(root)
    missing = [name for name in installed(build)
               if not any(fnmatch.fnmatch(name, p) or fnmatch.fnmatch(name, p + "/*")
                          for p in patterns)]
    for name in missing:
        print(f"# {name}: in no debian/*.install")
    print(f"1..1\n{'not ok' if missing else 'ok'} 1 - packages have every installed file")
    return 1 if missing else 0


if __name__ == "__main__":
    sys.exit(main())
