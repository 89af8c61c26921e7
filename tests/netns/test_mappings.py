#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What `adit-server mappings` says: whose, what went through, and the next change at once."""
import base64
import json
import time

import tap
from pcp import Peer
from process import until
from story import Client, Server, embed

DRAWING = """
visitor -- internet -- vps
internet -- cgnat -- home
"""
PAGE = "x" * 50000


def begin(lab):
    """A server with one device that serves a page in both families."""
    server = Server(lab["vps"], lab["vps"].prefix).start()
    Client(lab["home"]).start().enrol("home", server.device("nas", "10.59.0.2"))
    lab["home"].http_server(443, PAGE)
    return server, embed(lab["vps"].prefix, "10.59.0.2")


def key(n):
    return base64.b64encode(n.to_bytes(31, "big") + b"\x40").decode()


def rows(server):
    return {row["key"]: row for row in json.loads(server.admin("mappings", "--json").stdout)}


def test_traffic(lab):
    """packets and bytes of each mapping, in both directions and families; a range counts as one"""
    server, gua = begin(lab)
    visitor = lab["visitor"]
    server.admin("forward", "add", "440-443", "nas:440", "--label", "pages", "--allow-from", "0.0.0.0/0")
    server.admin("pinhole", "add", "nas", "443")
    server.publish(444, "nas")
    for host in (lab["vps"].v4, f"[{gua}]"):
        until(lambda: visitor.curl(f"http://{host}:443/", check=False).stdout == PAGE, 15, host)
    seen = rows(server)
    for key in ("440-443/tcp", "nas:443/tcp"):
        row = seen[key]
        assert 0 < row["packets-in"] < 200 and row["bytes-in"] < 30000, row
        assert row["packets-out"] > 5 and 50000 < row["bytes-out"] < 70000, row
        assert row["origin"] == "manual" and row["device"] == "nas" and row["expires"] == 0, row
    assert seen["444/tcp"]["bytes-out"] == 0, seen["444/tcp"]
    assert seen["440-443/tcp"]["allow-from"] == ["0.0.0.0/0"]
    text = server.admin("mappings").stdout
    assert "kB" in text and "pages" in text, text
    server.process.stop()
    server.run()
    assert rows(server)["440-443/tcp"]["bytes-out"] >= seen["440-443/tcp"]["bytes-out"], "over a restart"


@tap.drawing("visitor -- internet -- vps\ninternet -- nas:home")
def test_leases(lab):
    """what a device opens itself stands in the list, with its end, its owner and its traffic, page by page"""
    server = Server(lab["vps"], lab["vps"].prefix).start()
    nas = Peer(server, lab["nas"], "nas")
    watch = lab["vps"].spawn("adit-server", "mappings", "--watch")
    lab["nas"].http_server(443, PAGE)
    server.admin("forward", "add", "8443", "nas:443", "--label", "by hand")
    nas.map(443, 443, 4, lifetime=3600)
    nas.map(443, 443, 6, lifetime=7200)
    watch.wait_output(r"nas:443/tcp +\[.*:443 +nas:443 +open +auto +[0-9]+ (min|h)", 10)
    for host in (lab["vps"].v4, f"[{nas.v6}]"):
        until(lambda: lab["visitor"].curl(f"http://{host}:443/", check=False).stdout == PAGE, 15, host)
    seen = rows(server)
    now = time.time()
    for key, life in (("443/tcp", 3600), ("nas:443/tcp", 7200)):
        row = seen[key]
        assert row["origin"] == "auto" and row["device"] == "nas" and row["internal"] == 443, row
        assert now + life - 60 < row["expires"] < now + life + 60, (row, now)
        assert row["bytes-out"] > 50000, row
    assert seen["8443/tcp"]["origin"] == "manual" and len(seen) == 3, seen
    def ask(*words, check=True):
        return lab["vps"].run("busctl", "--json=short", "call", "org.adit.Server1", "/org/adit/Server1", "org.adit.Server1.Manager",
                              *words, check=check)

    keys, after = [], ""
    for _ in range(5):
        page = json.loads(ask("ListMappings", "ysu", 0, after, 1).stdout)["data"][0]
        if not page:
            break
        after = page[0][1]
        keys.append(after)
    assert keys == ["8443/tcp", "443/tcp", "nas:443/tcp"], keys
    for words in (("ListMappings", "ysu", 0, "8444/tcp", 1), ("ListMappings", "ysu", 0, "nonsense", 1), ("ListDevices", "su", "disk", 1)):
        said = ask(*words, check=False)
        assert not said.ok and "begin the list anew" in said.stderr, said
    assert json.loads(ask("ListDevices", "su", "nas", 1).stdout)["data"] == [[]]
    assert nas.unmap(443, 4).result == "SUCCESS"
    assert "443/tcp" not in rows(server)


