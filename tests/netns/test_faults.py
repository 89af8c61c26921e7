#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Faults under load: daemons killed, the VPS rebooted, addresses and ways changed, a full disk, a bad path.

Each prints how long a visitor got no answer. Nothing is lost, nothing leaks, nothing is left behind.
"""
import difflib
import json
import os
import random
import re
import socket
import threading
import time

import story
import tap
from outage import Load, Watch, told
from process import until
from story import Client, Publisher, Server, embed

DRAWING = """
visitor -- internet -- vps
internet -- cgnat(fully-random) -- home
"""
FULL = bool(os.environ.get("ADIT_FULL"))
ROUNDS = 200 if FULL else 20
KEEPALIVE = 25 if FULL else 3  # of the profile; a way that died in between is found by the next one
LOSS = 0.3 if FULL else 0.163  # of the packets each way; 0.163 both ways are 30 % of all questions
DAY = 86400
DAEMONS = ("server", "redirect", "client", "publisher", "hooks", "web")
# What adit-web.service does to the process.
WEB = ("setpriv", "--reuid=4242", "--regid=4242", "--groups=4243", "--bounding-set=-all", "--inh-caps=-all", "--no-new-privs")


class Helper:
    """A daemon beside the others, which has nothing to do with a visitor's packets."""

    def __init__(self, machine, word, *argv):
        self.machine, self.word, self.argv, self.process = machine, word, argv, None

    def begin(self):
        self.process = self.machine.spawn(*self.argv)

    def start(self):
        self.begin()
        self.process.wait_output(self.word, 15)
        return self


class Site:
    """Server, home with a UDP and a TCP echo published in both families, a visitor who asks all the time."""

    def __init__(self, lab):
        self.lab, self.vps, self.home, self.visitor = lab, lab["vps"], lab["home"], lab["visitor"]
        # The user the package makes: a responder that lost its server finds the next one as itself.
        self.vps.sh("echo adit-redirect:x:991:991::/:/bin/false >>/etc/passwd; echo adit-redirect:x:991: >>/etc/group")
        self.server = Server(self.vps, self.vps.prefix).start()
        self.redirect = self._responder()
        profile = self.server.device("nas", "10.59.0.2").replace("PersistentKeepalive = 25",
                                                                f"PersistentKeepalive = {KEEPALIVE}")
        assert f"PersistentKeepalive = {KEEPALIVE}" in profile, profile
        self.client = Client(self.home).start()
        self.publisher = Publisher(self.home).start()
        self.client.enrol("tunnel", profile)
        self.gua = embed(self.vps.prefix, "10.59.0.2")
        self.addresses = (self.vps.v4, self.gua)
        self.home.udp_echo(5000)
        self._tcp_echo(443)
        for port in ("443", "5000/udp"):
            self.client.adit("publish", port, timeout=20)
        self.hooks = self.web = None
        self.watch = Watch(self.visitor, self.addresses, 5000)
        self.watch.back(time.monotonic(), 20, "at first")
        # Counted by the carrier, whatever becomes of nftables at home; a capture would not keep up with the load.
        lab["cgnat"].nft('table inet leaks { chain in { type filter hook prerouting priority raw; iifname "home" counter;\n'
                         f'iifname "home" ip saddr 10.59.0.0/24 counter; iifname "home" ip6 saddr {self.gua} counter; }}\n}}\n')

    def _responder(self):
        return self.vps.spawn("adit-redirect")

    def with_helpers(self):
        """The daemons that no packet needs, too."""
        self.vps.sh("echo adit-web:x:4242:4242::/:/bin/false >>/etc/passwd;"
                    "printf 'adit-web:x:4242:\\nadit-admin:x:4243:\\n' >>/etc/group")
        self.server.admin("web", "set-password", input="correct horse battery\n")
        self.web = Helper(self.vps, "ready", *WEB, "adit-web").start()
        self.hooks = Helper(self.home, "ready", "adit-hooks").start()
        return self

    def leaked(self):
        """Packets with an address of the tunnel that the carrier saw; that it sees any is the control."""
        rows = [r for r in self.lab["cgnat"].run("nft", "list", "table", "inet", "leaks").stdout.split("\n") if "counter" in r]
        seen, four, six = (int(r.split("packets")[1].split()[0]) for r in rows)
        assert seen, rows
        return four + six

    def _tcp_echo(self, port):
        with self.home.inside():
            listener = socket.create_server(("::", port), family=socket.AF_INET6, dualstack_ipv6=True)
        threading.Thread(target=_accept, args=(listener,), daemon=True).start()

    def kill(self, daemon):
        (self.redirect if daemon == "redirect" else getattr(self, daemon).process).kill()

    def begin(self, daemon):
        """Start it, and look away."""
        if daemon == "redirect":
            self.redirect = self._responder()
        else:
            getattr(self, daemon).begin()

    def start(self, daemon):
        if daemon == "redirect":
            self.redirect = self._responder()
        elif daemon == "server":
            self.server.run()
        else:
            getattr(self, daemon).start()

    def published(self):
        rows = json.loads(self.client.adit("published", "--json").stdout)["publications"]
        return sorted((r["ports"], r.get("family", ""), r["state"]) for r in rows)

    def kernel(self):
        """What is ours on both machines; without visitors, counters and clocks, which go on."""
        script = ("ip rule; ip -6 rule; for f in -4 -6; do ip $f route show table all proto 173; done; ip -6 neigh show proxy;"
                  "ip -o link | cut -d: -f2; for t in adit adit_server; do nft -s list table inet $t 2>/dev/null || :; done")
        return [m.sh(script).stdout for m in (self.home, self.vps)]

    def end(self, what, since, limit):
        """The verdict of a fault: told, in time, nothing leaked, all published still."""
        seconds = self.watch.outage(since)
        told(what, self.watch, seconds)
        assert max(seconds) < limit, (what, seconds)
        until(lambda: {row[2] for row in self.published()} == {"published"}, 40, f"{what}: all to be published")
        assert self.leaked() == 0
        self.redirect.wait_output("listening on 2 sockets", 15)


