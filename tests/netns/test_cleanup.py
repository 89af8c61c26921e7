#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab's end: by every way a test can end, and what TAP says of it."""
import contextlib
import json
import os
import signal
import subprocess
import sys
import tempfile

import owner
import tap
from errors import LabError
from lab import Lab
from process import until

HERE = os.path.dirname(os.path.abspath(__file__))
FULL = "visitor -- internet -(delay 5ms, loss 1%)- vps\\ninternet -- cgnat -- home -- container"

# A test program that builds a full lab with everything in it, says so and waits.
_VICTIM = f"""
import sys, time
sys.path.insert(0, {HERE!r})
from lab import Lab
with Lab("{FULL}") as lab:
    home = lab["home"]
    home.bus()
    home.spawn("sleep", "1000")
    home.sh("setsid sleep 1001 </dev/null >/dev/null 2>&1 &")
    home.sh("wireguard-go wg9 >/dev/null 2>&1 || ip link add wg9 type wireguard || true")
    home.http_server(80)
    home.capture()
    print(lab.dir, flush=True)
    LAST
"""


def inside(folder):
    """Process ids that live in the machines of a lab, found by their PID namespaces."""
    spaces, found = set(), []
    for row in owner.read(folder)["machines"].values():
        with contextlib.suppress(OSError):
            spaces.add(os.readlink(f"/proc/{row['pid']}/ns/pid"))
    for pid in filter(str.isdigit, os.listdir("/proc")):
        with contextlib.suppress(OSError):
            if os.readlink(f"/proc/{pid}/ns/pid") in spaces:
                found.append(int(pid))
    return found


def victim(last):
    """Start one; returns it, its folder and the processes of its machines."""
    p = subprocess.Popen([sys.executable, "-c", _VICTIM.replace("LAST", last)], stdout=subprocess.PIPE,
                         stderr=subprocess.PIPE, text=True)
    folder = p.stdout.readline().strip()
    if not folder:
        raise LabError(f"victim: {p.communicate()[1]}")
    pids = inside(folder)
    assert len(pids) >= 10, pids
    return p, folder, [(pid, owner.start_time(pid)) for pid in pids]


def ended(pids):
    return not [p for p, start in pids if start is not None and owner.start_time(p) == start]


def test_kill():
    """kill -9 of a test ends all of its lab at once, and the next lab clears its folder"""
    p, folder, pids = victim("time.sleep(1000)")
    p.kill()
    p.communicate()
    until(lambda: ended(pids), 5, "the processes of the dead lab to end")
    with Lab("home -- internet"):
        assert not os.path.exists(folder)


def test_end_by_signal():
    """SIGTERM, SIGINT and an exception end a lab as well"""
    for last, number in (("time.sleep(1000)", signal.SIGTERM), ("time.sleep(1000)", signal.SIGINT),
                         ("1 / 0", None), ("sys.exit(3)", None)):
        p, folder, pids = victim(last)
        if number:
            p.send_signal(number)
        p.communicate(timeout=15)
        until(lambda: ended(pids), 5, f"the processes of a lab ended by {last} {number} to end")
        owner.sweep()
        assert not os.path.exists(folder), folder


def test_failed_build():
    """a lab that cannot be built leaves nothing"""
    before = set(os.listdir(owner.ROOT)) if os.path.isdir(owner.ROOT) else set()
    wires = Lab._ip
    Lab._ip = staticmethod(lambda where, rows: wires(where, rows + ["link add name x type nonsense"]))
    try:
        Lab("visitor -- internet")
    except LabError as e:
        assert str(e).startswith("lab: ip: "), e
    else:
        raise AssertionError("it was built")
    finally:
        Lab._ip = staticmethod(wires)
    mine = [n for n in set(os.listdir(owner.ROOT)) - before if n.startswith(f"{os.getpid()}-")]
    assert not mine, mine


class Now(BaseException):
    """A deadline."""


def test_interrupted_build():
    """a deadline at any moment of a build leaves no child and no folder"""
    def now(*_):
        raise Now
    before, step, built = signal.signal(signal.SIGALRM, now), 1, 0
    try:
        while built < 2 and step < 60:
            try:
                signal.setitimer(signal.ITIMER_REAL, 0.006 * step)
                with Lab("visitor -- internet -(delay 1ms)- home -- container"):
                    built += 1
                    signal.setitimer(signal.ITIMER_REAL, 0)
            except Now:
                pass
            step += 1
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
        signal.signal(signal.SIGALRM, before)
    assert step > 4, "the deadline was never in time"
    try:
        raise AssertionError(f"a child is left: {os.waitpid(-1, os.WNOHANG)}")
    except ChildProcessError:
        pass
    mine = [n for n in os.listdir(owner.ROOT) if n.startswith(f"{os.getpid()}-")]
    assert not mine, mine


