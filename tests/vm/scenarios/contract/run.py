#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The contract tests of the build against this kernel, which has WireGuard of its own.

The host runs them too, often without WireGuard in its kernel; here what they prove of it must run.
What is long and asks nothing new of this kernel stays there.
"""

import glob
import os
import subprocess
import sys
import time

import tap

LONG = [] if os.environ.get("ADIT_FULL") else [
    "/nft/element/growing", "/reconcile/random", "/wgdev/kernel/many", "/words/typed"]
LONG_PROGRAMS = [] if os.environ.get("ADIT_FULL") else ["test-client", "test-client-end", "test-equal"]
BIN = os.environ["ADIT_TEST_BIN"]


def run(path):
    """Pass one program's results on under its name; the rest of its words after a failure."""
    name = os.path.basename(path).removeprefix("test-")
    start = time.monotonic()
    argv = [path, "--tap"] + [word for test in LONG for word in ("-s", test)]
    result = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                            text=True, errors="replace", timeout=600, check=False)
    words = []
    for line in result.stdout.splitlines():
        if "# SKIP by request" in line and line.split()[2] in LONG:
            continue
        if line.startswith(("ok ", "not ok ")):
            bad, _, title = line.partition("ok ")
            tap.ok(not bad, f"{name} {title.partition(' ')[2]}")
        else:
            words.append(line)
    tap.note(f"{name}: {time.monotonic() - start:.1f} s")
    tap.note("\n".join(line for line in words if "slow test" in line))
    if not tap.ok(result.returncode == 0, f"{name} ends well"):
        tap.note(f"status {result.returncode}\n" + "\n".join(words))
    return result.stdout


def main():
    """Every program that the build has sent."""
    os.environ["ADIT_TESTS_REQUIRE"] = "netns"
    tap.sh("modprobe", "-a", "wireguard", "tun")
    # the fake kernel is the same everywhere
    paths = [path for path in sorted(glob.glob(os.path.join(BIN, "test-*")))
             if not path.endswith("-fake") and os.path.basename(path) not in LONG_PROGRAMS]
    if not tap.ok(paths, "the build has sent contract tests"):
        sys.exit(1)
    output = "".join(run(path) for path in paths)
    tap.ok("/wgdev/kernel/" in output, "the kernel's WireGuard was used")
    tap.done()


if __name__ == "__main__":
    main()
