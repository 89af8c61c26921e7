#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""adit-server while the machine fails it: it keeps serving what it can, says so, and recovers by itself."""
import json
import os
import time

import tap
from pcp import CONF, begin, is_open, leases
from process import until
from story import Server
from talk import Talk

DRAWING = """
visitor -- internet -- vps
internet -- nas:home
"""
STATE = "/var/lib/adit-server"
FULL = bool(os.environ.get("ADIT_FULL"))


def problems(server):
    return json.loads(server.admin("status", "--json").stdout)["problems"]


def site(lab):
    """A server whose store has a disk of its own, a device that answers on three ports, one of them published."""
    vps = lab["vps"]
    vps.sh(f"mkdir -p {STATE} && mount -t tmpfs -o size=2m,mode=700 adit {STATE}")
    server, nas = begin(lab, "nas", conf=CONF + "[Daemon]\nSaveEndpoints = 1s\n")
    for port in (443, 444, 445):
        lab["nas"].tcp_echo(port)
    server.publish(443, "nas", families=(4,))
    assert nas.map(444, 444).result == "SUCCESS"
    talks = [Talk(lab["visitor"], vps.v4, port) for port in (443, 444)]

    def still(why):
        for talk in talks:
            talk.still(why)
    return server, nas, still


def refused(said, *words):
    assert not said.ok and len(said.stderr.strip().splitlines()) == 1, said
    for word in words:
        assert word in said.stderr, said.stderr


def bad_disk(lab, spoil, mend, *words):
    """What holds for every disk that takes nothing."""
    vps, visitor = lab["vps"], lab["visitor"]
    server, nas, still = site(lab)
    vps.sh(spoil)
    refused(server.admin("forward", "set-enabled", "443", "off", check=False), "server.db", *words)
    refused(server.admin("device", "add", "more", check=False), "server.db", *words)
    still("a change was refused")
    assert nas.map(445, 445).result == "SUCCESS" and is_open(visitor, vps.v4, 445), "what the kernel holds needs no disk"
    until(lambda: any("leases.db" in p for p in problems(server)), 10, "a word about the leases")
    refused(server.admin("forward", "set-enabled", "444", "off", check=False), "leases.db")
    assert is_open(visitor, vps.v4, 444), "a word that would not outlive us was taken"
    vps.sh(mend)
    until(lambda: not any("leases.db" in p for p in problems(server)), 15, "the leases to be kept again")
    server.admin("forward", "set-enabled", "443", "off")
    server.admin("forward", "set-enabled", "444", "off")
    assert server.process.alive
    server.process.stop()
    vps.sh("nft delete table inet adit_server; ip link del adit0")
    server.run()
    rows = leases(server)
    assert not rows["443/tcp"]["enabled"] and not rows["444/tcp"]["enabled"], rows
    assert rows["445/tcp"]["enabled"], "opened while the disk was away"
    until(lambda: is_open(visitor, vps.v4, 445), 15, "the port, after the reboot")


def test_full_disk(lab):
    """a full disk: changes are refused and change nothing, devices are served, and all is kept once there is room"""
    bad_disk(lab, f"dd if=/dev/zero of={STATE}/filler bs=4k 2>/dev/null || true; sync", f"rm {STATE}/filler", "full")


