# SPDX-License-Identifier: GPL-2.0-or-later
"""Faults of this machine: its daemons, its link, its rules, what listens, what another firewall drops."""
import faults
from faults import fault
from firewalld import Firewalld
from process import until

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
