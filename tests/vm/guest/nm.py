# SPDX-License-Identifier: GPL-2.0-or-later
"""Asking NetworkManager as a user would, by nmcli, and as a program would, by D-Bus."""

import json
import os
import subprocess
import tempfile

import nmdbus
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


def path(connection):
    """Its object on the bus."""
    rows = sh("nmcli", "--terse", "--fields", "NAME,DBUS-PATH", "connection", "show").splitlines()
    return next(row.rpartition(":")[2] for row in rows if row.startswith(connection + ":"))


def call(connection, method, *words):
    """A method of a connection; its answer as busctl's JSON has it."""
    text = sh("busctl", "--json=short", "--", "call", nmdbus.SERVICE, path(connection),
              nmdbus.CONNECTION, method, *words)
    return json.loads(text)["data"][0] if text else None


def update(connection, wanted):
    """What editors do: Update2 with these settings, to disk."""
    call(connection, "Update2", *nmdbus.update_words(wanted))


def with_secrets(connection, private, psk=None, flags=0):
    """Its settings with a private key, and a preshared key for its one peer."""
    return nmdbus.with_secrets(nmdbus.newer(call(connection, "GetSettings")), private, psk, flags)


def keyfile(connection):
    """What NetworkManager has on disk."""
    with open(f"/etc/NetworkManager/system-connections/{connection}.nmconnection", encoding="utf-8") as file:
        return file.read()
