#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Another profile for a gateway that is there: what it does not replace is kept, or the old one is."""
import base64
import json
import os
import re
import socket
import time

import tap
from process import until
from story import Client, Publisher, Server

DRAWING = """
visitor -- internet -- vps
internet -- cgnat -- home
"""
OTHER = """[Interface]
PrivateKey = {key}
Address = 10.88.0.2/32
[Peer]
PublicKey = {peer}
AllowedIPs = 10.88.0.0/24
Endpoint = 203.0.113.99:51820
"""
PSK = re.compile(r"^PresharedKey = .*\n", re.MULTILINE)


def random_key():
    """A key that nobody else has."""
    return base64.b64encode(os.urandom(32)).decode()


def begin(lab):
    """(client, profile) of a home machine whose port 443 a visitor reaches."""
    vps, home, visitor = lab["vps"], lab["home"], lab["visitor"]
    server = Server(vps, vps.prefix).start()
    profile = server.device("nas", "10.59.0.2")
    server.publish(443, "nas", families=(4,))
    client = Client(home).start()
    client.enrol("home", profile)
    home.http_server(443, "page\n")
    until(lambda: visitor.curl(f"http://{vps.v4}:443/", check=False).ok, 15, "the published port")
    return client, profile


def test_update(lab):
    """an update keeps link and preshared key; one that brings no handshake is taken back, and others wait until then"""
    vps, home, visitor = lab["vps"], lab["home"], lab["visitor"]
    client, profile = begin(lab)
    before = client.adit("export", "home").stdout
    index = home.sh("cat /sys/class/net/home/ifindex").stdout
    home.write("/root/more.conf", PSK.sub("", profile), 0o600)
    client.adit("update", "home", "/root/more.conf")
    assert PSK.search(client.adit("export", "home").stdout)[0] == PSK.search(before)[0]
    assert home.sh("cat /sys/class/net/home/ifindex").stdout == index
    assert visitor.curl(f"http://{vps.v4}:443/") == "page\n"

    wrong = random_key()
    home.write("/root/wrong.conf", PSK.sub(f"PresharedKey = {wrong}\n", profile), 0o600)
    failing = _spawn(client, "update", "home", "/root/wrong.conf")
    until(lambda: client.adit("export", "home").stdout != before, 5, "the wrong one")
    asked = home.spawn("dbus-monitor", "--system", "member=SetUp")
    asked.wait_output("NameAcquired")
    left = _spawn(client, "down", "home")
    asked.wait_output("member=SetUp")
    left.kill()
    waiting = _spawn(client, "import", "/root/home.conf")
    assert failing.wait(60) == 5 and "the old one is back" in failing.output(), failing.output()
    assert waiting.wait() == 0, waiting.output()
    assert client.adit("export", "home").stdout == before
    assert home.sh("cat /sys/class/net/home/ifindex").stdout == index, "who has gone has not taken it down"
    told = client.process.output()
    assert "home: import: done" in told and "home: update: done" in told and "update: home: no handshake" in told, told
    until(lambda: visitor.curl(f"http://{vps.v4}:443/", check=False).ok, 15, "the old profile to carry again")


def _spawn(client, *words):
    return client.home.spawn("adit", *words, name="adit-update")


def _kill_and_start(client, after):
    """The daemon dies in the midst of it, as of a power cut, and the next one starts."""
    time.sleep(after)  # the moment is what is tried out
    client.process.kill()
    client.start()


