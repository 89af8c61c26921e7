#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""adit-server as its operator meets it: setup, devices, ports, files, and what none of it may disturb."""
import contextlib
import json
import os
import re
import socket
import threading
import time

import tap
from kernel import start_thread
from lab import SOURCE
from process import until
from serve import listener
from story import Client, Server, embed
from talk import Flow, Talk

DRAWING = """
visitor -- internet -- vps
internet -- cgnat -- home
internet -- office:home
"""


with open(os.path.join(SOURCE, "data", "org.adit.Server1.conf"), encoding="utf-8") as f:
    POLICY = f.read()

# What the daemon says when it changed the kernel.
SENT = re.compile(r"INFO: .*(?:kernel|ports): .*")


def begin(lab):
    """A server with one enrolled device that publishes 443 in both families."""
    server = Server(lab["vps"], lab["vps"].prefix).start()
    profile = server.device("nas", "10.59.0.2")
    server.publish(443, "nas")
    Client(lab["home"]).start().enrol("home", profile)
    return server, embed(lab["vps"].prefix, "10.59.0.2")


def ifindex(vps):
    return vps.run("ip", "-o", "link", "show", "adit0").stdout.split(":")[0]


def refused(said, code, *words):
    assert said.code == code, (said.code, said.stderr)
    for word in words:
        assert word in said.stderr, said.stderr
    assert len(said.stderr.strip().splitlines()) == 1, said.stderr


def test_setup(lab):
    """setup makes a server of a blank machine in one command, and a second time changes nothing"""
    vps = lab["vps"]
    server = Server(vps, vps.prefix).run()
    refused(server.admin("device", "add", "nas", check=False), 4, "not set up yet: adit-server setup")
    assert not vps.run("ip", "link", "show", "adit0", check=False).ok
    first = server.admin("setup").stdout
    assert "51820/udp" in first and "ufw allow" in first, first
    before = server.admin("status", "--json").stdout, server.admin("subnet", "list", "--json").stdout
    assert json.loads(before[0])["state"] == "up"
    net = json.loads(before[1])[0]
    assert re.fullmatch(r"10\.59\.\d+\.0/24", net["network"]) and net["ipv6"] == vps.prefix, net
    sent = SENT.findall(server.process.output())
    again = server.admin("setup").stdout
    assert "nothing changed" in again, again
    assert (server.admin("status", "--json").stdout, server.admin("subnet", "list", "--json").stdout) == before
    assert SENT.findall(server.process.output()) == sent


def test_nobody_is_disturbed(lab):
    """a live transfer goes on while devices come, are renamed, rekeyed and go, and over restarts"""
    vps, home, visitor = lab["vps"], lab["home"], lab["visitor"]
    server, gua = begin(lab)
    home.tcp_echo(443)
    talks = [Talk(visitor, address, 443) for address in (vps.v4, gua)]
    index = ifindex(vps)

    def still(why):
        for talk in talks:
            talk.still(why)
        assert ifindex(vps) == index, why

    still("at first")
    for words in (("device", "add", "phone", "--kind", "client", "--full"), ("device", "rename", "phone", "tablet"),
                  ("device", "rekey", "tablet"), ("device", "set-routes", "tablet", "192.168.77.0/24"),
                  ("forward", "add", "8443", "tablet:443"), ("pinhole", "add", "tablet", "443"),
                  ("device", "remove", "tablet"), ("device", "rename", "nas", "disk"),
                  ("forward", "set-label", "443", "the disk"), ("subnet", "add", "10.60.0.0/24", "--name", "b"),
                  ("subnet", "remove", "b")):
        server.admin(*words)
        still(" ".join(words))
    server.reload()
    still("reload")
    server.process.stop()
    still("stopped")
    server.run()
    still("started again")
    server.process.kill()
    still("killed")
    server.run()
    still("started after a kill")
    server.admin("forward", "set-enabled", "443", "off")
    talks[1].still("the other family's port is closed")
    talks[0].socket.settimeout(2)
    try:
        talks[0].socket.sendall(b"x")
        assert talks[0].socket.recv(1) == b"", "a closed forward still carries its old flow"
    except OSError:
        pass


