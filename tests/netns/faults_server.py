# SPDX-License-Identifier: GPL-2.0-or-later
"""Faults that the server knows of, or its provider: planted in the lab of those of this machine."""
import faults
from doctorsite import CONF
from faults import fault

faults.begin("here")


@fault("the operator does not let this device publish", "server", "adit-server device set-publish NAME on")
def not_allowed(s):
    page = s.home.http_server(9442, "page\n")
    s.server.admin("device", "set-publish", "nas", "off")
    s.client.adit("unpublish", "443")
    s.client.adit("publish", "9442", "--no-redirect", check=False, timeout=20)
    yield
    s.server.admin("device", "set-publish", "nas", "on")
    s.state(9442, "published")
    s.client.adit("unpublish", "9442")
    s.client.adit("publish", "443", "--no-redirect", timeout=20)
    page.close()


@fault("another device has the port", "mapping", "adit-server status")
def port_held(s):
    page = s.home.http_server(9443, "page\n")
    s.server.device("other")
    s.server.admin("forward", "add", "9443", "other")
    s.client.adit("publish", "9443", "--ipv4", "--no-redirect", check=False, timeout=20)
    yield "9443"
    s.client.adit("unpublish", "9443")
    s.server.admin("device", "remove", "other")
    page.close()


@fault("the port is reserved for the server itself", "mapping", "adit-server status")
def reserved(s):
    page = s.home.http_server(22, "page\n")
    s.client.adit("publish", "22", "--ipv4", check=False, timeout=20)
    yield "22"
    s.client.adit("unpublish", "22")
    page.close()


def server_conf(s, text=""):
    s.vps.write("/etc/adit/server.conf", CONF + text)
    s.server.reload()


@fault("the device has as many ports as the operator allows", "mapping", "adit-server status")
def quota(s):
    page = s.home.http_server(9444, "page\n")
    server_conf(s, "Quota = 2\n")
    s.client.adit("publish", "9444", "--no-redirect", check=False, timeout=20)
    yield "9444"
    s.client.adit("unpublish", "9444")
    server_conf(s)
    page.close()


@fault("PCP is turned off at the server", "pcp", "adit-server check")
def pcp_off(s):
    server_conf(s, "Enabled = no\n")
    yield
    server_conf(s)
    s.client.adit("unpublish", "443")
    s.client.adit("publish", "443", "--no-redirect", timeout=20)


@fault("the server's firewall drops PCP from the tunnel", "pcp", "adit-server check")
def pcp_dropped(s):
    s.drop("vps", "udp dport 5351 drop", "input", -10)
    yield
    s.undrop("vps")


@fault("the server's firewall drops what is forwarded", "server-firewall", "adit-server check")
def vps_forward(s):
    s.vps.nft("table inet filter { chain forward { type filter hook forward priority 0; policy drop; }; }\n")
    yield
    s.vps.run("nft", "delete", "table", "inet", "filter")


@fault("the provider's firewall drops the port before the server", "outside", "adit-server check")
def provider(s):
    s.drop("internet", "tcp dport 443 drop")
    red = yield
    assert all("nothing of it came to the server" in f["why"] for f in red), red
    s.undrop("internet")


@fault("the server leads a port to this machine, and its answers are lost", "outside", "adit-server check")
def answers_lost(s):
    s.drop("vps", "iifname adit0 tcp sport 443 drop", "forward")
    red = yield
    assert all("packets of it came to the server" in f["why"] for f in red), red
    s.undrop("vps")


@fault("the operator takes back what this device may publish", "server", "adit-server device set-publish NAME on")
def taken_back(s):
    s.server.admin("device", "set-publish", "nas", "off")
    yield
    s.server.admin("device", "set-publish", "nas", "on")  # and nothing at home: the device hears of it


@fault("the operator turns the port off", "server", "set-enabled")
def turned_off(s):
    keys = (("forward", "443/tcp"), ("pinhole", "nas:443/tcp"))
    for kind, key in keys:
        s.server.admin(kind, "set-enabled", key, "off")
    red = yield
    assert {f["remedy"].split("adit-server ")[1].replace("NAME", "nas") for f in red} == \
        {f"{kind} set-enabled {key} on" for kind, key in keys}, red
    # The device has heard of it meanwhile: the hop is the same.
    s.state(443, "refused")
    s.doctor.broken("server")
    for kind, key in keys:
        s.server.admin(kind, "set-enabled", key, "on")


@fault("a UDP service, which answers nobody who does not speak its language: not tested, and who can", None, "")
def no_dial(s):
    s.home.udp_echo(5353)
    s.client.adit("publish", "5353/udp", timeout=20)
    yield "5353/udp"
    rows = [f for f in s.doctor.ask("5353/udp") if f["hop"] == "outside"]
    assert len(rows) == 2 and {f["verdict"] for f in rows} == {"not tested"}, rows
    assert all(f["what"].endswith("on the server: adit-server probe 5353/udp") for f in rows), rows
    s.client.adit("unpublish", "5353/udp")


@fault("nobody answers for the device's IPv6 address (proxy NDP)", "outside", "adit-server check")
def no_ndp(s):
    s.drop("vps", "icmpv6 type nd-neighbor-solicit drop")
    s.lab["internet"].sh("ip -6 neigh flush all")
    red = yield
    assert all("IPv6" in f["about"] for f in red), red
    s.undrop("vps")
    s.lab["internet"].sh("ip -6 neigh flush all")


@fault("the CGNAT has given the tunnel another port: heals by itself", None, "")
def rebinding(s):
    s.lab["cgnat"].run("conntrack", "-F", check=False)
    yield
