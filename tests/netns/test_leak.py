#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The leak matrix: whatever happens to a selected gateway, nothing leaves in the clear."""
import os
import signal

import tap
from leakprobe import Leaks, settle
from names import Resolved
from policysite import Site
from process import until

DRAWING = """
visitor -- internet -- vps
internet -- second:vps(routed)
internet -- third:vps
internet -- home -- container
internet -- other:cgnat(v6) -- home
"""
STRICT = "[policy]\nguard = strict\n"


def _uplink_flap(site):
    home = site.home
    home.sh(f"ip link set eth0 down; ip link set eth0 up;"
            f"ip -6 addr replace {home.v6}/64 dev eth0 nodad;"
            f"ip route replace default via {home.gateway_v4} dev eth0;"
            f"ip -6 route replace default via {home.gateway_v6} dev eth0")


def _restart(site):
    site.client.process.kill()
    site.client.start()


def _flush_rules(home):
    home.sh("for f in -4 -6; do ip $f rule flush; ip $f rule add pref 32766 lookup main; done")


# What adit-guard.service does.
GUARD = ("ip -4 -force -batch /etc/adit/guard.ip4; ip -6 -force -batch /etc/adit/guard.ip6;"
         "nft -f /etc/adit/guard.nft")


def _forget_all(home):
    """As a machine is that was switched off: links, rules, routes and tables of ours are gone."""
    home.sh("for f in -4 -6; do while ip $f rule del protocol 173 2>/dev/null; do :; done;"
            "ip $f route flush table all proto 173 2>/dev/null || :; done;"
            "nft delete table inet adit; for n in 1 2 3; do ip link del gw$n 2>/dev/null || :; done")


def _run(lab, site, leaks):
    home, client, box = site.home, site.client, [lab["container"]]
    leaks.cell("nothing is selected", machines=box, control=True)
    leaks.cell("a gateway is being selected and deselected again",
               lambda: [site.select(n) for n in ("gw1", "none")], control=True)
    site.select("gw1")

    def cell(event, happen=lambda: None, **how):
        leaks.cell(event, happen, box, **how)

    cell("the tunnel is up")
    cell("another gateway is selected, and the first again", lambda: [site.select(n) for n in ("gw2", "gw1")])
    cell("the tunnel is taken down", lambda: client.adit("down", "gw1"))
    cell("it is down")
    cell("it comes up", lambda: client.adit("up", "gw1"))
    cell("its server is gone", lambda: lab.wire("internet", "vps").cut())
    cell("its server is back", lambda: lab.wire("internet", "vps").mend())
    cell("its link is set down and up", lambda: home.sh("ip link set gw1 down; ip link set gw1 up"))
    cell("its link is deleted", lambda: home.sh("ip link del gw1"))
    cell("lo flaps", lambda: home.sh("ip link set lo down; ip link set lo up"))
    cell("disable_ipv6 is toggled for all", lambda: [home.sysctl("net.ipv6.conf.all.disable_ipv6", n) for n in (1, 0)])
    _put_back_ipv6(site)
    cell("disable_ipv6 is toggled for the tunnel", lambda: home.sh(
        "f=/proc/sys/net/ipv6/conf/gw1/disable_ipv6; [ ! -e $f ] || { echo 1 >$f; echo 0 >$f; }"))
    cell("an uplink flaps", lambda: _uplink_flap(site))
    cell("a stranger flushes all rules", lambda: _flush_rules(home))
    until(lambda: "20070:" in home.run("ip", "rule").stdout, 5, "the rules")
    cell("a stranger flushes all tables of nftables", lambda: home.nft("flush ruleset"), open_names=True)
    until(lambda: "closed4" in home.run("nft", "list", "ruleset").stdout, 5, "the table")
    cell("aditd is killed and started", lambda: _restart(site))
    cell("aditd is stopped and started", lambda: [client.process.stop(), client.start()])
    client.process.kill()
    cell("aditd is dead")
    cell("aditd is dead and lo flaps", lambda: home.sh("ip link set lo down; ip link set lo up"))
    cell("aditd is dead and the tunnel's link is deleted", lambda: home.run("ip", "link", "del", "gw1", check=False))
    cell("aditd is dead and an uplink flaps", lambda: _uplink_flap(site))
    cell("aditd is dead and all rules are flushed", lambda: _flush_rules(home))
    client.start()
    until(lambda: "20070:" in home.run("ip", "rule").stdout, 5, "the rules")
    client.process.kill()
    cell("aditd is dead and nftables is flushed", lambda: home.nft("flush ruleset"), open_names=True)
    client.start()
    client.process.kill()
    _forget_all(home)
    leaks.cell("it boots, and nothing of ours is there yet", machines=box, control=True)
    home.sh(GUARD)
    cell("it has booted as far as the guard")
    cell("its network comes up behind the guard", lambda: _uplink_flap(site))
    cell("its aditd starts", client.start)
    site.until_up(site.gates[0])
    cell("aditd reads its settings anew", lambda: client.process.signal(signal.SIGHUP))
    site.select("gw3")
    cell("a gateway without IPv6 is selected")
    cell("that one is taken down and up", lambda: [client.adit(word, "gw3") for word in ("down", "up")])
    site.select("gw1")
    client.adit("default", "none")
    leaks.cell("nothing is selected any more", machines=box, control=True)


def _put_back_ipv6(site):
    """Toggling took the addresses of all links along: back to what the drawing gave them."""
    home = site.home
    home.sh(f"ip -6 addr replace {home.v6}/64 dev eth0 nodad; "
            f"ip -6 route replace default via {home.gateway_v6} dev eth0; ip -6 addr replace ::1/128 dev lo")
    home.sh("ip -6 addr replace fd18:0:3::1/64 dev br0 nodad 2>/dev/null || :")


@tap.deadline(140)
def test_leaks(lab):
    """in no cell of the matrix does a packet leave in the clear, and each control leaks"""
    Resolved(lab["home"])
    site = Site(lab, "vps", "second", "third:4", dns="10.59.0.1")
    leaks = Leaks(site, ("internet", "other"), "normal")
    _run(lab, site, leaks)
    leaks.mode = "strict"
    site.home.write("/etc/adit/adit.conf", STRICT)
    site.client.process.signal(signal.SIGHUP)
    site.client.process.wait_output("reloaded", 10)
    site.select("gw1")
    leaks.cell("the tunnel is up", machines=[lab["container"]])
    leaks.cell("more specific routes appear in main", lambda: _inject(site), [lab["container"]])
    leaks.cell("the tunnel is taken down", lambda: site.client.adit("down", "gw1"), [lab["container"]])
    leaks.cell("aditd is killed and started", lambda: _restart(site), [lab["container"]])
    if "ADIT_LEAKS" in os.environ:  # all of them, for a person
        print("\n".join(f"# {c}" for c in leaks.cells))
    assert not leaks.bad(), "\n".join(map(str, leaks.bad()))
    settle(leaks)


def _inject(site):
    home = site.home
    home.sh(f"ip route add {site.visitor.v4}/32 via {home.gateway_v4} dev eth0;"
            f"ip -6 route add {site.visitor.v6}/128 via {home.gateway_v6} dev eth0")


if __name__ == "__main__":
    tap.main(globals())
