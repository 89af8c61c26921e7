# SPDX-License-Identifier: GPL-2.0-or-later
"""For the scenarios: results in TAP, commands, and waiting with a deadline."""

import subprocess
import sys
import time

_count = 0  # pylint: disable=invalid-name
_failed = 0  # pylint: disable=invalid-name


def note(words):
    """Something to read after a failure."""
    for line in str(words).splitlines():
        print(f"# {line}", flush=True)


def ok(good, words):
    """One result."""
    global _count, _failed  # pylint: disable=global-statement
    _count += 1
    _failed += not good
    print(f"{'ok' if good else 'not ok'} {_count} - {words}", flush=True)
    return bool(good)


def same(got, want, words):
    """One result that shows both sides when they differ."""
    if not ok(got == want, words):
        note(f"got  {got!r}")
        note(f"want {want!r}")
    return got == want


def sh(*argv, stdin=None, seconds=60):
    """The output of a command that must succeed."""
    result = subprocess.run(argv, input=stdin, stdout=subprocess.PIPE, text=True,
                            stderr=subprocess.STDOUT, timeout=seconds, check=False)
    if result.returncode != 0:
        note(f"{' '.join(argv)}: exit status {result.returncode}")
        note(result.stdout)
        raise subprocess.CalledProcessError(result.returncode, argv, result.stdout)
    return result.stdout.strip()


def output(*argv, seconds=60):
    """What a command says, whether it succeeds or not."""
    return subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                          timeout=seconds, check=False).stdout.strip()


def step(words):
    """A command, whether it succeeds or not, or what is to be called."""
    if callable(words):
        words()
    else:
        output(*words)


def works(*argv, seconds=60):
    """Whether a command succeeds."""
    return subprocess.run(argv, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                          timeout=seconds, check=False).returncode == 0


def until(condition, words, seconds=30):
    """One result: the condition, asked again and again, holds before the deadline."""
    end = time.monotonic() + seconds
    while True:
        if condition():
            return ok(True, words)
        if time.monotonic() >= end:
            return ok(False, f"{words} (not within {seconds} s)")
        time.sleep(0.2)  # between two looks, never instead of one


EMULATED = 5  # times slower than what the promise is for, and the host may be busy as well


def in_time(took, promised, words):
    """One result: it took so many seconds (None: it never came); what it took is told."""
    good = ok(took is not None and took < promised * EMULATED, f"{words} (promised within {promised} s)")
    note(f"{words}: {took:.2f} s" if took is not None else f"{words}: never")
    return good


def done():
    """The plan, and the exit status."""
    print(f"1..{_count}", flush=True)
    sys.exit(1 if _failed else 0)
