#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs the benchmarks and writes docs/benchmarks.md, with the raw figures as JSON beside it.

run.py [NAME...]: only those programs (core, rtnl, nft, ...); with names nothing is written, unless --write
comes first: then their sections are written anew and the others stay.
"""
import json
import os
import platform
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("ADIT_BUILD", ROOT / "build"))
DEADLINE = 900  # seconds a program

HEAD = """# Benchmarks

Written by `sudo ./dev bench`, which runs every program of `tests/bench`; the raw figures are in
[benchmarks.json](benchmarks.json). Machines differ and are noisy: what counts are the ratios, whose
two sides take turns in one run. Names end in the size they were measured at.

Measured on {cpus} processors, kernel {kernel}.
"""
# What a program measures, for the reader; the figures follow.
TITLES = {
    "core": "Pure code: a server of 10,000 devices (10,000 peers, 20,000 elements, 10,000 routes), one core",
    "nft": "Elements of our nftables table: one libnftnl transaction against `nft -f` with the same elements",
    "rtnl": "Policy rules: our batch against `ip -batch`, and looking at what already matches",
    "pcp": "PCP on a veth: our server and Debian's miniupnpd in the same namespaces, one after the other. Creation and "
           "renewal at so many mappings; p50 and p99 with one request at a time; cpu is the server's, kernel included. "
           "Beyond 100 mappings miniupnpd's table was filled by nft",
    "client": "The PCP client with a thousand mappings of two hours: what it sends and how often it wakes (for the timer, "
              "and for the answer), and the memory of a process that holds them, all and its own",
    "publish": "From the start of a program that asks for a port to a visitor's connection through it, with 20 ms in each "
               "direction between machine and server, of which 60 ms are the request's way there and the visitor's back "
               "and forth: the example of libadit-pcp, and `adit publish` (adit-version is what starting any program "
               "of ours in the lab takes). Then the memory of the publisher at rest, without publications and with a thousand in both "
               "families (2,000 mappings): resident, and what of it is shared with nobody",
    "relay": "What a VPS spends on a gigabyte that a visitor sends to a home behind it, by four flows over veth and without "
             "encryption, which would be the same for all: our table, the least that nft can do, and relays of Debian, with "
             "packets of 1500 bytes (as a tunnel has them) and with pieces of 64 kB. The cpu is that of sender, relay and "
             "receiver, less what the same stream takes without a VPS. Others shared the "
             "processors when this was measured: what lies between routed, hand-written nft and adit is noise; what lies between "
             "them and the relays is not",
    "packet": "Instructions from the sending program to the receiving one, for a datagram of 64 bytes from a visitor to a home "
              "behind a VPS (in) and back (out): counted by an emulated machine with one processor, whose clock they are; the least "
              "of twelve rounds. direct is without a VPS, routed a VPS without rules, hand a table by somebody who knows nft, ours "
              "adit-server's, which counts what each mapping carries and ends a flow with the next packet when its mapping goes: one "
              "look into a set more. vps-alone is less what direct takes. Over veth without encryption, then by a WireGuard link "
              "of the kernel",
    "peers": "Instructions for a configuration of 10,000 peers (a preshared key and two networks each), by the same emulated "
             "machine with the kernel's WireGuard: `wg setconf`, and our own code with the same file (it reads the file, plans, looks at "
             "the link and sends the difference); each program from start to end, with the kernel's work for it",
    "policy": "A gateway up or down among ten, with few routes in main and with 10,000; and the plan of all ten against the "
              "same by ip and nft processes",
    "server": "A large server. The cost of a flow's first datagram through our table and through the map of a careful admin, "
              "by turns, best of twenty, at 10 and at 50,000 forwards without limits (in four runs ours was 1.07 to 1.09 times the map "
              "by hand); then the daemon with as many devices (and forwards) as the name "
              "says, in the lab, where WireGuard is a process in userspace. `data-path` is from the program's start until all ports "
              "stand, by the daemon's own stamps, the least of five; whoever "
              "hears of nftables' changes on the machine, in any namespace, makes it half as dear again, for the kernel then writes "
              "a message for each element: such are counted. A device is added once the notices to all devices after a start are over, "
              "the median of twenty. resident are all pages at rest, private those that the program has written; blank is a server "
              "before its setup.",
    "fleet": "A simulation, not a measurement: devices of five mappings each, with the timers of our client, at one server that "
             "answers in the time measured under pcp; renewals, and a restart after which nothing was left. Read by "
             "[scale.md](scale.md)",
    "aditd": "aditd with ten gateways, one of them selected, at rest",
}


def programs():
    built = sorted(p for p in (BUILD / "tests" / "bench").glob("bench-*") if p.is_file() and os.access(p, os.X_OK))
    return built + sorted((ROOT / "tests" / "bench").glob("bench-*.py"))


def name_of(program):
    return program.name.removeprefix("bench-").removesuffix(".py")


def measure(program):
    """The figures a program printed, as dictionaries."""
    try:
        argv = ["/usr/bin/python3", program] if program.suffix == ".py" else [program]
        done = subprocess.run(argv, capture_output=True, text=True, timeout=DEADLINE, check=False,
                              stdin=subprocess.DEVNULL)
    except subprocess.TimeoutExpired:
        sys.exit(f"bench: {program.name}: not done within {DEADLINE} s")
    if done.returncode:
        sys.exit(f"bench: {program.name}: status {done.returncode}\n{done.stderr.strip()}")
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def table(name, figures):
    rows = [f"| {f['name'].partition('/')[2] or f['name']} | {f['value']:g} | {f['unit']} |" for f in figures]
    return "\n".join([f"\n## {name}\n", TITLES.get(name, "") + "\n", "| figure | value | unit |", "|---|---|---|"] + rows)


def publish(raw):
    """The page, and the figures it is made of."""
    head = HEAD.format(cpus=os.cpu_count(), kernel=platform.release())
    sections = [table(name, figures) for name, figures in raw.items()]
    (ROOT / "docs" / "benchmarks.md").write_text(head + "\n".join(sections) + "\n", encoding="utf-8")
    (ROOT / "docs" / "benchmarks.json").write_text(json.dumps(raw, indent=1) + "\n", encoding="utf-8")
    print("written: docs/benchmarks.md, docs/benchmarks.json")


def main(names):
    write = names[:1] in ([], ["--write"])
    names = [n for n in names if n != "--write"]
    wanted = [p for p in programs() if not names or name_of(p) in names]
    if not wanted:
        sys.exit(f"bench: {' '.join(names) or 'nothing'}: no such benchmark in {BUILD}/tests/bench")
    raw = json.loads((ROOT / "docs" / "benchmarks.json").read_text(encoding="utf-8")) if names and write else {}
    for program in wanted:
        name = name_of(program)
        print(f"==> {name}", flush=True)
        figures = measure(program)
        if figures or name not in raw:  # without what it needs a program has none: the old ones stay
            raw[name] = figures
        for figure in figures:
            print(f"  {figure['name']:<44} {figure['value']:>10g} {figure['unit']}", flush=True)
    if write:
        publish(raw)


if __name__ == "__main__":
    main(sys.argv[1:])
