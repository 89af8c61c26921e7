#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""`adit doctor`: every fault of the table is found in its hop with its remedy, and nothing else is red."""
import os
import time

import faults
import faults_here  # noqa: F401
import faults_server  # noqa: F401
import faults_way  # noqa: F401
import tap
from doctorsite import Site

# The rows of the three stand in the page in the order in which they are imported.

DRAWING = """
visitor -- internet -- vps
internet -- cgnat(v6) -- home -- lan
"""


def plant(lab, group):
    """Each fault of a group, one after the other."""
    chosen = os.environ.get("ADIT_FAULTS", "").split()
    site = Site(lab)
    for row in faults.ROWS:
        if row.group != group or (chosen and row.function.__name__ not in chosen):
            continue
        begin = time.monotonic()
        faults.run(site, row)
        print(f"# {time.monotonic() - begin:.1f} s: {row.title}", flush=True)
    assert site.doctor.slowest < 5, f"doctor took {site.doctor.slowest:.1f} s"


def test_here(lab):
    """every fault of this machine and of the server is named by its hop and its remedy, in less than 5 s"""
    plant(lab, "here")


def test_way(lab):
    """every fault of the way to the server is, too"""
    plant(lab, "way")


test_here.deadline = test_way.deadline = 200


def test_page():
    """docs/doctor.md has a row for each fault, and it and adit(1) have every hop with its exit code"""
    if os.environ.get("ADIT_DOCTOR_PAGE"):
        faults.publish(os.environ["ADIT_DOCTOR_PAGE"])
    faults.check_page()


if __name__ == "__main__":
    tap.main(globals())
