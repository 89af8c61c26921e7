#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""`adit publish`: services behind CGNAT publish themselves at the real server, and visitors come."""
import json
import os

import tap
from process import until
from publishing import DRAWING, begin, fetch, is_closed, published

RESIDENT_MAX = 4096  # kB; 2000 when it was written


def assert_small(process):
    """Its memory at rest. Sanitizers and valgrind have their own."""
    if "ASAN_OPTIONS" not in os.environ and os.readlink(f"/proc/{process.pid}/exe").endswith("/adit-publisher"):
        until(lambda: process.memory()["Rss"] < RESIDENT_MAX, 10, "memory given back after the start")


def test_publish(lab):
    """adit publish 443: a visitor comes by IPv4 and by the GUA, port 80 sends him to https, unpublish closes"""
    vps, visitor = lab["vps"], lab["visitor"]
    _, client, publisher, gua = begin(lab)
    page = lab["home"].http_server(443, "from behind CGNAT\n")
    urls = f"http://{vps.v4}:443/", f"http://[{gua}]:443/"
    assert is_closed(visitor, *urls)
    said = client.adit("publish", "443", timeout=20)
    assert f"{vps.v4}:443" in said.stdout and f"[{gua}]:443" in said.stdout, said.stdout
    for url in urls:
        assert fetch(visitor, url).stdout == "from behind CGNAT\n", url
    assert set(page.visitors) == {visitor.v4, visitor.v6}
    for where in (vps.v4, f"[{gua}]"):
        row = visitor.curl(f"http://{where}/a?b", "-o", "/dev/null", "-w", "%{http_code} %{redirect_url}")
        assert row == f"308 https://{where}/a?b", row
    rows = published(client)
    for family in (4, 6):
        row = rows["443/tcp", family]
        assert (row["state"], row["protocol"], row["redirect"]) == ("published", "PCP", "by the server"), row
        assert row["lease_until"] > row["since"] > 0 and not row["problem"], row
    assert_small(publisher.process)
    client.adit("unpublish", "443")
    until(lambda: is_closed(visitor, *urls, f"http://{vps.v4}/", f"http://[{gua}]/"), 10, "all of it to close")
    assert published(client) == {}


def test_listening(lab):
    """--when listening: published within 3 s of the service's start and closed within 3 s of its end"""
    home, vps, visitor = lab["home"], lab["vps"], lab["visitor"]
    _, client, _, gua = begin(lab)
    said = client.adit("publish", "8080", "--when", "listening", "--no-redirect")
    assert "waiting" in said.stdout and "nothing listens on it" in said.stdout, said.stdout
    urls = f"http://{vps.v4}:8080/", f"http://[{gua}]:8080/"
    page = home.http_server(8080, "now\n")
    for url in urls:
        assert until(lambda u=url: fetch(visitor, u).stdout, 3, f"{url} to open") == "now\n"
    page.close()
    until(lambda: {r["state"] for r in published(client).values()} == {"waiting"}, 3, "the end to be seen")
    until(lambda: is_closed(visitor, *urls), 3, "it to close")
    home.http_server(8080, "loop\n", "127.0.0.1")
    until(lambda: "loopback" in published(client)["8080/tcp", 4]["reason"], 3, "the loopback listener to be refused")
    assert published(client)["8080/tcp", 4]["state"] == "refused"
    assert is_closed(visitor, *urls)


def test_refused(lab):
    """what cannot hold is refused with its reason and exit code, and nothing is kept of it"""
    home = lab["home"]
    server, client, _, _ = begin(lab)
    home.http_server(7000, "loop\n", "127.0.0.1")
    for argv, code, words in (
            (["7000"], 4, "loopback"),
            (["0"], 2, "not a port"),
            (["443", "--external", "none"], 2, "neither a port"),
            (["443", "--gateway", "nobody"], 3, "no such gateway"),
            (["443", "--to", "10.59.0.7"], 4, "network of a gateway"),
            (["443", "--to", "11.1.1.2"], 4, "allowed-targets"),
            (["443", "--to", "127.0.0.1"], 2, "this machine itself"),
            (["443", "--keep-source"], 2, "KeepSource"),
            (["443", "--suggest"], 2, "takes no port")):
        said = client.adit("publish", *argv, check=False)
        assert said.code == code and words in said.stderr, (argv, said)
    assert published(client) == {}
    said = client.adit("unpublish", "443", check=False)
    assert said.code == 3 and "443/both: not published" in said.stderr, said
    server.admin("device", "set-publish", "nas", "off")
    said = client.adit("publish", "443", check=False, timeout=20)
    assert said.code == 4 and "set-publish" in said.stdout, said
    client.process.stop()
    said = client.adit("publish", "444", check=False)
    assert said.code == 5 and "aditd" in said.stderr, said