class Call:
    """UDP through a port: the device sends all the time to whoever asked first."""

    def __init__(self, visitor, address, port, device):
        self.device = listener(device, socket.SOCK_DGRAM, port)
        with visitor.inside():
            self.visitor = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_DGRAM)
        self.visitor.connect((address, port))
        self.visitor.setblocking(False)
        self.visitor.send(b"hello")
        _, self.peer = self.device.recvfrom(16)
        start_thread(self._send)

    def _send(self):
        while True:
            try:
                self.device.sendto(b"tick", self.peer)
                time.sleep(0.01)
            except OSError:
                return

    def heard(self):
        """What came since one asked last."""
        n = 0
        with contextlib.suppress(OSError):
            while self.visitor.recv(16):
                n += 1
        return n


@tap.deadline(90)
def test_closed_for_good(lab):
    """a closed port ends what goes through it: a running download, a device that is silent just then, a call by UDP; for good"""
    vps, home, visitor = lab["vps"], lab["home"], lab["visitor"]
    server, gua = begin(lab)
    server.publish(5000, "nas", "udp")

    def switch(value):
        for port in ("443/tcp", "5000/udp"):
            server.admin("forward", "set-enabled", port, value)
            server.admin("pinhole", "set-enabled", f"nas:{port}", value)
    addresses = (vps.v4, gua)
    loud, mute = ([Flow(visitor, address, 443, home, 443) for address in addresses] for _ in range(2))
    calls = [Call(visitor, address, 5000, home) for address in addresses]
    for flow in loud:
        flow.stream()
    until(lambda: all(flow.heard > 1 << 20 for flow in loud) and all(call.heard() for call in calls), 10, "downloads")
    switch("off")
    until(lambda: all(Flow.is_reset(flow.device) for flow in loud), 5, "who sends to hear")
    heard = [flow.heard for flow in loud]
    time.sleep(2)  # the server has looked after what conntrack knows
    assert [flow.heard for flow in loud] == heard
    for flow in mute:
        assert not Flow.arrives(flow.device, flow.visitor, 1) and Flow.is_reset(flow.device), "a device that speaks up later"
    for call in calls:
        call.heard()
    time.sleep(1)
    assert [call.heard() for call in calls] == [0, 0], "what a device sends goes on"

    switch("on")
    for flow in mute:
        assert not Flow.arrives(flow.visitor, flow.device, 1), "it came back with the port"
    for flow, address in zip(loud, addresses):
        port = flow.visitor.getsockname()[1]
        until(lambda f=flow: not Flow.arrives(f.visitor, f.device) and Flow.is_reset(f.visitor), 5, "the visitor to hear")
        flow.visitor.close()
        assert Flow(visitor, address, 443, home, 443, source_port=port).alive()
    until(lambda: all([call.heard() for call in calls]), 5, "the calls, which go on")
    switch("off")
    time.sleep(2)
    for call in calls:
        call.heard()
    time.sleep(0.5)
    assert [call.heard() for call in calls] == [0, 0], "closed for the second time"


def test_redirect_of_range(lab):
    """port 80 leads to 443 of a range, and what goes through it is left alone when something else is opened"""
    vps, home, visitor = lab["vps"], lab["home"], lab["visitor"]
    server = Server(vps, None).start()
    Client(home).start().enrol("home", server.device("nas", "10.59.0.2"))
    server.admin("publish", "nas", "440-450/tcp", "--ip-version", "4", "--also-80=port")
    flows = [Flow(visitor, vps.v4, port, home, 443) for port in (80, 443)]
    server.publish(8080, "nas", families=(4,))
    time.sleep(1.5)  # the server has looked at what goes through ports
    assert [flow.alive() for flow in flows] == [True, True]