LEARNT = re.compile(r"^\t(?:map udp[46]|set \w*(?:flow|seen|count)\w*) \{.*?^\t\}", re.M | re.S)
CLOCK = re.compile(r" (?:expires|timeout) [0-9a-z]+| counter packets \d+ bytes \d+")


def same(before, after):
    """Nothing was lost and nothing was left."""
    for old, new in zip(before, after):
        old, new = (sorted(CLOCK.sub("", LEARNT.sub("", text)).split("\n")) for text in (old, new))
        assert old == new, "\n".join(difflib.unified_diff(old, new, "before", "after", n=0, lineterm=""))


def _accept(listener):
    while True:
        conn, _ = listener.accept()
        threading.Thread(target=_echo, args=(conn,), daemon=True).start()


def _echo(conn):
    with conn:
        try:
            while data := conn.recv(65536):
                conn.sendall(data)
        except OSError:
            pass


@tap.deadline(1200 if FULL else 100)
def test_killed_at_random(lab):
    """kill -9 of each daemon at random, again and again, while it starts too, under load: the visitor notices nothing"""
    seed = int(os.environ.get("ADIT_SEED", random.randrange(1 << 30)))
    print(f"# ADIT_SEED={seed}", flush=True)
    dice, site = random.Random(seed), Site(lab).with_helpers()
    loads = [Load(site.visitor, a, 443) for a in site.addresses]
    before, published, since = site.kernel(), site.published(), time.monotonic()
    for n in range(ROUNDS):
        victims = dice.sample(DAEMONS, dice.choice((1, 1, 1, 2, 4)))
        for daemon in victims:
            site.kill(daemon)
        for load in loads:
            load.check(dice.choice((0, 100_000)))
        for daemon in victims * dice.choice((0, 0, 1, 2)):  # and again while it starts
            site.begin(daemon)
            loads[0].check(dice.choice((0, 0, 30_000, 200_000)))
            site.kill(daemon)
        for daemon in victims:
            site.start(daemon)
        for load in loads:
            load.check(0)
    site.end(f"{ROUNDS} rounds of kill -9", since, 1.0)
    assert site.published() == published
    same(before, site.kernel())
    until(lambda: site.vps.curl("http://127.0.0.1:8420/healthz", check=False).ok, 15, "the page to answer")
    assert site.hooks.process.alive, "adit-hooks"
    for load in loads:
        print(f"# {load.bytes >> 20} MiB there and back", flush=True)
        load.close()