@tap.deadline(120)
def test_disk_turns_read_only(lab):
    """the disk has an error and takes nothing any more: changes are refused in a sentence, all else goes on; mended by a reboot"""
    vps, visitor = lab["vps"], lab["visitor"]
    vps.sh(f"truncate -s 16M /root/disk && mkfs.ext4 -q /root/disk && mkdir -p {STATE} && mount -o loop,errors=remount-ro /root/disk {STATE}")
    server, nas = begin(lab, "nas", conf=CONF + "[Daemon]\nSaveEndpoints = 1s\nLookAgain = 1s\n")
    for port in (443, 444, 445):
        lab["nas"].tcp_echo(port)
    server.publish(443, "nas", families=(4,))
    assert nas.map(444, 444).result == "SUCCESS"
    talks = [Talk(visitor, vps.v4, port) for port in (443, 444)]
    until(lambda: kept(vps, "server.db", "endpoint"), 10, "where the device is, in the store")
    until(lambda: kept(vps, "leases.db", "lease"), 10, "what the device opened, in the store")
    vps.sh(f"sync -f {STATE}/server.db")  # so that nothing is left that could be changed in memory alone
    vps.sh(f"echo 1 > /sys/fs/ext4/$(basename $(findmnt -no SOURCE {STATE}))/trigger_fs_error")
    assert not vps.sh(f"touch {STATE}/more", check=False).ok, "the disk can still be written"
    for _ in range(2):
        refused(server.admin("device", "add", "more", check=False), "server.db", "read-only")
        refused(server.admin("forward", "set-enabled", "443", "off", check=False), "server.db", "read-only")
    assert nas.map(445, 445).result == "SUCCESS" and is_open(visitor, vps.v4, 445), "what the kernel holds needs no disk"
    for file in ("leases.db", "server.db"):
        until(lambda name=file: any(name in p and "read-only" in p for p in problems(server)), 10, f"a word about {file}")
    vps.run("nft", "delete", "table", "inet", "adit_server")
    until(lambda: is_open(visitor, vps.v4, 443), 10, "the table, made again")
    for talk in talks:
        talk.still("the disk is read-only")
    assert json.loads(server.admin("device", "list", "--json").stdout)[0]["name"] == "nas" and server.process.alive
    server.process.stop()
    vps.sh(f"umount {STATE} && (e2fsck -fy /root/disk || test $? -le 2) && mount -o loop /root/disk {STATE}")
    vps.sh("nft delete table inet adit_server; ip link del adit0")
    server.run()
    until(lambda: is_open(visitor, vps.v4, 443) and is_open(visitor, vps.v4, 444), 15, "the ports, after the reboot")
    server.admin("device", "add", "more")
    assert problems(server) == [], problems(server)


def kept(vps, file, table):
    """One row, in a store that the server writes when it has the time."""
    script = f"import sqlite3; print(sqlite3.connect('{STATE}/{file}').execute('SELECT count(*) FROM {table}').fetchone()[0])"
    return vps.run("python3", "-c", script).stdout.strip() == "1"


def test_read_only_disk(lab):
    """booted on a read-only disk it serves what it knows, changes nothing, and can write again without a restart"""
    vps, visitor = lab["vps"], lab["visitor"]
    server, nas, _ = site(lab)
    server.admin("forward", "set-enabled", "444", "off")
    until(lambda: kept(vps, "server.db", "endpoint"), 10, "where the device is, in the store")
    for clean in (False, True):  # with a log beside the store, and without
        server.process.stop() if clean else server.process.kill()
        until(lambda: vps.sh(f"mount -o remount,ro {STATE}", check=False).ok, 5, "its files to be closed")
        vps.sh("nft delete table inet adit_server; ip link del adit0")
        server.run()
        until(lambda: is_open(visitor, vps.v4, 443), 15, "the port, after the reboot")
        assert any("server.db: the disk is read-only" in p for p in problems(server)), problems(server)
        refused(server.admin("device", "add", "more", check=False), "the disk is read-only")
        assert nas.map(444, 444).result == "NOT_AUTHORIZED", "off is off"
        assert nas.map(445, 445).result == "SUCCESS"
        vps.sh(f"mount -o remount,rw {STATE}")
        until(lambda: problems(server) == [], 15, "both files to be written again")
        server.admin("device", "add", "more")
        server.admin("device", "remove", "more")


def test_refused_by_nft(lab):
    """the kernel refuses our table: changes are undone, status says why, and it is back once the kernel lets us"""
    vps = lab["vps"]
    server, _, still = site(lab)
    before = server.admin("export", "/root/before.conf") and vps.read("/root/before.conf")
    # A table with an owner is nobody else's; it goes with the owner.
    vps.spawn("sh", "-c", "(echo 'delete table inet adit_server; add table inet adit_server { flags owner; }'; "
                      "echo 'list tables'; exec sleep 1000) | exec nft -i")
    until(lambda: problems(server), 5, "a word about it")
    assert json.loads(server.admin("status", "--json").stdout)["state"] == "broken"
    refused(server.admin("publish", "nas", "8080", check=False), "not permitted")
    server.admin("export", "/root/after.conf")
    assert vps.read("/root/after.conf") == before
    vps.sh("kill $(pidof nft)")
    until(lambda: json.loads(server.admin("status", "--json").stdout)["state"] == "up", 40, "the server to be back")
    still("the table was away")
    server.publish(8080, "nas")


