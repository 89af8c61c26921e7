#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""This machine takes orders from a test on the host, which has the other machines (tests/vm/sleeper.py).

An order is a line of JSON on a port of its own: {"argv": [...], "input": text, "timeout": seconds}; so is the answer.
Echo services are there from the start.
"""

import contextlib
import json
import os
import subprocess
import sys
import time

sys.path.append(os.path.join(os.environ["ADIT_TESTS"], "netns"))
# pylint: disable=wrong-import-position,import-error
from serve import TcpEcho, UdpEcho

PORT = "/dev/virtio-ports/adit.orders"


class Here:
    """As a machine of the lab, whose sockets are ours."""
    inside = staticmethod(contextlib.nullcontext)


def obey(order):
    """Run a command; what became of it."""
    try:
        done = subprocess.run(order["argv"], input=order.get("input"), stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                              stdin=None if order.get("input") is not None else subprocess.DEVNULL, text=True,
                              errors="replace", timeout=order["timeout"], check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        return {"code": -1, "stdout": "", "stderr": f"{type(error).__name__}: {error}"}
    return {"code": done.returncode, "stdout": done.stdout, "stderr": done.stderr}


def main():
    """Until the machine is switched off."""
    UdpEcho(Here, 5000)
    TcpEcho(Here, 5443)
    port, waiting = os.open(PORT, os.O_RDWR), b""
    while True:
        line, end, rest = waiting.partition(b"\n")
        if not end:
            waiting += os.read(port, 65536)  # nothing, and at once, while the port awakes
            time.sleep(0 if waiting else 0.05)
            continue
        waiting, answer = rest, json.dumps(obey(json.loads(line))).encode() + b"\n"
        while answer:
            answer = answer[os.write(port, answer):]


if __name__ == "__main__":
    main()
