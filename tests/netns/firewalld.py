# SPDX-License-Identifier: GPL-2.0-or-later
"""The real firewalld of a machine, on the machine's own bus."""
import os

from errors import Skip
from process import until


def _place(lab):
    """Installed, or unpacked by ./dev beside the build: installed it would close the host."""
    for place in ("", f"{lab.build}/firewalld"):
        if os.access(f"{place}/usr/sbin/firewalld", os.X_OK):
            return place
    raise Skip("firewalld is neither installed nor unpacked by ./dev")


class Firewalld:
    """As it is shipped: the zone public, which lets in ssh and DHCPv6."""

    def __init__(self, machine):
        self.machine, self._place = machine, _place(machine.lab)
        self.path = f"{self._place}/usr/bin:{self._place}/usr/sbin"  # of firewall-cmd
        machine.bus()
        if self._place:
            machine.sh(f"cp -r {self._place}/etc/firewalld /etc/")
        self.start()

    def start(self):
        self.process = self.machine.spawn(f"{self._place}/usr/sbin/firewalld", "--nofork", "--nopid",
                                          "--default-config", f"{self._place}/usr/lib/firewalld")
        until(lambda: self.cmd("--state", check=False).stdout == "running\n", 30, "firewalld")

    def stop(self):
        """As systemd does: what it has made in the kernel goes with it."""
        self.process.stop()

    def cmd(self, *words, **kw):
        return self.machine.run(f"{self._place}/usr/bin/firewall-cmd", *words, timeout=30, **kw)