def reboot(site, restored):
    """Everything of the VPS that a reboot forgets is forgotten, its network is away meanwhile."""
    wire = site.lab.wire("internet", "vps")
    if restored:
        site.server.process.stop()
    else:
        site.server.process.kill()
    site.redirect.kill()
    wire.cut()
    site.vps.sh("nft delete table inet adit_server; ip link del adit0; ip -6 neigh flush proxy;"
                "for f in -4 -6; do ip $f route flush proto 173; done; sysctl -qw net.ipv4.ip_forward=0;"
                "sysctl -qw net.ipv6.conf.all.forwarding=0; rm -rf /run/adit-server")
    if not restored:
        site.vps.sh("rm -f /var/lib/adit-server/leases*")
    # It takes as long as a small VPS takes to boot: the visitor's flows at home are from before.
    until(lambda: not any(site.watch.share(time.monotonic() - 1)), 10, "nobody to answer")
    wire.mend()
    network = time.monotonic()
    site.server.run()
    site.redirect = site.vps.spawn("adit-redirect")
    return network


@tap.deadline(120)
def test_vps_reboot(lab):
    """the VPS reboots: an idle device and its mappings are back 5 s after its network, 30 s when the leases are lost"""
    site = Site(lab)
    site.client.adit("publish", "6000-6099/udp", timeout=30)

    def mapped():
        return sorted(row["key"] for row in json.loads(site.server.admin("mappings", "--json").stdout))
    until(lambda: {row[2] for row in site.published()} == {"published"}, 20, "all to be published")
    keys = mapped()
    assert len(keys) >= 204, keys
    for restored, limit in ((True, 5), (False, 30)):
        network = reboot(site, restored)
        seconds = site.watch.back(network, limit + 20, "the reboot")
        until(lambda: mapped() == keys, network + limit - time.monotonic(), f"each of {len(keys)} mappings to be back")
        print(f"# {len(keys)} mappings after {time.monotonic() - network:.1f} s", flush=True)
        told(f"the VPS's network is back, its leases are {'restored' if restored else 'lost'}", site.watch, seconds)
        assert max(seconds) < limit, seconds
        site.end("since then", network, limit)


def forget_flows(machine):
    """The state of a carrier's NAT is lost, or it gives the next packet another port."""
    machine.run("conntrack", "-F", check=False)


@tap.deadline(150)
def test_addresses_change(lab):
    """the carrier's NAT forgets home, the carrier's address changes, home's own address changes: back by the next keepalive"""
    site, cgnat, home = Site(lab), lab["cgnat"], lab["home"]

    def carrier():
        cgnat.sh(f"ip -4 addr flush dev wan; ip addr add {_next(cgnat.v4)}/24 dev wan;"
                 f"ip route replace default via {cgnat.gateway_v4} dev wan")
        forget_flows(cgnat)

    def own():
        home.sh(f"ip -4 addr flush dev eth0; ip addr add {_next(home.v4)}/24 dev eth0;"
                f"ip route replace default via {home.gateway_v4} dev eth0")

    for what, change, limit in (("the carrier's NAT forgets", lambda: forget_flows(cgnat), KEEPALIVE + 6),
                                ("the carrier's address changes", carrier, KEEPALIVE + 6),
                                ("home's address changes", own, 3)):  # that one aditd sees
        since = time.monotonic()
        change()
        # Answers of the flow that is just dying do not count: ask for a while.
        site.watch.back(since + 0.5, limit + 10, what)
        site.end(what, since, limit)


def _next(address):
    head, _, last = address.rpartition(".")
    return f"{head}.{int(last) + 7}"


