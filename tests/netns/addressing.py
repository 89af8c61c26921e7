# SPDX-License-Identifier: GPL-2.0-or-later
"""From a drawing to what each machine is told: ip lines, nft rules, sysctls. Pure: no kernel here.

Every segment has a number n, counted in drawing order:

    internet -- X       11.1.n.0/24     2a11:1:n::/64      upper .1 and ::1, lower .2 and ::2
    internet -- vps     the same; routed: 2a11:2:n::/64 via the vps; nat: 172.31.n.0/24 and 1:1
    cgnat -- X          100.64.n.0/24   2a11:3:n::/64 with v6, fd64:0:n::/64 with ula
    router -- X         192.168.n.0/24  2a11:4:n::/64 where its uplink has IPv6; ula as above
    X -- lan            192.168.n.0/24  fd68:0:n::/64      one bridge lan0 for all of them
    X -- container      172.18.n.0/24   fd18:0:n::/64      one bridge br0 for all of them

The addresses look public where the Internet is meant, because the programs under test look at
that; they exist only in namespaces without an uplink.
"""
from dataclasses import dataclass, field
from ipaddress import ip_network

from drawing import RANKS


def _bridge(up, low):
    """The bridge at the upper end that all wires of this kind share, if they share one."""
    if up.role == "router" or low.role == "lan":
        return "lan0"
    return "br0" if low.role == "container" else None


@dataclass
class Port:
    """One end of a wire."""
    ifname: str
    peer: str            # name of the machine at the other end
    bridge: str = None


@dataclass
class Host:
    """Everything the lab tells one machine."""
    name: str
    role: str
    v4: str = None         # its own address on its first uplink
    v6: str = None
    public_v4: str = None  # the address the Internet sees it by
    prefix: str = None     # vps: the on-link or routed IPv6 prefix that is its own to use
    gateway_v4: str = None
    gateway_v6: str = None
    ports: list = field(default_factory=list)
    ip: list = field(default_factory=list)       # ip -batch lines, after the links exist
    routes: list = field(default_factory=list)   # likewise, after all links are up
    nat: list = field(default_factory=list)      # rules of chain postrouting
    dnat: list = field(default_factory=list)     # rules of chain prerouting
    chains: list = field(default_factory=list)   # whole chains of the table
    advertise: list = field(default_factory=list)  # links it is an IPv6 default router on
    sysctls: dict = field(default_factory=dict)

    def port(self, peer):
        return next((p for p in self.ports if p.peer == peer), None)

    def has_uplink(self):
        return any(p.ifname == "wan" for p in self.ports)


@dataclass
class Segment:
    n: int
    v4: object = None  # networks, or None
    v6: object = None
    members: int = 1   # the upper end is number 1


def _port(host, peer, upper, shared):
    """Routers name a port after its peer; the machines people use have eth0, eth1..."""
    if upper:
        name = peer.name
    elif host.role in ("cgnat", "router"):
        name = "wan"
    else:
        name = f"eth{sum(1 for p in host.ports if p.ifname.startswith('eth'))}"
    port = Port(name, peer.name)
    if upper and shared:
        port.bridge = shared
        if not any(p.bridge == shared for p in host.ports):
            host.ip.append(f"link add name {shared} type bridge")
        host.ip += [f"link set dev {name} master {shared}"]
    host.ports.append(port)
    return port


def _networks(span, n, upper_host):
    """The v4 and v6 network of the segment under span.upper, None for a family it has not."""
    up, low = span.upper, span.lower
    if up.role == "internet":
        v4 = f"172.31.{n}.0/24" if low.has("nat") else f"11.1.{n}.0/24"
        length = low.options.get("onlink") or 64
        v6 = f"2a11:1:{n:x}::/{length}"
        return (None if low.has("v6only") else v4), (None if low.has("v4only") else v6)
    if up.role == "cgnat":
        v6 = f"2a11:3:{n:x}::/64" if up.has("v6") else f"fd64:0:{n:x}::/64" if up.has("ula") else None
        return f"100.64.{n}.0/24", v6
    if up.role == "router":
        has6 = upper_host.v6 and not upper_host.v6.startswith("fd")
        v6 = f"2a11:4:{n:x}::/64" if has6 else f"fd64:0:{n:x}::/64" if up.has("ula") else None
        return f"192.168.{n}.0/24", v6
    if low.role == "container":
        return f"172.18.{n}.0/24", f"fd18:0:{n:x}::/64"
    return f"192.168.{n}.0/24", f"fd68:0:{n:x}::/64"


