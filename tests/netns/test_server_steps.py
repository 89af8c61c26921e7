#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""adit-server killed before each of its writes, flushes and messages to the kernel, one after the other."""
import collections
import json
import os
import re

import tap
from process import until
from story import Server

DRAWING = "internet -- vps"
# All by which a command changes anything: files, the kernel's tables.
STEPS = ("pwrite64", "fdatasync", "sendto", "sendmsg")
SOME = 6  # of each kind, unless in full


def rows(server):
    return json.loads(server.admin("mappings", "--json").stdout)


def opened(vps, port):
    text = vps.run("nft", "list", "map", "inet", "adit_server", "open4").stdout + \
        vps.run("nft", "list", "map", "inet", "adit_server", "open6").stdout
    return len(re.findall(rf"tcp \. {port}\b", text))


def traced(server, *filters):
    """The daemon under strace, as soon as it is; its commands come by the bus and wake it."""
    vps = server.vps
    pid = vps.run("pidof", "adit-server").stdout.strip()
    strace = vps.spawn("strace", "-f", "-qq", "-p", pid, "-o", "/root/steps", *filters)
    until(lambda: "TracerPid:\t0" not in vps.read(f"/proc/{pid}/status"), 5, "strace to look")
    return strace


def count(server, *words):
    """How often a command does each of the steps."""
    strace = traced(server, "-e", "trace=" + ",".join(STEPS))
    server.admin(*words)
    strace.stop()
    return collections.Counter(re.findall(r"^\d+\s+(\w+)\(", server.vps.read("/root/steps"), re.M))


def kill_before(server, step, n, *words):
    """The command, and the daemon killed before its n-th such step. Whether the command returned well, once it runs again."""
    strace = traced(server, "-e", f"trace={step}", "-e", f"inject={step}:signal=SIGKILL:when={n}")
    done = server.admin(*words, check=False).ok
    if server.process.alive:
        server.process.kill()
    strace.stop()
    server.run()
    return done


@tap.deadline(240)
def test_killed_at_each_step(lab):
    """a change is wholly done or wholly undone in store and kernel at the next start, and done if its command said so"""
    vps = lab["vps"]
    server = Server(vps, vps.prefix).start()
    server.device("nas", "10.59.0.2")
    steps = count(server, "publish", "nas", "1000", "--ip-version", "both")
    assert all(steps[step] > 0 for step in ("pwrite64", "fdatasync", "sendto")), steps
    print("#", dict(steps))
    port, undone, seen = 1000, 0, set()
    for step in STEPS:
        every = 1 if "ADIT_FULL" in os.environ else max(steps[step] // SOME, 1)
        for n in range(1, steps[step] + 1, every):
            port += 1
            done = kill_before(server, step, n, "publish", "nas", port, "--ip-version", "both")
            have = [row for row in rows(server) if row["first"] == port]
            assert len(have) in (0, 2) and opened(vps, port) == len(have), f"{step} {n}: {have}, {opened(vps, port)} in the kernel"
            assert have or not done, f"{step} {n}: the command returned, and nothing is there"
            seen.add(len(have))
            if not have:
                undone += 1
                continue
            done = kill_before(server, step, n, "forward", "set-enabled", f"{port}/tcp", "off")
            row = next(row for row in rows(server) if row["key"] == f"{port}/tcp")
            assert opened(vps, port) == 1 + row["enabled"], f"{step} {n}: {row}"
            assert not (done and row["enabled"]), f"{step} {n}: a returned command closed it, and it is open"
    assert undone > 0 and seen == {0, 2}, "no step was before the end of the change, or none behind"


if __name__ == "__main__":
    tap.main(globals())
