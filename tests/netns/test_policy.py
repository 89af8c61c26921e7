#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Answers by the way of the question, by the real daemon: whatever is selected, whoever asks."""
import json
import socket

import tap
from policysite import Site, everything, host
from process import until

DRAWING = """
visitor -- internet -- vps
internet -- second:vps(routed)
internet -- home -- container
home -- lan
"""


def _page(site, address, port=80):
    done = site.visitor.curl(f"http://{host(address)}:{port}/", check=False, timeout=3)
    return done.stdout


def _ask_all(site, box):
    """Every kind of question by every gateway and family; returns what failed."""
    v, failed = site.visitor, []
    for gate in site.gates:
        for address in gate.addresses:
            me = v.v6 if ":" in address else v.v4
            if _page(site, address) != f"hello {me}":
                failed.append(f"tcp {address}")
            if box and _page(site, address, 8080) != f"boxed {me}":
                failed.append(f"tcp container {address}")
            echoes = v.udp_probe(address, 5000, 2)
            if not echoes.all or echoes.sources != {address}:
                failed.append(f"udp wildcard {address}: {echoes} {echoes.sources}")
            if box and not v.udp_probe(address, 5353, 2).all:
                failed.append(f"udp container {address}")
        # The server opens no ICMP to the world; it asks itself, by its public address.
        for own, source in ((gate.v4, gate.vps.v4), (gate.gua, gate.vps.v6)):
            if not gate.vps.ping(own, 2, source=source).all:
                failed.append(f"icmp {own} from {source}")
    return failed


def _serve(site):
    home, container = site.home, site.lab["container"]
    home.http_server(80, lambda who: f"hello {who}")
    home.udp_echo(5000)
    container.http_server(80, lambda who: f"boxed {who}")
    container.udp_echo(53)
    home.dnat("tcp", 8080, container, 80)
    home.dnat("udp", 5353, container, 53)


def test_replies(lab):
    """TCP, UDP on a wildcard socket and ICMP, of this host and of a container, with each selection"""
    site = Site(lab, "vps", "second")
    _serve(site)
    seen = site.home.capture("internet")
    for name in ("none", "gw1", "gw2", "none"):
        site.select(name)
        assert not _ask_all(site, True), (name, _ask_all(site, True))
        assert not site.leaks(seen, site.visitor.v4, site.visitor.v6), name


def test_udp_without_a_way(lab):
    """where the provider has no IPv6 a UDP service on a wildcard socket answers by the tunnel all the same"""
    site = Site(lab, "vps")
    home, gate = site.home, site.gates[0]
    # The container's bridge gives the machine an address that is no good outside, and is preferred.
    assert not home.run("ip", "-6", "route", "show", "default").stdout
    home.udp_echo(5000)
    for address in gate.addresses:
        for _ in range(2):
            echoes = site.visitor.udp_probe(address, 5000, 3)
            assert echoes.all and echoes.sources == {address}, (address, echoes, echoes.sources)
            home.sh("conntrack -F 2>/dev/null")  # forgotten: who asked is remembered for longer
    # Who asks has no way, as before: the tunnel is not selected.
    tunnel = home.capture(gate.link)
    assert home.tcp_probe(site.visitor.v6, 80) == "unreachable"
    assert not home.udp_probe(site.visitor.v6, 5000)
    assert _says(home, site.visitor.v6, "").count("unreachable") == 4
    tunnel.none(dst=site.visitor.v6)


test_udp_without_a_way.drawing = """
visitor -- internet -- vps
internet -- cgnat -- home -- container
"""


@tap.drawing("visitor -- internet -- vps\ninternet -- second:vps\ninternet -- cgnat -- home")
def test_down_without_a_way(lab):
    """where the provider has no IPv6 and the selected gateway is down, nothing goes by another one instead"""
    site = Site(lab, "vps", "second")
    home, visitor = site.home, site.visitor
    visitor.http_server(9000)
    spare = "inet6 fd61:6469:7400::1/128 "
    site.select("gw1")
    assert home.tcp_probe(visitor.v6, 9000) == "open"
    site.client.adit("down", "gw1")
    other = home.capture("gw2")
    assert home.tcp_probe(visitor.v6, 9000, timeout=0.3) == "unreachable"
    assert _says(home, visitor.v6, "").count("'said'") == 0
    other.none(dst=visitor.v6)
    # Whoever takes it away has it back.
    for words in ("ip -6 addr del fd61:6469:7400::1/128 dev lo", "ip link set lo down; ip link set lo up"):
        assert spare in home.sh("ip -6 addr show dev lo").stdout, words
        home.sh(words)
        until(lambda: spare in home.sh("ip -6 addr show dev lo").stdout, 5, f"{words}: the address of lo")
    site.client.adit("remove", "--all")
    assert spare not in home.sh("ip -6 addr show dev lo").stdout


