# SPDX-License-Identifier: GPL-2.0-or-later
"""The real NetworkManager of a machine: its settings and its bus. Links of WireGuard it makes only
where the kernel has WireGuard; those are for the virtual machines."""
import json
import os
import re
import sys

from errors import Skip
from lab import SOURCE
from process import until

sys.path.append(os.path.join(SOURCE, "tests/vm/guest"))
import nmdbus  # noqa: E402  pylint: disable=wrong-import-position

_CONF = """[main]
plugins=keyfile
auth-polkit=false
dns=none
rc-manager=unmanaged
no-auto-default=*
[keyfile]
unmanaged-devices=interface-name:eth*
"""
KEPT = "/etc/NetworkManager/system-connections"


def _program(lab, path):
    """Installed, or unpacked by ./dev beside the build: installing it would take over the host's links."""
    places = [path] + ([f"{lab.build}/NetworkManager{path}"] if lab.build else [])
    found = next((p for p in places if os.access(p, os.X_OK)), None)
    if not found:
        raise Skip("NetworkManager is neither installed nor unpacked by ./dev")
    return found


class NetworkManager:
    """One without connections."""

    def __init__(self, machine):
        self.machine, self._nmcli = machine, _program(machine.lab, "/usr/bin/nmcli")
        self._program = _program(machine.lab, "/usr/sbin/NetworkManager")
        machine.bus()
        machine.write("/etc/NetworkManager/NetworkManager.conf", _CONF)
        machine.sh(f"mkdir -p /run/NetworkManager /var/lib/NetworkManager {KEPT}; rm -f {KEPT}/*")
        self.start()

    def start(self):
        """Also once more, with the connections that it has."""
        self.process = self.machine.spawn(self._program, "--no-daemon", name="NetworkManager")
        until(lambda: self.cli("general", check=False).ok, 20, "NetworkManager")

    def cli(self, *words, **kw):
        return self.machine.run(self._nmcli, *words, **kw)

    def bring(self, path):
        return self.cli("connection", "import", "type", "wireguard", "file", path)

    def get(self, name, field):
        return self.cli("--get-values", field, "connection", "show", name).stdout.strip()

    def names(self):
        return self.cli("--get-values", "NAME", "connection", "show").stdout.split()

    def keyfile(self, name):
        return self.machine.read(f"{KEPT}/{name}.nmconnection")

    def preshared(self, name):
        """The preshared key in its file, or None."""
        found = re.search(r"^preshared-key=(\S+)$", self.keyfile(name), re.MULTILINE)
        return found and found[1]

    def _call(self, name, method, *words):
        rows = self.cli("--terse", "--fields", "NAME,DBUS-PATH", "connection", "show").stdout.splitlines()
        path = next(row.rpartition(":")[2] for row in rows if row.startswith(name + ":"))
        text = self.machine.run("busctl", "--json=short", "--", "call", nmdbus.SERVICE, path, nmdbus.CONNECTION,
                                method, *words).stdout.strip()
        return json.loads(text)["data"][0] if text else None

    def edit(self, name, private, psk=None, flags=0):
        """What editors do: Update2 with these secrets."""
        wanted = nmdbus.newer(self._call(name, "GetSettings"))
        self._call(name, "Update2", *nmdbus.update_words(nmdbus.with_secrets(wanted, private, psk, flags)))
