#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What the client says to input it cannot take: one sentence, and nothing is changed."""
import json

import tap
from policysite import everything
from story import Client

DRAWING = "visitor -- internet -- home"
PROFILE = """[Interface]
PrivateKey = {key}
Address = 10.{n}.0.2/24
[Peer]
PublicKey = {peer}
AllowedIPs = 10.{n}.0.1/32, 10.{n}.0.0/24, 0.0.0.0/1, 128.0.0.0/1
Endpoint = 192.0.2.{n}:51820
"""
SLOTS = 60


def _keys(home):
    key, peer = (home.run("wg", "genkey").stdout.strip() for _ in range(2))
    return {"key": key, "peer": home.run("wg", "pubkey", input=peer).stdout.strip()}


def _one_sentence(said, code, *words):
    assert said.code == code, said
    lines = [row for row in said.stderr.strip().splitlines() if "--help" not in row]
    assert len(lines) == 1 and lines[0].startswith("adit"), said.stderr
    for word in words:
        assert word in lines[0], (word, lines[0])


def test_bad_files(lab):
    """files without a key, with two, with an unknown key; what others hold; managers that are not there"""
    home, client = lab["home"], Client(lab["home"]).start()
    keys = _keys(home)
    good = PROFILE.format(n=70, **keys)
    before = everything(home)
    rows = [
        ("", 1, "[Interface] is missing"),
        (good.replace("PrivateKey = ", "#"), 1, "PrivateKey is missing"),
        (good.replace("[Peer]", f"PrivateKey = {keys['key']}\n[Peer]"), 1, "bad.conf:4: PrivateKey"),
        (good.replace("[Peer]", "Nonsense = 1\n[Peer]"), 1, "bad.conf:4: Nonsense"),
        (good + "[Obfuscation]\nJc = 4\n", 1, "bad.conf:8: ", "Obfuscation"),
    ]
    for text, code, *words in rows:
        home.write("/root/bad.conf", text, 0o600)
        _one_sentence(client.adit("import", "/root/bad.conf", check=False), code, *words)
        assert keys["key"] not in client.adit("import", "/root/bad.conf", check=False).stderr
        _one_sentence(client.adit("import", "--name", "x", "-", input=text, check=False), code,
                      *(word.replace("bad.conf", "standard input") for word in words))
    assert "wg set x" in client.adit("import", "--dry-run", "--name", "x", "-", input=good).stdout
    _one_sentence(client.adit("import", "-", input=good, check=False), 2, "import -: standard input has no name: say --name")
    _one_sentence(client.adit("import", "--name", "x", "-", input="#" * (4 << 20) + "\n", check=False), 1,
                  "standard input: read: more than 4194304 bytes")
    _one_sentence(client.adit("import", "/root/none.conf", check=False), 3, "/root/none.conf", "No such file")
    home.write("/root/good.conf", good, 0o600)
    _one_sentence(client.adit("import", "/root/good.conf", "--backend", "networkmanager", check=False), 5,
                  "NetworkManager: not running: systemctl start NetworkManager")
    _one_sentence(client.adit("adopt", "home", check=False), 5, "home: no WireGuard link of this name in the files of systemd-networkd",
                  "NetworkManager: not running")
    _one_sentence(client.adit("import", "/root/good.conf", "--backend", "x", check=False), 2, "--backend: x")
    _one_sentence(client.adit("update", "nobody", "/root/good.conf", check=False), 3, "nobody: no such gateway")
    _one_sentence(client.adit("default", "nobody", check=False), 3, "nobody: no such gateway")
    assert everything(home) == before and client.adit("list", "--json").stdout.strip() == "[]"


def test_full(lab):
    """the 61st gateway, an address that another one has, a subnet inside another's: refused, naming it"""
    home, client = lab["home"], Client(lab["home"])
    keys = _keys(home)
    for n in range(1, SLOTS + 1):
        home.write(f"/etc/adit/gateways/g{n}.conf", PROFILE.format(n=100 + n, **_keys(home) if n == 1 else keys), 0o600)
        slot = [s for s in range(1, 63) if s not in (0x1e, 0x2d)][n - 1]
        home.write(f"/var/lib/adit/gateways/g{n}", f"[Gateway]\nSlot = {slot}\nBackend = direct\nUp = no\n", 0o600)
    client.start()
    before = everything(home)
    home.write("/root/more.conf", PROFILE.format(n=70, **_keys(home)), 0o600)
    _one_sentence(client.adit("import", "/root/more.conf", check=False), 1, "all 60 gateway slots are taken")
    client.adit("remove", "g60")
    less = everything(home)
    assert less != before
    held = PROFILE.format(n=101, **_keys(home)).replace("192.0.2.101", "192.0.2.99")
    home.write("/root/held.conf", held, 0o600)
    _one_sentence(client.adit("import", "/root/held.conf", check=False), 1, "10.101.0.2", "g1")
    inside = held.replace("Address = 10.101.0.2/24", "Address = 10.101.0.130/28").replace("10.101.0.0/24", "10.101.0.128/28")
    home.write("/root/inside.conf", inside, 0o600)
    _one_sentence(client.adit("import", "/root/inside.conf", check=False), 1, "overlaps", "g1")
    assert everything(home) == less
    assert len(json.loads(client.adit("list", "--json").stdout)) == SLOTS - 1
    client.adit("remove", "--all")


def test_nobody_there(lab):
    """no aditd, no bus, no polkit: said in one sentence"""
    home, client = lab["home"], Client(lab["home"])
    home.write("/root/good.conf", PROFILE.format(n=70, **_keys(home)), 0o600)
    _one_sentence(client.adit("list", check=False), 5, "aditd")
    client.start()
    said = home.run("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "adit", "default", "none", check=False)
    _one_sentence(said, 4, "only root may: polkit cannot be asked")
    said = client.adit("list", check=False, env={"DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/run/none"})
    _one_sentence(said, 5, "no system bus")
    left = home.run("aditd", check=False, env={"DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/run/none"}, timeout=20)
    assert left.code == 1 and "no system bus" in left.stderr, left


if __name__ == "__main__":
    tap.main(globals())
