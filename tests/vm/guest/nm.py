# SPDX-License-Identifier: GPL-2.0-or-later
"""Asking NetworkManager as a user would, by nmcli, and as a program would, by D-Bus."""

import json
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


_SERVICE = "org.freedesktop.NetworkManager"
_CONNECTION = _SERVICE + ".Settings.Connection"


def path(connection):
    """Its object on the bus."""
    rows = sh("nmcli", "--terse", "--fields", "NAME,DBUS-PATH", "connection", "show").splitlines()
    return next(row.rpartition(":")[2] for row in rows if row.startswith(connection + ":"))


def call(connection, method, *words):
    """A method of a connection; its answer as busctl's JSON has it."""
    text = sh("busctl", "--json=short", "--", "call", _SERVICE, path(connection), _CONNECTION, method, *words)
    return json.loads(text)["data"][0] if text else None


def _words(kind, data):
    """A value of busctl's JSON as busctl's arguments."""
    if kind == "v":
        return [data["type"], *_words(data["type"], data["data"])]
    if kind.startswith("a{"):
        return [str(len(data)), *(w for k, v in data.items() for w in [k, *_words(kind[3:-1], v)])]
    if kind[0] == "a":
        return [str(len(data)), *(w for v in data for w in _words(kind[1:], v))]
    if kind == "b":
        return ["true" if data else "false"]
    return [str(data)]


def settings(connection):
    """All settings of a connection but its secrets, and what says the same in an older way."""
    wanted = call(connection, "GetSettings")
    for family in ("ipv4", "ipv6"):
        for name in ("addresses", "routes"):
            wanted.get(family, {}).pop(name, None)
    return wanted


def update(connection, wanted):
    """What editors do: Update2 with these settings, to disk."""
    call(connection, "Update2", "a{sa{sv}}ua{sv}", *_words("a{sa{sv}}", wanted), "1", "0")


def with_secrets(connection, private, psk=None, flags=0):
    """Its settings with a private key, and a preshared key for its one peer."""
    wanted = settings(connection)
    wanted["wireguard"]["private-key"] = {"type": "s", "data": private}
    peer = wanted["wireguard"]["peers"]["data"][0]
    if psk:
        peer["preshared-key"] = {"type": "s", "data": psk}
        peer["preshared-key-flags"] = {"type": "u", "data": flags}
    return wanted


def keyfile(connection):
    """What NetworkManager has on disk."""
    with open(f"/etc/NetworkManager/system-connections/{connection}.nmconnection", encoding="utf-8") as file:
        return file.read()
