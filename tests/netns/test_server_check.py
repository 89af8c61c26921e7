#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""`adit-server check`: what a VPS lacks is named in its hop with the line that mends it, and nothing else is red."""
import json
import os
from ipaddress import ip_address, ip_network

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
    # A provider that allows one address: the router has long known the server's own, and asks for every other in vain.
    allowed = [int(ip_address(address)) for address in (s.vps.v6, embed(s.vps.prefix, "10.59.0.1"))]
    s.vps.nft("table inet planted { chain c { type filter hook prerouting priority -400; icmpv6 type != nd-neighbor-solicit accept;\n"
              + "".join(f"@th,64,128 {address:#x} accept;\n" for address in allowed) + "drop; }; }\n")
    s.red("prefix", "ask the provider")
    s.vps.run("nft", "delete", "table", "inet", "planted")
    s.red(None)


def test_vacant(lab):
    """the prefix is asked about from an address that nobody has, another one each time, and nothing is left of it"""
    s = Site(lab)
    look = "ip -6 -o address show dev adit0; ip -6 neigh show proxy; ip -6 route show table all proto 173"
    # a check before this one answers before its address has gone
    until(lambda: s.vps.sh("ip -6 -o address show dev adit0").stdout.count("inet6") == 1, 5, "the server's own address alone")
    before = s.vps.sh(look).stdout
    wire, seen = s.vps.capture("eth0"), set()
    for _ in range(2):
        assert s.check()[0] == 0
        until(lambda: s.vps.sh(look).stdout == before, 5, "nothing to be left")
    for packet in wire.packets():
        if packet.icmp_type == 129 and ip_address(packet.dst) in ip_network(s.vps.prefix):
            seen.add(packet.dst)
    assert len(seen - {s.vps.v6}) == 2 and not any(address in before for address in seen - {s.vps.v6}), (seen, before)
    # A server that is stopped meanwhile takes it along; one that dies leaves it, and the next one takes it away.
    s.vps.nft("table inet planted { chain c { type filter hook prerouting priority -400; icmpv6 type echo-reply drop; }; }\n")
    for end in ("stop", "kill"):
        asking = s.vps.spawn("adit-server", "check")
        until(lambda: s.vps.sh(look).stdout != before, 5, "the address to be there")
        getattr(s.server.process, end)()
        asking.wait(10)
        assert (s.vps.sh(look).stdout == before) == (end == "stop")
        s.server.run()
    until(lambda: s.vps.sh(look).stdout == before, 5, "nothing to be left")


def test_vacant_small(lab):
    """of a small block one of those addresses asks that devices are given, and that none has"""
    s = Site(lab)
    small = s.vps.prefix.replace("::/64", "::40/124")
    s.server.admin("subnet", "set-ipv6", "10.59.0.0/24", "--prefix", small)
    rows = json.loads(s.server.admin("device", "list", "--json").stdout)
    theirs = {embed(small, "10.59.0.1"), *(row["ipv6"] for row in rows)}
    wire = s.vps.capture("eth0")
    assert s.check()[0] == 0
    asked_from = {p.dst for p in wire.packets() if p.icmp_type == 129 and ip_address(p.dst) in ip_network(small)}
    assert len(asked_from) == 1 and not asked_from & theirs, (asked_from, theirs)


@tap.drawing(DRAWING.replace("vps", "vps(routed)"))
def test_routed(lab):
    """a prefix that its provider does not route here any more"""
    s = Site(lab)
    s.internet.run("ip", "-6", "route", "del", s.vps.prefix)
    s.red("prefix", "have the provider route it")
    s.internet.run("ip", "-6", "route", "add", s.vps.prefix, "via", s.vps.v6)
    s.red(None)


def few_files(s):
    """Many are open, so that a look's own few neither make the limit nor meet it."""
    s.server.process.stop()
    crowd = [os.open(os.devnull, os.O_RDONLY) for _ in range(200)]
    s.server.run(crowd)
    for fd in crowd:
        os.close(fd)
    server = s.vps.sh("pgrep -x adit-server").stdout.split()[0]
    held = len(s.vps.sh(f"ls /proc/{server}/fd").stdout.split())
    assert held > 200, held
    s.vps.run("prlimit", "--pid", server, f"--nofile={held * 20 // 19}:")
    s.red("files", "LimitNOFILE")
    s.vps.run("prlimit", "--pid", server, "--nofile=1024:")
    s.red(None)


