#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""`adit-server check`: what a VPS lacks is named in its hop with the line that mends it, and nothing else is red."""
import json
from ipaddress import ip_address

import tap
from errors import LabError
from pcp import Peer
from process import until
from story import Server, embed

DRAWING = """
internet -- vps
internet -- nas:home
"""


class Site:
    """A server that a device has reached."""

    def __init__(self, lab):
        self.vps, self.internet = lab["vps"], lab["internet"]
        self.server = Server(self.vps, self.vps.prefix).start()
        self.peer = Peer(self.server, lab["nas"], "nas")
        self.red(None)

    def check(self):
        said = self.vps.run("adit-server", "check", "--json", check=False)
        if not said.stdout:
            raise LabError(f"check: status {said.code}: {said.stderr}")
        report = json.loads(said.stdout)
        assert (said.code == 0) == (report["broken"] is None), said
        return said.code, [f for f in report["findings"] if f["verdict"] == "broken"]

    def red(self, hop, remedy=""):
        """What is broken, once that is `hop` and nothing else; None: once nothing is."""
        def look():
            code, red = self.check()
            self.last = red
            return ({f["hop"] for f in red} == ({hop} if hop else set())
                    and all(remedy in f["remedy"] for f in red) and (code == 0 or code >= 10))
        try:
            until(look, 10, f"{hop or 'nothing'} to be red")
        except LabError as e:
            raise LabError(f"{e}: {self.last}") from e
        return self.last[0] if hop else None

    def mends(self, hop, remedy):
        """The remedy, run as it stands, mends it."""
        red = self.red(hop, remedy)
        self.vps.sh(red["remedy"])
        self.red(None)

    def freeze(self, path, value):
        """A setting that the daemon cannot put back, as in a container whose /proc/sys may not be written."""
        self.vps.sh("mount --bind /proc/sys /proc/sys; mount -o remount,bind,ro /proc/sys")
        self.vps.sysctl(path, value)

    def thaw(self):
        self.vps.run("umount", "/proc/sys")


def test_settings(lab):
    """settings of the kernel that the daemon could not set: each in its hop, and its line mends it"""
    s = Site(lab)
    for path, value, hop, line in (
            ("net.ipv4.ip_forward", 0, "forwarding", "sysctl -w net.ipv4.ip_forward=1"),
            ("net.ipv6.conf.all.forwarding", 0, "forwarding", "sysctl -w net.ipv6.conf.all.forwarding=1"),
            ("net.ipv6.conf.eth0.accept_ra", 1, "accept-ra", "sysctl -w net.ipv6.conf.eth0.accept_ra=2"),
            ("net.ipv6.conf.eth0.proxy_ndp", 0, "ndp", "sysctl -w net.ipv6.conf.eth0.proxy_ndp=1"),
            ("net.ipv6.neigh.eth0.proxy_delay", 80, "kernel", "sysctl -w net/ipv6/neigh/eth0/proxy_delay=0")):
        s.freeze(path, value)
        if hop == "ndp":  # without it the prefix does not arrive, either
            until(lambda: {f["hop"] for f in s.check()[1]} >= {"ndp"}, 10, "proxy_ndp to be missed")
            s.thaw()
            s.vps.sh(line)
            s.red(None)
            continue
        red = s.red(hop, line)
        s.thaw()
        s.vps.sh(red["remedy"])
        s.red(None)


def test_network(lab):
    """WAN and prefix: an address or a way that is gone, neighbour discovery that gets no answer"""
    s = Site(lab)
    s.vps.add_address("11.1.9.9/32", "eth0")
    s.server.admin("subnet", "set-wan", s.server.network, "11.1.9.9")
    s.red(None)
    s.vps.run("ip", "address", "del", "11.1.9.9/32", "dev", "eth0")
    s.mends("wan", "ip address add 11.1.9.9 dev eth0")
    way = s.vps.sh("ip -6 route show default").stdout.split("\n")[0]
    s.vps.run("ip", "-6", "route", "del", "default")
    s.red("wan", "ip -6 route add default")
    s.vps.run("ip", "-6", "route", "add", *way.split())
    s.red(None)
    own = int(ip_address(embed(s.vps.prefix, "10.59.0.1")))
    s.vps.nft("table inet planted { chain c { type filter hook prerouting priority -400; "
              f"icmpv6 type nd-neighbor-solicit @th,64,128 {own:#x} drop; }}; }}\n")
    s.internet.sh("ip -6 neigh flush all")
    s.red("prefix", "ask the provider")
    s.vps.run("nft", "delete", "table", "inet", "planted")
    s.red(None)


@tap.drawing(DRAWING.replace("vps", "vps(routed)"))
def test_routed(lab):
    """a prefix that its provider does not route here any more"""
    s = Site(lab)
    s.internet.run("ip", "-6", "route", "del", s.vps.prefix)
    s.red("prefix", "have the provider route it")
    s.internet.run("ip", "-6", "route", "add", s.vps.prefix, "via", s.vps.v6)
    s.red(None)


def test_machine(lab):
    """the daemon, its settings, other firewalls, files and clock"""
    s = Site(lab)
    s.vps.nft("table inet filter { chain forward { type filter hook forward priority 0; policy drop; }; }\n")
    red = s.red("firewall", "nft insert rule inet filter forward iifname adit0 accept")
    s.vps.sh(red["remedy"])
    s.red(None)
    s.vps.run("prlimit", "--pid", s.vps.sh("pgrep -x adit-server").stdout.split()[0], "--nofile=28:")
    s.red("files", "LimitNOFILE")
    s.vps.run("prlimit", "--pid", s.vps.sh("pgrep -x adit-server").stdout.split()[0], "--nofile=1024:")
    s.red(None)
    s.vps.run("touch", "-d", "+1 day", "/var/lib/adit-server/server.db")
    s.red("clock", "timedatectl set-ntp true")
    s.vps.run("touch", "/var/lib/adit-server/server.db")
    s.vps.write("/etc/adit/server.conf", "[Ports]\nNoSuch = 1\n")
    red = s.red("settings", "/etc/adit/server.conf")
    assert "server.conf:2:" in red["what"], red
    s.vps.run("rm", "/etc/adit/server.conf")
    s.server.admin("down")
    s.red("daemon", "systemctl restart adit-server")
    s.server.process.stop()
    s.red("daemon", "systemctl start adit-server")


def test_new(lab):
    """a blank machine, and a device that nobody has heard yet"""
    vps = lab["vps"]
    server = Server(vps, vps.prefix).run()
    said = vps.run("adit-server", "check", check=False)
    assert said.code == 11 and "adit-server setup" in said.stdout, said
    server.setup()
    said = vps.run("adit-server", "check")
    assert "not tested" in said.stdout and "adit-server device add" in said.stdout, said
    server.device("nas")
    said = vps.run("adit-server", "check", check=False)
    assert said.code == 19 and "security group" in said.stdout, said


if __name__ == "__main__":
    tap.main(globals())