@tap.deadline(150)
def test_killed(lab):
    """killed at any moment of an update the profile is the old one or the new one; one that brings no handshake goes"""
    home = lab["home"]
    client, profile = begin(lab)
    texts = {}
    for seconds in (20, 21):
        home.write(f"/root/{seconds}.conf", profile.replace("PersistentKeepalive = 25", f"PersistentKeepalive = {seconds}"), 0o600)
        client.adit("update", "home", f"/root/{seconds}.conf")
        texts[client.adit("export", "home").stdout] = seconds
    for number in range(40 if os.environ.get("ADIT_FULL") else 8):
        wanted = 20 if texts[client.adit("export", "home").stdout] == 21 else 21
        asked = _spawn(client, "update", "home", f"/root/{wanted}.conf")
        _kill_and_start(client, 0.004 * number)
        asked.wait()  # one that asks late asks the next daemon
        found = client.adit("export", "home").stdout
        assert found in texts and home.read("/etc/adit/gateways/home.conf") == found, found
        assert f"{texts[found]} seconds" in home.run("wg", "show", "home").stdout
        assert home.ping("10.59.0.1", source="10.59.0.2", timeout=5)
    before = client.adit("export", "home").stdout
    home.write("/root/wrong.conf", PSK.sub(f"PresharedKey = {random_key()}\n", profile), 0o600)
    _spawn(client, "update", "home", "/root/wrong.conf")
    until(lambda: client.adit("export", "home").stdout != before, 5, "the wrong one")
    _kill_and_start(client, 0)
    assert client.adit("export", "home").stdout != before, "it is judged anew"
    until(lambda: client.adit("export", "home").stdout == before, 25, "the old one to be back")
    until(lambda: home.ping("10.59.0.1", source="10.59.0.2", timeout=1), 15, "the old one to carry")
    assert "no handshake with the new profile" in client.process.output()
    assert home.sh("ls /var/lib/adit/updating").stdout == ""


def test_again(lab):
    """another file of the same device at the same server is an update: name, port and a running flow are kept"""
    vps, home, visitor = lab["vps"], lab["home"], lab["visitor"]
    client, profile = begin(lab)
    publisher = Publisher(home).start()
    client.adit("publish", "8000", "--ipv4")
    until(lambda: "published" in client.adit("published").stdout, 15, "a port of its own")
    with home.inside():
        server = socket.create_server(("0.0.0.0", 8000))
    flow = visitor.connect(vps.v4, 8000)
    peer, _ = server.accept()
    peer.settimeout(5)
    flow.settimeout(5)
    home.write("/root/newer file.conf", profile.replace("PersistentKeepalive = 25", "PersistentKeepalive = 20"), 0o600)
    said = client.adit("import", "/root/newer file.conf")
    assert "is a gateway already" in said.stdout, said.stdout
    listed = json.loads(client.adit("list", "--json").stdout)
    assert [row["name"] for row in listed] == ["home"], listed
    assert "PersistentKeepalive = 20" in client.adit("export", "home").stdout
    flow.send(b"still here")
    assert peer.recv(20) == b"still here"
    assert "8000/tcp" in client.adit("published").stdout and publisher.process.alive
    page = client.adit("status", "home").stdout
    for words in (f"outside      {vps.v4}, ", f"8000/tcp IPv4 published at {vps.v4}:8000", "guard        stands",
                  "handshake", "inside       10.59.0.2", "server       10.59.0.1"):
        assert words in page, (words, page)
    told = json.loads(client.adit("status", "home", "--json").stdout)[0]
    assert told["outside"][0] == vps.v4 and told["published"][0]["state"] == "published", told
    client.adit("default", "home", "--ipv4")
    assert "guard        closed" in client.adit("status", "home").stdout
    # The same numbers at another server are somebody else's: refused, as before.
    other = re.sub(r"(PublicKey = ).*", rf"\g<1>{random_key()}", profile)
    other = re.sub(r"Endpoint = .*", "Endpoint = 192.0.2.9:51820", other)
    home.write("/root/other.conf", other, 0o600)
    said = client.adit("import", "/root/other.conf", check=False)
    assert said.code == 1 and "of home" in said.stderr or "held by home" in said.stderr, said