def test_machine(lab):
    """the daemon, its settings, other firewalls, files, the table of flows and clock"""
    s = Site(lab)
    s.vps.nft("table inet filter { chain forward { type filter hook forward priority 0; policy drop; }; }\n")
    red = s.red("firewall", "nft insert rule inet filter forward iifname adit0 accept")
    s.vps.sh(red["remedy"])
    s.red(None)
    few_files(s)
    # The table's size is one for all of the host: a file stands for it, and the flows are the machine's own.
    flows, room = "/proc/sys/net/netfilter/nf_conntrack_count", "/proc/sys/net/netfilter/nf_conntrack_max"
    for n in range(20):
        s.vps.udp_send(lab["nas"].v4, 4000 + n)
    most = int(s.vps.run("cat", flows).stdout) + 1
    assert most > 20, most
    s.vps.write("/run/room", f"{most}\n")
    s.vps.run("mount", "--bind", "/run/room", room)
    s.mends("conntrack", f"sysctl -w net.netfilter.nf_conntrack_max={2 * most}")
    s.vps.run("umount", room)
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


class Prober:
    """adit-server probe, while somebody else tries the port."""

    def __init__(self, vps):
        self.vps = vps

    def ask(self, *words, tries=(), wait=8):
        """Its rows by address, once all of tries have been called; and its exit code."""
        process = self.vps.spawn("adit-server", "probe", *words, "--wait", wait, "--json")
        until(lambda: "adit_server_probe" in self.vps.run("nft", "list", "tables").stdout, 5, "the table of the probe")
        for attempt in tries:
            attempt()
        code = process.wait(wait + 10)
        rows = json.loads(process.output())
        assert "adit_server_probe" not in self.vps.run("nft", "list", "tables").stdout
        return {row["external"]: row for row in rows}, code


@tap.drawing("visitor -- internet -- vps\ninternet -- nas:home")
@tap.deadline(120)
def test_probe(lab):
    """adit-server probe counts who comes to a port, says where they went and what mends it"""
    vps, visitor = lab["vps"], lab["visitor"]
    server = Server(vps, vps.prefix).start()
    nas, ask = Peer(server, lab["nas"], "nas"), Prober(vps).ask
    at4, at6 = f"{vps.v4}:443", f"[{nas.v6}]:443"

    def knock(*hosts, port=443):
        return [lambda h=h: visitor.tcp_probe(h, port, timeout=0.5) for h in hosts or (vps.v4, nas.v6)]

    def both(**want):
        for row in rows.values():
            assert {k: row[k] for k in want} == want, (want, rows)

    rows, code = ask("443", "nas", tries=knock(), wait=1)
    assert set(rows) == {at4, at6} and code == 1
    both(verdict="broken", target=None, what="nothing is published there")
    assert rows[at4]["came"] >= 1 and rows[at6]["came"] >= 1 and rows[at4]["answered"] == 0, rows
    server.admin("publish", "nas", "443", "--ip-version", "both", "--also-80")
    rows, code = ask("443", wait=1)
    assert code == 5
    both(came=0, verdict="not tested")
    rows, code = ask("443", tries=knock())
    assert code == 1 and rows[at4]["target"] == f"nas {nas.v4}:443" and rows[at6]["target"] == f"nas {at6}", rows
    both(came=1, passed=1, answered=0, refused=1, what="nas refuses it")
    page = lab["nas"].http_server(443, "page\n")
    rows, code = ask("443", tries=knock())
    assert code == 0
    both(came=1, passed=1, answered=1, refused=0, verdict="ok")
    drop = "table inet theirs { chain f { type filter hook forward priority 0; policy drop; ct state established accept; }; }\n"
    vps.nft(drop)
    rows, code = ask("443", tries=knock(), wait=1)
    assert code == 1
    both(passed=0, verdict="broken")
    for row in rows.values():
        assert "table inet theirs, chain f drops" in row["what"] and row["remedy"].startswith("nft insert rule"), row
    vps.sh(rows[at4]["remedy"])
    rows, code = ask("443", tries=knock())
    assert code == 0, rows
    vps.run("nft", "delete", "table", "inet", "theirs")
    server.admin("forward", "set-enabled", "443/tcp", "off")
    rows, code = ask("443", tries=knock(vps.v4), wait=1)
    assert rows[at4]["what"] == "it is turned off" and rows[at6]["came"] == 0 and code == 1, rows
    vps.sh(rows[at4]["remedy"])
    rows, code = ask("443", tries=knock())
    assert code == 0, rows
    page.close()
    lab["nas"].nft("table inet shut { chain i { type filter hook input priority 0; tcp dport 443 drop; }; }\n")
    rows, code = ask("443", tries=knock(), wait=1)
    assert code == 1
    both(answered=0, refused=0, what="nas does not answer")
    assert "adit doctor 443" in rows[at4]["remedy"], rows


