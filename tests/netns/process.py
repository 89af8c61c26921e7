# SPDX-License-Identifier: GPL-2.0-or-later
"""A command inside a machine: run to its end, or left running with its output in a log."""
import os
import re
import signal
import subprocess
import time
from dataclasses import dataclass

from errors import LabError


@dataclass
class Result:
    """What a finished command left."""
    argv: tuple
    code: int
    stdout: str
    stderr: str

    @property
    def ok(self):
        return self.code == 0

    def __str__(self):
        return self.stdout


PATIENCE = float(os.environ.get("ADIT_PATIENCE", "1"))  # times as long: valgrind and sanitizers make programs slow


def until(condition, timeout, what):
    """Wait until condition() is true and return its value; LabError names what was missed."""
    timeout *= PATIENCE
    end, pause = time.monotonic() + timeout, 0.002
    while True:
        value = condition()
        if value:
            return value
        if time.monotonic() >= end:
            raise LabError(f"{what}: not within {timeout:g} s")
        time.sleep(pause)  # the condition is a file or a foreign process: nothing to select on
        pause = min(pause * 1.5, 0.05)


def finish(popen, where, argv, data, timeout):
    """The Result of popen; past the deadline it and its children are killed."""
    timeout *= PATIENCE
    try:
        out, err = popen.communicate(data, timeout)
    except BaseException as e:
        try:
            os.killpg(popen.pid, signal.SIGKILL)
        except ProcessLookupError:
            pass
        if not isinstance(e, subprocess.TimeoutExpired):
            raise
        try:
            out, err = popen.communicate(timeout=1)
        except subprocess.TimeoutExpired:
            out, err = "", ""
        raise LabError(f"{where}: {' '.join(argv)}: not done within {timeout:g} s\n{out}{err}") from None
    return Result(tuple(argv), popen.returncode, out, err)


class Process:
    """A program that stays: its output is in `log`, its end is the lab's at the latest."""

    def __init__(self, machine, argv, popen, log):
        self.machine, self.argv, self.log = machine, argv, log
        self._popen = popen
        self.pid = popen.pid  # as seen from the host

    def __repr__(self):
        return f"{self.machine.name}: {' '.join(self.argv)}"

    @property
    def code(self):
        """The exit status, negative for a signal; None while it runs."""
        return self._popen.poll()

    @property
    def alive(self):
        return self.code is None

    def output(self):
        with open(self.log, encoding="utf-8", errors="replace") as f:
            return f.read()

    def wait(self, timeout=10):
        """Wait for its end and return the exit status."""
        try:
            return self._popen.wait(timeout * PATIENCE)
        except subprocess.TimeoutExpired:
            raise LabError(f"{self!r}: still running after {timeout:g} s\n{self.output()[-2000:]}") from None

    def wait_output(self, pattern, timeout=10):
        """Wait until its output matches the regular expression; returns the match."""
        def look():
            found = re.search(pattern, self.output())
            if not found and not self.alive:
                raise LabError(f"{self!r}: ended with {self.code} before it said {pattern!r}\n"
                               + self.output()[-2000:])
            return found
        return until(look, timeout, f"{self!r}: {pattern!r} in its output")

    def signal(self, number):
        if self.alive:
            os.kill(self.pid, number)

    def status(self):
        """{field: words} of /proc/PID/status."""
        with open(f"/proc/{self.pid}/status", encoding="utf-8") as f:
            return {key: words.strip() for key, words in (row.split(":", 1) for row in f)}

    def memory(self):
        """{field: kB} of its memory, as the kernel adds it up."""
        with open(f"/proc/{self.pid}/smaps_rollup", encoding="utf-8") as f:
            return {key: int(value.split()[0]) for key, value in (row.split(":", 1) for row in f if row.endswith("kB\n"))}

    def stop(self, timeout=5):
        """SIGTERM, then SIGKILL; returns the exit status."""
        self.signal(signal.SIGTERM)
        try:
            return self._popen.wait(timeout * PATIENCE)
        except subprocess.TimeoutExpired:
            self.kill()
            raise LabError(f"{self!r}: did not end within {timeout:g} s of SIGTERM\n"
                           + self.output()[-2000:]) from None

    def kill(self):
        """SIGKILL: the crash that tests ask for."""
        self.signal(signal.SIGKILL)
        return self._popen.wait(5)
