# SPDX-License-Identifier: GPL-2.0-or-later
"""The story in acts: what a home machine publishes, and what a visitor on the Internet finds.

The acts take a Cast, whose machines are those of a lab; in the virtual machine home is the machine itself.
"""
import json
import os
import ssl
import tempfile

from errors import LabError
from process import until
from tunnel import WireGuard

PAGE = "from behind CGNAT\n"
PATIENCE = 6 if "ADIT_VM" in os.environ else 1  # an emulated machine, which others may share


class Cast:
    """Who takes part. gua is the home machine's own IPv6 address, None where it has none."""

    def __init__(self, vps, home, visitor, adit, gua):
        self.vps, self.home, self.visitor, self.adit, self.gua = vps, home, visitor, adit, gua

    @property
    def doors(self):
        """Where a visitor finds home, ready for a URL, and the address he comes by."""
        return [(self.vps.public_v4, self.visitor.v4)] + ([(f"[{self.gua}]", self.visitor.v6)] if self.gua else [])

    def publish(self, *words):
        said = self.adit("publish", *words, check=False, timeout=30 * PATIENCE)
        if said.code == 5:  # still asking, when the command has waited long enough
            until(lambda: "asking" not in published(self).values(), 30 * PATIENCE, said.stdout)
        elif said.code:
            raise LabError(said.stdout + said.stderr)
        return said.stdout

    def is_closed(self, port):
        """Whether nobody answers at any door."""
        return all(self.visitor.tcp_probe(door.strip("[]"), port, timeout=PATIENCE) != "open" for door, _ in self.doors)

    def curl(self, url, *options, **kw):
        """What the visitor gets."""
        return self.visitor.curl(url, *options, **{"timeout": 5 * PATIENCE, **kw})

    def echoes(self, door, port):
        """Whether all of three datagrams come back."""
        return self.visitor.udp_probe(door.strip("[]"), port, 3, timeout=PATIENCE).all


def certificate(machine, *addresses):
    """(an ssl.SSLContext to serve with, the text a visitor trusts): self-signed, for these addresses."""
    names = ",".join(f"IP:{a.strip('[]')}" for a in addresses)
    made = machine.run("openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1",
                       "-nodes", "-days", "2", "-subj", "/CN=home", "-addext", f"subjectAltName={names}",
                       "-keyout", "-", timeout=30).stdout
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with tempfile.NamedTemporaryFile("w", suffix=".pem") as file:
        file.write(made)
        file.flush()
        os.chmod(file.name, 0o600)
        context.load_cert_chain(file.name)
    return context, made[made.index("-----BEGIN CERTIFICATE"):]


def fetch(cast, door, port=443):
    """A page by https, checked against the certificate; asked again until it is there."""
    where = f"https://{door}:{port}/"
    return until(lambda: cast.curl(where, "--cacert", "/root/home.crt", check=False).stdout, 20 * PATIENCE, where)


def act_https(cast):
    """`adit publish 443`: https by the public IPv4 port and by the GUA, 308 on port 80 of both, true addresses seen"""
    tls, trusted = certificate(cast.home, *[door for door, _ in cast.doors])
    cast.visitor.write("/root/home.crt", trusted)
    page = cast.home.http_server(443, PAGE, tls=tls)
    assert cast.is_closed(443), "open before anybody said so"
    cast.publish("443")
    for door, visitor in cast.doors:
        del page.requests[:]
        assert fetch(cast, door) == PAGE, door
        assert set(page.visitors) == {visitor}, (page.visitors, visitor)
        said = cast.curl(f"http://{door}/a?b", "-o", "/dev/null", "-w", "%{http_code} %{redirect_url}")
        assert said == f"308 https://{door}/a?b", said
    return page


def act_udp(cast, echo=5300, ports=(5310, 5312)):
    """a UDP service on the wildcard address, and a range of ports of both kinds: visitors are answered and seen"""
    service = cast.home.udp_echo(echo)
    cast.publish(f"{echo}/udp")
    first, last = ports
    pages = {port: cast.home.http_server(port, f"number {port}\n") for port in ports}
    other = cast.home.udp_echo(last)
    cast.publish(f"{first}-{last}/both")
    for door, visitor in cast.doors:
        for port, there in ((echo, service), (last, other)):
            assert until(lambda d=door, p=port: cast.echoes(d, p), 20 * PATIENCE, f"{door}:{port}/udp")
            assert there.received[-1][0] == visitor, (there.received[-1], visitor)
        for port, page in pages.items():
            assert cast.curl(f"http://{door}:{port}/") == f"number {port}\n"
            assert page.visitors[-1] == visitor, page.visitors
    assert cast.is_closed(last + 1), "the range has no end"


