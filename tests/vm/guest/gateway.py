# SPDX-License-Identifier: GPL-2.0-or-later
"""What the scenarios ask of a gateway, whoever makes its link: adit's view, the kernel's, captures."""

import hashlib
import json
import os
import socket
import subprocess
import tempfile
import threading
import time

from tap import output, sh, works

OUTSIDE = "198.51.100.1"  # lives behind the server's uplink
OUTSIDE6 = "2600::1"  # likewise; see uplink6()
KEPT = ("/etc/adit", "/var/lib/adit", "/etc/NetworkManager/system-connections",
        "/etc/systemd/network", "/run/NetworkManager/system-connections")
NMS_OWN = "/run/NetworkManager/system-connections/lo.nmconnection"  # it takes lo as it finds it, whenever that changes


def gateways():
    """What `adit list` knows, by name; empty while aditd is not there."""
    result = subprocess.run(["adit", "list", "--json"], stdout=subprocess.PIPE,
                            stderr=subprocess.DEVNULL, timeout=60, check=False)
    return {row["name"]: row for row in json.loads(result.stdout)} if result.returncode == 0 else {}


def files():
    """Every file that a gateway may leave behind, and what is in it."""
    found = {}
    for top in KEPT:
        for folder, _, names in os.walk(top):
            for path in {os.path.join(folder, name) for name in names} - {NMS_OWN}:
                with open(path, "rb") as file:
                    found[path] = hashlib.sha256(file.read()).hexdigest()
    return found


def state():
    """All that a removal must put back."""
    words = ("ip -4 rule", "ip -6 rule", "ip -4 route show table all", "ip -6 route show table all",
             "ip -o link", "nft list ruleset")
    return [output("sh", "-c", word + "| sed 's/ expires [0-9]*sec//; s/qlen.*//'")
            for word in words] + [files()]


def preshared(link):
    """The preshared keys the kernel has for a link's peers."""
    return [line.split()[1] for line in output("wg", "show", link, "preshared-keys").splitlines()
            if "\t" in line]


def reaches(address, tries=15):
    """Whether somebody answers, by whatever way the rules choose."""
    return any(works("ping", "-c", "1", "-W", "2", address) for _ in range(tries))


def send(address, count=3):
    """Packets that are offered, whether anybody answers or not."""
    works("ping", "-c", str(count), "-i", "0.2", "-W", "1", address)


class Capture:
    """tcpdump on a link of the server's namespace, from before the probes until after them."""

    def __init__(self, peer, link, words):
        self.argv = ["ip", "netns", "exec", peer.name, "tcpdump", "--immediate-mode", "-lnni",
                     link, words]
        self.process, self.rows = None, None

    def __enter__(self):
        self.rows = tempfile.TemporaryFile("w+", encoding="utf-8")
        self.process = subprocess.Popen(self.argv, stdout=self.rows, stderr=subprocess.PIPE, text=True)
        while "listening on" not in self.process.stderr.readline():
            if self.process.poll() is not None:
                raise RuntimeError("tcpdump ended")
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.rows.close()

    def count(self):
        """How many it has told of so far."""
        return os.pread(self.rows.fileno(), 1 << 20, 0).count(b" > ")

    def packets(self):
        """How many have come by; the capture ends."""
        self.process.terminate()
        self.process.wait(30)
        return self.count()


def seen(peer, address):
    """(in the clear on the uplink, inside the tunnel): packets to an address, of three offered."""
    with Capture(peer, "wan0", f"dst host {address}") as clear, \
            Capture(peer, "wg0", f"dst host {address}") as tunnel:
        send(address)
        # what was sent a moment ago is told a moment later; of what is dropped nothing is
        seconds(lambda: clear.count() + tunnel.count() >= 3, 1)
        return clear.packets(), tunnel.packets()


def uplink(peer):
    """Let this machine's default route lead to the server's namespace, where OUTSIDE answers."""
    sh("ip", "netns", "exec", peer.name, "ip", "address", "add", OUTSIDE + "/32", "dev", "lo")
    sh("ip", "netns", "exec", peer.name, "ip", "link", "set", "lo", "up")
    sh("ip", "route", "add", "default", "via", "192.0.2.1", "dev", peer.near)
    seconds(lambda: "fe80" in settled(peer.near) and "tentative" not in settled(peer.near))


def uplink6(peer):
    """The same for IPv6."""
    for words in (f"address add {OUTSIDE6}/128 dev lo", "address add 2001:db8:7::1/64 dev wan0 nodad"):
        sh("ip", "netns", "exec", peer.name, "ip", *words.split())
    sh("ip", "address", "add", "2001:db8:7::2/64", "dev", peer.near, "nodad")
    sh("ip", "-6", "route", "add", "default", "via", "2001:db8:7::1", "dev", peer.near)


class Talker:
    """Datagrams to OUTSIDE and OUTSIDE6 without pause, and what of them passed the uplink in the clear."""

    def __init__(self, peer):
        self.offered, self.seen, self._stop = {4: 0, 6: 0}, {4: 0, 6: 0}, threading.Event()
        self._sockets = []
        self.anew()
        self._argv = ["ip", "netns", "exec", peer.name, "tcpdump", "--immediate-mode", "-lnnti", "wan0",
                      f"udp port 9 and (dst host {OUTSIDE} or dst host {OUTSIDE6})"]
        self._process = None

    def __enter__(self):
        self._process = subprocess.Popen(self._argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        while "listening on" not in self._process.stderr.readline():
            if self._process.poll() is not None:
                raise RuntimeError("tcpdump ended")
        threading.Thread(target=self._listen, daemon=True).start()
        threading.Thread(target=self._talk, daemon=True).start()
        return self

    def __exit__(self, *_):
        self._stop.set()
        self._process.kill()
        self._process.wait()

    def _listen(self):
        for line in self._process.stdout:
            if " > " in line:
                self.seen[6 if line.startswith("IP6") else 4] += 1

    def anew(self):
        """From now on by flows that nobody knows: an established one stays with its gateway."""
        ways = ((4, socket.AF_INET, OUTSIDE), (6, socket.AF_INET6, OUTSIDE6))
        self._sockets = [(n, socket.socket(f, socket.SOCK_DGRAM), a) for n, f, a in ways]

    def _talk(self):
        while not self._stop.wait(0.004):
            for number, sock, address in self._sockets:
                try:
                    sock.sendto(b"probe", (address, 9))
                except OSError:
                    pass  # refused by the guard: offered all the same
                self.offered[number] += 1

    def more(self, count=50):
        """Wait until as many again were offered, of each family."""
        goal = {f: n + count for f, n in self.offered.items()}
        seconds(lambda: all(self.offered[f] >= n for f, n in goal.items()))

    def during(self, happen):
        """(offered, seen) of each family before, while and after something happens."""
        self.more()
        begin = dict(self.offered), dict(self.seen)
        happen()
        self.more()
        return [(self.offered[f] - begin[0][f], self.seen[f] - begin[1][f]) for f in (4, 6)]


def settled(link):
    """The IPv6 addresses of a link; their routes come once they are no more tentative."""
    return output("ip", "-6", "address", "show", "dev", link)


def seconds(condition, limit=30):
    """How long until a condition holds; None: it never did."""
    start = time.monotonic()
    while time.monotonic() - start < limit:
        if condition():
            return time.monotonic() - start
        time.sleep(0.05)  # between two looks
    return None