def test_new_wan_address(lab):
    """the provider gives another address: forwards and leases are on the new one, and devices hear of it"""
    vps, visitor = lab["vps"], lab["visitor"]
    server, nas, _ = site(lab)
    link, old = vps.link("internet"), vps.v4
    new = old.rsplit(".", 1)[0] + ".250"
    length = vps.sh(f"ip -o -4 address show dev {link}").stdout.split()[3].split("/")[1]
    route = vps.sh("ip -4 route show default").stdout.strip()
    vps.sh(f"ip address del {old}/{length} dev {link}; ip address add {new}/{length} dev {link}; ip route replace {route}")
    nas.wg.peer(json.loads(server.admin("status", "--json").stdout)["public-key"], ["0.0.0.0/0", "::/0"], f"{new}:51820", 25)
    until(lambda: is_open(visitor, new, 443), 10, "the forward on the new address")
    again = nas.map(444, 444)
    assert (again.result, again.address) == ("SUCCESS", new), again
    assert is_open(visitor, new, 444)


@tap.deadline(120)
def test_wan_away(lab):
    """the WAN's address is gone for a moment, longer than it takes to notice: connections go on when it is back"""
    vps, visitor = lab["vps"], lab["visitor"]
    server, nas, still = site(lab)
    link = vps.link("internet")
    length = vps.sh(f"ip -o -4 address show dev {link}").stdout.split()[3].split("/")[1]
    route = vps.sh("ip -4 route show default").stdout.strip()
    server.admin("setup", "--wan", link)
    still("with a WAN by name")
    vps.sh(f"ip address del {vps.v4}/{length} dev {link}")
    until(lambda: vps.v4 not in vps.run("nft", "list", "map", "inet", "adit_server", "open4").stdout, 5, "the server to notice")
    time.sleep(35 if FULL else 2)
    vps.sh(f"ip address add {vps.v4}/{length} dev {link}; ip route replace {route}")
    until(lambda: is_open(visitor, vps.v4, 443), 10, "the forward")
    time.sleep(2)
    assert nas.map(444, 444).result == "SUCCESS"  # as every client does which is told so
    still("its address was away")


def test_renamed_interfaces(lab):
    """the WAN gets another name, and our link, too: all goes on under the names that are right"""
    vps, visitor = lab["vps"], lab["visitor"]
    server, nas, still = site(lab)
    link = vps.link("internet")
    vps.sh(f"ip link set dev {link} name wan77 || {{ ip link set {link} down; ip link set dev {link} name wan77; }}", check=False)
    until(lambda: f"{nas.v6} dev wan77" in vps.run("ip", "-6", "neigh", "show", "proxy").stdout, 40, "the neighbours' answers on the new name")
    still("the WAN is called otherwise")
    vps.run("ip", "link", "set", "dev", "adit0", "name", "other0")
    until(lambda: vps.run("ip", "link", "show", "adit0", check=False).ok, 40, "our link")
    until(lambda: is_open(visitor, vps.v4, 443), 40, "the forward")


# The store as the first schema had it: what came later goes.
DOWNGRADE = """
import sqlite3, sys
first = {"subnet": "id name net4 net4_len net6 net6_len wan4 dns",
         "device": "id name subnet addr4 addr6 public_key preshared_key kind may_publish routes",
         "publish": "id family external first last proto device internal enabled label allow_from"}
db = sqlite3.connect(sys.argv[1])
names = {"index": "address_subnet address_device publish_device port_publish",
         "table": "server subnet device address publish port endpoint"}
for kind in names:
    for (name,) in db.execute("SELECT name FROM sqlite_master WHERE type = ? AND name NOT LIKE 'sqlite_%'", (kind,)).fetchall():
        if name not in names[kind].split():
            db.execute(f"DROP {kind} {name}")
for table, columns in first.items():
    for row in db.execute(f"PRAGMA table_info({table})").fetchall():
        if row[1] not in columns.split():
            db.execute(f"ALTER TABLE {table} DROP COLUMN {row[1]}")
db.execute("PRAGMA user_version = 1")
db.commit()
"""
VERSION = "import sqlite3, sys; print(*sqlite3.connect(sys.argv[1]).execute('PRAGMA user_version').fetchone())"


def test_upgrade(lab):
    """a store of the first schema under live flows: migrated at the start, and nobody notices"""
    vps = lab["vps"]
    server, _, still = site(lab)
    server.process.stop()
    path = f"{STATE}/server.db"
    vps.run("python3", "-c", DOWNGRADE, path)
    still("the server is away")
    server.run()
    still("the store is of today")
    assert vps.run("python3", "-c", VERSION, path).stdout.strip() >= "3"
    assert vps.run("stat", "-c", "%a", path).stdout.strip() == "600"
    assert leases(server)["443/tcp"]["redirect"] == "no"


if __name__ == "__main__":
    tap.main(globals())
