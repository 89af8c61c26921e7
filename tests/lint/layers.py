#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The arrows between the folders (docs/architecture.md), read off the #include lines.

Prints TAP: one point a folder. An include that goes against the arrows, names no file of the tree,
or is not written relative to the root is named with its line.
"""
import re
import sys
from pathlib import Path

CORE = {"libadit/core"}
WIRE = CORE | {"libadit/wire"}
SYS = WIRE | {"libadit/sys"}
PARTS = SYS | {"policy-routing", "pcp-client"}

MAY_INCLUDE = {
    "libadit/core": CORE,
    "libadit/wire": WIRE,
    "libadit/sys": SYS,
    "policy-routing": SYS | {"policy-routing"},
    "pcp-client": SYS | {"pcp-client"},
    "nm-plugin": PARTS | {"nm-plugin"},
    "networkd-hooks": PARTS | {"networkd-hooks"},
    # client composes the backends: it sits above them, they never see one another or it.
    "client": PARTS | {"client", "client/doctor", "nm-plugin", "networkd-hooks"},
    "client/doctor": PARTS | {"client", "client/doctor"},
    # Programs of their own: what they share lies in client, none sees another.
    "client/cli": PARTS | {"client", "client/cli", "client/doctor"},
    "client/publisher": PARTS | {"client", "client/publisher"},
    "client/hooks": SYS | {"client", "client/hooks"},
    "client/agent": PARTS | {"client", "client/agent"},
    "tunnel-server": SYS | {"tunnel-server"},
}
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"')


def folder_of(path):
    """The innermost folder that has arrows of its own."""
    folders = [str(folder) for folder in Path(path).parents]
    return next(folder for folder in folders if folder in MAY_INCLUDE or folder == "." or "/" not in folder)


def complaints(root, folder):
    for source in sorted((root / folder).rglob("*.[ch]")):
        if folder_of(source.relative_to(root)) != folder:
            continue  # in a room of its own
        for number, line in enumerate(source.read_text(encoding="utf-8").splitlines(), 1):
            found = INCLUDE.match(line)
            if not found:
                continue
            target, where = found[1], f"{source.relative_to(root)}:{number}"
            if target.endswith("-generated.h"):
                continue  # made by gdbus-codegen in the build directory of the same folder
            if "/" not in target:
                yield f"{where}: {target}: write it relative to the root"
            elif not (root / target).is_file():
                yield f"{where}: {target}: no such file"
            elif folder_of(target) not in MAY_INCLUDE[folder]:
                yield f"{where}: {target}: {folder} may not include {folder_of(target)}"


def main():
    root = Path(sys.argv[1] if len(sys.argv) > 1 else ".").resolve()
    failed = False
    print(f"1..{len(MAY_INCLUDE)}")
    for number, folder in enumerate(MAY_INCLUDE, 1):
        wrong = list(complaints(root, folder))
        failed |= bool(wrong)
        for line in wrong:
            print(f"# {line}")
        print(f"{'not ok' if wrong else 'ok'} {number} - arrows of {folder}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
