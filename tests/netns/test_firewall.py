#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Beside other people's firewalls: each drop is named, and the line that status prints is run as it stands."""
import json
import os
import re
import time

import tap
from dockerd import Docker
from firewalld import Firewalld
from pcp import Peer
from process import until
from story import Server

DRAWING = """
visitor -- internet -- vps
internet -- nas:home
"""
# What dockerd leaves in a host's tables, by the program it uses itself; full runs have dockerd.
DOCKER = """
for ipt in iptables ip6tables; do
    $ipt -P FORWARD DROP
    for chain in DOCKER DOCKER-USER DOCKER-ISOLATION-STAGE-1 DOCKER-ISOLATION-STAGE-2; do $ipt -N $chain; done
    $ipt -A FORWARD -j DOCKER-USER
    $ipt -A FORWARD -j DOCKER-ISOLATION-STAGE-1
    $ipt -A FORWARD -o docker0 -m conntrack --ctstate RELATED,ESTABLISHED -j ACCEPT
    $ipt -A FORWARD -o docker0 -j DOCKER
    $ipt -A FORWARD -i docker0 ! -o docker0 -j ACCEPT
    $ipt -A DOCKER-ISOLATION-STAGE-1 -j RETURN
    $ipt -A DOCKER-USER -j RETURN
done
"""


def _table(vps):
    """Ours, without what counts and what runs out."""
    text = vps.run("nft", "--stateless", "list", "table", "inet", "adit_server").stdout
    return re.sub(r" (timeout|expires) [0-9a-z]+", "", text)


class Site:
    """A server with a page behind it, a redirect, and a device that would open a port itself."""

    def __init__(self, lab, first=lambda site: None):
        self.vps, self.visitor = lab["vps"], lab["visitor"]
        self.server = Server(self.vps, self.vps.prefix).start()
        first(self)
        self.nas = Peer(self.server, lab["nas"], "nas")
        self.server.admin("publish", "nas", "443", "--ip-version", "both", "--also-80")
        self.vps.spawn("adit-redirect").wait_output("listening", 10)
        lab["nas"].http_server(443, "page\n")

    def problems(self):
        return json.loads(self.server.admin("status", "--json").stdout)["problems"]

    def mend(self, path=""):
        """Runs what status says until it says no more; returns what it has said."""
        said = []
        for _ in range(12):
            lines = [p for p in self.problems() if "; run: " in p]
            if not lines:
                return said
            said.append(lines[0])
            self.vps.sh(f"PATH={path}:$PATH\n" + lines[0].split("; run: ")[1], timeout=60)
        raise AssertionError("\n".join(said))

    def works(self):
        for host in (self.vps.v4, f"[{self.nas.v6}]"):
            until(lambda h=host: self.visitor.curl(f"http://{h}:443/", check=False).stdout == "page\n", 20, host)
            said = self.visitor.curl(f"http://{host}/", "-I")
            assert f"location: https://{host}/" in said.lower(), said
        assert self.nas.map(8443, 8443).result == "SUCCESS"
        assert self.nas.map(8443, 8443, 6).result == "SUCCESS"
        assert self.problems() == [], self.problems()


@tap.deadline(120)
def test_ufw(lab):
    """the real ufw, enabled as it is shipped"""
    lab.require("ufw")
    s = Site(lab)
    s.works()
    s.vps.sh("ufw --force enable", timeout=60)
    assert s.visitor.tcp_probe(s.vps.v4, 443, timeout=0.3) == "timeout", "ufw drops what is forwarded"
    said = s.mend()
    assert any("; run: ufw route allow in on adit0 && ufw route allow out on adit0" in p for p in said), said
    assert any("; run: ufw allow in on adit0 to any port 5351 proto udp" in p for p in said), said
    assert any("; run: ufw allow 8308/tcp" in p for p in said), said
    s.works()
    assert s.visitor.tcp_probe(s.vps.v4, 8308, timeout=0.3) == "timeout", "our own table guards that port"


@tap.deadline(120)
def test_firewalld(lab):
    """the real firewalld as it is shipped: what it drops is named and mended; its reloads leave our table alone"""
    fw = Firewalld(lab["vps"])
    port = "firewall-cmd --permanent --add-port=51820/udp && firewall-cmd --reload"

    def let_in(site):
        site.server.device("first")
        line = next(p for p in site.problems() if "no device reaches UDP port 51820" in p)
        assert line.endswith("; run: " + port), line
        site.vps.sh(f"PATH={fw.path}:$PATH\n{port}", timeout=60)
        assert not any("reaches UDP port" in p for p in site.problems()), site.problems()

    s = Site(lab, let_in)
    assert s.visitor.tcp_probe(s.vps.v4, 443, timeout=1) == "open", "it lets what is DNAT pass"
    assert s.visitor.tcp_probe(s.nas.v6, 443, timeout=0.3) != "open"
    said = s.mend(fw.path)
    assert len(said) == 2 and "by PCP; run: firewall-cmd --permanent --new-zone=adit && " in said[0] and \
        "reached by IPv6; run: firewall-cmd --permanent --new-policy=to-adit && " in said[1], said
    s.works()
    ours = _table(s.vps)
    fw.cmd("--complete-reload")
    assert _table(s.vps) == ours
    fw.stop()
    fw.start()
    assert _table(s.vps) == ours
    s.works()
    assert s.visitor.tcp_probe(s.vps.v4, 8308, timeout=0.3) != "open", "nothing else was opened"


