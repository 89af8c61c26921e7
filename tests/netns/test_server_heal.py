#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What others take away from the server comes back at once: it hears the kernel, no timer is waited for."""
import json
import os
import random

import tap
from pcp import Peer
from process import until
from story import Server

DRAWING = """
visitor -- internet -- vps
internet -- nas:home
"""
QUIET = "[Daemon]\nLookAgain = 24h\n"
# What somebody does; what has to be there again.
ACTS = (
    ("nft delete table inet adit_server", "nft list chain inet adit_server forward"),
    ("nft flush ruleset", "nft list chain inet adit_server gate"),
    ("nft flush chain inet adit_server gate", "nft list chain inet adit_server gate | grep -q 'still open'"),
    ("nft flush set inet adit_server back4", "nft list set inet adit_server back4 | grep -q 'tcp . 443'"),
    ("nft flush map inet adit_server open4", "nft list map inet adit_server open4 | grep -q 'tcp . 443'"),
    ("ip -6 route flush dev adit0 proto 173", "ip -6 route show dev adit0 proto 173 | grep -q :"),
    ("ip address flush dev adit0", "ip address show dev adit0 | grep -q 10.59.0.1/24"),
    ("ip link set adit0 down", "ip link show adit0 | grep -q '[<,]UP'"),
    ("ip link delete adit0", "ip address show dev adit0 | grep -q 10.59.0.1/24"),
)


def begin(lab):
    lab["vps"].write("/etc/adit/server.conf", QUIET)
    server = Server(lab["vps"], lab["vps"].prefix).start()
    nas = Peer(server, lab["nas"], "nas")
    lab["nas"].http_server(443, "page\n")
    server.publish(443, "nas", families=(4,))
    nas.map(443, 443, 6, lifetime=3600)
    return server, nas


@tap.deadline(120)
def test_heals(lab):
    """table, rules, elements, routes, addresses and the link itself; manual mappings and leases work again"""
    vps, visitor = lab["vps"], lab["visitor"]
    _, nas = begin(lab)
    hosts = (vps.v4, f"[{nas.v6}]")
    for act, there in ACTS:
        vps.sh(act)
        until(lambda t=there: vps.sh(t, check=False).ok, 10, f"after {act}: {there}")
        for host in hosts:
            until(lambda h=host: visitor.curl(f"http://{h}:443/", check=False, timeout=2).stdout == "page\n", 20,
                  f"after {act}: {host}")


def test_change_beside_others(lab):
    """a change puts back what others took just before, and leaves nothing behind when the kernel refuses it"""
    vps = lab["vps"]
    server, nas = begin(lab)
    taken = nas.v6[:-1] + "4"  # the next but one device's
    assert server.admin("device", "list", "--json").stdout.count(nas.v6) == 1 and nas.v6.endswith(":2"), nas.v6
    vps.sh("ip -6 route flush dev adit0 proto 173")
    server.admin("device", "add", "one")
    assert nas.v6 in vps.sh("ip -6 route show dev adit0 proto 173").stdout
    for spoil in ("nft flush map inet adit_server open4", "nft delete table inet adit_server"):
        vps.sh(spoil)
        server.admin("forward", "add", "444", "nas")
        assert vps.sh("nft list map inet adit_server open4").stdout.count("tcp . 44") == 2, spoil
        server.admin("forward", "remove", "444/tcp")
    vps.sh(f"ip -6 route add {taken} dev lo metric 1024")
    peers = set(vps.sh("wg show adit0 peers").stdout.split())
    refused = server.admin("device", "add", "two", check=False)
    assert not refused.ok and taken in refused.stderr, refused.stderr
    assert set(vps.sh("wg show adit0 peers").stdout.split()) == peers, peers
    assert "two" not in [device["name"] for device in json.loads(server.admin("device", "list", "--json").stdout)]
    assert taken not in vps.sh("ip -6 neigh show proxy").stdout
    vps.sh(f"ip -6 route del {taken} dev lo metric 1024")
    server.admin("device", "add", "two")
    assert taken in vps.sh("ip -6 route show dev adit0 proto 173").stdout
    vps.sh(f"ip -6 route del {taken} dev adit0")  # then heard of, beside the deletion
    server.admin("device", "remove", "two")
    server.admin("device", "remove", "one")
    assert len(vps.sh("wg show adit0 peers").stdout.split()) == 1
    assert not json.loads(server.admin("status", "--json").stdout)["problems"]


def edits(dice, server, devices):
    """One command that an operator might give, and that may be refused."""
    device, port = dice.choice(devices), dice.choice((80, 443, 444, 445, 3000))
    proto, word = dice.choice(("tcp", "udp", "both")), f"new{len(devices)}-{dice.randrange(1000)}"
    kind = dice.randrange(10)
    if kind == 0:
        devices.append(word)
    if kind == 1 and len(devices) > 3:
        devices.remove(device)
    return (("device", "add", word), ("device", "remove", device) if device not in devices else ("device", "list"),
            ("publish", device, f"{port}/{proto}", "--ip-version", dice.choice("46")), ("publish", device, port, "--ip-version", "both"),
            ("publish", device, "443", "--ip-version", "both", "--also-80"), ("forward", "remove", f"{port}/{proto}"),
            ("forward", "set-enabled", f"{port}/{proto}", dice.choice(("on", "off"))), ("pinhole", "remove", f"{device}:{port}/{proto}"),
            ("device", "set-publish", device, dice.choice(("on", "off"))),
            ("forward", "add", f"{port}-{port + 3}/{proto}", device, "--allow-from", "192.0.2.0/24"))[kind]