def test_crashes(lab):
    """publisher killed and restarted renews the same mapping; aditd killed: nothing changes; the server restarted: it is back"""
    vps, visitor = lab["vps"], lab["visitor"]
    server, client, publisher, gua = begin(lab)
    lab["home"].http_server(443, "here\n")
    client.adit("publish", "443", timeout=20)
    mapped = server.admin("mappings", "--json").stdout
    publisher.process.kill()
    assert fetch(visitor, f"http://{vps.v4}:443/").stdout == "here\n"
    publisher.start()
    until(lambda: {r["state"] for r in published(client).values()} == {"published"}, 10, "the leases to be taken up")
    keys = [(m["key"], m["origin"]) for m in json.loads(mapped)]
    assert keys == [(m["key"], m["origin"]) for m in json.loads(server.admin("mappings", "--json").stdout)]
    assert "refused" not in publisher.process.output() and "-> granted" in publisher.process.output()
    client.process.kill()
    client.start()
    until(lambda: {r["state"] for r in published(client).values()} == {"published"}, 10, "the leases to be shown again")
    assert publisher.process.output().count("-> granted") == 2, "asked again after a restart of aditd"
    server.process.kill()
    server.start()
    for url in (f"http://{vps.v4}:443/", f"http://[{gua}]:443/"):
        assert until(lambda u=url: fetch(visitor, u).stdout, 20, url) == "here\n"


def test_withdrawn_away(lab):
    """unpublished while nobody hears it, the tunnel cut or down or the publisher new: the server frees the port when it can"""
    home = lab["home"]
    server, client, publisher, _ = begin(lab)

    def mapped():
        return sorted(m["key"] for m in json.loads(server.admin("mappings", "--json").stdout))

    def cut(on):
        home.nft("table inet cut { chain out { type filter hook output priority 0; meta mark 0x3f000000 drop; }; }"
                 if on else "delete table inet cut")

    def down(on):
        client.adit("down" if on else "up", "home")

    def again():
        publisher.process.kill()
        publisher.start()

    rounds = [("down", down, None), ("cut, publisher new", cut, again)]
    if os.environ.get("ADIT_FULL"):  # the contract suite has the first with a clock that leaps
        rounds += [("cut", cut, None), ("down, publisher new", down, again)]
    for port, (words, away, more) in enumerate(rounds, 4431):
        client.adit("publish", str(port), "--no-redirect", timeout=20)
        assert len(mapped()) == 2, words
        before = publisher.process.output().count("deleting -> idle")
        away(True)
        client.adit("unpublish", str(port))
        until(lambda: published(client) == {}, 5, words)
        if more:
            more()
        elif away is cut:
            publisher.process.wait_output("(?s)(deleting -> idle.*?){%d}" % (before + 2), 15)
        assert len(mapped()) == 2, words
        away(False)
        until(lambda: mapped() == [], 20, f"{words}: the ports to be free")


def test_dropped_in(lab):
    """publish.d: a package's file is published, a broken one is named with its line, the user's word wins"""
    home, vps, visitor = lab["home"], lab["vps"], lab["visitor"]
    home.write("/etc/adit/publish.d/50-web.conf", "[Publish]\nPort = 8080\nLabel = web\n")
    home.write("/etc/adit/publish.d/60-bad.conf", "[Publish]\nPort = 70000\n")
    _, client, _, _ = begin(lab)
    home.http_server(8080, "dropped in\n")
    assert until(lambda: fetch(visitor, f"http://{vps.v4}:8080/").stdout, 10, "the file's port") == "dropped in\n"
    said = client.adit("published")
    assert "60-bad.conf:2: Port: 70000" in said.stderr, said.stderr
    said = client.adit("unpublish", "8080", check=False)
    assert said.code == 4 and "50-web.conf:1" in said.stderr, said.stderr
    home.run("rm", "/etc/adit/publish.d/50-web.conf")
    client.process.signal(1)
    until(lambda: is_closed(visitor, f"http://{vps.v4}:8080/"), 10, "it to close")


def test_suggest(lab):
    """publish --suggest lists what listens, and changes nothing"""
    home = lab["home"]
    _, client, _, _ = begin(lab)
    home.http_server(8080)
    home.http_server(9000, "loop\n", "127.0.0.1")
    rows = {r["ports"]: r for r in json.loads(client.adit("publish", "--suggest", "--json").stdout)}
    assert rows["8080/tcp"]["reachable"] and not rows["9000/tcp"]["reachable"], rows
    assert "adit publish 8080/tcp" in client.adit("publish", "--suggest").stdout
    assert published(client) == {}


if __name__ == "__main__":
    tap.main(globals())
