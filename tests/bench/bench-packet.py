#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What a forwarded packet costs in instructions: the virtual machine's scenario packet-cost, whose clock counts them.

`./dev bench packet` makes its image; without one there are no figures.
"""
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("ADIT_BUILD", ROOT / "build"))
IMAGE = "bookworm"


def main():
    if not (BUILD / "vm" / IMAGE / "layer.sqfs").exists():
        return 0
    argv = [ROOT / "tests/vm/run", IMAGE, "packet-cost", "--bin", BUILD / "tests/netns"]
    done = subprocess.run(argv, stdout=subprocess.PIPE, text=True, check=False,
                          env=dict(os.environ, ADIT_VM_OUT=str(BUILD / "vm")))
    print("\n".join(line.removeprefix("# figure ") for line in done.stdout.splitlines() if line.startswith("# figure ")))
    if done.returncode:
        print(done.stdout, file=sys.stderr)
    return done.returncode


if __name__ == "__main__":
    sys.exit(main())