def test_ports(lab):
    """a second file that wants the same ListenPort gets any other"""
    client, profile = begin(lab)
    home = lab["home"]
    client.adit("remove", "home")
    for number in (1, 2):
        text = profile.replace("[Interface]", "[Interface]\nListenPort = 51820").replace("10.59.", f"10.{70 + number}.")
        text = re.sub(r"Address = .*", f"Address = 10.{70 + number}.0.2/24", text)
        text = re.sub(r"AllowedIPs = .*", f"AllowedIPs = 10.{70 + number}.0.0/24", text)
        text = re.sub(r"(PublicKey = ).*", rf"\g<1>{random_key()}", text)
        home.write(f"/root/p{number}.conf", text, 0o600)
        client.adit("import", f"/root/p{number}.conf")
    ports = [home.run("wg", "show", f"p{n}", "listen-port").stdout.strip() for n in (1, 2)]
    assert ports[0] == "51820" and ports[1] not in ("51820", "0"), ports


def test_status(lab):
    """status says within 15 s that nobody answers, and exits 5; `remove --all` leaves none"""
    home = lab["home"]
    client, profile = begin(lab)
    said = client.adit("status", "home")
    assert "home: up" in said.stdout, said.stdout
    wrong = random_key()
    client.adit("remove", "--all")
    home.write("/root/home.conf", re.sub(r"PublicKey = .*", f"PublicKey = {wrong}", profile), 0o600)
    client.adit("import", "/root/home.conf")
    said = client.adit("status", "home", check=False, timeout=30)
    assert said.code == 5 and "no handshake: key, PSK, endpoint or blocked UDP" in said.stdout, said
    client.adit("remove", "--all")
    assert "no gateway yet" in client.adit("status").stdout




def test_move(lab):
    """a manager that is not there does not get a gateway: the old one has it back, with its publications; its own one is an update"""
    vps, home, visitor = lab["vps"], lab["home"], lab["visitor"]
    client, profile = begin(lab)
    client.adit("default", "home")
    before = client.adit("export", "home").stdout
    slot = client.adit("list", "--json").stdout
    for backend, words in (("networkd", "systemd-networkd"), ("networkmanager", "NetworkManager")):
        said = client.adit("import", "--backend", backend, "/root/home.conf", check=False, timeout=60)
        assert said.code != 0 and words in said.stderr, said
        rows = json.loads(client.adit("list", "--json").stdout)
        assert [(r["name"], r["backend"], r["slot"], r["up"]) for r in rows] == \
            [(r["name"], "direct", r["slot"], True) for r in json.loads(slot)], rows
        until(lambda: visitor.curl(f"http://{vps.v4}:443/", check=False).ok, 15, "the visitor to come in again")
        assert client.adit("export", "home").stdout == before
        assert "20070:" in home.run("ip", "-4", "rule").stdout, "it is still selected"
    said = client.adit("import", "--backend", "direct", "/root/home.conf")
    assert "already" in said.stdout and profile, said
    assert not home.sh("ls /etc/systemd/network/60-adit-* 2>/dev/null || true").stdout


def test_dropped_in(lab):
    """a profile that an admin drops into gateways/ comes up by its name; a broken one is named with its line"""
    home = lab["home"]
    client, _ = begin(lab)
    home.write("/etc/adit/gateways/other.conf", "[Interface]\nPrivateKey = none\n", 0o600)
    said = client.adit("up", "other", check=False)
    assert said.code == 1 and "other.conf:2: PrivateKey" in said.stderr, said
    home.write("/etc/adit/gateways/other.conf", OTHER.format(key=random_key(), peer=random_key()), 0o600)
    client.adit("up", "other")
    assert home.sh("ip -o link show other").ok and "10.88.0.2" in client.adit("list").stdout
    said = client.adit("up", "nobody", check=False)
    assert said.code == 3 and "no such gateway" in said.stderr, said
    client.adit("remove", "other")
    assert not home.exists("/etc/adit/gateways/other.conf")


if __name__ == "__main__":
    tap.main(globals())
