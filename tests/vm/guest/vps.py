# SPDX-License-Identifier: GPL-2.0-or-later
"""The real adit-server in a namespace of the guest, a visitor behind it, and this machine before it.

    this machine 192.0.2.2 -- 192.0.2.1 vps 203.0.113.1 -- 203.0.113.9 visitor
"""

import os
import shutil
import subprocess

from gateway import seconds, settled
from tap import sh, works

WAN = "203.0.113.1"
OUTSIDE = {"4": "203.0.113.9", "6": "2001:db8:113::9"}  # the visitor, as this machine sees it
PREFIX = "2001:db8:59::/64"
BUS = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>system</type><listen>unix:path={path}</listen><auth>EXTERNAL</auth>
<policy context="default"><allow user="*"/><allow own="*"/><allow send_destination="*" eavesdrop="true"/>
<allow eavesdrop="true"/></policy>
</busconfig>
"""
LINKS = """
netns add {0}
netns add {0}-visitor
link add up0 type veth peer name lan0 netns {0}
-n {0} link add wan0 type veth peer name eth0 netns {0}-visitor
address add 192.0.2.2/24 dev up0
address add 2001:db8:2::2/64 dev up0 nodad
link set up0 up
-n {0} link set lo up
-n {0} address add 192.0.2.1/24 dev lan0
-n {0} address add 2001:db8:2::1/64 dev lan0 nodad
-n {0} link set lan0 up
-n {0} address add 203.0.113.1/24 dev wan0
-n {0} address add 2001:db8:113::1/64 dev wan0 nodad
-n {0} link set wan0 up
-n {0}-visitor link set lo up
-n {0}-visitor address add 203.0.113.9/24 dev eth0
-n {0}-visitor address add 2001:db8:113::9/64 dev eth0 nodad
-n {0}-visitor link set eth0 up
-n {0} route add default via 203.0.113.9
-n {0} -6 route add default via 2001:db8:113::9
-n {0}-visitor -6 route add 2001:db8:59::/64 via 2001:db8:113::1
-n {0}-visitor -6 route add 2001:db8:2::/64 via 2001:db8:113::1
-n {0}-visitor route add 192.0.2.0/24 via 203.0.113.1
route add default via 192.0.2.1 dev up0
-6 route add default via 2001:db8:2::1 dev up0
"""


class Vps:
    """Everything that is not this machine; gone again at the end."""

    def __init__(self, name="vps"):
        self.name = name
        self.folder = f"/run/adit-{name}"
        self.near = "up0"
        self.processes = []
        self.env = dict(os.environ, DBUS_SYSTEM_BUS_ADDRESS=f"unix:path={self.folder}/bus",
                        ADIT_CONFIG_DIR=self.folder + "/etc", ADIT_STATE_DIR=self.folder + "/var",
                        ADIT_RUNTIME_DIR=self.folder + "/run")

    def argv(self, *words, where=""):
        """A command in the namespace of the server or, "-visitor", of the visitor."""
        return ["ip", "netns", "exec", self.name + where, *words]

    def __enter__(self):
        try:
            return self._begin()
        except BaseException:
            self.__exit__()
            raise

    def _begin(self):
        for folder in ("etc", "var", "run"):
            os.makedirs(os.path.join(self.folder, folder), exist_ok=True)
        for line in LINKS.format(self.name).strip().splitlines():
            sh("ip", *line.split())
        seconds(lambda: "fe80" in settled(self.near) and "tentative" not in settled(self.near))
        config = self.folder + "/bus.conf"
        with open(config, "w", encoding="utf-8") as file:
            file.write(BUS.format(path=self.folder + "/bus"))
        self.spawn("dbus-daemon", "--nofork", "--nosyslog", "--print-address",
                   "--config-file=" + config, word="unix:path=")
        self.spawn("adit-server", "run", word="ready")
        self.admin("setup", "--endpoint", WAN, "--wan", "wan0", "--subnet", "10.59.0.0/24", "--ipv6", PREFIX)
        self.spawn("/usr/libexec/adit/adit-redirect", word="listening")
        return self

    def spawn(self, *words, word):
        """A program that is there once it has said so."""
        process = subprocess.Popen(self.argv(*words), env=self.env, stdout=subprocess.PIPE,
                                   stderr=subprocess.STDOUT, text=True)
        self.processes.append(process)
        said = []
        for line in process.stdout:
            said.append(line)
            if word in line:
                return
        raise RuntimeError(f"{words[0]} ended: {''.join(said)}")

    def admin(self, *words):
        """adit-server's own command line; 5 is "try again", which a machine that still boots may say."""
        for last in (False, False, True):
            done = subprocess.run(self.argv("adit-server", *words), env=self.env, check=False,
                                  stdout=subprocess.PIPE, text=True, timeout=60)
            if done.returncode != 5 or last:
                break
        done.check_returncode()
        return done.stdout

    def device(self, name):
        """The profile of a new device."""
        return self.admin("device", "add", name)

    def fetch(self, url, *more):
        """What the visitor is told at an address."""
        return subprocess.run(self.argv("curl", "-gsk", "-m", "3", *more, url, where="-visitor"),
                              stdout=subprocess.PIPE, text=True, check=False).stdout

    def __exit__(self, *_):
        for process in reversed(self.processes):
            process.kill()
            process.wait()
        works("ip", "link", "delete", self.near)
        for suffix in ("", "-visitor"):
            works("ip", "netns", "delete", self.name + suffix)
        shutil.rmtree(self.folder, ignore_errors=True)