def test_narrowed(lab):
    """a forward that lets in fewer ends the connections of those whom it does not let in any more, and no others"""
    vps, home, visitor = lab["vps"], lab["home"], lab["visitor"]
    server, gua = begin(lab)
    four, six = Flow(visitor, vps.v4, 443, home, 443), Flow(visitor, gua, 443, home, 443)
    server.admin("export", "/root/all.conf")
    for nets, reset in ((f"{visitor.v4}/32, 203.0.113.0/24", False), ("203.0.113.0/24", True)):
        text = re.sub(r"(?m)^(\[Forward\]\n)", rf"\1AllowFrom = {nets}\n", vps.read("/root/all.conf"))
        vps.write("/root/next.conf", text)
        server.admin("apply", "/root/next.conf")
        time.sleep(2)
        assert four.alive(1) != reset and Flow.is_reset(four.visitor) == reset, nets
        assert six.alive()


@tap.deadline(90)
def test_two_devices_one_port(lab):
    """two devices publish 443 on their own address each, and a visitor reaches both at once"""
    vps, visitor = lab["vps"], lab["visitor"]
    server = Server(vps, vps.prefix).start()
    talks = []
    for name in ("home", "office"):
        profile = server.device(name)
        server.publish(443, name, families=(6,))
        Client(lab[name]).start().enrol("tunnel", profile)
    rows = {row["name"]: row["ipv6"] for row in json.loads(server.admin("device", "list", "--json").stdout)}
    assert rows["home"] != rows["office"]
    for name in ("home", "office"):
        lab[name].tcp_echo(443)
        talks.append(Talk(visitor, rows[name], 443))
    for n in range(5):
        for talk in talks:
            talk.still(f"round {n}")
    refused(server.admin("pinhole", "add", "home", "443", check=False), 4, "443/tcp: held by home")


def test_refusals(lab):
    """each refusal is one sentence with its exit code, and changes nothing"""
    vps = lab["vps"]
    server = Server(vps, None).start()
    server.device("nas", "10.59.0.2")
    before = server.admin("export", "/root/before.conf") and vps.read("/root/before.conf")

    def no(code, *words, says=()):
        refused(server.admin(*words, check=False), code, *says)

    no(4, "publish", "nas", "443", "--ip-version", "both", says=("nas", "no IPv6 prefix"))
    no(4, "forward", "add", "22", "nas", says=("22", "Reserved="))
    no(4, "forward", "add", "51820/udp", "nas", says=("WireGuard itself",))
    no(3, "forward", "add", "443", "nos", says=("nos: no such device",))
    no(3, "forward", "remove", "443/tcp", says=("443/tcp: no such mapping",))
    no(3, "device", "show", "nos", says=("nos: no such device",))
    no(4, "device", "add", "nas", says=("held by nas",))
    no(4, "device", "add", "b", "--ip", "10.59.0.2", says=("10.59.0.2: held by nas",))
    no(4, "subnet", "remove", "home", says=("has 1 device",))
    no(4, "subnet", "add", "10.59.0.0/16", says=("overlaps",))
    no(1, "subnet", "set-ipv6", "home", "--prefix", "fe80::/64", says=("link-local",))
    no(1, "subnet", "set-ipv6", "home", "--prefix", vps.prefix.split("/")[0], says=("its length is missing",))
    assert server.admin("forward", "add", "x", "nas", check=False).code == 2
    assert server.admin("device", "add", "x", "--full", check=False).code == 2
    server.admin("export", "/root/after.conf")
    assert vps.read("/root/after.conf") == before
    server.process.stop()
    refused(server.admin("status", check=False), 5, "not running")


