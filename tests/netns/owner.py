# SPDX-License-Identifier: GPL-2.0-or-later
"""Who owns a lab, and what the dead left behind.

The kernel ends the machines with their owner; what can stay is a folder under /run/adit-lab, named
after the owner's process id and start time. Whoever builds a lab sweeps the folders of the dead,
and first kills what their list of machines still names, should anything be left of it.
"""
import contextlib
import itertools
import json
import os
import shutil
import signal

ROOT = "/run/adit-lab"
_serial = itertools.count(1)


def start_time(pid):
    """When the process started, in kernel ticks: tells it from a later one of the same id."""
    try:
        with open(f"/proc/{pid}/stat", encoding="utf-8", errors="replace") as f:
            rest = f.read().rsplit(")", 1)[1].split()
    except (FileNotFoundError, ProcessLookupError):
        return None
    return None if rest[0] in "ZX" else int(rest[19])


def claim():
    """A new folder for a lab of this process."""
    path = f"{ROOT}/{os.getpid()}-{start_time(os.getpid())}-{next(_serial)}"
    os.makedirs(path, mode=0o755)
    return path


def record(path, drawing, machines):
    """Write down what the lab is made of: for sweep, and for a person who wants to enter."""
    rows = {m.name: {"pid": m.pid, "start": start_time(m.pid), "v4": m.v4, "v6": m.v6,
                     "enter": m.enter_command(), "bin": m.lab.bin} for m in machines}
    with open(f"{path}/lab.json.new", "w", encoding="utf-8") as f:
        json.dump({"drawing": drawing, "machines": rows}, f)
    os.rename(f"{path}/lab.json.new", f"{path}/lab.json")


def read(path):
    try:
        with open(f"{path}/lab.json", encoding="utf-8") as f:
            return json.load(f)
    except (OSError, ValueError):
        return {"drawing": "", "machines": {}}


def labs():
    """(folder, alive) of every lab there is a folder of."""
    with contextlib.suppress(FileNotFoundError):
        for name in sorted(os.listdir(ROOT)):
            parts = name.split("-")
            if len(parts) == 3 and all(p.isdigit() for p in parts):
                yield f"{ROOT}/{name}", start_time(int(parts[0])) == int(parts[1])


def sweep():
    """Clear what dead owners left; returns the folders removed."""
    gone = []
    for path, alive in labs():
        if alive:
            continue
        for row in read(path)["machines"].values():
            if row["start"] is not None and start_time(row["pid"]) == row["start"]:
                with contextlib.suppress(ProcessLookupError):
                    os.kill(row["pid"], signal.SIGKILL)
        shutil.rmtree(path, ignore_errors=True)
        gone.append(path)
    return gone
