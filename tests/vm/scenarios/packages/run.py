#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Our packages, as apt installed them: complete, loadable, startable."""

import os

import tap
from tap import output, sh, works

ENABLED = ["adit-guard.service", "adit-server.service", "aditd.service"]
PACKAGES = ["adit", "adit-networkd", "adit-networkmanager", "adit-server", "libadit-pcp0",
            "libadit-pcp-dev"]


def files(package):
    """What a package has put on the machine, folders left out."""
    return [path for path in sh("dpkg", "-L", package).splitlines() if os.path.isfile(path)]


def unloadable(path):
    """The libraries that an object of ours asks for and does not find."""
    with open(path, "rb") as file:
        if file.read(4) != b"\x7fELF":
            return []
    return [line for line in sh("ldd", path).splitlines() if "not found" in line]


def complaints(unit):
    """What systemd says about a unit of ours; of the machine's others it says much, too."""
    lines = output("systemd-analyze", "--man=no", "verify", unit).splitlines()
    return "\n".join(line for line in lines if os.path.basename(unit) in line)


def main():
    """Each package on its own, then dpkg's opinion of all."""
    for package in PACKAGES:
        state = sh("dpkg-query", "--show", "--showformat=${db:Status-Abbrev}", package)
        tap.same(state.strip(), "ii", f"{package} is installed")
        names = files(package)
        brought = [path for path in names if not path.startswith("/usr/share/doc/")]
        tap.ok(brought, f"{package} has something in it")
        tap.same([path for path in names if unloadable(path)], [],
                 f"{package}: its programs find their libraries")
        programs = [path for path in names if "/bin/" in path or "/sbin/" in path]
        tap.same([path for path in programs if not works(path, "--help")], [],
                 f"{package}: its programs start")
        units = [path for path in names if "/systemd/system/" in path and path.endswith(".service")]
        tap.same([complaints(unit) for unit in units], [""] * len(units),
                 f"{package}: its units are valid")
    for unit in ENABLED:
        tap.ok(works("systemctl", "is-enabled", unit), f"{unit} is enabled")
    for unit in ("adit-server.service", "aditd.service"):
        tap.until(lambda name=unit: works("systemctl", "is-active", name), f"{unit} runs")
        tap.ok(works("systemctl", "reload", unit), f"{unit} reloads")
        tap.ok(works("systemctl", "is-active", unit), f"{unit} runs on")
    failed = sh("systemctl", "--failed", "--plain", "--no-legend")
    tap.same([line.split()[0] for line in failed.splitlines()], [], "no unit has failed")
    tap.same(sh("dpkg", "--audit"), "", "dpkg finds nothing half done")
    tap.done()


if __name__ == "__main__":
    main()