@tap.deadline(100)
def test_suspended(lab):
    """home sleeps for a while, and its carrier forgets it meanwhile: awake it is back at once, leases and all"""
    site, home = Site(lab), lab["home"]
    site.client.process.stop()
    story.TALK["LD_PRELOAD"] = os.path.join(lab.build, "tests/netns/libclock-leap.so")
    try:
        site.client.start()
    finally:
        del story.TALK["LD_PRELOAD"]
    sleepers = "pkill -{} -x 'aditd|adit-publisher|wireguard-go' || :"
    wire = lab.wire("cgnat", "home")
    # An uplink whose routes stayed says at least that it is there again.
    for slept, what, wake in ((100, "its uplink anew", "ip link set eth0 down; ip link set eth0 up;"
                                                       f"ip route replace default via {home.gateway_v4} dev eth0"),
                              (200, "its uplink as it was", "ip link set eth0 alias awake")):
        home.sh(sleepers.format("STOP"))
        wire.cut()
        until(lambda: not any(site.watch.share(time.monotonic() - 2)), 20, "nobody to answer")
        forget_flows(lab["cgnat"])
        wire.mend()
        home.write("/run/slept", str(slept))
        awake = time.monotonic()
        home.sh(wake)
        home.sh(sleepers.format("CONT"))
        told(f"home is awake again, {what}", site.watch, site.watch.back(awake, KEEPALIVE + 10, "home awake"))
        site.end("since then", awake, 6)  # no keepalive is waited for


@tap.deadline(100)
def test_loss(lab):
    """30 % of all round trips are lost, in full runs 30 % each way: a port is published, a page comes, the tunnel holds"""
    site = Site(lab)
    site.home.http_server(8080, "through the noise\n")
    lab.wire("cgnat", "home").set_loss(LOSS)
    since = time.monotonic()
    # Up to half of all questions get no answer. Whoever asks is told after some seconds that it goes on without him, at the
    # pace of RFC 6887, 3 s and then twice as long each time; he may ask anew at once.
    for _ in range(12):
        said = site.client.adit("publish", "8080", check=False, timeout=40)
        assert said.code == 0 or (said.code == 5 and "asking" in said.stdout), said
        if {row[2] for row in site.published() if row[0] == "8080/tcp"} == {"published"}:
            break
        site.client.adit("unpublish", "8080", timeout=40)
    print(f"# published after {time.monotonic() - since:.1f} s", flush=True)
    for address in site.addresses:
        where = f"http://{f'[{address}]' if ':' in address else address}:8080/"
        page = site.visitor.curl(where, "--retry", "5", "--retry-connrefused", check=False, timeout=30)
        assert page.stdout == "through the noise\n", page
    site.end(f"{LOSS:.0%} loss each way", since, 5.0)
    print(f"# answered: {', '.join(f'{s:.0%}' for s in site.watch.share(since))} ({(1 - LOSS) ** 2:.0%} can be)", flush=True)
    lab.wire("cgnat", "home").set_loss(0)


@tap.deadline(90)
def test_clock_jumps(lab):
    """the clocks of both machines leap two days on, then four back: ports stay open, and are renewed and listed as before"""
    leaping = {"LD_PRELOAD": os.path.join(lab.build, "tests/netns/libclock-leap.so")}
    story.TALK.update(leaping)
    try:
        site = Site(lab)
        since, leases = time.monotonic(), json.loads(site.server.admin("mappings", "--json").stdout)
        assert leases and all(row["origin"] == "auto" for row in leases), leases
        for leap in (2 * DAY, -2 * DAY):
            for machine in (site.vps, site.home):
                machine.write("/run/clock", str(leap))
            dates = [int(site.home.run("date", "+%s", env=env).stdout) for env in (leaping, {})]
            assert abs(dates[0] - dates[1] - leap) < 60, dates
            for name in ("443", "8443"):  # a renewal's way, and a new one's
                site.client.adit("publish", name, timeout=20)
            assert {row[2] for row in site.published()} == {"published"}, site.published()
            site.client.adit("unpublish", "8443")
            for daemon in ("server", "publisher", "client"):
                site.kill(daemon)
                site.start(daemon)
            until(lambda: {row[2] for row in site.published()} == {"published"}, 20, "all to be published")
            now = json.loads(site.server.admin("mappings", "--json").stdout)
            assert sorted(r["key"] for r in now) == sorted(r["key"] for r in leases), now
        site.end("clocks that leap", since, 1.0)
    finally:
        del story.TALK["LD_PRELOAD"]


