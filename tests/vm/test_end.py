#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The virtual machine's end when its test is killed: nothing is left that the next run does not clear."""

import os
import signal
import subprocess
import sys
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[0] = os.path.join(HERE, "..", "netns")
sys.path.append(HERE)
# pylint: disable=wrong-import-position
import roots
import tap
from lab import Skip
from process import until

NAME = "bookworm"


def children(pid):
    """Process ids below one, by /proc."""
    try:
        with open(f"/proc/{pid}/task/{pid}/children", encoding="ascii") as file:
            below = [int(word) for word in file.read().split()]
    except OSError:
        return []
    return below + [grand for child in below for grand in children(child)]


def named(pids, name):
    """Those that run a program of this name."""
    found = []
    for pid in pids:
        try:
            with open(f"/proc/{pid}/comm", encoding="utf-8") as file:
                if file.read().startswith(name):
                    found.append(pid)
        except OSError:
            pass
    return found


def alive(pids):
    return [pid for pid in pids if os.path.exists(f"/proc/{pid}")]


def mounts():
    """What is mounted on the host; namespaces of others are theirs."""
    with open("/proc/self/mountinfo", encoding="utf-8") as file:
        return sorted(line.split()[4] for line in file)


def start(argv, program, env=None):
    """A run that has come to its program; the process and all below it."""
    if not os.path.isdir(roots.base_dir(NAME)):
        raise Skip(f"no image: sudo tests/vm/image {NAME}")
    run = subprocess.Popen(argv, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env={**os.environ, **(env or {})})
    until(lambda: named(children(run.pid), program), 60, f"{program} to run")
    return run, children(run.pid)


def test_killed_run():
    """kill -9 and SIGTERM end a machine with its test, and the next run clears the folder"""
    with tempfile.TemporaryDirectory() as out:
        env, before = {"ADIT_VM_OUT": out, "ADIT_TESTS_REQUIRE": ""}, mounts()
        for number in (signal.SIGKILL, signal.SIGTERM):
            run, below = start([f"{HERE}/run", NAME, "packages"], "qemu-system", env)
            assert not os.path.exists(f"{out}/{NAME}/drive/left"), "what the killed one left was not cleared"
            os.kill(run.pid, number)
            run.communicate()
            until(lambda pids=below: not alive(pids), 10, "the machine to end")
            with open(f"{out}/{NAME}/drive/left", "w", encoding="utf-8"):
                pass
        assert mounts() == before


def test_killed_enter():
    """kill -9 of a command in a root file system ends all of it, mounts too"""
    before = mounts()
    run, below = start([f"{HERE}/enter", NAME, "sleep", "1000"], "sleep")
    os.kill(run.pid, signal.SIGKILL)
    run.communicate()
    until(lambda: not alive(below), 10, "everything below to end")
    assert mounts() == before


def test_killed_sleeper():
    """kill -9 of a test whose lab has a machine in it ends both"""
    env = {"ADIT_VM_IMAGE": NAME, "ADIT_TESTS_REQUIRE": ""}
    run, below = start([sys.executable, f"{HERE}/test_suspend.py", "stopped"], "qemu-system", env)
    assert len(below) > 4, below  # those of the lab
    os.kill(run.pid, signal.SIGKILL)
    run.communicate()
    until(lambda: not alive(below), 10, "the machine and its lab to end")


def fake(folder, boots):
    """A qemu that says, boot by boot, what @boots says on its port and on its console."""
    for i, (port, console) in enumerate(boots):
        for name, text in (("port", port), ("console", console)):
            with open(f"{folder}/{name}.{i}", "w", encoding="utf-8") as file:
                file.write(text)
    path = f"{folder}/qemu-system-x86_64"
    with open(path, "w", encoding="utf-8") as file:
        file.write(f"""#!/bin/sh
n=$(cat {folder}/n 2>/dev/null || echo 0)
echo $((n + 1)) >{folder}/n
for word; do case $word in file,id=console,path=*) cp {folder}/console.$n "${{word#*path=}}";; esac; done
cat {folder}/port.$n
""")
    os.chmod(path, 0o755)
    return {**os.environ, "PATH": f"{folder}:{os.environ['PATH']}", "ADIT_VM_OUT": f"{folder}/out", "ADIT_VM_ACCEL": "tcg"}


def test_broken_guest():
    """a boot that the emulator broke is gone on with from the scenario it was in; one that ended otherwise fails"""
    if not os.path.isdir(roots.base_dir(NAME)):
        raise Skip(f"no image: sudo tests/vm/image {NAME}")
    first = "# hooks: starts, 1 s\nok 1 - hooks: a\n# packages: starts, 1 s\nok 2 - packages: b\n"
    again = "# packages: starts, 1 s\nok 1 - packages: b\nok 2 - packages: c\n1..2\n"
    oops = "[ 1.0] Oops: int3: 0000 [#1] PREEMPT SMP\n"
    for boots, code, said in (([(first, oops), (again, "")], 0, ["ok 2 - packages: b", "ok 4 - packages: c", "1..4"]),
                              ([(first, "Oops: general protection\n")], 1, ["Bail out!"]),
                              ([(first, oops), (again.replace("ok 2", "not ok 2"), "")], 1, ["not ok 4 - packages: c"]),
                              ([(first, oops)] * 3, 1, ["once more from packages"])):
        with tempfile.TemporaryDirectory() as folder:
            run = subprocess.run([f"{HERE}/run", NAME, "hooks", "packages"], env=fake(folder, boots), text=True,
                                 stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
            assert run.returncode == code and all(words in run.stdout for words in said), run.stdout
            with open(f"{folder}/n", encoding="utf-8") as file:
                assert int(file.read()) == len(boots)


if __name__ == "__main__":
    tap.main(globals())