def test_established(lab):
    """flows that came in and flows that went out stay with their gateway when the selection changes"""
    site = Site(lab, "vps", "second")
    one = site.gates[0]
    with site.home.inside():
        inward = socket.create_server(("::", 80), family=socket.AF_INET6, dualstack_ipv6=True)
    with site.visitor.inside():
        outward = socket.create_server(("::", 9000), family=socket.AF_INET6, dualstack_ipv6=True)
    inward.settimeout(3)
    outward.settimeout(3)
    pairs = []
    site.select("gw1")
    for address in one.addresses:
        client = site.visitor.connect(address, 80)
        pairs.append((client, inward.accept()[0]))
    for address, wanted in ((site.visitor.v4, one.public), (site.visitor.v6, one.gua)):
        client = site.home.connect(address, 9000)
        peer, who = outward.accept()
        assert who[0].replace("::ffff:", "") == wanted, who
        pairs.append((client, peer))
    seen = site.home.capture("internet")
    for choice in ("gw2", "none", "gw1"):
        site.select(choice)
        for a, b in pairs:
            for x, y in ((a, b), (b, a)):
                x.settimeout(3)
                y.settimeout(3)
                x.send(b"still here")
                assert y.recv(100) == b"still here", choice
    assert not site.leaks(seen, site.visitor.v4, site.visitor.v6)


def test_container_reaches_own_gua(lab):
    """a container of this host reaches the host's own tunnel addresses, and the world as before"""
    site = Site(lab, "vps")
    site.home.http_server(80, lambda who: "hello")
    container, gate = lab["container"], site.gates[0]
    for name in ("none", "gw1"):
        site.select(name)
        for address in gate.own:
            assert container.curl(f"http://{host(address)}/") == "hello", (name, address)
            assert lab["lan"].curl(f"http://{host(address)}/") == "hello", (name, address)
    site.select("none")
    assert container.ping(site.visitor.v4).all and container.ping(site.visitor.v6).all


def test_selected(lab):
    """the selected gateway carries this host, its container and its LAN; the other does not"""
    site = Site(lab, "vps", "second")
    page = site.visitor.http_server(9000)
    seen = site.home.capture("internet")
    for gate in site.gates:
        site.select(gate.link)
        page.requests.clear()
        for address in (site.visitor.v4, site.visitor.v6):
            site.home.curl(f"http://{host(address)}:9000/")
        assert page.visitors == [gate.public, gate.gua], page.visitors
    assert not site.leaks(seen, site.visitor.v4, site.visitor.v6)
    site.select("none")
    page.requests.clear()
    for address in (site.visitor.v4, site.visitor.v6):
        site.home.curl(f"http://{host(address)}:9000/")
    assert page.visitors == [site.home.v4, site.home.v6]


def test_one_family(lab):
    """a gateway without IPv6 drops it when selected; for IPv4 alone it leaves IPv6 as it was"""
    site = Site(lab, "vps:4")
    v, home = site.visitor, site.home
    page = v.http_server(9000)
    site.select("gw1")
    seen = home.capture("internet")
    assert home.curl(f"http://{v.v4}:9000/")
    assert home.udp_send(v.v6, 9000, 20) in range(21)
    assert home.tcp_probe(v.v6, 9000, timeout=0.3) != "open"
    assert not site.leaks(seen, v.v4, v.v6)
    site.select("none")
    site.select("gw1", "--ipv4")
    assert home.curl(f"http://{v.v4}:9000/") and home.curl(f"http://[{v.v6}]:9000/")
    assert page.visitors == [site.gates[0].public, site.gates[0].public, home.v6]
    assert not site.leaks(seen, v.v4)


def test_down_elsewhere(lab):
    """while the selected gateway is down another one goes on, and comes up anew, on Debian's loose uplink"""
    home = lab["home"]
    home.sysctl("net.ipv4.conf.eth0.rp_filter", 2)
    site = Site(lab, "vps", "second")
    two = site.gates[1]
    home.http_server(80, lambda who: f"hello {who}")
    site.select("gw1")
    assert home.sysctl("net.ipv4.conf.eth0.rp_filter") == "2"
    site.client.adit("down", "gw1")
    assert _page(site, two.public) == f"hello {site.visitor.v4}"
    site.client.adit("down", "gw2")
    site.client.adit("up", "gw2")
    site.until_up(two)
    assert _page(site, two.public) == f"hello {site.visitor.v4}"
    site.client.adit("up", "gw1")
    assert home.sysctl("net.ipv4.conf.eth0.rp_filter") == "2"
    site.until_up(site.gates[0])


