# SPDX-License-Identifier: GPL-2.0-or-later
"""A test file is functions test_*(lab); this runs them and prints TAP.

    DRAWING = "visitor -- internet -- vps"

    def test_reach(lab):
        '''the visitor reaches the vps'''      the docstring is the title
        assert lab["visitor"].ping(lab["vps"].v4)

    if __name__ == "__main__":
        tap.main(globals())

Each test gets a fresh lab of DRAWING, or of its own @tap.drawing("..."); one without a parameter
gets none. @tap.deadline(S) changes the 60 s. Arguments of the file choose tests by name.
A failure keeps logs, captures and the machines' state under $ADIT_TEST_LOGS/FILE/TEST.
"""
import inspect
import os
import re
import shutil
import signal
import sys
import time
import traceback

from errors import LabError, Skip
from lab import SOURCE, Lab
from process import PATIENCE

# Of AddressSanitizer and its family, and of valgrind, which says nothing when all is well.
_SANITIZER = re.compile(r"ERROR: (Address|Leak)Sanitizer|: runtime error:|^==\d+== ", re.M)


class Deadline(BaseException):
    """Past the test's time; no Exception, so that no test swallows it."""


def drawing(text):
    """Another drawing than the file's for this test."""
    def mark(function):
        function.drawing = text
        return function
    return mark


def deadline(seconds):
    """Another deadline than 60 s for this test."""
    def mark(function):
        function.deadline = seconds
        return function
    return mark


def _diagnose(text):
    for row in text.rstrip("\n").split("\n"):
        print("# " + row)


def _logs(title, name):
    root = os.environ.get("ADIT_TEST_LOGS") or os.path.join(
        os.environ.get("ADIT_BUILD") or os.path.join(SOURCE, "build"), "test-logs")
    return os.path.join(root, title, name)


def _tails(folder):
    """The end of every program's log, and the machines' states by name only."""
    for name in sorted(os.listdir(folder)):
        if name.endswith(".log"):
            with open(os.path.join(folder, name), encoding="utf-8", errors="replace") as f:
                rows = f.read().splitlines()[-20:]
            if rows:
                _diagnose(f"--- {name}\n" + "\n".join(rows))
    _diagnose(f"kept in {folder}: " + " ".join(sorted(os.listdir(folder))))


def _sanitizers(lab):
    for machine in lab.machines.values():
        for process in machine.processes:
            text = process.output()
            if _SANITIZER.search(text):
                raise LabError(f"{process!r}: the sanitizer complains:\n{text[-4000:]}")


def _with_lab(function, text, logs):
    with Lab(text) as lab:
        try:
            function(lab)
            lab.end()
            _sanitizers(lab)
        except Skip:
            raise
        except BaseException:
            signal.setitimer(signal.ITIMER_REAL, 20)  # for the keeping of the logs
            lab.save(logs)
            raise


def _alarm(*_):
    raise Deadline


def _run(function, text, title):
    """None when it passed; a Skip, or the exception it failed by."""
    logs = _logs(title, function.__name__)
    shutil.rmtree(logs, ignore_errors=True)
    seconds = getattr(function, "deadline", 60) * PATIENCE
    signal.setitimer(signal.ITIMER_REAL, seconds)
    try:
        if inspect.signature(function).parameters:
            _with_lab(function, getattr(function, "drawing", text), logs)
        else:
            function()
    except Skip as e:
        return e
    except Deadline:
        _diagnose(f"not done within {seconds:g} s\n" + traceback.format_exc())
        return LabError(f"not done within {seconds:g} s")
    except Exception as e:  # pylint: disable=broad-except
        _diagnose(traceback.format_exc())
        return e
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    return None


def _may_skip():
    required = os.environ.get("ADIT_TESTS_REQUIRE", "").replace(",", " ").split()
    return not {"all", "netns"} & set(required)


def _report(number, function, failed, begin, title):
    name = (function.__doc__ or function.__name__).strip().split("\n")[0]
    if isinstance(failed, Skip):
        if _may_skip():
            print(f"ok {number} - {name} # SKIP {failed}", flush=True)
            return True
        _diagnose(f"skipped, and ADIT_TESTS_REQUIRE forbids that: {failed}")
    logs = _logs(title, function.__name__)
    if failed is not None and os.path.isdir(logs):
        _tails(logs)
    print(f"{'not ok' if failed else 'ok'} {number} - {name}", flush=True)
    print(f"# {time.monotonic() - begin:.2f} s", flush=True)
    return not failed


def _stop(number, _):
    raise SystemExit(128 + number)


def main(scope):
    """Run the tests of a module's globals() and exit."""
    title = os.path.splitext(os.path.basename(scope["__file__"]))[0]
    tests = [f for name, f in scope.items() if name.startswith("test_") and inspect.isfunction(f)]
    if len(sys.argv) > 1:
        tests = [f for f in tests if any(word in f.__name__ for word in sys.argv[1:])]
    if os.geteuid() != 0 and _may_skip():
        print("1..0 # SKIP the lab needs root")
        sys.exit(0)
    signal.signal(signal.SIGALRM, _alarm)
    signal.signal(signal.SIGTERM, _stop)  # so that `with` gets its end
    signal.signal(signal.SIGINT, _stop)
    print(f"1..{len(tests)}", flush=True)
    good = True
    for number, function in enumerate(tests, 1):
        begin = time.monotonic()
        failed = _run(function, scope.get("DRAWING"), title)
        good = _report(number, function, failed, begin, title) and good
    sys.stdout.flush()
    os._exit(0 if good else 1)  # service threads may still sit in the kernel