def test_ipv6_prefix(lab):
    """set-ipv6 normalises, moves every device at once, and is refused without an IPv6 default route"""
    vps = lab["vps"]
    server = Server(vps, None).start()
    server.device("a", "10.59.0.2")
    server.device("b", "10.59.0.18")
    odd = vps.prefix.replace("::/", "::77/")
    said = server.admin("subnet", "set-ipv6", "home", "--prefix", odd)
    assert vps.prefix in said.stdout and not said.stderr, said
    assert embed(vps.prefix, "10.59.0.18") in vps.run("ip", "-6", "neigh", "show", "proxy").stdout
    small = vps.prefix.replace("::/64", "::40/124")
    refused(server.admin("subnet", "set-ipv6", "home", "--prefix", small, check=False), 4, "held by a")
    elsewhere = server.admin("subnet", "set-ipv6", "home", "--prefix", "2a11:77:8::/48")
    assert "not on the link" in elsewhere.stderr, elsewhere
    assert f"{vps.prefix} is served besides" in elsewhere.stderr, elsewhere
    assert embed(vps.prefix, "10.59.0.18") in vps.run("ip", "-6", "neigh", "show", "proxy").stdout
    assert "no IPv6" in server.admin("subnet", "set-ipv6", "home").stdout
    assert not vps.run("ip", "-6", "neigh", "show", "proxy").stdout
    vps.run("ip", "-6", "route", "del", "default")
    refused(server.admin("subnet", "set-ipv6", "home", "--prefix", vps.prefix, check=False), 4,
            "no IPv6 default route")
    assert json.loads(server.admin("subnet", "list", "--json").stdout)[0]["ipv6"] is None


def test_profiles(lab):
    """profiles: 0600, keys that match, no private key on the server, each form as it was asked for"""
    vps = lab["vps"]
    server = Server(vps, vps.prefix).start()
    said = server.admin("device", "add", "nas", "--out", "/root/nas.conf").stdout
    assert "nmcli connection import" in said and "adit import" in said and "GNOME" in said
    assert vps.run("stat", "-c", "%a", "/root/nas.conf").stdout.strip() == "600"
    text = vps.read("/root/nas.conf")
    private = re.search("PrivateKey = (.*)", text)[1]
    public = vps.run("wg", "pubkey", input=private).stdout.strip()
    assert json.loads(server.admin("device", "show", "nas", "--json").stdout)["public-key"] == public
    assert "Table = 20101" in text and not re.search(r"/0(,|$)", text, re.M)
    kept = vps.run("sh", "-c", "cat /var/lib/adit-server/server.db*", check=False).stdout
    assert private not in kept and private not in server.process.output()
    phone = server.admin("device", "add", "phone", "--kind", "client", "--full").stdout
    assert "Table" not in phone and "AllowedIPs" in phone and "0.0.0.0/0, ::/0" in phone, phone
    split = server.admin("device", "add", "laptop", "--kind", "client", "--network", "192.168.9.0/24").stdout
    assert "192.168.9.0/24" in split and "0.0.0.0/0" not in split
    own, theirs = vps.run("wg", "genkey").stdout.strip(), None
    theirs = vps.run("wg", "pubkey", input=own).stdout.strip()
    blank = server.admin("device", "add", "own", "--public-key", theirs).stdout
    assert "PrivateKey = (put" in blank and theirs not in blank
    vps.write("/root/own.key", own + "\n", 0o600)
    assert own in server.admin("profile", "own", "--private-key", "/root/own.key").stdout
    code = server.admin("device", "rekey", "phone", "--qr").stdout
    assert "█" in code and len({len(row) for row in code.splitlines()}) == 1
    server.admin("device", "add", "late", "--out", "/nowhere/late.conf", check=False)
    assert server.admin("device", "show", "late", check=False).code == 3


def test_client_beside(lab):
    """a client on the server's own machine: neither tidies up what the other made, though both bear one tag"""
    vps = lab["vps"]
    server = Server(vps, vps.prefix).start()
    profile = server.device("nas")
    client = Client(vps).start()
    client.enrol("far", profile)
    state = "ip rule; ip -6 rule; ip route show table all proto 173; ip -6 route show table all proto 173"
    before = vps.sh(state).stdout
    assert "1730:" in before and embed(vps.prefix, "10.59.0.2") in before, before
    server.reload()
    assert vps.sh(state).stdout == before, "after the server's look"
    client.process.signal(1)
    client.process.wait_output("reloaded", 10)
    assert vps.sh(state).stdout == before, "after the client's"


