# SPDX-License-Identifier: GPL-2.0-or-later
"""Faults of the way to the server, which is brought up anew, so that nothing was ever heard."""
import re

import faults
from doctorsite import NAS
from faults import fault
from names import NameServer
from story import embed

HALVES = "0.0.0.0/1, 128.0.0.0/1, 2000::/3"

faults.begin("way")


@fault("there is no gateway", "profile", "adit import FILE")
def no_gateway(s):
    s.remove()
    yield
    s.enrol()


@fault("the preshared key is another", "handshake", "adit-server device rekey NAME")
def wrong_psk(s):
    s.renew(re.sub(r"PresharedKey = \S+", f"PresharedKey = {s.home.run('wg', 'genpsk').stdout.strip()}", s.profile))
    yield
    s.renew(s.profile)


@fault("the profile names another server's key", "handshake", "adit-server check")
def wrong_key(s):
    s.renew(s.profile.replace(s.key(), s.home.sh("wg genkey | wg pubkey").stdout.strip()))
    yield
    s.renew(s.profile)


@fault("UDP is blocked on the way", "handshake", "adit-server check")
def blocked(s):
    s.drop("cgnat", "udp dport 51820 drop", "forward")
    s.bounce()
    yield
    s.undrop("cgnat")
    s.bounce()


@fault("the operator has removed the device", "handshake", "adit-server check")
def device_gone(s):
    s.remove()
    s.server.admin("device", "remove", "nas")
    s.enrol()
    yield
    s.remove()
    s.profile = s.server.device("nas", NAS)
    s.enrol()


@fault("the clock has gone back", "handshake", "timedatectl set-ntp true")
def clock(s):
    s.drop("cgnat", "udp dport 51820 drop", "forward")
    s.bounce()
    s.home.run("touch", "-d", "+1 day", "/etc/adit/gateways/home.conf")
    yield
    s.undrop("cgnat")
    s.bounce()


def endpoint(s, text):
    return re.sub(r"Endpoint = \S+", f"Endpoint = {text}", s.profile)


@fault("Endpoint names a port where nothing listens", "endpoint", "systemctl start adit-server")
def wrong_port(s):
    s.renew(endpoint(s, f"{s.vps.v4}:51821"))
    yield
    s.renew(s.profile)


@fault("Endpoint names an address that nobody has", "endpoint", "adit update home FILE")
def wrong_address(s):
    s.renew(endpoint(s, f"{s.vps.v4.rsplit('.', 1)[0]}.99:51820"))
    yield
    s.renew(s.profile)


@fault("the server is off", "endpoint", "adit update home FILE")
def server_off(s):
    s.drop("internet", f"ip daddr {s.vps.v4} drop")
    s.bounce()
    yield
    s.undrop("internet")
    s.bounce()


@fault("adit-server is down", "endpoint", "systemctl start adit-server")
def server_down(s):
    s.server.admin("down")
    s.bounce()
    yield
    s.server.reload()
    s.bounce()


@fault("this machine has no default route", "endpoint", "connect this machine to its network")
def no_route(s):
    way = s.home.sh("ip -4 route show default").stdout.strip()
    s.home.run("ip", "-4", "route", "del", "default")
    s.bounce()
    yield
    s.home.run("ip", "route", "add", *way.split())
    s.bounce()


@fault("Endpoint is an IPv6 address, and the uplink has none", "endpoint", "connect this machine to its network")
def no_route6(s):
    way = s.home.sh("ip -6 route show default").stdout.strip()
    s.home.run("ip", "-6", "route", "del", "default")
    s.renew(endpoint(s, f"[{s.vps.v6}]:51820"))
    yield
    s.home.run("ip", "-6", "route", "add", *way.split())
    s.renew(s.profile)


@fault("no name server answers for the server's name", "endpoint", "/etc/resolv.conf")
def no_name(s):
    s.home.write("/etc/resolv.conf", f"nameserver {s.home.gateway_v4}\n")
    s.renew(endpoint(s, "vps.example.org:51820"))
    yield
    s.renew(s.profile)


@fault("DNS says that the server is another host", "endpoint", "adit-server")
def dns_elsewhere(s):
    names = NameServer(s.lab["cgnat"], s.home.gateway_v4, s.visitor.v4)
    s.home.write("/etc/resolv.conf", f"nameserver {s.home.gateway_v4}\n")
    s.renew(endpoint(s, "vps.example.org:51820"))
    yield
    names.close()
    s.renew(s.profile)


@fault("a link on the way takes smaller packets only and is silent about it", "mtu", "MTU = 1360")
def black_hole(s):
    s.drop("cgnat", "meta length > 1420 drop", "forward")
    red = yield
    s.doctor.follow(red[0]["remedy"])
    s.doctor.broken(None)
    s.undrop("cgnat")
    s.renew(s.profile)


@fault("AllowedIPs leaves visitors out", "profile", "adit update home FILE")
def no_visitors(s):
    s.renew(s.profile.replace(HALVES, "10.59.0.0/24"))
    yield
    s.renew(s.profile)


@fault("no PersistentKeepalive behind a NAT", "profile", "PersistentKeepalive = 25")
def no_keepalive(s):
    s.renew(re.sub(r"PersistentKeepalive = \S+\n", "", s.profile))
    red = yield
    s.doctor.follow(red[0]["remedy"])
    s.doctor.broken(None)
    s.renew(s.profile)


@fault("Address is not what the server gave", "pcp", "with the device's own profile")
def wrong_own(s):
    s.client.adit("unpublish", "443")  # another address of ours would ask for it with another nonce
    s.renew(s.profile.replace(f"{NAS}/", "10.59.0.9/").replace(s.gua, embed(s.vps.prefix, "10.59.0.9")))
    yield
    s.renew(s.profile)
    s.client.adit("publish", "443", "--no-redirect", check=False, timeout=20)
