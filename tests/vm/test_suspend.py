#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The home machine sleeps: a virtual machine with Debian, NetworkManager, the kernel's WireGuard and our packages,
behind the carrier's NAT of a lab in which everybody else goes on.

Each prints how long a visitor got no answer after it was awake. Nothing is lost, leaks or is left behind. ADIT_VM_IMAGE
says which Debian. No allowance is made for the emulation.
"""
import json
import os
import socket
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[0] = os.path.join(HERE, "..", "netns")
sys.path.append(HERE)
# pylint: disable=wrong-import-position
import tap
from dhcp import DhcpServer
from outage import Watch, told
from process import until
from sleeper import Sleeper
from story import Server, embed
from test_faults import forget_flows, same

DRAWING = """
visitor -- internet -- vps
internet -- cgnat(v6, fully-random) -- home
"""
IMAGE = os.environ.get("ADIT_VM_IMAGE") or "trixie"
LINK = "house"
ECHO, IDLE = 5000, 5443  # the services of scenarios/ordered
ASLEEP = 60  # seconds at least
STALE = 200  # a session of WireGuard lasts 180
KEEPALIVE = 14 + 20 + 8 + 32  # the length of its frame
# Who sleeps hears nothing, and a tap device would keep for him what came last.
DEAF = 'table inet deaf { chain out { type filter hook postrouting priority 300; oifname "home" drop; }\n}\n'
LIMIT = 30  # the promise where a way was lost
TALK = ["systemd-run", "--quiet", "--unit=talk", "/srv/adit/tests/vm/guest/knock.py", "talk"]


class Site:
    """Server, carrier and visitor of the lab; home is the machine, by nmcli, with an echo published in both families."""

    def __init__(self, lab):
        self.lab, self.vps, self.cgnat, self.visitor = lab, lab["vps"], lab["cgnat"], lab["visitor"]
        self.server = Server(self.vps, self.vps.prefix).start()
        profile = self.server.device(LINK, "10.59.0.2")
        self.gua = embed(self.vps.prefix, "10.59.0.2")
        self.addresses = (self.vps.v4, self.gua)
        self.home = Sleeper(lab, IMAGE)
        self.wire = self.cgnat.capture("home")  # kept when a test fails
        self.lease = DhcpServer(self.cgnat, "home", lab["home"].v4, ["0.0.0.0/0"])
        self._uplink(lab["home"])
        self._control()
        self._enrol(profile)
        self.watch = Watch(self.visitor, self.addresses, ECHO)
        self.watch.back(time.monotonic(), 60, "at first")
        self.idle = [self._connect(address) for address in self.addresses]

    def __enter__(self):
        return self

    def __exit__(self, kind, *_):
        if kind:
            self.home.explain()

    def _uplink(self, stand_in):
        """As an admin sets it up: IPv4 by lease, IPv6 by hand."""
        link = self.home.sh("ls /sys/class/net | grep -v '^lo$'").stdout.strip()
        self.home.run("nmcli", "connection", "add", "type", "ethernet", "con-name", "uplink", "ifname", link, "ipv4.method",
                      "auto", "ipv6.method", "manual", "ipv6.addresses", f"{stand_in.v6}/64", "ipv6.gateway",
                      stand_in.gateway_v6)
        self.home.run("nmcli", "--wait", "60", "connection", "up", "uplink", timeout=70)
        until(lambda: self.home.run("ping", "-c", "1", "-W", "2", self.vps.v4, check=False).ok, 60, "home to reach the vps")

    def _count(self):
        """Count what home sends in the clear, on its wire, whatever its own nftables do: all; by a source of the tunnel;
        to the visitor, whom it has nothing to tell but what is published."""
        self.cgnat.nft('table netdev clear\ndelete table netdev clear\n'
                       'table netdev clear { chain in { type filter hook ingress device "home" priority 0; counter;\n'
                       f"ip saddr {self.server.network} counter; ip6 saddr {self.gua} counter;\n"
                       f"ip daddr {self.visitor.v4} counter; ip6 daddr {self.visitor.v6} counter; }}\n}}\n")

    def _control(self):
        """While nothing of ours is at work each kind is sent, and seen; then the counts begin."""
        self._count()
        four, six = self.visitor.v4, self.visitor.v6
        self.talk(four, six, f"{four}@10.59.0.2", f"{six}@{self.gua}")
        until(lambda: min(self.clear()) > 20, 60, "control: each kind to leave in the clear")
        self.hush()
        self._count()

    def _enrol(self, profile):
        """As a user does who knows nothing of adit."""
        self.home.run("install", "-m", "600", "/dev/stdin", f"/root/{LINK}.conf", input=profile)
        self.home.run("nmcli", "connection", "import", "type", "wireguard", "file", f"/root/{LINK}.conf")
        until(lambda: self.gateway().get("up"), 60, f"{LINK} to be a gateway, and up")
        assert self.gateway()["backend"] == "networkmanager", self.gateway()
        for port in (f"{ECHO}/udp", f"{IDLE}/tcp"):
            self.home.run("adit", "publish", port, timeout=100)
        until(self.all_published, 60, "all to be published")

    def _connect(self, address):
        with self.visitor.inside():
            connection = socket.create_connection((address, IDLE), timeout=20)
        return connection

    def gateway(self):
        """Its row of `adit list`."""
        rows = json.loads(self.home.run("adit", "list", "--json").stdout)
        return next((row for row in rows if row["name"] == LINK), {})

    def all_published(self):
        """Whether each publication is, in both families."""
        rows = json.loads(self.home.run("adit", "published", "--json").stdout)["publications"]
        return len(rows) >= 2 and {row["state"] for row in rows} == {"published"}

    def mappings(self):
        """What the server has open, and for how long still."""
        return sorted(row["key"] for row in json.loads(self.server.admin("mappings", "--json").stdout))

    def kernel(self):
        """What is ours on both machines; without visitors, counters and clocks, which go on."""
        script = ("ip rule; ip -6 rule; for f in -4 -6; do ip $f route show table all proto 173; done; ip -6 neigh show proxy;"
                  "ip -o link | cut -d: -f2; for t in adit adit_server; do nft -s list table inet $t 2>/dev/null || :; done")
        return [machine.sh(script).stdout for machine in (self.home, self.vps)]

    def clear(self):
        """How many left in the clear since the counts began: by the tunnel's IPv4 and IPv6 address, to the visitor's."""
        said = json.loads(self.cgnat.run("nft", "-j", "list", "table", "netdev", "clear").stdout)["nftables"]
        counts = [word["counter"]["packets"] for row in said if "rule" in row for word in row["rule"]["expr"] if "counter" in word]
        assert len(counts) == 5, said
        return counts[1:]

    def forget(self):
        """The carrier knows nothing of home any more."""
        forget_flows(self.cgnat)

    def carry(self):
        """Connections from before still take bytes there and back."""
        for connection in self.idle:
            connection.settimeout(60)
            connection.sendall(b"still there?")
            assert connection.recv(64) == b"still there?"

    def talk(self, *ways):
        """Datagrams of home without end to each way (knock.py)."""
        self.home.run(*TALK, *ways)

    def hush(self):
        """No more of them; how many were offered to each way, in order."""
        self.home.run("systemctl", "stop", "talk")
        said = self.home.run("journalctl", "--unit=talk", "--output=cat").stdout.split("\n")
        return list([json.loads(line) for line in said if line.startswith("{")][-1].values())


class Night:
    """One sleep: how all is before it, the visitor's outage from the waking on, and that all is as it was."""

    def __init__(self, site):
        self.site, self.since = site, None
        site.carry()
        self.before = site.kernel(), site.mappings(), site.clear()

    def fall(self, sleep, meanwhile):
        """Asleep, and something happens to its ways."""
        self.site.cgnat.nft(DEAF)
        sleep()
        self.since = time.monotonic()
        meanwhile()

    def wake(self, what, wake, seconds=ASLEEP):
        """Awake, so many seconds later."""
        site = self.site
        until(lambda: time.monotonic() - self.since > seconds, seconds + 5, "to have slept")
        assert not any(site.watch.share(self.since)), "somebody answered"
        site.cgnat.run("nft", "delete", "table", "inet", "deaf")
        awake = time.monotonic()
        wake()
        outage = site.watch.back(awake, LIMIT + 120, what)
        told(what, site.watch, outage)
        assert max(outage) < LIMIT, outage
        self._compare()

    def _compare(self):
        site, (kernel, mappings, clear) = self.site, self.before
        site.carry()
        until(site.all_published, 60, "all to be published still")
        until(lambda: site.gateway().get("up"), 10, f"{LINK} to be up still")
        assert site.mappings() == mappings, site.mappings()
        same(kernel, site.kernel())
        assert site.clear() == clear, f"in the clear: {clear} before, {site.clear()} after"


