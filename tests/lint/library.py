#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""library.py ROOT LIBRARY PKGCONFIG SOURCE...: what libadit-pcp promises to those who link it. TAP.

ROOT is the source tree, LIBRARY the shared object, PKGCONFIG the folder of its .pc file, and the
SOURCEs are what is compiled into it.
"""
import os
import re
import subprocess
import sys
import tempfile
from pathlib import Path

DECLARED = re.compile(r"^[a-z][^;{}/]*?\b(adit_pcp_[a-z_]+)\([^;]*\);", re.MULTILINE)
SPDX = "/* SPDX-License-Identifier: LGPL-2.1-or-later */"
INCLUDE = re.compile(r'^#include "([^"]+)"', re.MULTILINE)


def run(*argv, **more):
    return subprocess.run(argv, capture_output=True, text=True, check=False, timeout=120, **more)


def exported(library):
    lines = run("nm", "-D", "--defined-only", str(library)).stdout.splitlines()
    return {line.split()[-1].split("@")[0] for line in lines if " T " in line}


def soname(library):
    found = re.search(r"\(SONAME\).*\[(.*)\]", run("readelf", "-d", str(library)).stdout)
    return found[1] if found else ""


def sources(root, names):
    """The files and, in the end, every header of ours that they include."""
    seen, todo = set(), [Path(os.path.relpath(Path(name).resolve(), root)) for name in names]
    while todo:
        path = todo.pop()
        if path in seen:
            continue
        seen.add(path)
        todo += [Path(name) for name in INCLUDE.findall((root / path).read_text(encoding="utf-8"))]
    return sorted(seen)


def foreign(root, names):
    return [str(path) for path in sources(root, names)
            if (root / path).read_text(encoding="utf-8").splitlines()[0] != SPDX]


def compiles(root, *argv):
    """By itself: there is no other folder to look into."""
    done = run(*argv, "-Wall", "-Wextra", "-pedantic", "-Werror", "-fsyntax-only", f"-I{root}/pcp-client", "-",
               input="#include <adit-pcp.h>\n")
    return (done.stderr or done.stdout).splitlines()


def example(root, library, config):
    """Built as a user would: with what pkg-config says, the library's place in the build aside."""
    env = {**os.environ, "PKG_CONFIG_PATH": str(config)}
    said = run("pkg-config", "--libs", "adit-pcp", env=env)
    if said.returncode:
        return said.stderr.splitlines()
    libs = [word for word in said.stdout.split() if not word.startswith("-L")]
    with tempfile.TemporaryDirectory() as folder:
        program, flags = Path(folder) / "keep-open", ["-Wall", "-Wextra", "-Werror"]
        built = run("cc", *flags, str(root / "docs/examples/keep-open.c"), "-o", str(program),
                    f"-I{root}/pcp-client", f"-L{library.parent}", *libs)
        if built.returncode:
            return built.stderr.splitlines()
        used = run(str(program), env={**os.environ, "LD_LIBRARY_PATH": str(library.parent)})
        return [] if used.returncode == 2 and "usage" in used.stderr else [f"it said {used}"]


def main():
    root, library, config = (Path(word).resolve() for word in sys.argv[1:4])
    header = (root / "pcp-client/adit-pcp.h").read_text(encoding="utf-8")
    declared = set(DECLARED.findall(header))
    page = (root / "docs/man/adit-pcp.3").read_text(encoding="utf-8")
    described = set(re.findall(r"\.Fn (adit_pcp_[a-z_]+)", page))
    length = len((root / "docs/examples/keep-open.c").read_text(encoding="utf-8").splitlines())
    checks = [
        ("it exports what its header declares", sorted(exported(library) ^ declared)),
        ("its page describes that", sorted(declared ^ described)),
        ("its soname", [] if soname(library) == "libadit-pcp.so.0" else [soname(library)]),
        ("all of it is LGPL", foreign(root, sys.argv[4:])),
        ("its header is C99 by itself", compiles(root, "cc", "-std=c99", "-xc")),
        ("its header is C++ by itself", compiles(root, "c++", "-xc++")),
        ("its header names nothing of GLib", re.findall(r"\bg(?:boolean|u?int\d*|char|size)\b|\bG[A-Z][a-z]+",
                                                        header)),
        ("its example builds and says how to use it", example(root, library, config)),
        ("its example is short", [] if length <= 60 else [f"{length} lines"]),
    ]
    print(f"1..{len(checks)}")
    for number, (what, wrong) in enumerate(checks, 1):
        for line in wrong[:20]:
            print(f"# {line}")
        print(f"{'not ok' if wrong else 'ok'} {number} - {what}")
    return 1 if any(wrong for _, wrong in checks) else 0


if __name__ == "__main__":
    sys.exit(main())
