# SPDX-License-Identifier: GPL-2.0-or-later
"""Figures of a virtual machine whose clock counts instructions. `./dev bench packet` makes its image; without one
there are none."""
import os
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("ADIT_BUILD", ROOT / "build"))
IMAGE = "bookworm"


def figures(scenario):
    """Runs it and prints what it says; its status."""
    if not (BUILD / "vm" / IMAGE / "layer.sqfs").exists():
        return 0
    argv = [ROOT / "tests/vm/run", IMAGE, scenario, "--bin", BUILD / "tests/netns"]
    done = subprocess.run(argv, stdout=subprocess.PIPE, text=True, check=False,
                          env=dict(os.environ, ADIT_VM_OUT=str(BUILD / "vm")))
    print("\n".join(line.removeprefix("# figure ") for line in done.stdout.splitlines() if line.startswith("# figure ")))
    if done.returncode:
        print(done.stdout, file=sys.stderr)
    return done.returncode