def narrow(machine, link, mtu):
    """A path that drops what is larger, and tells nobody: a black hole for path MTU discovery."""
    machine.nft(f'table netdev hole {{ chain in {{ type filter hook ingress device "{link}" priority 0; '
                f"meta length > {mtu + 14} counter drop; }}\n}}\n")


@tap.deadline(90)
def test_black_hole(lab):
    """a narrow path that drops silently: small answers come, and with a smaller tunnel large pages both ways"""
    site = Site(lab)
    site.home.http_server(8080, "x" * 200_000)
    site.client.adit("publish", "8080", timeout=20)
    for machine, link in ((lab["cgnat"], "home"), (lab["home"], "eth0")):
        narrow(machine, link, 1380)
    url = f"http://[{site.gua}]:8080/"
    since = time.monotonic()
    page = site.visitor.curl(url, check=False, timeout=2)
    assert len(page.stdout) < 200_000, "control: the path is no black hole"
    # What docs/troubleshooting.md says.
    profile = site.home.read("/root/tunnel.conf")
    site.home.write("/root/narrow.conf", "\n".join(
        "MTU = 1280" if row.startswith("MTU") else row for row in profile.split("\n")), 0o600)
    said = site.client.adit("update", "tunnel", "/root/none.conf", check=False)
    assert said.code == 3, said
    site.client.adit("update", "tunnel", "/root/narrow.conf", timeout=30)
    assert "mtu 1280" in site.home.run("ip", "link", "show", "tunnel").stdout
    for address in site.addresses:
        where = f"http://{f'[{address}]' if ':' in address else address}:8080/"
        assert len(site.visitor.curl(where, timeout=15)) == 200_000
        load = Load(site.visitor, address, 443)
        load.check(300_000)  # and the other way
        load.close()
    site.end("a narrow path, and an update of the profile", since, 4.0)


@tap.deadline(90)
def test_disk_full(lab):
    """a full disk on the VPS and at home: changes fail in one sentence and leave nothing, what works goes on"""
    site = Site(lab)
    since = time.monotonic()
    for machine, folder in ((site.vps, "/var/lib/adit-server"), (site.home, "/etc/adit")):
        machine.sh(f"mkdir -p /run/full; mount -t tmpfs -o size=800k none /run/full; cp -a {folder}/. /run/full/;"
                   f"mount --bind /run/full {folder}")
    site.kill("server")
    site.start("server")
    for machine in (site.vps, site.home):
        machine.sh("dd if=/dev/zero of=/run/full/ballast bs=4k 2>/dev/null || :")
    before, devices = site.kernel(), site.server.admin("device", "list", "--json").stdout
    said = site.server.admin("device", "add", "another", check=False)
    assert said.code == 1 and len(said.stderr.strip().split("\n")) == 1, said
    assert json.loads(site.server.admin("device", "list", "--json").stdout)[0]["name"] == json.loads(devices)[0]["name"]
    assert len(json.loads(site.server.admin("device", "list", "--json").stdout)) == 1
    said = site.client.adit("default", "tunnel", check=False)
    assert said.code == 1 and "space" in said.stderr, said
    same(before, site.kernel())
    print(f"# {said.stderr.strip()}", flush=True)
    for machine in (site.vps, site.home):
        machine.sh("rm /run/full/ballast")
    site.server.admin("device", "add", "another", "--out", "/root/another.conf")
    site.client.adit("default", "tunnel")
    site.client.adit("default", "none")
    site.end("two full disks", since, 1.0)


if __name__ == "__main__":
    tap.main(globals())