@tap.drawing("visitor -- internet -- vps\ninternet -- nas:home")
def test_probe_more(lab):
    """probe knows leases, redirects, UDP and programs of the VPS; who goes away leaves nothing behind"""
    vps, visitor = lab["vps"], lab["visitor"]
    server = Server(vps, vps.prefix).start()
    nas, ask = Peer(server, lab["nas"], "nas"), Prober(vps).ask
    vps.spawn("adit-redirect").wait_output("listening", 10)
    server.admin("publish", "nas", "443", "--ip-version", "both", "--also-80")
    lab["nas"].http_server(443, "page\n")
    hosts = {f"{vps.v4}:80": vps.v4, f"[{nas.v6}]:80": f"[{nas.v6}]"}
    rows, code = ask("80", tries=[lambda h=h: visitor.curl(f"http://{h}/", "-I") for h in hosts.values()])
    assert set(rows) == set(hosts) and code == 0, rows
    assert {r["target"] for r in rows.values()} == {"nas, redirected to https"}, rows
    assert nas.map(5000, 5000, protocol=17).result == "SUCCESS"
    assert nas.map(5000, 5000, 6, protocol=17).result == "SUCCESS"
    echoes = [lab["nas"].udp_echo(5000, address) for address in (nas.v4, nas.v6)]
    rows, code = ask("5000/udp", tries=[lambda h=h: visitor.udp_probe(h, 5000) for h in (vps.v4, nas.v6)])
    assert code == 0 and {r["answered"] for r in rows.values()} == {1}, rows
    for echo in echoes:
        echo.close()
    vps.http_server(2222, "of the VPS\n")
    rows, code = ask("2222", tries=[lambda: visitor.curl(f"http://{vps.v4}:2222/")])
    assert code == 0 and "of this machine itself" in rows[f"{vps.v4}:2222"]["what"], rows
    for words, status, text in ((("0",), 1, "port"), (("443", "other"), 3, "other"), (("443-444",), 2, "one port"),
                                (("443", "--wait", "0"), 2, "--wait"), (("443", "--wait", "999"), 1, "120")):
        said = server.admin("probe", *words, check=False)
        assert said.code == status and text in said.stderr, (words, said)
    first = vps.spawn("adit-server", "probe", "443", "--wait", "60")
    until(lambda: "adit_server_probe" in vps.run("nft", "list", "tables").stdout, 5, "the table of the probe")
    said = server.admin("probe", "443", check=False)
    assert not said.ok and "somebody else's is under way" in said.stderr, said
    first.kill()
    until(lambda: "adit_server_probe" not in vps.run("nft", "list", "tables").stdout, 5, "the table to go")
    vps.spawn("adit-server", "probe", "443", "--wait", "60")
    until(lambda: "adit_server_probe" in vps.run("nft", "list", "tables").stdout, 5, "the table of the probe")
    server.process.stop()
    assert "adit_server_probe" not in vps.run("nft", "list", "tables").stdout, "nor does a server that ends"


if __name__ == "__main__":
    tap.main(globals())
