# SPDX-License-Identifier: GPL-2.0-or-later
"""The leak matrix of one backend, in this machine: selected or not, up, down, killed, booting, in both families and
for names. Each cell is told as a line of JSON behind CELL: docs/leak-matrix.md is made of them (tests/leakpage.py).

While nothing is selected other traffic leaves in the clear, and each of those cells is the control of its fellow in
which a gateway is selected. What bears the gateway's own address must never leave beside it, selected or not; its
control is the machine that boots and has nothing of ours yet.
"""

import json
import os
import re

import tap
from gateway import gateways, reaches, seconds
from tap import output, sh, works
from vps import OUTSIDE, Vps
from watch import Watch

CELL = "leak cell:"
LINK = "house"
PROFILE = "/run/house.conf"
UPLINK = "/run/systemd/network/10-up0.network"
OFFERED = 1000
MANAGERS = {"networkd": "systemd-networkd.service", "direct": "aditd.service",
            "networkmanager": "NetworkManager.service"}
RESOLVERS = ("192.0.2.1", "2001:db8:2::1")  # the LAN's own
NETWORK = """[Match]
Name=up0
[Network]
Address=192.0.2.2/24
Address=2001:db8:2::2/64
Gateway=192.0.2.1
Gateway=2001:db8:2::1
IPv6AcceptRA=no
"""
# as a machine is that was switched off
FORGET = ("for f in -4 -6; do while ip $f rule del protocol 173 2>/dev/null; do :; done;"
          "ip $f route flush table all proto 173 2>/dev/null || :; done;"
          f"nft delete table inet adit || :; ip link delete {LINK} 2>/dev/null || :")


class Matrix:
    """The cells of one backend."""

    def __init__(self, backend, vps, own):
        self.backend, self.vps = backend, vps
        self.ways = {"ipv4": [OUTSIDE["4"]], "ipv6": [OUTSIDE["6"]], "names": [r + ",53" for r in RESOLVERS],
                     "own4": [f"{OUTSIDE['4']}@{own[0]}"], "own6": [f"{OUTSIDE['6']}@{own[1]}"]}

    def cell(self, selected, event, *commands, control=False, until=None):
        """Offered before, while and after commands run and, at the end, until something holds."""
        with Watch(self.vps.name, "lan0", sum(self.ways.values(), [])) as watch:
            watch.go_on(200)
            for words in commands:
                tap.step(words)
            if until:
                seconds(until, 90)
            watch.go_on(least=OFFERED)
        row = {"backend": self.backend, "selected": selected, "event": event, "control": control}
        for what, ways in self.ways.items():
            row[what] = [sum(watch.offered[way] for way in ways), sum(watch.left[way] for way in ways)]
        words = f"{self.backend}: {'selected' if selected else 'none'}: {event}"
        if not tap.ok(is_good(row), words + (" (control: leaks)" if control else "")):
            tap.note(watch)
        tap.note(f"{CELL} {json.dumps(row)}")


def is_good(row):
    """Enough was offered; what must not leave did not, and what must, did."""
    wide, own = [row[w] for w in ("ipv4", "ipv6", "names")], [row[w] for w in ("own4", "own6")]
    enough = all(offered >= OFFERED for offered, _ in wide + own)
    leaks = all(left > 0 for _, left in wide)
    if row["control"]:
        return enough and leaks and all(left > 0 for _, left in own)
    closed = not any(left for _, left in own)
    return enough and closed and (not any(left for _, left in wide) if row["selected"] else leaks)


def carries():
    """Both families go through the tunnel."""
    return reaches(OUTSIDE["4"], 1) and reaches(OUTSIDE["6"], 1)


def ready():
    """aditd answers, and the server inside the tunnel."""
    return works("adit", "list") and reaches("10.59.0.1", 1)


def switch_off(manager):
    """Everything of ours is gone, and nobody is there to bring it back."""
    works("systemctl", "stop", "aditd")
    works("systemctl", "stop", *(["systemd-networkd.socket"] if "networkd" in manager else []), manager)
    sh("sh", "-c", FORGET)


