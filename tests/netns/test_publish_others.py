#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Publications that others have a part in: containers and the LAN, foreign servers, foreign firewalls, the bus."""
import itertools
import json
import os
import time
from ipaddress import ip_network

import tap
from lab import SOURCE
from pcpfake import PcpFake
from process import until
from publishing import DRAWING, begin, fetch, is_closed, published
from story import Client, Publisher, Server


def test_to_others(lab):
    """--to a container and a host of the LAN: both families, and who sees the visitor's address"""
    vps, visitor, container, lan = (lab[n] for n in ("vps", "visitor", "container", "lan"))
    _, client, _, gua = begin(lab)
    home = lab["home"]
    for link in ("home", "br0", "lan0"):
        home.sysctl(f"net.ipv4.conf.{link}.forwarding", 0)
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
    assert " 8001 " not in home.run("nft", "list", "map", "inet", "adit", "to4").stdout


def test_to_others_again(lab):
    """what leads on is wanted before its gateway's link is there: imported again, and started anew without the link"""
    vps, visitor, container, home = (lab[n] for n in ("vps", "visitor", "container", "home"))
    server, client, _, gua = begin(lab)
    container.http_server(80, "container\n")
    client.adit("publish", "8001", "--to", f"{container.v4}:80", "--to", f"[{container.v6}]:80", timeout=20)

    def reached():
        return all(fetch(visitor, f"http://{where}:8001/").stdout == "container\n" for where in (vps.v4, f"[{gua}]"))

    assert reached()
    client.adit("remove", "home")
    client.adit("import", "/root/home.conf")
    until(reached, 15, "the container behind the new gateway")
    client.process.kill()
    home.run("ip", "link", "del", "home")
    client.start()
    until(reached, 15, "the container after a start without the link")
    assert "forwarding: No such file" not in client.process.output()


test_to_others_again.drawing = DRAWING + "home -- container\n"
test_to_others.drawing = DRAWING + "home -- container\nhome -- lan\n"


def test_share(lab):
    """share: other devices of the gateway reach the LAN behind this machine, which sees this machine, or them"""
    home, vps, lan = lab["home"], lab["vps"], lab["lan"]
    server, client, _, _ = begin(lab)
    network = str(ip_network(f"{lan.v4}/24", strict=False))
    page = lan.http_server(8080, "lan\n")
    server.admin("device", "set-routes", "nas", network)
    said = client.adit("share", network, "10.0.0.1/8", check=False)
    assert said.code == 1 and "not a network" in said.stderr, said
    client.adit("share", network)
    assert until(lambda: fetch(vps, f"http://{lan.v4}:8080/").stdout, 10, "the LAN to be reached") == "lan\n"
    client.adit("share", network, "--keep-source")
    assert fetch(vps, f"http://{lan.v4}:8080/").ok
    assert page.visitors == [home.run("ip", "-4", "-o", "addr", "show", "lan0").stdout.split()[3].split("/")[0], "10.59.0.1"]
    assert json.loads(client.adit("published", "--json").stdout)["shared"] == [{"network": network, "keep_source": True}]
    client.adit("unshare", network)
    said = client.adit("unshare", network, check=False)
    assert said.code == 3 and "not shared" in said.stderr, said


test_share.drawing = DRAWING + "home -- lan\n"


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
    client.adit("published")
    time.sleep(0.2)  # it has asked again
    assert not published(client)["85/tcp", 4]["problem"], "a range of a set is understood"


# Somebody else's rules before TCP port 443, and whether it is said that they drop it. What may let it pass before is not
# judged, and what is said has to be so.
RULES = (
    ("tcp dport 443 drop", True),
    ("iif lo accept; ct state established,related accept; tcp dport 443 counter log prefix \"no \" reject", True),
    ("ct state vmap { established : accept, related : accept, invalid : drop }; tcp dport { 80, 443, 8000-9000 } drop", True),
    ("iifname home meta l4proto tcp th dport 400-500 drop", True),
    ("jump web\n}; chain web { meta l4proto udp accept; tcp dport != 22 drop", True),
    ("ip saddr 192.0.2.0/24 drop; tcp dport 443 drop", True),
    ("iifname home accept; tcp dport 443 drop", False),
    ("meta mark 0 accept; tcp dport 443 drop", False),
    ("tcp dport { 22, 80 } drop; tcp dport 1-442 drop; udp dport 443 drop", False),
    ("ip saddr 192.0.2.7 tcp dport 443 drop; limit rate over 900/second tcp dport 443 drop", False),
    ("goto web; tcp dport 443 drop\n}; chain web { tcp dport 22 drop", False),
)