def test_resolvers(lab):
    """a profile names no resolver that does not answer"""
    vps, visitor = lab["vps"], lab["visitor"]
    server = Server(vps, vps.prefix).start()
    refused(server.admin("subnet", "set-dns", "home", visitor.v4, check=False), 5, visitor.v4, "no DNS answer")
    assert "DNS" not in server.device("a")
    with visitor.inside():
        resolver = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        resolver.bind((visitor.v4, 53))

    def answer():
        data, peer = resolver.recvfrom(512)
        resolver.sendto(data[:2] + bytes([data[2] | 0x80]) + data[3:], peer)

    threading.Thread(target=answer, daemon=True).start()
    server.admin("subnet", "set-dns", "home", visitor.v4)
    assert f"DNS = {visitor.v4}" in server.device("b")
    server.admin("subnet", "set-dns", "home", "none")
    assert "DNS" not in server.device("c")


def test_keys_paste_back(lab):
    """what list prints is what the other verbs take"""
    server = Server(lab["vps"], lab["vps"].prefix).start()
    server.device("nas")
    server.admin("forward", "add", "443", "nas", "--label", "web", "--allow-from", "192.0.2.0/24")
    server.admin("forward", "add", "6000-6009/both", "nas:7000")
    server.admin("pinhole", "add", "nas", "443", "--internal", "8443")
    server.admin("publish", "nas", "25", "--ip-version", "both")
    for kind in ("forward", "pinhole"):
        rows = json.loads(server.admin(kind, "list", "--json").stdout)
        shown = [row.split()[0] for row in server.admin(kind, "list").stdout.splitlines()[1:]]
        assert shown == [row["key"] for row in rows] and rows
        for key in shown:
            server.admin(kind, "set-enabled", key, "off")
            server.admin(kind, "set-label", key, "off for now")
        rows = json.loads(server.admin(kind, "list", "--json").stdout)
        assert all(not row["enabled"] and row["label"] == "off for now" for row in rows)
        for key in shown:
            server.admin(kind, "remove", key)
        assert json.loads(server.admin(kind, "list", "--json").stdout) == []
    assert json.loads(server.admin("mappings", "--json").stdout) == []


def test_move_house(lab):
    """export, down, a blank machine, import: the same keys, the same devices"""
    vps, office = lab["vps"], lab["office"]
    server, _ = begin(lab)
    key = json.loads(server.admin("status", "--json").stdout)["public-key"]
    server.admin("export", "/root/all.conf")
    assert vps.run("stat", "-c", "%a", "/root/all.conf").stdout.strip() == "600"
    text = vps.read("/root/all.conf")
    assert server.admin("apply", "/root/all.conf", "--diff").stdout == "nothing differs\n"
    vps.write("/root/next.conf", text.replace("Name = nas", "Name = disk").replace("Device = nas", "Device = disk"))
    assert "+ device Name disk" in server.admin("apply", "/root/next.conf", "--diff").stdout
    refused(server.admin("import", "/root/all.conf", check=False), 4, "set up already")
    vps.write("/root/bad.conf", text + "[Device]\nNam = x\n", 0o600)
    refused(server.admin("apply", "/root/bad.conf", check=False), 1, "bad.conf:", "Nam: unknown key")
    other = Server(office, None).run()
    office.write("/root/all.conf", text, 0o600)
    other.admin("import", "/root/all.conf")
    assert json.loads(other.admin("status", "--json").stdout)["public-key"] == key
    other.admin("export", "/root/again.conf")
    assert office.read("/root/again.conf") == text


