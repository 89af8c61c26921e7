#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""packaged.py ROOT BUILD: every file that meson installs stands in a debian/*.install and in the spec; and the
spec asks for every library that meson.build does. TAP.

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


# Where RPM distributions keep what meson puts there.
MACROS = {"_bindir": "usr/bin", "_sbindir": "usr/sbin", "_libexecdir": "usr/libexec", "_prefix": "usr",
          "_unitdir": "usr/lib/systemd/system", "_sysusersdir": "usr/lib/sysusers.d",
          "_datadir": "usr/share", "_sysconfdir": "etc", "_mandir": "usr/share/man",
          "_libdir": "usr/lib*", "_includedir": "usr/include"}


def spec_listed(root):
    """The patterns of the spec's %files."""
    with open(os.path.join(root, "packaging", "adit.spec"), encoding="utf-8") as file:
        rows = [row.split()[-1] for row in file if re.match(r"(%config\S* )?%\{_", row)]
    return [re.sub(r"%\{(\w+)\}", lambda found: MACROS[found[1]], row) for row in rows]


def installed(build):
    """What meson would install, as a package lays it out: below usr, but for etc."""
    info = os.path.join(build, "meson-info")
    with open(os.path.join(info, "intro-buildoptions.json"), encoding="utf-8") as file:
        prefix = next(o["value"] for o in json.load(file) if o["name"] == "prefix")
    with open(os.path.join(info, "intro-installed.json"), encoding="utf-8") as file:
        paths = json.load(file).values()
    names = [os.path.relpath(path, prefix) for path in paths]
    return sorted(name if name.startswith("etc/") else "usr/" + name for name in names)


def unasked(root):
    """Libraries of meson.build, but the tests', that the spec does not build-require; gio-unix-2.0 brings GLib's others."""
    with open(os.path.join(root, "meson.build"), encoding="utf-8") as file:
        wanted = re.findall(r"dependency\('([^']+)'(?!.*get_option\('tests'\))", file.read())
    with open(os.path.join(root, "packaging", "adit.spec"), encoding="utf-8") as file:
        asked = set(re.findall(r"pkgconfig\(([^)]+)\)", file.read())) | {"glib-2.0", "gobject-2.0", "gio-2.0"}
    return sorted(set(wanted) - asked)


def main():
    root, build = sys.argv[1:]
    names, failed = installed(build), False
    print("1..3")
    for count, (words, patterns) in enumerate((("debian/*.install", listed(root)),
                                               ("packaging/adit.spec", spec_listed(root))), 1):
        missing = [name for name in names
                   if not any(fnmatch.fnmatch(name, p) or fnmatch.fnmatch(name, p + "/*")
                              for p in patterns)]
        failed |= bool(missing)
        for name in missing:
            print(f"# {name}: not in {words}")
        print(f"{'not ok' if missing else 'ok'} {count} - {words} has every installed file")
    for name in unasked(root):
        print(f"# {name}: no BuildRequires of packaging/adit.spec")
    print(f"{'not ok' if unasked(root) else 'ok'} 3 - packaging/adit.spec asks for every library")
    return 1 if failed or unasked(root) else 0


if __name__ == "__main__":
    sys.exit(main())
