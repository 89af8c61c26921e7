#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""./dev where it cannot work: one clear sentence, and nothing built."""
import contextlib
import os
import shutil
import subprocess
import tempfile

import tap

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))
NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups")


@contextlib.contextmanager
def script():
    """The script alone, in a folder that everybody can read."""
    with tempfile.TemporaryDirectory() as folder:
        os.chmod(folder, 0o755)
        yield shutil.copy(os.path.join(TOP, "dev"), folder)


def refuses(argv, *words, env=None):
    """It fails, its last line begins with its name and has these words, and it has built nothing."""
    done = subprocess.run(argv, capture_output=True, text=True, timeout=60, check=False,
                          env={**os.environ, **(env or {})})
    said = done.stderr.strip().splitlines()
    assert done.returncode == 1 and said, (done.returncode, done.stdout, done.stderr)
    assert said[-1].startswith("dev: "), said
    for word in words:
        assert word in said[-1], f"{word}: not in {said[-1]}"


def test_no_root():
    """without root: what needs it, and the command to type"""
    with script() as dev:
        for command in ("demo", "bench", "leaks"):
            refuses([*NOBODY, dev, command], f"{command}: needs root", f"run 'sudo ./dev {command}'")


def test_missing_packages():
    """without root and packages: which, and the command that installs them"""
    with script() as dev:
        tools = os.path.join(os.path.dirname(dev), "tools")
        os.mkdir(tools)
        with open(f"{tools}/dpkg-query", "w", encoding="utf-8") as file:
            os.fchmod(file.fileno(), 0o755)
            file.write("#!/bin/sh\nexit 1\n")
        refuses([*NOBODY, dev, "build"], "missing packages: gcc clang meson", "run 'sudo ./dev install'",
                env={"PATH": f"{tools}:{os.environ['PATH']}"})


def test_wrong_distribution():
    """on another distribution: its name, and what to do by hand"""
    with script() as dev:
        release = os.path.join(os.path.dirname(dev), "os-release")
        for text, words in (('ID=fedora\nVERSION_ID=41\nPRETTY_NAME="Fedora Linux 41"\n', "Fedora Linux 41: not Debian"),
                            ("ID=debian\nVERSION_ID=11\n", "not Debian 12 or 13")):
            with open(release, "w", encoding="utf-8") as file:
                file.write(text)
            refuses(["unshare", "--mount", "sh", "-c", f"mount --bind {release} /etc/os-release && exec {dev} build"],
                    words, "use meson")


def test_no_namespaces():
    """where no namespace can be made, and without /dev/net/tun"""
    with script() as dev:
        refuses(["setpriv", "--bounding-set=-sys_admin", "--inh-caps=-sys_admin", dev, "demo"],
                "network namespaces: not to be had here: unshare")
        refuses(["unshare", "--mount", "sh", "-c", f"mount -t tmpfs none /dev/net && exec {dev} demo"],
                "/dev/net/tun: missing", "modprobe tun")


def test_unknown_words():
    """an unknown command, suite or target: what there is"""
    with script() as dev:
        refuses([dev, "tset"], "tset: no such command: see ./dev help")
        refuses([dev, "test", "unit", "nets"], "test: nets: no such suite: one of lint unit fuzz")
        assert not os.path.exists(os.path.join(os.path.dirname(dev), "build"))


def test_help():
    """help names every command of the script"""
    with script() as dev:
        said = subprocess.run([dev, "help"], capture_output=True, text=True, check=True).stdout
    for command in ("demo", "test", "build", "bench", "leaks", "fuzz", "lint", "analyse", "package"):
        assert f"./dev {command}" in said, command


if __name__ == "__main__":
    tap.main(globals())
