#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""`adit doctor`: every fault of the table is found in its hop with its remedy, and nothing else is red."""
import json
import os
import re
import time

import faults
import tap
from faults import Doctor, fault
from firewalld import Firewalld
from names import NameServer
from pcp import Peer
from process import until
from publishing import begin, published
from story import embed

DRAWING = """
visitor -- internet -- vps
internet -- cgnat(v6) -- home -- lan
"""
NAS = "10.59.0.2"
CONF = "[PCP]\nRecycle = 0s\n"
HALVES = "0.0.0.0/1, 128.0.0.0/1, 2000::/3"
DROP = "table inet planted {{ chain c {{ type filter hook {hook} priority {priority}; {rule}; }}; }}\n"


class Site:
    """A home machine that publishes 443 in both families, and its server."""

    def __init__(self, lab):
        self.lab = lab
        self.home, self.vps, self.visitor = lab["home"], lab["vps"], lab["visitor"]
        self.vps.write("/etc/adit/server.conf", CONF)
        self.server, self.client, self.publisher, self.gua = begin(lab)
        self.profile = self.home.read("/root/home.conf")
        self.doctor = Doctor(self.client, self.publisher)
        self.listen()
        self.client.adit("publish", "443", "--no-redirect", timeout=20)
        self.doctor.broken(None)

    def listen(self, address=None):
        self.page = self.home.http_server(443, "page\n", address)

    def key(self):
        """The server's public key."""
        return re.search(r"PublicKey = (\S+)", self.profile)[1]

    def remove(self):
        self.client.adit("remove", "home", timeout=20)

    def enrol(self, profile=None):
        """Anew, so that no handshake of before is left."""
        self.client.enrol("home", profile or self.profile)

    def renew(self, profile):
        """Another profile, and the link anew, so that no handshake of before is left."""
        self.home.write("/root/home.conf", profile, 0o600)
        self.client.adit("down", "home")
        self.client.adit("update", "home", "/root/home.conf")
        self.client.adit("up", "home")

    def bounce(self):
        """The link anew, so that no handshake of before is left."""
        self.client.adit("down", "home")
        self.client.adit("up", "home")

    def drop(self, machine, rule, hook="prerouting", priority=-400):
        self.lab[machine].nft(DROP.format(hook=hook, priority=priority, rule=rule))

    def undrop(self, machine):
        self.lab[machine].run("nft", "delete", "table", "inet", "planted")

    def problem(self):
        """What adit status says of the gateway, which aditd looks after in the background."""
        return json.loads(self.client.adit("status", "--json", check=False).stdout)[0]["problem"]

    def state(self, port, state):
        """Waits for what adit published says of a port, in both families."""
        until(lambda: {r["state"] for (p, _), r in published(self.client).items() if p == f"{port}/tcp"} == {state},
              15, f"{port} to be {state}")


# -- on this machine --

faults.begin("here")


@fault("aditd does not run", "daemon", "systemctl restart aditd")
def no_daemon(s):
    s.client.process.kill()
    red = yield
    s.doctor.follow(red[0]["remedy"])


@fault("a profile on the disk is damaged, and aditd cannot start", "daemon", "systemctl restart aditd")
def damaged(s):
    path = "/etc/adit/gateways/home.conf"
    text = s.home.read(path)
    s.client.process.stop()
    s.home.write(path, text.replace("PrivateKey", "PrivateKay"), 0o600)
    red = yield
    assert "home.conf:2: PrivateKay" in red[0]["why"], red
    s.home.write(path, text, 0o600)
    s.client.start()


@fault("adit-publisher does not run", "daemon", "systemctl restart adit-publisher")
def no_publisher(s):
    s.publisher.process.kill()
    red = yield
    s.doctor.follow(red[0]["remedy"])
    s.state(443, "published")


@fault("the tunnel is down by its user's word", "link", "adit up home")
def down(s):
    s.client.adit("down", "home")
    red = yield
    s.doctor.follow(red[0]["remedy"])


@fault("the guard is closed: home is the default for all traffic, and its tunnel is down", "link", "adit up home")
def guard_closed(s):
    s.client.adit("default", "home")
    s.client.adit("down", "home")
    red = yield
    assert "adit default none" in red[0]["why"], red
    s.doctor.follow(red[0]["remedy"])
    s.client.adit("default", "none")


