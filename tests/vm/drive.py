# SPDX-License-Identifier: GPL-2.0-or-later
"""The drive that a guest mounts on /srv/adit: the tests, the programs of tests, the packages, the order of the day."""

import glob
import json
import os
import shutil

import roots


def make(work, wanted, bins=()):
    """The image of it, in a folder that is gone after the boot; `wanted` is what guest/scenarios reads."""
    tree = os.path.join(work, "tree")
    shutil.copytree(os.path.join(roots.TOP, "tests"), os.path.join(tree, "tests"),
                    ignore=shutil.ignore_patterns("__pycache__", "unit", "fuzz"), symlinks=True)
    # the interfaces and the README, for scenarios that hold us to them
    for path in glob.glob("*/org.adit.*.xml", root_dir=roots.TOP) + ["README.md"]:
        os.makedirs(os.path.dirname(os.path.join(tree, path)), exist_ok=True)
        shutil.copy(os.path.join(roots.TOP, path), os.path.join(tree, path))
    os.makedirs(os.path.join(tree, "bin"))
    for folder in bins:
        for entry in sorted(os.listdir(folder)):
            source = os.path.join(folder, entry)
            if os.path.isfile(source) and os.access(source, os.X_OK):
                shutil.copy(source, os.path.join(tree, "bin"))
    # what the layer was made of, for a scenario that upgrades
    for deb in glob.glob(os.path.join(roots.out_dir(), "packages", "*.deb")):
        os.makedirs(os.path.join(tree, "packages"), exist_ok=True)
        shutil.copy(deb, os.path.join(tree, "packages"))
    with open(os.path.join(tree, "wanted.json"), "w", encoding="utf-8") as file:
        settings = [f"ADIT_FULL={os.environ['ADIT_FULL']}"] if "ADIT_FULL" in os.environ else []
        json.dump({"logs": False, "settings": settings, "top": roots.TOP} | wanted, file)
    image = os.path.join(work, "tests.sqfs")
    roots.squash(tree, image)
    return image