def test_killed_at_any_moment(lab):
    """killed while commands run, again and again: what returned is there, and the kernel agrees"""
    vps = lab["vps"]
    server = Server(vps, vps.prefix).start()
    server.device("nas")
    done = set()
    for n in range(6):
        stop = threading.Event()

        def add(first=1000 + 100 * n, end=stop):
            for port in range(first, first + 100):
                if end.is_set():
                    return
                if server.admin("publish", "nas", port, check=False).ok:
                    done.add(port)

        worker = threading.Thread(target=add)
        before = len(done)
        worker.start()
        until(lambda b=before: len(done) > b + 2 + n % 3, 20, "some commands")
        server.process.kill()
        stop.set()
        worker.join()
        server.run()
        rows = json.loads(server.admin("mappings", "--json").stdout)
        for kind in ("forward", "pinhole"):
            have = {row["first"] for row in rows if row["kind"] == kind}
            assert done <= have and len(have - done) <= n + 1, (kind, done ^ have)
        both = [{row["first"] for row in rows if row["kind"] == kind} for kind in ("forward", "pinhole")]
        assert both[0] == both[1], "a half of a change"
        opened = vps.run("nft", "list", "map", "inet", "adit_server", "open4").stdout
        assert len(re.findall(r"10\.59\.0\.2", opened)) == len(both[0]), opened


def test_endpoints_return(lab):
    """after a reboot the server knows where its devices were"""
    vps = lab["vps"]
    server, _ = begin(lab)

    def endpoint():
        return json.loads(server.admin("device", "show", "nas", "--json").stdout)["endpoint"]

    where = until(endpoint, 15, "a handshake")
    server.process.stop()
    vps.run("adit-server", "down")
    lab.wire("cgnat", "home").cut()
    server.run()
    assert endpoint() == where


def test_put_back(lab):
    """what somebody else deletes comes back; settings are checked by line"""
    vps = lab["vps"]
    vps.write("/etc/adit/server.conf", "[Daemon]\nLookAgain = 1s\n")
    server, _ = begin(lab)
    vps.run("nft", "delete", "table", "inet", "adit_server")
    until(lambda: vps.run("nft", "list", "table", "inet", "adit_server", check=False).ok, 5, "the table")
    vps.run("ip", "-6", "route", "flush", "dev", "adit0", "proto", "173")
    until(lambda: "a3b:2" in vps.run("ip", "-6", "route").stdout, 5, "the route")
    assert "[Ports]" in vps.run("adit-server", "check", "--settings").stdout
    vps.write("/etc/adit/server.conf", "[Daemon]\nLookAgane = 1s\n")
    refused(vps.run("adit-server", "check", "--settings", check=False), 1, "server.conf:2:", "unknown key")


def test_down(lab):
    """down leaves the machine as it was before setup, and the next start is as if nothing had been"""
    vps, visitor = lab["vps"], lab["visitor"]
    look = ("nft list ruleset; ip -o link; ip -o address; ip route show table all; ip -6 route show table all; "
            "ip -6 neigh show proxy; sysctl net.ipv4.ip_forward net.ipv6.conf.all.forwarding; "
            f"cd /proc/sys/net/ipv6; cat conf/{vps.link('internet')}/accept_ra conf/{vps.link('internet')}/proxy_ndp "
            f"neigh/{vps.link('internet')}/proxy_delay")

    def state():
        # What no command of ours has to do with: counters, lifetimes, what the kernel's cache knows.
        return [re.sub(r"expires \S+|valid_lft \S+|preferred_lft \S+", "", row)
                for row in vps.sh(look).stdout.splitlines() if "cache" not in row]
    before = state()
    server, gua = begin(lab)
    until(lambda: visitor.tcp_probe(gua, 443) == "refused", 15, "the tunnel")
    assert state() != before
    server.admin("down")
    assert state() == before, "\n".join(sorted(set(state()) ^ set(before)))
    assert json.loads(server.admin("status", "--json").stdout)["state"] == "down"
    assert "Next: systemctl restart adit-server" in server.admin("setup").stdout
    for words in (("device", "add", "shed", "--out=/run/shed.conf"), ("publish", "shed", "8081"),
                  ("forward", "add", "8082", "shed"), ("forward", "set-enabled", "8082", "on")):
        assert "the server is down" in server.admin(*words).stderr, words
    assert server.admin("forward", "list").stderr == ""
    assert state() == before
    vps.sh("mkfifo /run/pipe")
    refused(server.admin("device", "add", "barn", "--out=/run/pipe", check=False), 1, "/run/pipe: write: not a regular file")
    assert "barn" not in server.admin("device", "list").stdout
    vps.sh("test -p /run/pipe")
    server.process.stop()
    server.run()
    until(lambda: visitor.tcp_probe(gua, 443) == "refused", 15, "all of it again")


