# SPDX-License-Identifier: GPL-2.0-or-later
"""What our server answers beside ports (libadit/core/pcp-ask.h), for the namespace of peer.py.

As a program: asked.py LINK PSK-FILE NET6. A key on offer is a peer that owns nothing until it has
shaken hands; then all that the other one owned is its own.
"""

import base64
import ipaddress
import socket
import struct
import subprocess
import sys
import tempfile

from tap import ok, same, sh, until, works

ASK, ADDRESS, ROTATE = 112, 1, 2
SERVER, DEVICE = "10.59.0.1", "10.59.0.2"


class Asked:
    """The answers, while the block lasts."""

    def __init__(self, peer, net6):
        self.peer, self.net6, self.process, self.file = peer, net6, None, None

    def __enter__(self):
        self.file = tempfile.NamedTemporaryFile("w", encoding="utf-8")
        self.file.write(self.peer.psk + "\n")
        self.file.flush()
        self.process = subprocess.Popen(["ip", "netns", "exec", self.peer.name, sys.executable, __file__,
                                         "wg0", self.file.name, self.net6])
        return self

    def __exit__(self, *_):
        self.process.kill()
        self.process.wait()
        self.file.close()


def agrees(peer, link, net6="2600:59::/64"):
    """Five results, whoever makes the link: another address and another key, told and agreed on over the tunnel."""
    key, index = sh("wg", "show", link, "public-key"), sh("cat", f"/sys/class/net/{link}/ifindex")
    with Asked(peer, net6):
        until(lambda: f"{twin(net6, DEVICE)}/128" in sh("ip", "-6", "address", "show", "dev", link),
              "the address that the server tells is there", 60)
        ok(works("adit", "rotate", link, seconds=120), "adit rotate agrees on another key")
        same((sh("wg", "show", link, "preshared-keys").split()[1], sh("cat", f"/sys/class/net/{link}/ifindex")),
             (peer.psk, index), "with the same preshared key, on the same link")
        ok(sh("wg", "show", link, "public-key") != key, "and the kernel has it")
        ok(any(works("ping", "-c", "1", "-W", "2", SERVER) for _ in range(15)), "and it carries")


def twin(net6, address):
    """The prefix with the IPv4 address in its host bits."""
    network = ipaddress.ip_network(net6)
    return ipaddress.ip_address(int(network.network_address) | int(ipaddress.ip_address(address)) & int(network.hostmask))


def reply(request, kind, payload):
    """A message of 160 octets."""
    head = struct.pack("!BBBBII12x", 2, ASK | 0x80, 0, 0, 900, 1)
    return (head + request[24:36] + b"ADIT" + bytes([kind, 1, 0, 0]) + payload).ljust(160, b"\0")


class Server:
    """One device, its key, and perhaps the one it has offered."""

    def __init__(self, link, psk, net6):
        self.link, self.psk, self.net6, self.offered = link, psk, net6, None

    def held(self):
        """The key that owns the device's address."""
        for line in sh("wg", "show", self.link, "allowed-ips").splitlines():
            if DEVICE in line:
                return line.split()[0]
        return None

    def look(self):
        """The first handshake of a key on offer makes it the one that is held."""
        shaken = dict(line.split() for line in sh("wg", "show", self.link, "latest-handshakes").splitlines())
        if not self.offered or int(shaken.get(self.offered, 0)) == 0:
            return
        before = self.held()
        sh("wg", "set", self.link, "peer", self.offered, "allowed-ips",
           f"{DEVICE}/32,fd59::2/128,{twin(self.net6, DEVICE)}/128")
        sh("wg", "set", self.link, "peer", before, "remove")
        self.offered = None

    def answer(self, request):
        """The reply, or None."""
        kind = request[40]
        if len(request) != 160 or request[0] != 2 or request[1] != ASK or request[36:40] != b"ADIT":
            return None
        if kind == ROTATE:
            self.offered = base64.b64encode(request[44:76]).decode()
            sh("wg", "set", self.link, "peer", self.offered, "preshared-key", self.psk)
            return reply(request, kind, request[44:76])
        site = struct.pack("!BBBx4s4s16s16s16xI32s", 0, 64, 0, ipaddress.ip_address(DEVICE).packed,
                           ipaddress.ip_address(SERVER).packed, twin(self.net6, DEVICE).packed,
                           twin(self.net6, SERVER).packed, 0, base64.b64decode(self.held()))
        return reply(request, kind, site)


def main():
    """Until it is killed."""
    server = Server(*sys.argv[1:])
    sh("ip", "-6", "route", "replace", server.net6, "dev", server.link)
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sock:
        sock.bind((SERVER, 5351))
        sock.settimeout(0.1)
        while True:
            try:
                request, sender = sock.recvfrom(2048)
            except TimeoutError:
                server.look()
                continue
            server.look()
            answered = server.answer(request)
            if answered:
                sock.sendto(answered, sender)


if __name__ == "__main__":
    main()