def test_changes_are_exact(lab):
    """after any changes, of which each sends only what it changes, a look at the whole kernel finds nothing to do"""
    server, nas = begin(lab)
    nas.map(444, 444, lifetime=3600)
    seed = int.from_bytes(os.urandom(4), "big")
    print(f"# seed {seed}")
    dice, devices, done, asked = random.Random(seed), ["nas", "one", "two"], 0, []
    server.admin("device", "add", "one")
    server.admin("device", "add", "two", "--route", "192.168.7.0/24")
    for turn in range(8):
        for _ in range(60 if "ADIT_FULL" in os.environ else 6):
            asked.append(edits(dice, server, devices))
            done += server.admin(*asked[-1], check=False).ok
        before = [row for row in server.process.output().splitlines() if "ports:" in row or "kernel:" in row]
        server.reload()
        rows = [row for row in server.process.output().splitlines() if "ports:" in row or "kernel:" in row]
        assert rows == before, f"seed {seed}, turn {turn}: {rows[len(before):]} after {asked[-60:]}"
    assert done > len(asked) / 8, (done, asked)  # half of them are refused, by chance
    assert "looking again" not in server.process.output()


def test_calm(lab):
    """its own work wakes nobody: leases come and go without a look at the table"""
    server, nas = begin(lab)
    until(lambda: "ports:" in server.process.output(), 5, "the first look")
    before = server.process.output().count("ports:")
    for port in range(1000, 1030):
        assert nas.map(port, port).result == "SUCCESS"
    for port in range(1000, 1030):
        assert nas.unmap(port).result == "SUCCESS"
    lab["vps"].run("nft", "add", "table", "inet", "strangers")
    lab["vps"].run("ip", "link", "add", "stranger", "type", "bridge")
    lab["vps"].run("nft", "delete", "element", "inet", "adit_server", "tunnel", "{ adit0 }")
    until(lambda: server.process.output().count("ports:") > before, 10, "what was a stranger's")
    assert server.process.output().count("ports:") == before + 1, server.process.output()[-2000:]


def damage(vps, path, name):
    """Another content for the first page of a table or index."""
    page = vps.run("python3", "-c", "import sqlite3, sys; print(sqlite3.connect(sys.argv[1]).execute("
                   "'SELECT rootpage FROM sqlite_master WHERE name = ?', sys.argv[2:]).fetchone()[0])", path, name).stdout
    vps.sh(f"rm -f {path}-wal {path}-shm; dd if=/dev/urandom of={path} bs=4k seek={int(page) - 1} count=1 conv=notrunc status=none")


def test_damaged_store(lab):
    """a damaged file is kept aside, its last good copy serves, and status says so until the next start"""
    vps, visitor = lab["vps"], lab["visitor"]
    server, nas = begin(lab)
    url = f"http://{vps.v4}:443/"
    until(lambda: visitor.curl(url, check=False).stdout == "page\n", 20, url)
    server.admin("forward", "set-label", "443/tcp", "the last change")
    path = "/var/lib/adit-server/server.db"
    until(lambda: "the last change" in vps.sh(f"tr -cd '[:print:]' < {path}.good", check=False).stdout, 10, "the copy")
    # What a start reads, and what it does not.
    for name in ("publish", "port_publish"):
        server.process.stop()
        damage(vps, path, name)
        server.run()
        assert "the last change" in server.admin("forward", "list").stdout
        assert visitor.curl(url) == "page\n" and visitor.curl(f"http://[{nas.v6}]:443/") == "page\n"
        said = json.loads(server.admin("status", "--json").stdout)["problems"]
        assert any("server.db" in p and "kept aside as /var/lib/adit-server/server.db.damaged-" in p for p in said), said
        assert oct(int(vps.sh("stat -c %a /var/lib/adit-server/server.db.damaged-* | sort -u").stdout, 8)) == "0o600"
        assert oct(int(vps.sh(f"stat -c %a {path} {path}.good | sort -u").stdout, 8)) == "0o600"
    server.process.stop()
    server.run()
    assert not any("damaged" in p for p in json.loads(server.admin("status", "--json").stdout)["problems"])


def test_busy(lab):
    """while leases come faster than anybody could listen to, a foreign deletion is seen within a second or two"""
    vps = lab["vps"]
    server, nas = begin(lab)
    vps.write("/etc/adit/server.conf", QUIET + "[PCP]\nRate = 100000\nBurst = 100000\n")
    server.reload()
    load = os.path.join(lab.build, "tests/bench/pcp-load")
    noise = lab["nas"].spawn("sh", "-c", f"for i in $(seq 60); do {load} {nas.server4} {nas.v4} map 2000 200 1; done")


    def listeners():
        """Sockets of protocol 12 (netfilter) in group 7 (nftables)."""
        rows = vps.run("cat", "/proc/net/netlink").stdout.splitlines()[1:]
        return sum(row.split()[1] == "12" and int(row.split()[3], 16) & 0x40 != 0 for row in rows)

    until(lambda: listeners() == 0, 10, "the server to stop listening")
    vps.run("nft", "delete", "table", "inet", "adit_server")
    until(lambda: vps.run("nft", "list", "chain", "inet", "adit_server", "gate", check=False).ok, 4, "the table")
    noise.kill()
    until(lambda: listeners() == 1, 10, "the server to listen again")
    vps.run("nft", "delete", "table", "inet", "adit_server")
    until(lambda: vps.run("nft", "list", "chain", "inet", "adit_server", "gate", check=False).ok, 4, "the table")


if __name__ == "__main__":
    tap.main(globals())