def test_docker(lab):
    """docker's chains, made by the iptables it uses"""
    lab.require("iptables")
    s = Site(lab)
    s.vps.sh(DOCKER)
    assert s.visitor.tcp_probe(s.vps.v4, 443, timeout=0.3) == "timeout"
    said = s.mend()
    assert len(said) == 2, said
    for word in ("iptables", "ip6tables"):
        assert any(f"run: {word} -I DOCKER-USER -i adit0 -j ACCEPT" in p for p in said), said
    s.works()


def _beside(s, docker):
    def answers(port):
        until(lambda: s.visitor.curl(f"http://{s.vps.v4}:{port}/", check=False).stdout == "container\n", 10, port)

    docker.run(8080)
    answers(8080)
    assert s.visitor.tcp_probe(s.vps.v4, 443, timeout=0.3) == "timeout"
    ours, said = _table(s.vps), s.mend()
    assert len(said) == 2 and "iptables -I DOCKER-USER -o adit0 -j ACCEPT" in said[0] + said[1], said
    assert _table(s.vps) == ours
    s.works()
    docker.run(8081)  # it still knows its tables
    answers(8081)
    docker.stop()
    docker.start()
    s.works()


if "ADIT_FULL" in os.environ:  # what it needs is a download of 60 MB
    @tap.deadline(120)
    def test_dockerd(lab):
        """the real Docker with a published container, before and after its restart"""
        docker = Docker(lab["vps"])  # first: where the machine forwards already it leaves the policy alone
        try:
            _beside(Site(lab), docker)
        finally:
            docker.end()


def test_spare_ports(lab):
    """WireGuard by UDP 443 and 53, in both families, where its own port gets no packet"""
    vps, nas = lab["vps"], lab["nas"]
    vps.write("/etc/adit/server.conf", "[Ports]\nSpareUdp = 443, 53\n")
    server = Server(vps, vps.prefix).start()
    peer = Peer(server, nas, "nas")
    vps.nft("table inet provider {\nchain in { type filter hook prerouting priority -400; udp dport 51820 drop; }\n}\n")
    key = json.loads(server.admin("status", "--json").stdout)["public-key"]
    secret = nas.run("wg", "show", "wg0", "preshared-keys").stdout.split()[1]
    for port, endpoint in enumerate((f"{vps.v4}:443", f"[{vps.v6}]:53", f"{vps.v4}:53", f"[{vps.v6}]:443"), 8000):
        nas.run("wg", "set", "wg0", "peer", key, "remove")
        nas.run("wg", "set", "wg0", "peer", key, "preshared-key", "/dev/stdin", "allowed-ips", "0.0.0.0/0,::/0",
                "endpoint", endpoint, input=secret)
        until(lambda: nas.ping("10.59.0.1", timeout=1, source=peer.v4), 15, endpoint)
        server.publish(port, "nas", families=(4,))
        time.sleep(1.2)  # the server has looked at what goes through ports
        assert nas.ping("10.59.0.1", timeout=1, source=peer.v4), endpoint
    said = server.admin("forward", "add", "443/udp", "nas", check=False)
    assert said.code == 4 and "SpareUdp" in said.stderr, said.stderr
    server.publish(443, "nas", families=(4,))


@tap.drawing("visitor -- internet -- vps(nat)\ninternet -- nas:home")
def test_one_to_one_nat(lab):
    """a VPS that knows only a private address: profiles, forwards and PCP name the one the world sees"""
    vps, visitor = lab["vps"], lab["visitor"]
    assert vps.public_v4 and vps.public_v4 != vps.v4
    server = Server(vps, vps.prefix).start()
    profile = server.device("nas")
    assert f"Endpoint = {vps.public_v4}:51820" in profile, profile
    server.admin("device", "remove", "nas")
    nas = Peer(server, lab["nas"], "nas")
    lab["nas"].http_server(443, "page\n")
    server.publish(443, "nas", families=(4,))
    until(lambda: visitor.curl(f"http://{vps.public_v4}:443/", check=False).stdout == "page\n", 20, "the forward")
    reply = nas.map(8443, 8443)
    assert reply.result == "SUCCESS" and reply.address == vps.public_v4, reply
    row = {r["key"]: r for r in json.loads(server.admin("mappings", "--json").stdout)}["443/tcp"]
    assert row["bytes-out"] > 0, row


if __name__ == "__main__":
    tap.main(globals())