@fault("IPv6 is turned off on the tunnel's link", "link", "sysctl -w net.ipv6.conf.home.disable_ipv6=0")
def no_ipv6(s):
    s.home.sysctl("net.ipv6.conf.home.disable_ipv6", 1)
    red = yield
    s.doctor.follow(red[0]["remedy"])


def strict(s, path):
    """What aditd cannot put back, as in a container whose /proc/sys may not be written."""
    s.home.sh("mount --bind /proc/sys /proc/sys; mount -o remount,bind,ro /proc/sys")
    s.home.sysctl(path, 1)
    red = yield
    s.home.run("umount", "/proc/sys")
    s.doctor.follow(red[0]["remedy"])


@fault("strict reverse-path filter on the tunnel's link", "rules", "sysctl -w net/ipv4/conf/home/rp_filter=0")
def strict_link(s):
    yield from strict(s, "net.ipv4.conf.home.rp_filter")


@fault("strict reverse-path filter for all links", "rules", "sysctl -w net/ipv4/conf/all/rp_filter=0")
def strict_all(s):
    yield from strict(s, "net.ipv4.conf.all.rp_filter")


@fault("somebody flushes all rules and tables: heals by itself", None, "")
def flushed(s):
    s.home.sh("ip rule flush; ip rule add pref 32766 lookup main; ip rule add pref 32767 lookup default; nft flush ruleset")
    yield


@fault("the boot guard's file has been deleted", "rules", "systemctl reload aditd")
def no_guard_file(s):
    s.home.run("rm", "/etc/adit/guard.nft")
    red = yield
    s.doctor.follow(red[0]["remedy"])


@fault("the boot guard's file says something else", "rules", "systemctl reload aditd")
def other_guard_file(s):
    s.home.write("/etc/adit/guard.ip4", "rule del pref 0\n")
    red = yield
    s.doctor.follow(red[0]["remedy"])


@fault("another VPN's rule takes everything before ours", "rules", "turn that off")
def rule_before(s):
    s.home.sh("ip route add default via 100.64.4.1 table 77 2>/dev/null || ip route add default dev eth0 table 77;"
              "ip rule add pref 100 lookup 77")
    yield
    s.home.sh("ip rule del pref 100; ip route flush table 77")


@fault("a Tailscale exit node while home is the default", "rules", "tailscale set --exit-node=")
def exit_node(s):
    s.client.adit("default", "home")
    s.home.sh("ip link add tailscale0 type veth peer name ts1; ip link set tailscale0 up; ip link set ts1 up;"
              "ip route add default dev tailscale0 table 52; ip rule add pref 5270 lookup 52")
    yield
    s.home.sh("ip rule del pref 5270; ip link del tailscale0")
    s.client.adit("default", "none")


@fault("the LAN has the tunnel's network", "rules", "adit-server subnet add")
def same_subnet(s):
    s.home.run("ip", "address", "add", "10.59.0.77/24", "dev", "lan0")
    yield
    s.home.run("ip", "address", "del", "10.59.0.77/24", "dev", "lan0")


@fault("nothing listens on the port", "listener", "start the service")
def no_listener(s):
    s.page.close()
    yield
    until(lambda: "nothing listens on it; start the service" in s.problem(), 10, "adit status to hear of it by itself")
    s.listen()
    until(lambda: not s.problem(), 10, "adit status to hear that it is well again")


@fault("the service listens on the loopback address only", "listener", "listen on 0.0.0.0 and ::")
def loopback(s):
    s.page.close()
    s.listen("127.0.0.1")
    yield
    s.page.close()
    s.listen()


@fault("the service listens on the LAN's address only", "listener", "listen on 0.0.0.0 and ::")
def lan_only(s):
    s.page.close()
    s.listen("100.64.4.2" if s.home.v4 == "100.64.4.2" else s.home.v4)
    yield
    s.page.close()
    s.listen()


@fault("the service listens by IPv4 only", "listener", "listen on 0.0.0.0 and ::")
def ipv4_only(s):
    s.page.close()
    s.listen("0.0.0.0")
    red = yield
    assert all("IPv6" in f["about"] for f in red), red
    s.page.close()
    s.listen()


def led_on(s, target, port=8081):
    """Publishes what another machine of the LAN has."""
    s.client.adit("publish", str(port), "--to", target, "--no-redirect", check=False, timeout=20)
    return str(port)


@fault("the machine of the LAN that is published refuses", "listener", "start the service there")
def target_refuses(s):
    yield led_on(s, f"{s.lab['lan'].v4}:81")
    s.client.adit("unpublish", "8081")


