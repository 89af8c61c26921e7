#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Who is asked for names: by the real systemd-resolved, told by the real daemon."""
import tap
from names import NameServer, Resolved
from policysite import Site
from process import until

DRAWING = """
visitor -- internet -- vps
internet -- cgnat(v6) -- router -- home
"""
TUNNEL, HOUSE = "10.66.66.1", "10.77.77.1"  # the answers by which the two are told apart


class Names:
    """home with resolved, a LAN resolver at its router, and one behind the tunnel."""

    def __init__(self, lab, domain="corp.example"):
        home = lab["home"]
        self.resolved = Resolved(home)
        self.house = NameServer(lab["router"], home.gateway_v4, HOUSE)
        self.resolved.set_server(home.link("router"), home.gateway_v4)
        self.before = self.resolved.state()
        self.site = Site(lab, "vps", dns=f"10.59.0.1, {domain}" if domain else "10.59.0.1")
        self.tunnel = NameServer(lab["vps"], "10.59.0.1", TUNNEL)
        self.seen = home.capture("router")

    def until_asked(self, name, answer):
        until(lambda: self.resolved.ask(name, 1) == answer, 10, f"{name} to be {answer}")

    def queries(self):
        """What left by the uplink for a name server."""
        return [str(p) for p in self.seen.packets(out=True) if p.dport in (53, 853)]


def test_split(lab):
    """a gateway's servers are asked for its own domains until it is selected, then for all, then as before"""
    n = Names(lab)
    n.until_asked("host.corp.example", TUNNEL)
    n.until_asked("world.example", HOUSE)
    assert n.queries(), "positive control: the LAN's resolver is asked"
    assert not [name for name, _ in n.house.asked if name.endswith("corp.example")], n.house.asked
    assert not [name for name, _ in n.tunnel.asked if name == "world.example"], n.tunnel.asked
    n.site.select("gw1")
    n.until_asked("world.example", TUNNEL)
    n.seen.clear()
    for number in range(20):
        assert n.resolved.ask(f"n{number}.world.example") == TUNNEL
        assert n.resolved.ask(f"n{number}.corp.example") == TUNNEL
    assert not n.queries(), n.queries()
    n.site.select("none")
    n.until_asked("other.example", HOUSE)
    n.until_asked("host.corp.example", TUNNEL)
    n.site.client.adit("remove", "gw1")
    until(lambda: n.resolved.state() == n.before, 5, "resolved as before the enrolment")


def test_closed(lab):
    """no name leaves by the uplink while a gateway is selected: down, deleted, resolved or aditd started anew"""
    n = Names(lab, domain=None)
    home, client = n.site.home, n.site.client
    n.until_asked("world.example", HOUSE)
    n.site.select("gw1")
    n.until_asked("world.example", TUNNEL)
    n.seen.clear()
    asked = []

    def ask(what):
        asked.append(what)
        n.resolved.ask(f"secret{len(asked)}.example", 1)
        home.udp_send(home.gateway_v4, 53, 10)
        home.udp_send(home.gateway_v4, 53, 10, device=home.link("router"))
        for port in (53, 853):
            home.tcp_probe(home.gateway_v4, port, timeout=0.1)
        return n.queries()

    client.adit("down", "gw1")
    assert not ask("the tunnel is down"), n.queries()
    assert home.ping(home.gateway_v4).all, "the LAN itself"
    client.adit("up", "gw1")
    n.until_asked("up.example", TUNNEL)
    assert not ask("it is up again"), n.queries()
    client.process.kill()
    home.run("ip", "link", "del", "gw1", check=False)
    assert not ask("aditd is dead, its link is gone"), n.queries()
    n.resolved.process.stop()
    n.resolved.start()
    n.resolved.set_server(home.link("router"), home.gateway_v4)
    assert not ask("resolved knows nothing of a gateway"), n.queries()
    client.start()
    n.site.until_up(n.site.gates[0])
    n.until_asked("again.example", TUNNEL)
    n.resolved.process.stop()
    n.resolved.start()
    n.until_asked("anew.example", TUNNEL)
    assert not ask("resolved has started anew"), n.queries()
    client.process.kill()
    assert not [name for name, _ in n.house.asked if "secret" in name]
    home.nft("flush set inet adit names; flush set inet adit closed4")
    assert ask("positive control: without the belt it leaks")


def _until_found(site, vps):
    """Only then traffic: what comes before makes the next handshake wait."""
    until(lambda: vps.v4 in site.home.run("wg", "show", "gw1", "endpoints", check=False).stdout, 10, "the name")
    site.until_up(site.gates[0])


def test_endpoint(lab):
    """a server named by name is found past a guard that is closed; /etc/hosts has the first word"""
    home, vps = lab["home"], lab["vps"]
    asked = NameServer(lab["router"], home.gateway_v4, vps.v4)
    site = Site(lab, "vps")
    gate, client = site.gates[0], site.client
    named = gate.profile.replace(f"Endpoint = {vps.v4}:", "Endpoint = vps.world.example:")
    assert "vps.world.example" in named
    client.adit("remove", "gw1")
    home.write("/etc/resolv.conf", f"nameserver 127.0.0.53\nnameserver {home.gateway_v4}\n")
    client.enrol("gw1", named)
    _until_found(site, vps)
    assert [name for name, _ in asked.asked] == ["vps.world.example"] * 2, asked.asked
    site.select("gw1")
    # A machine that boots: the guard is closed, no tunnel is there, and the name server is elsewhere.
    client.process.kill()
    home.run("ip", "link", "del", "gw1", check=False)
    NameServer(lab["visitor"], lab["visitor"].v4, vps.v4)
    home.write("/etc/resolv.conf", f"nameserver {lab['visitor'].v4}\n")
    assert not home.ping(lab["visitor"].v4, timeout=0.3), "closed"
    seen = home.capture("router")
    client.start()
    _until_found(site, vps)
    assert seen.count(out=True, dst=lab["visitor"].v4, dport=53) == 2
    assert seen.count(out=True, dst=lab["visitor"].v4) == 2
    client.process.kill()
    home.run("ip", "link", "del", "gw1", check=False)
    home.sh(f"echo nameserver 127.0.0.53 >/etc/resolv.conf; echo {vps.v4} vps.world.example >>/etc/hosts")
    client.start()
    _until_found(site, vps)


if __name__ == "__main__":
    tap.main(globals())
