# SPDX-License-Identifier: GPL-2.0-or-later
"""Asking NetworkManager as a user would, by nmcli."""

import os
import subprocess
import tempfile

from tap import sh


def import_file(kind, name, text):
    """nmcli connection import: its exit status and what it said."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        result = subprocess.run(["nmcli", "connection", "import", "type", kind, "file", path],
                                stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True,
                                timeout=60, check=False)
    return result.returncode, result.stdout.strip()


def get(connection, field):
    """One field of a connection."""
    return sh("nmcli", "--get-values", field, "connection", "show", connection)


def active(connection):
    """Whether NetworkManager calls it activated."""
    return get(connection, "GENERAL.STATE") == "activated"
