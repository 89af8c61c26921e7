#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What a VPS spends on a gigabyte: our table, the least that nft can do, and relays that Debian packages.

A visitor sends to a home behind the VPS, over veth and without encryption, which would be the same for all. On one
machine the kernel works for the VPS in the name of whoever sends, so the processor time of all three is added up, and
what the same stream takes without a VPS in between is taken off.
"""
import glob
import json
import os
import pathlib
import statistics
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parents[2]
BUILD = os.environ.setdefault("ADIT_BUILD", str(ROOT / "build"))
sys.path.insert(0, str(ROOT / "tests" / "netns"))
# pylint: disable=wrong-import-position,import-error
from lab import Lab
from nftsite import nft_apply

DRAWING = "internet -- vps\ninternet -- visitor\ninternet -- home"
STREAM = str(ROOT / "tests" / "bench" / "stream.py")
RELAYS = os.path.join(BUILD, "relays")  # ./dev bench unpacks them: installing them would start servers here
SECONDS, FLOWS, ROUNDS = 1.5, 4, 4
VISITOR, FRONT, BACK, HOME = "10.1.0.2", "10.1.0.1", "10.59.0.1", "10.59.0.2"
DIRECT = "10.2.0.2"
HAND = f"""table ip hand {{
chain in {{ type nat hook prerouting priority dstnat; ip daddr {FRONT} tcp dport 443 dnat to {HOME}:443; }}
chain forward {{ type filter hook forward priority filter; policy drop;
ct state established,related accept; iifname "front" oifname "back" ip daddr {HOME} tcp dport 443 accept; }}
}}
"""
NGINX = f"""load_module {RELAYS}/usr/lib/nginx/modules/ngx_stream_module.so;
daemon off; master_process off; user root; pid /run/nginx.pid; error_log stderr;
events {{ worker_connections 512; }}
stream {{ server {{ listen {FRONT}:443; proxy_pass {HOME}:443; }} }}
"""
HAPROXY = f"""global
  maxconn 512
defaults
  mode tcp
  timeout connect 5s
  timeout client 60s
  timeout server 60s
listen home
  bind {FRONT}:443
  server home {HOME}:443