@tap.deadline(600)
def test_stopped(lab):
    """stopped by its host for a minute while visitors ask, knowing nothing of it, and forgotten by its carrier: back in time"""
    with Site(lab) as site:
        night = Night(site)
        night.fall(site.home.stop, site.forget)
        night.wake(f"home's virtual machine goes on after {ASLEEP} s, its carrier forgot it", site.home.go_on)


@tap.deadline(600)
def test_stale(lab):
    """stopped while nobody asks, for longer than a session lasts, so that the server takes no word of the old one: told the
    time, as agents of hypervisors do, it begins another, long before its own clock would have it so"""
    with Site(lab) as site:
        # As if nobody had talked for long: what was quickly done is sooner forgotten.
        site.home.run("sysctl", "-w", "net.netfilter.nf_conntrack_udp_timeout_stream=30")
        night = Night(site)
        # A keepalive: for a while there was nothing to say, nor anything to wait for.
        site.watch.rests = True
        site.wire.clear()
        site.wire.wait(lambda packet: len(packet.frame) == KEEPALIVE, timeout=40, out=False)
        night.fall(site.home.stop, site.forget)

        def wake():
            site.watch.rests = False
            site.home.go_on()
            site.home.tell_time()
        night.wake(f"home's virtual machine goes on after {STALE} s and is told the time, its carrier forgot it", wake, STALE)