class Planner:
    def __init__(self, drawing):
        self.drawing = drawing
        self.hosts = {n.name: Host(n.name, n.role) for n in drawing.nodes.values()}
        self.segments = {}
        self.above = {}  # machine -> the machine its first uplink leads to
        for host in self.hosts.values():
            host.ip.append("link set dev lo up")

    def plan(self):
        # From the Internet outwards: a router learns its own uplink before it serves others.
        for span in sorted(self.drawing.spans, key=lambda s: RANKS[s.upper.role]):
            self._span(span)
        for node in self.drawing.nodes.values():
            self._role(node, self.hosts[node.name])
        return self.hosts

    def _segment(self, span, shared):
        key = (span.upper.name, shared or span.lower.name)
        fresh = key not in self.segments
        if fresh:
            n = len(self.segments) + 1
            v4, v6 = _networks(span, n, self.hosts[span.upper.name])
            self.segments[key] = Segment(n, v4 and ip_network(v4), v6 and ip_network(v6))
        self.segments[key].members += 1
        return self.segments[key], fresh

    def _span(self, span):
        up, low = self.hosts[span.upper.name], self.hosts[span.lower.name]
        shared = _bridge(up, low)
        seg, fresh = self._segment(span, shared)
        first = low.name not in self.above
        over = _port(up, span.lower, True, shared)
        under = _port(low, span.upper, False, None)
        dev = over.bridge or over.ifname
        for net in filter(None, (seg.v4, seg.v6)):
            every = "0.0.0.0/0" if net.version == 4 else "::/0"
            gw, own = str(net[1]), str(net[seg.members])
            if fresh:
                up.ip.append(f"addr add {gw}/{net.prefixlen} dev {dev}")
            low.ip.append(f"addr add {own}/{net.prefixlen} dev {under.ifname}")
            metric = "" if first else f" metric {1000 + len(low.ports)}"
            if net.version == 6 and span.lower.has("ra"):
                up.advertise.append(dev)
                low.sysctls["net.ipv6.conf.default.accept_ra"] = 2
            else:
                low.routes.append(f"route add {every} via {gw} dev {under.ifname}{metric}")
            if first:
                self._facts(low, net.version, own, gw)
        low.ip.append(f"link set dev {under.ifname} up")
        up.ip.append(f"link set dev {over.ifname} up")
        if over.bridge and fresh:
            up.ip.append(f"link set dev {dev} up")
        if first:
            self.above[low.name] = up
        self._extras(span, seg, up, low, fresh)

    def _facts(self, low, version, own, gateway):
        if version == 4:
            low.v4, low.gateway_v4 = own, gateway
        else:
            low.v6, low.gateway_v6 = own, gateway

    def _extras(self, span, seg, up, low, fresh):
        if up.role == "internet":
            low.public_v4 = low.public_v4 or low.v4
        if low.role == "vps":
            self._vps(span.lower, seg, up, low)
        if up.role in ("cgnat", "router") and seg.v6 and seg.v6.network_address.is_global and fresh:
            self._announce(seg.v6, up)
        if low.role in ("lan", "container") and fresh:
            for net, key in ((seg.v4, "ip"), (seg.v6, "ip6")):
                up.nat.append(f'{key} saddr {net} oifname != {{ "lan0", "br0" }} masquerade')
            self._forwards(up)

    def _vps(self, node, seg, up, low):
        if seg.v6:
            low.prefix = str(seg.v6)
        if node.has("routed"):
            net = ip_network(f"2a11:2:{seg.n:x}::/{node.options['routed'] or 64}")
            low.prefix = str(net)
            self._announce(net, low)
        if node.has("nat"):
            low.public_v4 = f"11.1.{seg.n}.2"
            up.chains.append(f"chain private-{seg.n} {{ type filter hook prerouting priority raw; "
                             f'iifname != "{low.name}" ip daddr {seg.v4} drop; }}')
            up.dnat.append(f"ip daddr {low.public_v4} dnat ip to {low.v4}")
            up.nat.append(f"ip saddr {low.v4} snat ip to {low.public_v4}")

    def _announce(self, net, via):
        """Route net from the Internet down to the machine that serves it."""
        while via.name in self.above:
            self.above[via.name].routes.append(f"route add {net} via {via.v6}")
            via = self.above[via.name]

    def _forwards(self, host):
        host.sysctls["net.ipv4.ip_forward"] = 1
        host.sysctls["net.ipv6.conf.all.forwarding"] = 1

    def _role(self, node, host):
        if host.role == "internet" and not node.has("trusting"):
            # Providers drop what does not belong to the link it came by (BCP 38): an answer that
            # leaves by the wrong uplink must not arrive by luck.
            host.chains.append("chain sources { type filter hook prerouting priority raw; "
                               "ip6 saddr { ::, fe80::/10 } accept; "
                               "fib saddr . iif oif missing counter drop; }")
        if host.role in ("internet", "cgnat", "router"):
            self._forwards(host)
        if host.role in ("cgnat", "router") and host.has_uplink():
            random = " fully-random" if node.has("fully-random") else ""
            host.nat.append(f'meta nfproto ipv4 oifname "wan" masquerade{random}')
            host.chains.append(_stateful("forward"))
            host.chains.append(_stateful("input"))
        if host.role not in ("internet", "cgnat", "router"):
            host.sysctls["net.ipv4.conf.default.rp_filter"] = 2  # what Debian ships


def _stateful(hook):
    """What stands on the wire side is dropped unless somebody inside asked for it."""
    return (f'chain {hook} {{ type filter hook {hook} priority filter; '
            "icmpv6 type { nd-neighbor-solicit, nd-neighbor-advert, nd-router-solicit, "
            "nd-router-advert, packet-too-big } accept; "
            'iifname "wan" ct state != { established, related } counter drop; }')


def ruleset(host):
    """The nft text of one host, or None."""
    if not (host.nat or host.dnat or host.chains):
        return None
    rows = ["table inet lab {"] + host.chains
    rows.append("chain postrouting { type nat hook postrouting priority srcnat; "
                + "; ".join(host.nat) + "; }")
    rows.append("chain prerouting { type nat hook prerouting priority dstnat; "
                + "; ".join(host.dnat) + "; }")
    return "\n".join(rows + ["}"]).replace("; ; }", "; }") + "\n"


def plan(drawing):
    """Name -> Host for every machine of the drawing."""
    return Planner(drawing).plan()