@tap.drawing("internet -- vps")
def test_long_lists(lab):
    """lists longer than a page are whole and in order, and no answer of the daemon is longer than a page"""
    vps = lab["vps"]
    text = ["[Server]", f"PrivateKey = {key(0)}", "[Subnet]", "Name = home", "Network = 10.0.0.0/8"]
    for n in range(2300):
        text += ["[Device]", f"Name = d{n}", "Subnet = home", f"Address = 10.1.{n // 200}.{n % 200 + 1}", f"PublicKey = {key(n + 1)}"]
    for n in range(2300):
        text += ["[Forward]", f"External = {1024 + n}", "Protocol = tcp", f"Device = d{n}"]
    vps.write("/root/big.conf", "\n".join(text) + "\n", 0o600)
    server = Server(vps, None).run()
    server.admin("import", "/root/big.conf", timeout=60)
    monitor = vps.spawn("busctl", "--json=short", "monitor", "--match", "type=method_return,sender=org.adit.Server1")
    monitor.wait_output("Monitoring", 10)
    assert [row["name"] for row in json.loads(server.admin("device", "list", "--json").stdout)] == [f"d{n}" for n in range(2300)]
    assert [row["first"] for row in json.loads(server.admin("forward", "list", "--json").stdout)] == list(range(1024, 3324))
    server.admin("device", "rename", "d5", "last-word")
    until(lambda: monitor.output().count("method_return") >= 7, 10, "seven answers")
    pages = [len(answer["payload"]["data"][0]) for line in monitor.output().splitlines() if line.startswith("{")
             for answer in [json.loads(line)] if answer["payload"].get("type", "").startswith("a(")]
    assert pages == 2 * [1000, 1000, 300], pages


@tap.drawing("visitor -- internet -- vps\ninternet -- nas:home\ninternet -- web:home")
def test_own_address(lab):
    """a device with a public IPv4 address of its own: its :443 beside another's, its traffic by it, and back"""
    vps, visitor = lab["vps"], lab["visitor"]
    second = vps.v4.rsplit(".", 1)[0] + ".77"
    vps.run("ip", "address", "add", second + "/24", "dev", vps.link("internet"))
    server = Server(vps, vps.prefix).start()
    nas, web = Peer(server, lab["nas"], "nas"), Peer(server, lab["web"], "web")
    for name in ("nas", "web"):
        lab[name].http_server(443, name)
    seen = visitor.http_server(8080)
    server.admin("device", "set-wan", "web", second)
    server.publish(443, "nas", families=(4,))
    server.publish(443, "web", families=(4,))
    for host, name in ((vps.v4, "nas"), (second, "web")):
        until(lambda h=host, n=name: visitor.curl(f"http://{h}:443/", check=False).stdout == n, 15, host)
    for peer in (nas, web):
        peer.machine.curl(f"http://{visitor.v4}:8080/", "--interface", peer.v4)
    assert seen.visitors == [vps.v4, second], seen.visitors
    reply = web.map(8443, 8443)
    assert reply.result == "SUCCESS" and reply.address == second, reply
    assert f"{second}:443/tcp" in rows(server) and f"{second}:8443/tcp" in rows(server), rows(server)
    server.admin("forward", "remove", f"{second}:443/tcp")
    server.admin("device", "set-wan", "web", "none")
    web.machine.curl(f"http://{visitor.v4}:8080/", "--interface", web.v4)
    assert seen.visitors[-1] == vps.v4, seen.visitors
    said = server.admin("device", "set-wan", "web", "::1", check=False)
    assert said.code == 1 and "not an IPv4 address" in said.stderr, said.stderr


def test_watch(lab):
    """--watch tells a change when it happens, and ends with the server"""
    server, _ = begin(lab)
    watch = lab["vps"].spawn("adit-server", "mappings", "--watch")
    watch.wait_output("nothing is published", 10)
    server.publish(443, "nas")
    watch.wait_output("nas:443/tcp", 10)
    server.admin("forward", "set-enabled", "443/tcp", "off")
    watch.wait_output(r"443/tcp .*:443 +nas:443 +off", 10)
    server.process.stop()
    until(lambda: not watch.alive, 10, "the watch to end")


if __name__ == "__main__":
    tap.main(globals())