def test_clash(lab):
    """a LAN with the tunnel's numbers: found, named, and only the server's own address goes into the tunnel"""
    site = Site(lab, "vps")
    home, client = site.home, site.client

    def problem():
        return client.adit("list", "--json").stdout

    def way(address):
        return home.run("ip", "route", "get", address, check=False).stdout.split(" dev ")[-1].split(" ")[0]

    assert (way("10.59.0.1"), way("10.59.0.9")) == ("gw1", "gw1") and "10.59.0.0/24" not in problem()
    home.run("ip", "address", "add", "10.59.0.77/24", "dev", "lan0")
    until(lambda: way("10.59.0.9") == "lan0", 10, "the LAN to be reached")
    assert way("10.59.0.1") == "gw1", home.run("ip", "route", "get", "10.59.0.1").stdout
    assert home.ping("10.59.0.1", source="10.59.0.2").all
    said = problem()
    assert "10.59.0.0/24 is the network of lan0, too" in said and "only 10.59.0.1 is reached" in said, said
    assert not _ask_all_of(site), "its visitors are served as before"
    for name in ("gw1", "none"):
        site.select(name)
        assert (way("10.59.0.1"), way("10.59.0.9")) == ("gw1", "lan0")
    home.run("ip", "address", "del", "10.59.0.77/24", "dev", "lan0")
    until(lambda: way("10.59.0.9") == "gw1", 10, "the subnet to be the tunnel's again")
    assert "lan0" not in problem()


def _ask_all_of(site):
    _serve(site)
    return _ask_all(site, True)


def test_overlap(lab):
    """two gateways with one subnet, or one inside the other's: refused, naming both; nothing is left of it"""
    site = Site(lab, "vps")
    home, profile = site.home, site.gates[0].profile
    before = everything(home)
    for subnet in ("10.59.0.7/24", "10.59.0.130/28", "10.59.9.1/16"):
        rows = [r for r in profile.split("\n") if not r.startswith("Address")]
        home.write("/root/two.conf", "\n".join(rows).replace("[Interface]", f"[Interface]\nAddress = {subnet}", 1)
                   .replace("10.59.0.1/32, ", "").replace("10.59.0.0/24", subnet))
        said = site.client.adit("import", "/root/two.conf", check=False)
        assert said.code == 1 and "overlaps 10.59.0.0/24 of gw1" in said.stderr, (said.code, said.stderr)
        assert everything(home) == before
    assert len(json.loads(site.client.adit("list", "--json").stdout)) == 1
    assert not home.exists("/etc/adit/gateways/two.conf")


UPLINKS = {
    "its own GUA": "",
    "a ULA": "ip -6 addr flush dev eth0 scope global; ip -6 addr add fd64::2/64 dev eth0 nodad;"
             "ip -6 route replace default via fe80::1 dev eth0",
    "a default route and no address": "ip -6 addr flush dev eth0 scope global;"
                                      "ip -6 route replace default via fe80::1 dev eth0",
    "an address and no default route": "ip -6 addr flush dev eth0 scope global; ip -6 route flush default;"
                                       "ip -6 addr add 2a11:9::2/64 dev eth0 nodad",
    "no IPv6": "sysctl -qw net.ipv6.conf.eth0.disable_ipv6=1",
}
ORDER = "import socket; print([a[4][0] for a in socket.getaddrinfo('dual.example', 9000, type=1)])"


# What a program says to a number it has no way to: from any port and from one of a service, asked or connected; and
# from the link or the address of a gateway, which it chose.
SAYS = """
import socket, sys
def say(port, connect, link):
    s = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
    if link:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, link.encode())
    s.bind(("::", port))
    try:
        if connect:
            s.connect((sys.argv[1], 9))
            s.send(b"x")
        else:
            s.sendto(b"x", (sys.argv[1], 9))
        return s.getsockname()[0] if connect else "said"
    except OSError as e:
        return e.strerror
print([say(port, connect, link) for link in sys.argv[2:] for port in (0, 123) for connect in (False, True)])
"""


