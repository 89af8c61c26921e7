# SPDX-License-Identifier: GPL-2.0-or-later
"""A name server that knows every name, and the real systemd-resolved of a machine's own."""
import contextlib
import ipaddress
import os
import socket
import struct

import kernel
from errors import LabError, Skip
from process import until
from serve import plain

_RESOLVED = ("/usr/lib/systemd/systemd-resolved", "/lib/systemd/systemd-resolved")
_CONF = "[Resolve]\nFallbackDNS=\nLLMNR=no\nMulticastDNS=no\nDNSSEC=no\nCache=no\nReadEtcHosts=no\n"
_SERVICE = ("org.freedesktop.resolve1", "/org/freedesktop/resolve1", "org.freedesktop.resolve1.Manager")


def _name(query):
    labels, at = [], 12
    while query[at]:
        labels.append(query[at + 1:at + 1 + query[at]].decode())
        at += 1 + query[at]
    return ".".join(labels), at + 1


class NameServer:
    """Says that every name has the same addresses, its own mark; `asked` are the names, in order."""

    def __init__(self, machine, address, *answers):
        self.asked, self.answers = [], answers
        with machine.inside():
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.bind((address, 53))
        kernel.start_thread(self._serve)
        machine._keep(self)

    def _serve(self):
        while True:
            try:
                query, peer = self._socket.recvfrom(4096)
            except OSError:
                return
            if self._socket.fileno() < 0 or not peer or len(query) < 17:
                continue
            name, end = _name(query)
            kind = struct.unpack_from("!H", query, end)[0]
            self.asked.append((name, plain(peer[0])))
            found = [ipaddress.ip_address(a) for a in self.answers]
            rows = [b"\xc0\x0c" + struct.pack("!HHIH", kind, 1, 1, len(a.packed)) + a.packed
                    for a in found if kind == {4: 1, 6: 28}[a.version]]
            head = query[:2] + struct.pack("!HHHHH", 0x8180, 1, len(rows), 0, 0)
            with contextlib.suppress(OSError):
                self._socket.sendto(head + query[12:end + 4] + b"".join(rows), peer)

    def close(self):
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


def _program(lab):
    """Installed, or unpacked by ./dev beside the build: installing it would take over the host's names."""
    places = [f"{lab.build}/resolved{p}" for p in _RESOLVED] if lab.build else []
    found = next((p for p in (*_RESOLVED, *places) if os.access(p, os.X_OK)), None)
    if not found:
        raise Skip("systemd-resolved is neither installed nor unpacked by ./dev")
    return found


class Resolved:
    """systemd-resolved of a machine; its links begin without servers."""

    def __init__(self, machine):
        self.machine, self.process = machine, None
        self._path = _program(machine.lab)
        machine.bus()
        if "systemd-resolve:" not in machine.read("/etc/passwd"):
            machine.sh("echo systemd-resolve:x:991:991::/:/usr/sbin/nologin >>/etc/passwd;"
                       "echo systemd-resolve:x:991: >>/etc/group")
        machine.write("/etc/systemd/resolved.conf", _CONF)
        machine.run("mkdir", "-p", "/run/systemd")
        self.start()

    def start(self):
        self.process = self.machine.spawn(self._path, env={"SYSTEMD_LOG_LEVEL": "info"})
        until(lambda: self.call("ResolveHostname", "isit", 0, "localhost", 2, 0).ok, 10,
              "systemd-resolved on the bus")

    def call(self, method, signature, *words, timeout=4):
        return self.machine.run("busctl", "--system", f"--timeout={timeout}", "call", *_SERVICE, method, signature, *words,
                                check=False, timeout=15)

    def set_server(self, link, address):
        """What DHCP or the admin tells it of a link."""
        packed = ipaddress.ip_address(address).packed
        with self.machine.inside():
            index = socket.if_nametoindex(link)
        done = self.call("SetLinkDNS", "ia(iay)", index, 1, 10 if len(packed) == 16 else 2, len(packed), *packed)
        if not done.ok:
            raise LabError(f"SetLinkDNS: {done.stderr}")

    def ask(self, name, timeout=4):
        """The address of a name as text, or None."""
        done = self.call("ResolveHostname", "isit", 0, name, 2, 0, timeout=timeout)
        words = done.stdout.split()
        return ".".join(words[5:9]) if done.ok else None

    def state(self):
        """What it is set to, by link."""
        done = [self.machine.run("busctl", "--system", "get-property", *_SERVICE, what).stdout
                for what in ("DNS", "Domains", "DNSEx")]
        return "".join(done)