def problem_of_443(client, is_wanted, rules):
    """The problem, once both families have one, or none has after another look."""
    def look():
        published(client)
        time.sleep(0.2)  # which makes it look
        now = published(client)
        said = [now["443/tcp", family]["problem"] for family in (4, 6)]
        return said if {bool(p) for p in said} == {is_wanted} else None
    return until(look, 5, rules)[0]


def test_own_rules(lab):
    """a rule of this machine's own firewall drops just this port: it is named with the remedy; one that may not is not"""
    home, vps, visitor = lab["home"], lab["vps"], lab["visitor"]
    _, client, _, gua = begin(lab)
    home.http_server(443, "let in\n")
    client.adit("publish", "443", timeout=20)
    addresses = {4: vps.v4, 6: gua}
    for rules, drops in RULES:
        home.nft("table inet fw { chain web { }; }\n"
                 f"table inet fw {{ chain in {{ type filter hook input priority -5; {rules}\n}}\n}}\n")
        problem = problem_of_443(client, drops, rules)
        if drops:
            assert "table inet fw, chain in has a rule that drops it, so that no visitor reaches TCP port 443" in problem, problem
            assert all(visitor.tcp_probe(a, 443, timeout=0.2) != "open" for a in addresses.values()), rules
            home.sh(problem.split("run: ")[1])
        for address in addresses.values():
            assert visitor.tcp_probe(address, 443, timeout=3) == "open", (rules, address)
        home.run("nft", "delete", "table", "inet", "fw")
        problem_of_443(client, False, rules)
    home.sh("iptables -A INPUT -p tcp --dport 443 -j DROP")
    assert until(lambda: published(client)["443/tcp", 4]["problem"], 5, "iptables").endswith(
        "run: nft insert rule ip filter INPUT iifname home tcp dport 443 accept")
    assert not published(client)["443/tcp", 6]["problem"], "it is of IPv4"


def other_server(lab, second, lost=None):
    """The same tunnel, but its PCP is spoken by one that knows no redirect: (server, client)."""
    vps, home = lab["vps"], lab["home"]
    vps.write("/etc/adit/server.conf", "[PCP]\nEnabled = no\n")
    server = Server(vps, None).start()
    client = Client(home).start()
    Publisher(home).start()
    client.enrol("home", server.device("nas", "10.59.0.2"))
    return PcpFake(vps, "10.59.0.1", second, lost), client


def test_redirect_by_second(lab):
    """80 to 443 at a server that takes a second mapping of 443: asked with its own nonce, 443 renewed after it, never deleted"""
    first, second = (443, 443, 3600), (443, 80, 3600)
    # that renewal is lost, and repeated as soon as any request
    fake, client = other_server(lab, True, lost=lambda before, now: second in before and now == first)
    client.adit("publish", "443", timeout=20)
    until(lambda: published(client)["443/tcp", 4]["redirect"] == "by a second mapping", 10, "the second mapping")
    # a link that changes just then has it ask twice for the same
    until(lambda: [a for a, _ in itertools.groupby(fake.asked)] == [first, second, first], 10, "443 to be renewed after it")
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


def test_remove(lab):
    """remove of a gateway gives its publications back first: the server holds nothing afterwards"""
    server, client, publisher, _ = begin(lab)
    client.adit("publish", "443", timeout=20)
    client.adit("publish", "8000-8009/udp", timeout=20)
    assert json.loads(server.admin("mappings", "--json").stdout)
    client.adit("remove", "home")
    assert json.loads(server.admin("mappings", "--json").stdout) == []
    assert [r["reason"] for r in published(client).values()] == ["no gateway for it"] * 2
    assert publisher.process.alive


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
        assert not said.ok and "Denied" in said.stderr, (method, said)
    said = client.adit("published", "--json")
    assert [r["state"] for r in json.loads(said.stdout)["publications"]] == ["published"], said.stdout


if __name__ == "__main__":
    tap.main(globals())