def _says(home, address, *links):
    return home.run("/usr/bin/python3", "-c", SAYS, address, *links).stdout.strip()


def _view(home, visitor):
    """What a program sees: the order of addresses, sources, and who the other end says it is."""
    seen = [home.run("/usr/bin/python3", "-c", ORDER).stdout]
    for address in (visitor.v4, visitor.v6, "2606::1", "fd99::1", "1.1.1.1"):
        seen.append(home.run("ip", "route", "get", address, check=False).stdout.split(" uid")[0])
    for way, address in zip(seen[1:3], (visitor.v4, visitor.v6)):
        said = home.tcp_probe(address, 9000, timeout=0.3)
        # nobody is fe80::1: that is silence, and for a moment after each 3 s of it an error
        seen.append("nothing" if "via fe80::1" in way and said in ("timeout", "unreachable") else said)
    said = _says(home, visitor.v6, "")
    # without IPv6 at all it is EADDRNOTAVAIL, from one of no use ENETUNREACH
    seen.append(said.replace("Cannot assign requested address", "Network is unreachable"))
    seen.append(home.curl("http://dual.example:9000/", check=False, timeout=2).stdout)
    return seen


@tap.deadline(120)
@tap.drawing("visitor -- internet -- vps\ninternet -- home")
def test_sources(lab):
    """with a gateway enrolled and not selected all is as before it, whatever IPv6 the uplink has"""
    site = Site(lab, "vps")
    home, visitor, gate = site.home, site.visitor, site.gates[0]
    visitor.http_server(9000, lambda who: f"you are {who}")
    home.sh(f"printf '%s dual.example\\n' {visitor.v4} {visitor.v6} >>/etc/hosts")
    views = {}
    for name, words in UPLINKS.items():
        site.client.adit("remove", "gw1")
        home.sh(words or ":")
        before = _view(home, visitor)
        site.client.enrol("gw1", gate.profile)
        site.until_up(gate)
        tunnel = home.capture("gw1")
        after = _view(home, visitor)
        assert after == before, (name, before, after)
        tunnel.none(dst=visitor.v6)
        assert _says(home, visitor.v6, "gw1").count("unreachable") == 0, name
        views[name] = before
        site.select("gw1")
        assert home.curl(f"http://[{visitor.v6}]:9000/") == f"you are {gate.gua}", name
        site.select("none")
        after = _view(home, visitor)
        assert after == before, (name, "after a selection", before, after)
    assert len({str(v) for v in views.values()}) >= 3, "the uplinks differ"


LAN = """
visitor -- internet -- vps
internet -- cgnat(v6) -- router -- home
router -- laptop:home
"""


@tap.drawing(LAN)
def test_visitor_on_the_lan(lab):
    """a laptop on the same LAN comes by the public addresses and is answered by the tunnel"""
    site = Site(lab, "vps")
    laptop, gate = lab["laptop"], site.gates[0]
    site.home.http_server(80, lambda who: f"hello {who}")
    site.home.udp_echo(5000)
    for name in ("none", "gw1"):
        site.select(name)
        seen = site.home.capture("router")
        for address in gate.addresses:
            assert laptop.curl(f"http://{host(address)}/").startswith("hello"), (name, address)
            assert laptop.udp_probe(address, 5000, 2).sources == {address}, (name, address)
        assert not site.leaks(seen)
        assert site.home.ping(laptop.v4).all and site.home.ping(laptop.v6).all, "the LAN itself"


def test_removed(lab):
    """deselecting and removing restore everything byte by byte, reverse-path values too"""
    home = lab["home"]
    home.sysctl("net.ipv4.conf.all.rp_filter", 1)
    home.sysctl("net.ipv4.conf.eth0.rp_filter", 0)
    home.sysctl("net.ipv4.conf.br0.rp_filter", 2)
    before = everything(home)
    site = Site(lab, "vps", "second")
    values = {name: home.sysctl(f"net.ipv4.conf.{name}.rp_filter")
              for name in ("all", "eth0", "br0", "lan0", "gw1", "gw2")}
    assert values == {"all": "0", "eth0": "1", "br0": "2", "lan0": "2", "gw1": "0", "gw2": "0"}, values
    enrolled = everything(home)
    site.select("gw2")
    assert home.sysctl("net.ipv4.conf.eth0.rp_filter") == "2"
    site.select("none")
    assert everything(home) == enrolled
    for gate in site.gates:
        site.client.adit("remove", gate.link)
    assert everything(home) == before
    assert site.client.process.alive


if __name__ == "__main__":
    tap.main(globals())
