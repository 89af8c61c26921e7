#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""units.py ROOT: what our services may do, as systemd-analyze weighs it. TAP.

The exposure of a unit, times ten, stays at or below its bound; who holds keys dumps no core; and
a forbidden system call is refused, not the end of the process (GLib tries some and goes on).
"""
import re
import subprocess
import sys
import tempfile
from pathlib import Path

# Whoever is not named here has no privilege.
BOUNDS = {"adit-server": 20, "aditd": 22}
UNPRIVILEGED = 15
# The guard loads prepared files at boot, by ip and nft: what could keep it from that is left out
# of it. org.* are names on the bus.
EXCEPT = {"adit-guard", "org"}
KEYS = {"adit-server", "aditd"}


def unit_text(path):
    """As installed, with any place for the program."""
    return re.sub(r"@\w+@", "/usr/bin", path.read_text(encoding="utf-8"))


def exposure(name, text, bound):
    """Complaints of systemd-analyze about a unit."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / f"{name}.service"
        path.write_text(text, encoding="utf-8")
        done = subprocess.run(
            ["systemd-analyze", "security", "--offline=true", "--no-pager",
             f"--threshold={bound}", str(path)],
            stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=60)
    if done.returncode == 0:
        return []
    return [line for line in done.stdout.splitlines() if not line.startswith("✓")]


def wanted(name, text):
    """Settings that the weights do not ask for."""
    lines = set(text.splitlines())
    want = {"NoNewPrivileges=yes", "SystemCallErrorNumber=EPERM", "UMask=0077"}
    if name in KEYS:
        want.add("LimitCORE=0")
    return [f"{line}: missing" for line in sorted(want - lines)]


def main():
    paths = sorted(Path(sys.argv[1], "data").glob("*.service*"))
    paths = [path for path in paths if path.name.split(".")[0] not in EXCEPT]
    print(f"1..{2 * len(paths)}")
    count, failed = 0, False
    for path in paths:
        name, text = path.name.split(".")[0], unit_text(path)
        bound = BOUNDS.get(name, UNPRIVILEGED)
        for words, wrong in ((f"exposure at most {bound / 10}", exposure(name, text, bound)),
                             ("settings beyond that", wanted(name, text))):
            count += 1
            failed |= bool(wrong)
            for line in wrong:
                print(f"# {line}")
            print(f"{'not ok' if wrong else 'ok'} {count} - {name}: {words}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