@tap.deadline(600)
def test_suspended(lab):
    """suspended to memory for a minute, everything sent by the gateway, forgotten by its carrier: back, and nothing in the clear"""
    with Site(lab) as site:
        other = [site.visitor.v4, site.visitor.v6]
        site.talk(*other)
        until(lambda: min(site.clear()[2:]) > 20, 60, "control: nothing is selected, and other traffic leaves in the clear")
        site.hush()
        site.home.run("adit", "default", LINK)
        site.talk(*other)
        night = Night(site)
        night.fall(site.home.suspend, site.forget)
        night.wake(f"home, which sends all by its gateway, wakes after {ASLEEP} s in S3, its carrier forgot it", site.home.wake)
        offered = site.hush()
        print(f"# other traffic: {offered} offered, none in the clear", flush=True)
        assert min(offered) >= 1000, offered


@tap.deadline(600)
def test_suspended_idle(lab):
    """suspended to memory for a minute, nothing but what is published by the gateway: back with the uplink"""
    with Site(lab) as site:
        night = Night(site)
        night.fall(site.home.suspend, site.forget)
        night.wake(f"home wakes after {ASLEEP} s in S3, its carrier forgot it", site.home.wake)


@tap.deadline(600)
def test_moved(lab):
    """suspended in one place and woken in another: a new lease, a new way, leases and connections as they were"""
    with Site(lab) as site:
        head, _, last = site.lease.address.rpartition(".")

        def move():
            site.lease.address = f"{head}.{int(last) + 7}"
            site.forget()
        night = Night(site)
        night.fall(site.home.suspend, move)
        night.wake(f"home wakes after {ASLEEP} s in S3 with another address", site.home.wake)
        assert f"{site.lease.address}/" in site.home.run("ip", "-4", "address").stdout


if __name__ == "__main__":
    tap.main(globals())