def boot(matrix, selected, manager):
    """From the guard on, step by step."""
    matrix.cell(selected, "it boots, and nothing of ours is there yet", lambda: switch_off(manager), control=True)
    sh("systemctl", "restart", "adit-guard")
    matrix.cell(selected, "it has booted as far as the guard")
    if manager != MANAGERS["direct"]:
        matrix.cell(selected, "its network manager starts", ("systemctl", "start", manager))
    matrix.cell(selected, "its aditd starts", ("systemctl", "start", "aditd"), until=carries if selected else ready)


def rounds(matrix, selected, manager):
    """Up, down, killed, booting."""
    kill = ("systemctl", "kill", "--kill-whom=main", "--signal=KILL")
    up = carries if selected else ready
    matrix.cell(selected, "the tunnel is up")
    matrix.cell(selected, "it is taken down, and down", ("adit", "down", LINK))
    matrix.cell(selected, "it comes up", ("adit", "up", LINK), until=up)
    if manager != MANAGERS["direct"]:
        matrix.cell(selected, "its network manager is killed, and comes back", (*kill, manager), until=up)
    matrix.cell(selected, "aditd is killed, and comes back", (*kill, "aditd.service"), until=up)
    works("systemctl", "stop", "aditd")
    matrix.cell(selected, "aditd is dead")
    matrix.cell(selected, "aditd is dead, and the tunnel's link is deleted", ("ip", "link", "delete", LINK))
    boot(matrix, selected, manager)


def enrol(vps, backend):
    """A gateway of a new device, up; its own addresses."""
    profile = vps.device(LINK)
    if "\nDNS = " not in profile:  # with name servers, or there is nothing to keep from the LAN's
        profile = profile.replace("[Interface]\n", "[Interface]\nDNS = 10.59.0.1\n")
    with open(PROFILE, "w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(profile)
    if backend == "networkd":
        os.makedirs(os.path.dirname(UPLINK), exist_ok=True)
        with open(UPLINK, "w", encoding="utf-8") as file:
            file.write(NETWORK)
    sh("systemctl", "restart", MANAGERS[backend])
    seconds(lambda: works("adit", "list"), 60)
    # a manager that has just started may not be known yet
    tap.until(lambda: works("adit", "import", "--backend", backend, PROFILE), f"{backend}: it is imported", 60)
    tap.until(ready, f"{backend}: the tunnel is up", 90)
    tap.same(gateways()[LINK]["backend"], backend, f"{backend}: it is made by it")
    return re.search(r"^Address = ([0-9.]+)/\d+, ([0-9a-f:]+)/128", profile, re.MULTILINE).groups()


def forget(backend):
    """The gateway, and what was written for it."""
    works("systemctl", "start", "aditd", MANAGERS["networkmanager"])
    seconds(lambda: works("adit", "list"), 60)
    for words in (("default", "none"), ("remove", LINK)):
        works("adit", *words)
    if backend == "networkd":
        works("systemctl", "stop", "systemd-networkd.socket", "systemd-networkd")
    for path in (PROFILE, UPLINK):
        if os.path.exists(path):
            os.unlink(path)


def tell(backend):
    """The whole of one backend, as a scenario."""
    manager = MANAGERS[backend]
    tap.note(f"systemd: {output('networkctl', '--version').splitlines()[0].split(' (')[0]}")
    tap.note(f"NetworkManager: {output('NetworkManager', '--version')}")
    tap.note(f"Linux: {output('uname', '-r')}")
    sh("modprobe", "-a", "wireguard", "veth", "nf_tables", "nf_conntrack")
    sh("systemctl", "start", "systemd-resolved", "aditd")
    with Vps() as vps:
        try:
            matrix = Matrix(backend, vps, enrol(vps, backend))
            rounds(matrix, False, manager)
            sh("adit", "default", LINK)
            tap.until(carries, f"{backend}: selected, it carries both families", 90)
            rounds(matrix, True, manager)
        finally:
            forget(backend)
    tap.done()
