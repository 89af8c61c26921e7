# SPDX-License-Identifier: GPL-2.0-or-later
"""Our packages, as the drive has them, for scenarios that take them away or put them back."""

import glob
import os

from tap import sh

PACKAGES = sorted(glob.glob("/srv/adit/packages/*.deb"))


def names():
    """What dpkg calls them."""
    return [os.path.basename(path).split("_")[0] for path in PACKAGES]


def dpkg(*argv):
    """dpkg that asks nobody."""
    return sh("env", "DEBIAN_FRONTEND=noninteractive", "dpkg", "--force-confold", *argv, seconds=240)
