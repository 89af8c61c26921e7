#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""help.py PROGRAM GOLDEN: the help of every verb of a program, in one golden file. TAP.

ADIT_TEST_REGENERATE=1 writes the file.
"""
import difflib
import os
import re
import subprocess
import sys


def ask(program, words):
    done = subprocess.run([program, *words, "--help"], capture_output=True, text=True, timeout=10, check=False,
                          env={**os.environ, "NO_COLOR": "1"})
    assert done.returncode == 0 and not done.stderr, (words, done.returncode, done.stderr)
    return done.stdout


def walk(program, words=()):
    """The help of a command, then that of each verb it names."""
    text = ask(program, words)
    yield f"$ {os.path.basename(program)} {' '.join([*words, '--help'])}\n{text}\n"
    section = re.search(r"^Commands:\n((?:  .*\n)+)", text, re.MULTILINE)
    for row in section[1].splitlines() if section else ():
        if re.match(r"  [a-z]", row):
            yield from walk(program, (*words, row.split()[0]))


def main(program, golden):
    have = "".join(walk(program))
    if os.environ.get("ADIT_TEST_REGENERATE"):
        with open(golden, "w", encoding="utf-8") as f:
            f.write(have)
    with open(golden, encoding="utf-8") as f:
        want = f.read()
    print("1..1")
    for row in difflib.unified_diff(want.splitlines(), have.splitlines(), "expected", "found", lineterm=""):
        print("# " + row)
    verbs = have.count("$ ") - 1
    print(f"{'ok' if want == have and verbs > 0 else 'not ok'} 1 - the help of {os.path.basename(program)} and {verbs} verbs")


if __name__ == "__main__":
    main(*sys.argv[1:])
