#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A machine that boots with a selected gateway and without aditd: closed before any network."""

import json
import os

import tap
from tap import output, sh, works

OFFERED = 1000


def moment(unit, what="ActiveEnterTimestampMonotonic"):
    """When it happened, in microseconds since the start."""
    return int(sh("systemctl", "show", "--value", f"--property={what}", unit))


def heard():
    """What the talker wrote down."""
    with open("/run/talker.json", encoding="utf-8") as file:
        return json.load(file)


def check_leaks(closed):
    """Everything before the guard leaks, nothing after it."""
    tap.until(lambda: all(sum(t > closed for t in times) >= OFFERED
                          for times in heard()["offered"].values()),
              f"{OFFERED} probes of each family were offered behind the guard", 150)
    sh("systemctl", "stop", "talker.service")
    said = heard()
    for family, times in said["left"].items():
        tap.ok(sum(t < closed for t in times) > 20, f"IPv{family}: before the guard they leave (control)")
        tap.same(sum(t > closed for t in times), 0, f"IPv{family}: behind it none leaves")


def check_door():
    """adit.guard=off on the kernel's command line leaves the guard out."""
    with open("/run/cmdline", "w", encoding="utf-8") as file, open("/proc/cmdline", encoding="utf-8") as now:
        file.write(now.read().strip() + " adit.guard=off\n")
    sh("mount", "--bind", "/run/cmdline", "/proc/cmdline")
    sh("systemctl", "stop", "adit-guard.service")
    sh("ip", "rule", "del", "pref", "20071")
    output("systemctl", "start", "adit-guard.service")
    tap.same(sh("systemctl", "show", "--value", "--property=ConditionResult", "adit-guard.service"), "no",
             "adit.guard=off leaves it out")
    tap.ok("20071:" not in sh("ip", "rule"), "and closes nothing")
    sh("umount", "/proc/cmdline")
    sh("systemctl", "start", "adit-guard.service")
    tap.ok("20071:" in sh("ip", "rule"), "without the word it closes again, over what is there")


def main():
    """The same for a kernel with IPv6 and for one without."""
    six = os.path.exists("/proc/net/if_inet6")
    tap.note(f"IPv6: {six}; {open('/proc/cmdline', encoding='utf-8').read()}")
    tap.ok(not os.path.exists("/usr/libexec/adit/aditd"), "aditd is not there")
    tap.ok(works("systemctl", "is-active", "adit-guard.service"), "the guard is up")
    closed = moment("adit-guard.service")
    for unit, what in (("network-pre.target", "ActiveEnterTimestampMonotonic"),
                       ("NetworkManager.service", "ExecMainStartTimestampMonotonic"),
                       ("systemd-networkd.service", "ExecMainStartTimestampMonotonic")):
        begun = moment(unit, what)
        tap.ok(0 < closed < begun, f"before {unit}")
    families = ["-4", "-6"] if six else ["-4"]
    for family in families:
        rules = sh("ip", family, "rule")
        tap.ok("1731:" in rules and "20071:" in rules, f"ip {family} rule has it")
        tap.ok("blackhole default" in sh("ip", family, "route", "show", "table", "20101"), f"{family}: and the table")
    tap.ok("chain belt" in sh("nft", "list", "table", "inet", "adit"), "nftables has the belt")
    check_leaks(closed)
    if six:
        check_door()
    tap.done()


if __name__ == "__main__":
    main()
