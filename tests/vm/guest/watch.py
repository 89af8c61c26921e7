# SPDX-License-Identifier: GPL-2.0-or-later
"""What leaves in the clear while something happens, and what was offered meanwhile."""

import json
import os
import subprocess
import sys

KNOCK = os.path.join(os.path.dirname(os.path.abspath(__file__)), "knock.py")


class Watch:
    """A talker here and a listener in a namespace, from before to after what happens between.

    After it `offered` and `left` are counts by way (knock.py).
    """

    def __init__(self, namespace, link, ways):
        self.lines = (["ip", "netns", "exec", namespace, sys.executable, KNOCK, "listen", link, *ways],
                      [sys.executable, KNOCK, "talk", *ways])
        self.processes = []
        self.left, self.offered = {}, {}

    def __enter__(self):
        for line in self.lines:
            process = subprocess.Popen(line, stdout=subprocess.PIPE, text=True)
            self.processes.append(process)
            if process.stdout.readline().strip() != "ready":
                raise RuntimeError(f"{line[-1]}: not ready")
        return self

    def go_on(self, more=100, least=0):
        """Until so many more were offered to each, and so many in all: on a busy machine that takes its time."""
        talker = self.processes[1]
        end = None
        for line in talker.stdout:
            offered = min(json.loads(line).values())
            end = max(offered + more, least) if end is None else end
            if offered >= end:
                return

    def __exit__(self, *_):
        counts = []
        for process in reversed(self.processes):  # what the talker sent last is still counted
            process.terminate()
            counts.append(json.loads(process.communicate(timeout=30)[0].splitlines()[-1]))
        self.offered, self.left = counts

    def is_closed(self, least=50):
        """Whether enough was offered in both families, and nothing came out."""
        return min(self.offered.values()) >= least and not any(self.left.values())

    def __str__(self):
        return f"offered {self.offered}, left in the clear {self.left}"
