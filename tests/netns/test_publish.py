#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""`adit publish`: services behind CGNAT publish themselves at the real server, and visitors come."""
import json
import os

import tap
from lab import SOURCE
from pcpfake import PcpFake
from process import until
from story import Client, Publisher, Server, embed

DRAWING = """
visitor -- internet -- vps
internet -- cgnat -- home
"""


def begin(lab):
    """(server, client, publisher, the home machine's GUA): enrolled, nothing published."""
    vps, home = lab["vps"], lab["home"]
    server = Server(vps, vps.prefix).start()
    vps.spawn("adit-redirect").wait_output("listening on 2 sockets", 15)
    client = Client(home).start()
    publisher = Publisher(home).start()
    client.enrol("home", server.device("nas", "10.59.0.2"))
    return server, client, publisher, embed(vps.prefix, "10.59.0.2")


def published(client):
    """What `adit published --json` says, by (ports, family)."""
    rows = json.loads(client.adit("published", "--json").stdout)["publications"]
    return {(r["ports"], r.get("family")): r for r in rows}


def fetch(visitor, url):
    return visitor.curl(url, check=False, timeout=3)


def is_closed(visitor, *urls):
    return all(not fetch(visitor, u).ok for u in urls)


def test_publish(lab):
    """adit publish 443: a visitor comes by IPv4 and by the GUA, port 80 sends him to https, unpublish closes"""
    vps, visitor = lab["vps"], lab["visitor"]
    _, client, _, gua = begin(lab)
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
    assert {r["state"] for r in published(client).values()} == {"published"}
    assert publisher.process.output().count("-> granted") == 2, "asked again after a restart of aditd"
    server.process.kill()
    server.start()
    for url in (f"http://{vps.v4}:443/", f"http://[{gua}]:443/"):
        assert until(lambda u=url: fetch(visitor, u).stdout, 20, url) == "here\n"


def test_to_others(lab):
    """--to a container and a host of the LAN: both families, and who sees the visitor's address"""
    vps, visitor, container, lan = (lab[n] for n in ("vps", "visitor", "container", "lan"))
    _, client, _, gua = begin(lab)
    boxed = container.http_server(80, "container\n")
    other = lan.http_server(8443, "lan host\n")
    client.adit("publish", "8001", "--to", f"{container.v4}:80", "--to", f"[{container.v6}]:80", timeout=20)
    client.adit("publish", "8002", "--to", f"{lan.v4}:8443", timeout=20)
    assert fetch(visitor, f"http://{vps.v4}:8001/").stdout == "container\n"
    assert fetch(visitor, f"http://[{gua}]:8001/").stdout == "container\n"
    assert set(boxed.visitors) == {visitor.v4, visitor.v6}
    assert fetch(visitor, f"http://{vps.v4}:8002/").stdout == "lan host\n"
    assert other.visitors == [visitor.v4]
    client.adit("unpublish", "8001")
    until(lambda: is_closed(visitor, f"http://{vps.v4}:8001/"), 10, "it to close")
    assert "dnat" not in lab["home"].run("nft", "list", "map", "inet", "adit", "to4").stdout.replace("8002", "")


test_to_others.drawing = DRAWING + "home -- container\nhome -- lan\n"


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


def test_own_firewall(lab):
    """published, but this machine's own firewall drops it: the chain is named with the remedy, which helps"""
    home, vps, visitor = lab["home"], lab["vps"], lab["visitor"]
    _, client, _, _ = begin(lab)
    home.http_server(443, "let in\n")
    home.nft("table inet fw { chain in { type filter hook input priority 0; policy drop;\n"
             "ct state established,related accept; iif lo accept; tcp dport { 22, 80-90 } accept\n}\n}\n")
    client.adit("publish", "443", timeout=20)
    problem = until(lambda: published(client)["443/tcp", 4]["problem"], 5, "the chain to be named")
    assert "table inet fw, chain in drops what arrives" in problem and "TCP port 443" in problem, problem
    assert is_closed(visitor, f"http://{vps.v4}:443/")
    home.sh(problem.split("run: ")[1])
    assert fetch(visitor, f"http://{vps.v4}:443/").stdout == "let in\n"
    until(lambda: not published(client)["443/tcp", 4]["problem"], 5, "the problem to be over")
    client.adit("publish", "85", timeout=20)
    client.adit("published")  # asks again
    assert not published(client)["85/tcp", 4]["problem"], "a range of a set is understood"