def act_wireguard(cast, port=51900):
    """a real UDP service: the visitor's own WireGuard to a WireGuard at home, inside of ours, in both families"""
    inner = WireGuard(cast.home, "inner", ["10.99.0.1/24", "fd99::1/64"], port, mtu=1280)
    roaming = WireGuard(cast.visitor, "inner", ["10.99.0.2/24", "fd99::2/64"], mtu=1280)
    inner.peer(roaming.public_key, ["10.99.0.2/32", "fd99::2/128"])
    cast.publish(f"{port}/udp")
    for door, visitor in cast.doors:
        roaming.peer(inner.public_key, ["10.99.0.1/32", "fd99::1/128"], f"{door}:{port}")
        for address in ("10.99.0.1", "fd99::1"):
            until(lambda a=address: cast.visitor.ping(a, timeout=0.5 * PATIENCE), 20 * PATIENCE, f"{address} by {door}")
        seen = cast.home.run("wg", "show", "inner", "endpoints").stdout.split()[1]
        assert seen.rsplit(":", 1)[0].strip("[]") == visitor, (seen, visitor)
        # Full packets of the inner tunnel do not fit the outer one in a single piece, and still arrive.
        assert cast.visitor.ping("10.99.0.1", 3, size=1200, timeout=PATIENCE).all, f"large packets by {door}"
    for link in (inner, roaming):
        link.close()


def act_second(cast, second):
    """a second device publishes its own 443 on its own GUA at the same time; its IPv4 port is the first one's"""
    other = second.home.http_server(443, "the second\n")
    second.publish("443", "--ipv6")
    door, visitor = second.doors[1]
    assert until(lambda: second.curl(f"http://{door}:443/", check=False).stdout, 20, door) == "the second\n"
    assert other.visitors[-1] == visitor
    for mine, _ in cast.doors:
        assert fetch(cast, mine) == PAGE
    said = second.adit("publish", "443", "--ipv4", check=False, timeout=30)
    assert said.code == 4 and "443" in said.stdout + said.stderr, said
    second.adit("publish", "443", "--ipv4", "--external", "4443", timeout=30)
    assert second.curl(f"http://{cast.vps.public_v4}:4443/") == "the second\n"


def act_container(cast, container):
    """a container's port, published by the home machine as docker does and by adit to the world: true addresses"""
    service = container.http_server(80, "container\n")
    cast.home.dnat("tcp", 8001, container, 80)
    cast.publish("8001")
    for door, visitor in cast.doors:
        assert cast.curl(f"http://{door}:8001/") == "container\n"
        assert service.visitors[-1] == visitor, service.visitors


def act_lan(cast, neighbour, behind):
    """hosts of the LAN: one beside home sees home, one behind home sees the visitor (--keep-source)"""
    beside, routed = neighbour.http_server(80, "beside\n"), behind.http_server(80, "behind\n")
    cast.publish("8002", "--to", f"{neighbour.v4}:80")
    cast.publish("8003", "--to", f"{behind.v4}:80", "--to", f"[{behind.v6}]:80", "--keep-source")
    door, visitor = cast.doors[0]
    assert cast.curl(f"http://{door}:8002/") == "beside\n"
    assert beside.visitors == [cast.home.v4], "it would answer by its own router"
    for door, visitor in cast.doors:
        assert cast.curl(f"http://{door}:8003/") == "behind\n"
        assert routed.visitors[-1] == visitor, routed.visitors


def published(cast):
    """(ports, family) -> state, as `adit published` tells it."""
    rows = json.loads(cast.adit("published", "--json").stdout)["publications"]
    return {(r["ports"], r.get("family")): r["state"] for r in rows}


def act_end(cast):
    """what is taken back is closed, in both families and on port 80, and nothing else is"""
    cast.adit("unpublish", "443")
    until(lambda: cast.is_closed(443) and cast.is_closed(80), 15 * PATIENCE, "443 and its redirect to close")
    assert not {key for key in published(cast) if key[0] == "443/tcp"}
    for door, _ in cast.doors:
        assert cast.echoes(door, 5300), door