FOREIGN = """
table inet filter {
    chain input { type filter hook input priority 0; policy drop; ct state established accept; iifname lo accept; meta l4proto ipv6-icmp accept; }
    chain forward { type filter hook forward priority 0; policy drop; }
}
table inet harmless {
    chain forward { type filter hook forward priority 0; policy accept; tcp dport 25 drop; }
}
"""
REJECTING = """
table inet strict {
    chain FWD { type filter hook forward priority 10; policy accept; ct state established accept; counter reject; }
}
"""


def test_firewall_neighbours(lab):
    """a foreign drop is named with the line that mends it, and that line mends it"""
    vps, home, visitor = lab["vps"], lab["home"], lab["visitor"]
    vps.nft(FOREIGN)
    vps.nft(REJECTING)
    server = Server(vps, vps.prefix).start()
    profile = server.device("nas", "10.59.0.2")
    server.publish(443, "nas")
    home.http_server(443, "page\n")

    def problems():
        return json.loads(server.admin("status", "--json").stdout)["problems"]

    seen = problems()
    assert len(seen) == 5 and "no packet ever arrived on UDP port 51820" in seen[4], seen
    assert sum("opens a port by PCP" in p for p in seen) == 1, seen
    assert any("filter, chain input" in p for p in seen) and any("filter, chain forward" in p for p in seen), seen
    assert any("strict, chain FWD" in p for p in seen) and not any("harmless" in p for p in seen), seen
    Client(home).start().enrol("home", profile)
    for line in seen[:4]:
        vps.sh(line.split("; run: ")[1])
    until(lambda: visitor.curl(f"http://{vps.v4}:443/", check=False).ok, 20, "the page")
    assert visitor.curl(f"http://[{embed(vps.prefix, '10.59.0.2')}]:443/") == "page\n"
    assert problems() == [], problems()


def test_properties_follow(lab):
    """who listens on the bus hears of each change, and no secret passes there"""
    vps = lab["vps"]
    server = Server(vps, vps.prefix).start()
    listener = vps.spawn("dbus-monitor", "--system")
    listener.wait_output("NameAcquired")
    profile = server.device("nas")
    listener.wait_output("PropertiesChanged")
    until(lambda: re.search(r'"Devices"\s+variant\s+uint32 1', listener.output()), 5, "the new count")
    until(lambda: re.search(r'"Generation"\s+variant\s+uint64 2', listener.output()), 5, "the new generation")
    server.admin("export", "/root/all.conf")
    for secret in re.findall("(?:PrivateKey|PresharedKey) = (.*)", profile + vps.read("/root/all.conf")):
        assert secret not in listener.output() and secret not in server.process.output()


def who_may(lab, *policies):
    """anna is of the group, otto is not"""
    vps = lab["vps"]
    vps.sh("groupadd adit-admin && useradd -G adit-admin anna && useradd otto")
    vps.bus(*policies)
    server = Server(vps, vps.prefix).start()

    def as_user(name, *words):
        return vps.run("setpriv", "--reuid", name, "--regid", name, "--init-groups", "adit-server", *words, check=False)

    said = as_user("anna", "device", "add", "phone")
    assert said.ok, said
    refused(as_user("otto", "device", "add", "laptop"), 4, "not allowed")
    assert "phone" in server.admin("device", "list").stdout
    assert "laptop" not in server.admin("device", "list").stdout


def test_who_may(lab):
    """root and the group adit-admin administer, nobody else: the daemon looks itself"""
    who_may(lab)


def test_who_may_by_policy(lab):
    """the same under the policy file of the bus"""
    path = lab["vps"].write("/etc/adit-policy.conf", POLICY)
    who_may(lab, path)


if __name__ == "__main__":
    tap.main(globals())
