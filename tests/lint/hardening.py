#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""hardening.py FILE...: how programs and modules were compiled and linked, by readelf. TAP.

Position independent, relocations read-only before main, no executable stack, no search path of
the build; stack protector and checked libc functions in use.
"""
import os
import re
import subprocess
import sys


def readelf(path, *options):
    """What it prints."""
    return subprocess.run(["readelf", "--wide", *options, path], capture_output=True, text=True,
                          check=True, timeout=60).stdout


def missing(path):
    """What an object lacks."""
    header, segments = readelf(path, "--file-header"), readelf(path, "--segments")
    dynamic, symbols = readelf(path, "--dynamic"), readelf(path, "--dyn-syms")
    stack = re.search(r"GNU_STACK +(?:0x\w+ +){5}([RWE ]+) ", segments)
    wanted = {
        "position independent": re.search(r"Type: +DYN", header),
        "read-only relocations": "GNU_RELRO" in segments,
        "no lazy binding": re.search(r"BIND_NOW|FLAGS.*\bNOW\b", dynamic),
        "stack not executable": stack and "E" not in stack[1],
        "stack protector": "__stack_chk_fail" in symbols,
        "fortified functions": re.search(r"\b__\w+_chk\b(?<!__stack_chk)", symbols),
        # ld.so is asked only for what a build folder adds; meson strips it when it installs
        "no foreign search path": not re.search(r"R(?:UN)?PATH.*\[(?!\$ORIGIN)", dynamic),
    }
    return [words for words, good in wanted.items() if not good]


def main():
    print(f"1..{len(sys.argv) - 1}")
    failed = False
    for count, path in enumerate(sys.argv[1:], 1):
        lacks = missing(path)
        failed |= bool(lacks)
        for words in lacks:
            print(f"# missing: {words}")
        print(f"{'not ok' if lacks else 'ok'} {count} - {os.path.basename(path)} is hardened")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