"""


def figure(name, value, unit):
    """One line that run.py reads."""
    print(json.dumps({"name": f"relay/{name}", "value": value, "unit": unit}), flush=True)


class Site:
    """The three machines, wired by veth, and who carries between them."""

    def __init__(self, lab, segments):
        self.lab = lab
        self.visitor, self.vps, self.home = (lab[n] for n in ("visitor", "vps", "home"))
        self.processes = []
        for one, a, two, b, net in ((self.visitor, "out", self.vps, "front", "10.1.0"), (self.vps, "back", self.home, "in", "10.59.0"),
                                    (self.visitor, "direct", self.home, "direct", "10.2.0")):
            subprocess.run(["ip", "link", "add", a, "netns", str(one.pid), "gso_max_segs", str(segments), "type", "veth",
                            "peer", b, "netns", str(two.pid), "gso_max_segs", str(segments)], check=True)
            high = (2, 1) if one is self.visitor and two is self.vps else (1, 2)
            for machine, link, last in ((one, a, high[0]), (two, b, high[1])):
                machine.sh(f"ip addr add {net}.{last}/24 dev {link}; ip link set {link} up")
        self.visitor.run("ip", "route", "add", "10.59.0.0/24", "via", FRONT)
        self.home.run("ip", "route", "add", "10.1.0.0/24", "via", BACK)
        self.vps.sysctl("net.ipv4.ip_forward", 1)

    def spent(self):
        """Processor seconds of the VPS's programs, ended ones too, and of the kernel's own thread for packets."""
        ticks, relays = 0, {p.pid for p in self.processes}
        for name in glob.glob("/proc/[0-9]*/stat"):
            try:
                with open(name, encoding="utf-8") as file:
                    comm, _, rest = file.read().partition("(")[2].rpartition(")")
            except OSError:
                continue
            rest = rest.split()
            if comm.startswith("ksoftirqd") or int(name.split("/")[2]) in relays or int(rest[1]) in relays:
                ticks += sum(int(n) for n in rest[11:15])
        return ticks / os.sysconf("SC_CLK_TCK")

    def stop(self):
        for process in self.processes:
            process.signal(9)
            process.wait()
        self.processes = []
        self.vps.sh("nft flush ruleset")

    def relay(self, *argv):
        """A relay as one process that stays; ready once it listens."""
        lib = ":".join(glob.glob(f"{RELAYS}/usr/lib/*-linux-gnu") + glob.glob(f"{RELAYS}/lib/*-linux-gnu"))
        self.processes.append(self.vps.spawn(*argv, env={"LD_LIBRARY_PATH": lib}))
        self.vps.wait_port(443)

    def stream(self, address):
        """(bytes a second, processor seconds a gigabyte) of one run."""
        receiver = self.home.spawn(sys.executable, STREAM, "receive", "443")
        receiver.wait_output("ready")
        before = self.spent()
        sender = self.visitor.spawn(sys.executable, STREAM, "send", address, "443", SECONDS, FLOWS)
        said = [json.loads(p.wait_output(r"\{.*\}", 60)[0]) for p in (sender, receiver)]
        spent = self.spent() - before + said[0]["cpu"] + said[1]["cpu"]
        return said[1]["bytes"] / said[1]["seconds"], spent / (said[1]["bytes"] / 1e9)


def hand(site):
    site.vps.nft(HAND)


def ours(site):
    nft_apply(site.vps, "server", lines=["tunnel back", "network 10.59.0.0/24", f"open tcp {FRONT}:443 {HOME}:443"])


def nginx(site):
    site.vps.write("/etc/bench-nginx.conf", NGINX)
    site.vps.sh("mkdir -p /var/lib/nginx /var/log/nginx")
    site.relay(f"{RELAYS}/usr/sbin/nginx", "-c", "/etc/bench-nginx.conf")


def haproxy(site):
    site.vps.write("/etc/bench-haproxy.cfg", HAPROXY)
    site.relay(f"{RELAYS}/usr/sbin/haproxy", "-db", "-f", "/etc/bench-haproxy.cfg")


def socat(site):
    site.relay(f"{RELAYS}/usr/bin/socat", "-b", "262144", f"TCP-LISTEN:443,bind={FRONT},fork,reuseaddr", f"TCP:{HOME}:443")


CARRIERS = {"adit": ours, "hand-written-nft": hand, "nginx": nginx, "haproxy": haproxy, "socat": socat}


def measure(site, name):
    """One run with this carrier, from nothing and back to nothing."""
    CARRIERS.get(name, lambda _: None)(site)
    try:
        return site.stream({"direct": DIRECT, "routed": HOME}.get(name, FRONT))
    finally:
        site.stop()


def compare(words, segments):
    """Everybody in turn, several times; the medians."""
    with Lab(DRAWING) as lab:
        site = Site(lab, segments)
        names = ["direct", "routed", *CARRIERS]
        runs = {name: [] for name in names}
        for _ in range(ROUNDS):
            for name in names:
                runs[name].append(measure(site, name))
    rate = {n: statistics.median(r[0] for r in runs[n]) for n in names}
    # The VPS's part: what it adds to the same stream without it, in the same round.
    cost = {n: statistics.median(max(r[1] - d[1], 1e-3) for r, d in zip(runs[n], runs["direct"])) for n in names[1:]}
    for name in names:
        figure(f"{name}-{words}", round(rate[name] * 8 / 1e9, 2), "Gbit/s")
    for name in names[1:]:
        figure(f"{name}-cpu-{words}", round(cost[name], 3), "s a GB")
    for name in ("nginx", "haproxy", "socat"):
        figure(f"{name}-over-adit-{words}", round(cost[name] / cost["adit"], 2), "times the cpu")


def main():
    """Packets of 1500 bytes, as a tunnel has them, and pieces of 64 kB, as a good network card makes them."""
    if not os.path.exists(f"{RELAYS}/usr/bin/socat"):
        sys.exit(f"bench-relay: {RELAYS}: no relays there: run ./dev bench, which unpacks them")
    compare("packets", 1)
    compare("offload", 65535)


if __name__ == "__main__":
    main()
