#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""hooks.d as its units run it, without any power; and a gateway as a unit of systemd's own."""

import os
import pwd

import tap
from gateway import gateways, reaches
from peer import Peer
from tap import output, sh, works

HOOK = "/etc/adit/hooks.d/selected/50-tell"
TOLD = "/var/lib/adit-hooks/told"
LINK = "adit-unit"
UNIT = f"adit-gateway@{LINK}.service"
TELL = """#!/bin/sh
{ echo "$ADIT_EVENT $ADIT_DEFAULT4 $(id -un)"; grep -E 'CapEff|NoNewPrivs' /proc/self/status; } >>$STATE_DIRECTORY/told
if touch /etc/adit/mine 2>/dev/null; then echo "wrote to /etc"; else echo "did not write to /etc"; fi >>$STATE_DIRECTORY/told
"""


def told():
    """What the hook has written."""
    if not os.path.exists(TOLD):
        return ""
    with open(TOLD, encoding="utf-8") as file:
        return file.read()


def active(unit):
    """Whether systemd calls it active."""
    return output("systemctl", "is-active", unit) == "active"


def unit():
    """A gateway by systemctl."""
    sh("systemctl", "stop", UNIT)
    tap.ok(not gateways()[LINK]["up"], "stopped, it is down")
    sh("systemctl", "start", UNIT)
    tap.ok(gateways()[LINK]["up"], "started, it is up")
    tap.until(lambda: reaches("10.59.0.1", 1), "and its server answers")
    tap.ok(not works("systemctl", "start", "adit-gateway@nobody.service"), "one that is not there fails")
    sh("systemctl", "reset-failed", "adit-gateway@nobody.service")


def main():
    """No hook, then one; then a gateway that is dropped in and started by its unit."""
    tap.ok(active("adit-hooks.path"), "whether there is a hook is looked after")
    tap.ok(not active("adit-hooks.service"), "without one nothing runs")
    with open(HOOK, "w", encoding="utf-8") as file:
        file.write(TELL)
    os.chmod(HOOK, 0o755)
    tap.until(lambda: active("adit-hooks.service"), "with one it runs")
    with Peer("units") as peer:
        os.makedirs("/etc/adit/gateways", mode=0o700, exist_ok=True)
        with open(f"/etc/adit/gateways/{LINK}.conf", "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), 0o600)
            file.write(peer.profile)
        sh("systemctl", "start", UNIT)
        tap.until(lambda: reaches("10.59.0.1", 1), "a profile that was dropped in comes up by its unit")
        unit()
        sh("adit", "default", LINK)
        tap.until(lambda: f"selected {LINK} adit-hooks" in told(), "the hook is told, as adit-hooks")
        sh("adit", "default", "none")
        sh("adit", "remove", LINK)
    # of each event it writes these lines behind the other
    tap.until(lambda: {"CapEff:\t0000000000000000", "NoNewPrivs:\t1"} <= set(told().splitlines()), "it has no power")
    tap.until(lambda: "did not write to /etc" in told().splitlines(), "and may write nothing but its own")
    pwd.getpwnam("adit-hooks")
    sh("systemctl", "stop", UNIT)
    tap.ok(not works("systemctl", "is-failed", UNIT), "the unit of a gateway that was removed stops well")
    os.unlink(HOOK)
    sh("systemctl", "stop", "adit-hooks.service")
    tap.done()


if __name__ == "__main__":
    main()