def other_server(lab, second):
    """The same tunnel, but its PCP is spoken by one that knows no redirect: (server, client)."""
    vps, home = lab["vps"], lab["home"]
    vps.write("/etc/adit/server.conf", "[PCP]\nEnabled = no\n")
    server = Server(vps, None).start()
    client = Client(home).start()
    Publisher(home).start()
    client.enrol("home", server.device("nas", "10.59.0.2"))
    return PcpFake(vps, "10.59.0.1", second), client


def test_redirect_by_second(lab):
    """80 to 443 at a server that takes a second mapping of 443: asked with its own nonce, 443 renewed after it, never deleted"""
    fake, client = other_server(lab, True)
    client.adit("publish", "443", timeout=20)
    until(lambda: published(client)["443/tcp", 4]["redirect"] == "by a second mapping", 10, "the second mapping")
    until(lambda: fake.asked[2:] == [(443, 443, 3600)], 5, "443 to be renewed after it")
    assert fake.asked[:2] == [(443, 443, 3600), (443, 80, 3600)], fake.asked
    client.adit("unpublish", "443")
    until(lambda: (443, 0, 0) in fake.asked, 5, "443 to be given back")
    assert [a for a in fake.asked if a[2] == 0] == [(443, 0, 0)], "the second mapping must not be deleted by its internal port"


def test_redirect_by_local(lab):
    """80 to 443 at a server that takes no second mapping: this machine answers 308 itself, on a port that 80 is mapped to"""
    fake, client = other_server(lab, False)
    home = lab["home"]
    client.adit("publish", "443", timeout=20)
    until(lambda: published(client)["443/tcp", 4]["redirect"] == "by this machine", 10, "the local responder")
    port = next(internal for internal, external, _ in fake.asked if external == 80 and internal != 443)
    said = home.curl(f"http://10.59.0.2:{port}/x", "-H", "Host: example.net", "-o", "/dev/null", "-w", "%{http_code} %{redirect_url}")
    assert said == "308 https://example.net/x", said
    client.adit("publish", "80", timeout=20)
    until(lambda: published(client)["443/tcp", 4]["redirect"].startswith("yields"), 5, "it to yield to port 80 itself")
    until(lambda: (port, 0, 0) in fake.asked, 5, "its mapping to be given back")


def test_no_privilege(lab):
    """by the policies we ship the publisher may look and own its name, and change nothing"""
    home, vps = lab["home"], lab["vps"]
    server = Server(vps, None).start()
    paths = []
    for name in ("org.adit.Client1.conf", "org.adit.Publisher1.conf"):
        with open(os.path.join(SOURCE, "data", name), encoding="utf-8") as f:
            paths.append(home.write(f"/run/{name}", f.read().replace('user="adit-publisher"', 'user="nobody"')))
    home.bus(*paths)
    client = Client(home).start()
    Publisher(home).start()
    client.enrol("home", server.device("nas", "10.59.0.2"))
    client.adit("publish", "443", "--ipv4", timeout=20)
    target = "org.adit.Client1", "/org/adit/Client1/manager"
    for method, *arguments in (("Client1.Publications.Publish", "[Publish]\nPort = 22\n"),
                               ("Client1.Publications.Unpublish", "443"),
                               ("Client1.Publications.Share", "['10.0.0.0/8']", "false"),
                               ("Client1.Manager.SetUp", "home", "false"),
                               ("Client1.Manager.Remove", "home")):
        said = home.run("setpriv", "--reuid=nobody", "--clear-groups", "gdbus", "call", "--system", "--dest", target[0],
                        "--object-path", target[1], "--method", f"org.adit.{method}", *arguments, check=False)
        assert not said.ok and ("AccessDenied" in said.stderr or "NotAuthorized" in said.stderr), (method, said)
    said = client.adit("published", "--json")
    assert [r["state"] for r in json.loads(said.stdout)["publications"]] == ["published"], said.stdout


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