def test_sweep_spares_the_living():
    """a sweep takes the folders of the dead only"""
    with Lab("home -- internet") as lab:
        dead = f"{owner.ROOT}/1-1-1"  # process 1 started at another time
        os.makedirs(dead)
        with open(f"{dead}/lab.json", "w", encoding="utf-8") as f:
            json.dump({"drawing": "", "machines": {"x": {"pid": os.getpid(), "start": 1}}}, f)
        gone = owner.sweep()
        assert dead in gone and lab.dir not in gone and os.path.isdir(lab.dir)
        assert lab["home"].ping(lab["home"].gateway_v4).all


def test_no_host_traces():
    """a lab leaves no descriptor, and adds no link, no named namespace and no mount to the host"""
    def host():
        with open("/proc/self/mountinfo", encoding="utf-8") as f:
            mounts = f.read()
        links = {n for n in os.listdir("/sys/class/net")}
        named = os.listdir("/run/netns") if os.path.isdir("/run/netns") else []
        return links, sorted(named), mounts
    before, fds = host(), len(os.listdir("/proc/self/fd"))
    with Lab("visitor -- internet -(delay 1ms)- vps\ninternet -- home -- container"):
        during = host()
    assert len(os.listdir("/proc/self/fd")) == fds
    assert not {n for n in during[0] - before[0] if n in ("visitor", "eth0", "br0")}, during[0]
    assert "lab on" not in during[2] and " lab " not in during[2], during[2]


_TESTS = """
import sys, time
sys.path.insert(0, HERE)
import tap
from lab import Skip
DRAWING = "home -- internet"
def test_good(lab):
    '''is good'''
def test_bad(lab):
    lab["home"].spawn("sh", "-c", "echo famous last words; sleep 100").wait_output("famous")
    lab["home"].capture("internet")
    assert lab["home"].ping(lab["home"].gateway_v4).received == 2, "one is not two"
def test_skipped(lab):
    '''is skipped'''
    raise Skip("no moon")
@tap.deadline(0.3)
def test_slow(lab):
    '''is slow'''
    time.sleep(20)
def test_needs_tool(lab):
    '''needs a tool'''
    lab.require("no-such-tool")
def test_drawing_error():
    '''has no lab'''
    import lab
    lab.Lab("moon")
tap.main(globals())
"""


def run_file(folder, **env):
    path = os.path.join(folder, "test_sample.py")
    with open(path, "w", encoding="utf-8") as f:
        f.write(_TESTS.replace("HERE", repr(HERE)))
    env = {k: v for k, v in {**os.environ, "ADIT_TEST_LOGS": folder, "ADIT_PATIENCE": "1", **env}.items() if v is not None}
    return subprocess.run([sys.executable, path], capture_output=True, text=True, env=env, timeout=50,
                          check=False)


def test_tap():
    """TAP says ok, not ok, SKIP and deadlines, and a failure keeps its logs"""
    with tempfile.TemporaryDirectory() as folder:
        done = run_file(folder, ADIT_TESTS_REQUIRE=None)
        rows = [r for r in done.stdout.splitlines() if not r.startswith("#")]
        assert rows == ["1..6", "ok 1 - is good", "not ok 2 - test_bad", "ok 3 - is skipped # SKIP no moon",
                        "not ok 4 - is slow", "ok 5 - needs a tool # SKIP no-such-tool: not installed",
                        "not ok 6 - has no lab"], done.stdout + done.stderr
        assert done.returncode == 1
        for words in ("# AssertionError: one is not two", "# famous last words", "# not done within 0.3 s",
                      "moon: no role of this name"):
            assert words in done.stdout, f"{words}: not in\n{done.stdout}"
        kept = os.listdir(f"{folder}/test_sample/test_bad")
        assert {"home.state", "internet.state", "home-eth0-0.pcap", "home-0-sh.log"} <= set(kept), kept
        assert not os.path.exists(f"{folder}/test_sample/test_good")


def test_skip_is_failure():
    """with ADIT_TESTS_REQUIRE a skip is a failure"""
    with tempfile.TemporaryDirectory() as folder:
        done = run_file(folder, ADIT_TESTS_REQUIRE="vm,netns")
        assert "not ok 3 - is skipped\n" in done.stdout and "# SKIP" not in done.stdout, done.stdout


def test_person():
    """lab.py shell holds a lab; list shows how to enter; a shell in it is on the machine"""
    tool = [sys.executable, f"{HERE}/lab.py"]
    p = subprocess.Popen(tool + ["shell", "home -- internet; visitor -- internet"],
                         stdout=subprocess.PIPE, text=True)
    try:
        rows = [p.stdout.readline() for _ in range(3)]
        row = next(r for r in rows if r.startswith("home "))
        enter = row[row.index("nsenter"):].split()
        assert subprocess.run(enter + ["hostname"], capture_output=True, text=True, check=True).stdout == "home\n"
        assert row[row.index("nsenter"):].strip() in subprocess.run(
            tool + ["list"], capture_output=True, text=True, check=True).stdout
    finally:
        p.send_signal(signal.SIGINT)
        assert p.wait(10) == 0
    bad = subprocess.run(tool + ["shell", "home -- moon"], capture_output=True, text=True, check=False)
    assert bad.returncode == 1 and bad.stderr.startswith("lab: drawing:1: moon"), bad.stderr


if __name__ == "__main__":
    tap.main(globals())
