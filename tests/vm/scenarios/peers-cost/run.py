#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What ten thousand peers cost in instructions: `wg setconf`, and our own code with the same file.

The clock of this machine counts instructions, the whole of both programs and of the kernel's work for them.
Figures: "# figure JSON".
"""

import base64
import json
import os
import time

import tap
from tap import sh, works

PEERS, ROUNDS = 10000, 2
BAR = 1.1  # times `wg setconf`, at most
FILE = "/run/peers.conf"


def key(n):
    """As random ones are: neither the file nor the kernel has them in order. Clamped, so that it can be a private one."""
    raw = bytearray((n * 0x9E3779B97F4A7C15 + 1).to_bytes(40, "little")[:32])
    for i in range(8, 32):
        raw[i] = (raw[i - 8] * 167 + i * n) & 0xff
    raw[0] &= 248
    raw[31] = raw[31] & 127 | 64
    return base64.b64encode(raw).decode()


def write():
    """The file both read."""
    rows = ["[Interface]", f"PrivateKey = {key(1 << 40)}", "ListenPort = 51899"]
    for n in range(PEERS):
        rows += ["[Peer]", f"PublicKey = {key(n + 1)}", f"PresharedKey = {key(n + 1)}",
                 f"AllowedIPs = 10.1.{n >> 8}.{n & 255}/32, 2001:db8::10:{n:x}/128"]
    with open(FILE, "w", encoding="ascii") as file:
        file.write("\n".join(rows) + "\n")


def timed(*argv):
    """Millions of instructions from the program's start to its end."""
    begin = time.clock_gettime_ns(time.CLOCK_MONOTONIC)
    sh(*argv, seconds=300)
    return (time.clock_gettime_ns(time.CLOCK_MONOTONIC) - begin) / 1e6


def main():
    """Both by turns, on a new link each time. The links stay: to take one away with its peers takes minutes."""
    programs = {"setconf": ("wg", "setconf"), "ours": (os.path.join(os.environ["ADIT_TEST_BIN"], "wg-peers"),)}
    best, shown = {}, {}
    sh("modprobe", "wireguard")
    write()
    for n in range(ROUNDS):
        for name, argv in programs.items():
            link = f"{name}{n}"
            sh("ip", "link", "add", link, "type", "wireguard")
            best[name] = min(best.get(name, 1e18), timed(*argv, link, FILE))
            shown[name] = sorted(sh("wg", "show", link, "dump").splitlines())
    works("rm", "-f", FILE)
    tap.ok(len(shown["ours"]) == PEERS + 1 and shown["ours"] == shown["setconf"], "both lead to the same link")
    for name, value in best.items():
        tap.note("figure " + json.dumps({"name": f"peers/{name}-{PEERS}", "value": round(value, 1), "unit": "million instructions"}))
    ratio = best["ours"] / best["setconf"]
    tap.note("figure " + json.dumps({"name": f"peers/ours-over-setconf-{PEERS}", "value": round(ratio, 3), "unit": "times"}))
    tap.ok(ratio <= BAR, f"at most {BAR} times what `wg setconf` takes: {ratio:.3f}")
    tap.done()


if __name__ == "__main__":
    main()
