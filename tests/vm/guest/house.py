# SPDX-License-Identifier: GPL-2.0-or-later
"""This machine as the home of a lab: the Internet, a carrier's NAT and a VPS are namespaces, home is the machine
itself, with its systemd, its network managers and the installed packages.

The lab draws a stand-in for home; its link is moved to the machine and its addresses are given again here.
"""

import contextlib
import os
import subprocess
import sys

sys.path.append(os.path.join(os.environ["ADIT_TESTS"], "netns"))  # behind our own tap.py
# pylint: disable=wrong-import-position,import-error
from lab import Lab
from machine import Machine
from process import until

from tap import output, sh, works

BUILD = "/run/adit-build"
PROGRAMS = ["/usr/sbin/adit-server", "/usr/libexec/adit/adit-redirect"]
UPLINK = "home0"


class Root(Machine):
    """The machine itself, as the tests of the lab know a machine."""

    def __init__(self, stand_in):  # pylint: disable=super-init-not-called
        self.lab, self.host, self.name = stand_in.lab, stand_in.host, "home"
        self.v4, self.v6, self.public_v4 = stand_in.v4, stand_in.v6, None
        self.gateway_v4, self.gateway_v6 = stand_in.gateway_v4, stand_in.gateway_v6
        self.processes, self._closing, self._bus = [], [], None

    def popen(self, argv, env=None, **kw):
        """As of a lab's machine, in no namespace but ours."""
        return subprocess.Popen(argv, env=env and {**os.environ, **env}, start_new_session=True, **kw)

    @contextlib.contextmanager
    def inside(self):
        """We are."""
        yield self

    def open(self, path, flags=os.O_RDONLY, mode=0o644):
        """A file of the machine."""
        return os.open(path, flags | os.O_CLOEXEC, mode)

    def close(self):
        """It goes on."""
        for closable in self._closing:
            closable.close()


def programs():
    """Give the lab the installed programs where it looks for a build's."""
    os.makedirs(BUILD + "/bin", exist_ok=True)
    for path in PROGRAMS:
        link = os.path.join(BUILD, "bin", os.path.basename(path))
        if not os.path.lexists(link):
            os.symlink(path, link)


def settled():
    """Whether the uplink's IPv6 address is good, and its routes with it."""
    text = output("ip", "-6", "address", "show", "dev", UPLINK)
    routes = output("ip", "-6", "route", "show", "table", "local", "dev", UPLINK)
    return "fe80" in text and "tentative" not in text and "local fe80" in routes


class House:
    """A lab whose `home` is this machine; gone, with the uplink, at the end of `with`."""

    def __init__(self, drawing):
        sh("modprobe", "-a", "wireguard", "veth", "tun", "nf_tables", "nf_conntrack")
        programs()
        self.lab = Lab(drawing, BUILD)
        self.home = Root(self.lab["home"])

    def __enter__(self):
        stand_in, home = self.lab["home"], self.home
        sh("nsenter", "-t", str(stand_in.pid), "-n", "ip", "link", "set", "eth0", "name", UPLINK, "netns", str(os.getpid()))
        sh("sysctl", "-qw", "net.ipv4.ping_group_range=0 2147483647")
        sh("ip", "address", "add", f"{home.v4}/24", "dev", UPLINK)
        if home.v6:
            sh("ip", "address", "add", f"{home.v6}/64", "dev", UPLINK, "nodad")
        sh("ip", "link", "set", UPLINK, "up")
        sh("ip", "route", "add", "default", "via", home.gateway_v4, "dev", UPLINK)
        if home.gateway_v6:
            until(lambda: works("ip", "route", "add", "default", "via", home.gateway_v6, "dev", UPLINK), 20, "IPv6")
        until(lambda: home.ping(home.gateway_v4, timeout=1), 20, "the uplink")
        until(settled, 20, "its link-local address")
        return self

    def __exit__(self, *_):
        self.home.close()
        works("ip", "link", "delete", UPLINK)
        self.lab.close()