@fault("the machine of the LAN that is published is off", "listener", "turn it on")
def target_off(s):
    net = s.lab["lan"].v4.rsplit(".", 1)[0]
    yield led_on(s, f"{net}.77:81")
    s.client.adit("unpublish", "8081")


@fault("docker's chains drop what is led on to the LAN", "firewall", "DOCKER-USER")
def docker(s):
    server = s.lab["lan"].http_server(81, "lan\n")
    word = led_on(s, f"{s.lab['lan'].v4}:81")
    s.home.sh("iptables -P FORWARD DROP; iptables -N DOCKER-USER; iptables -A FORWARD -j DOCKER-USER;"
              "iptables -A DOCKER-USER -j RETURN; iptables -A FORWARD -i lan0 -j ACCEPT")
    red = yield word
    s.doctor.follow(red[0]["remedy"])
    s.doctor.broken(None, word)
    s.home.sh("iptables -P FORWARD ACCEPT; iptables -F; iptables -X")
    s.client.adit("unpublish", "8081")
    server.close()


@fault("ufw is enabled at home", "firewall", "ufw allow in on home to any port 443 proto tcp")
def ufw(s):
    s.home.sh("ufw --force enable", timeout=60)
    red = yield
    for line in {f["remedy"] for f in red}:
        s.doctor.follow(line)
    s.doctor.broken(None)
    s.home.sh("ufw --force disable; nft flush ruleset", timeout=60)
    s.client.process.signal(1)


@fault("a chain of nftables at home drops by default", "firewall", "nft insert rule inet filter input iifname home")
def nft_policy(s):
    s.home.nft("table inet filter { chain input { type filter hook input priority 0; policy drop;"
               " iifname lo accept; ct state established accept; icmpv6 type != echo-request accept; }; }\n")
    red = yield
    s.doctor.follow(red[0]["remedy"])
    s.doctor.broken(None)
    s.home.run("nft", "delete", "table", "inet", "filter")


@fault("a rule of nftables at home drops just the port", "firewall", "nft insert rule inet filter input iifname home tcp dport 443 accept")
def nft_rule(s):
    s.home.nft("table inet filter { chain input { type filter hook input priority 0;"
               " iifname lo accept; ct state established,related accept; tcp dport { 22, 443 } reject; }; }\n")
    red = yield
    s.doctor.follow(red[0]["remedy"])
    s.doctor.broken(None)
    s.home.run("nft", "delete", "table", "inet", "filter")


@fault("firewalld, as it is shipped, drops the port", "firewall", "firewall-cmd --permanent --add-port=443/tcp")
def firewalld(s):
    fw = Firewalld(s.home)
    red = yield
    s.home.sh(f"PATH={fw.path}:$PATH\n{red[0]['remedy']}", timeout=30)
    s.doctor.broken(None)
    fw.stop()


@fault("the port is not published at all", "mapping", "adit publish 8080/tcp")
def not_published(s):
    page = s.home.http_server(8080, "page\n")
    red = yield "8080"
    s.doctor.follow(red[0]["remedy"])
    s.doctor.broken(None, "8080")
    s.client.adit("unpublish", "8080")
    page.close()


# -- at the server --

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


# -- the way there: brought up anew, so that nothing was ever heard --

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


def plant(lab, group):
    """Each fault of a group, one after the other."""
    chosen = os.environ.get("ADIT_FAULTS", "").split()
    site = Site(lab)
    for row in faults.ROWS:
        if row.group != group or (chosen and row.function.__name__ not in chosen):
            continue
        begin = time.monotonic()
        faults.run(site, row)
        print(f"# {time.monotonic() - begin:.1f} s: {row.title}", flush=True)
    assert site.doctor.slowest < 5, f"doctor took {site.doctor.slowest:.1f} s"


def test_here(lab):
    """every fault of this machine and of the server is named by its hop and its remedy, in less than 5 s"""
    plant(lab, "here")


def test_way(lab):
    """every fault of the way to the server is, too"""
    plant(lab, "way")


test_here.deadline = test_way.deadline = 200


def test_page():
    """docs/doctor.md has a row for each fault, and it and adit(1) have every hop with its exit code"""
    if os.environ.get("ADIT_DOCTOR_PAGE"):
        faults.publish(os.environ["ADIT_DOCTOR_PAGE"])
    faults.check_page()

if __name__ == "__main__":
    tap.main(globals())
