#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The story of the network lab, told by the installed programs and the kernel's WireGuard.

No wireguard-go is installed here, so that nothing else can have carried it.
"""

import os
import shutil
import sys

from tap import note, sh

PROGRAMS = ["/usr/bin/adit", "/usr/libexec/adit/aditd", "/usr/sbin/adit-server"]
BUILD = "/run/adit-build"
GATE = ["test_visitor", "test_restart", "test_remove"]  # all of them in a full run
STORY = os.path.join(os.environ["ADIT_TESTS"], "netns", "test_story.py")


def main():
    """Give the lab the programs where it looks for a build's, and become the test."""
    if shutil.which("wireguard-go"):
        sys.exit("wireguard-go is installed: this would prove nothing of the kernel's")
    note(sh("uname", "-sr"))
    sh("modprobe", "-a", "wireguard", "veth", "tun", "nf_tables", "nf_conntrack")
    os.makedirs(BUILD + "/bin")
    for path in PROGRAMS:
        os.symlink(path, os.path.join(BUILD, "bin", os.path.basename(path)))
    env = dict(os.environ, ADIT_BUILD=BUILD, ADIT_TESTS_REQUIRE="netns",
               PYTHONDONTWRITEBYTECODE="1")
    tests = [] if env.get("ADIT_FULL") else GATE
    del env["PYTHONPATH"]  # the lab has a tap of its own
    os.execve(sys.executable, [sys.executable, STORY, *tests], env)


if __name__ == "__main__":
    main()
