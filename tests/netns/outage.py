# SPDX-License-Identifier: GPL-2.0-or-later
"""How long nobody answered: a visitor asks without pause, and notes which questions were answered."""
import select
import socket
import struct
import time

import kernel
from process import until

PAUSE = 0.02  # between two questions


class Watch:
    """A visitor's datagrams to an echo service at each address, from now until close().

    A question counts from when it was sent: an answer that took long is no outage, one that never came is. While it
    `rests` nothing is asked.
    """

    def __init__(self, visitor, addresses, port):
        self.addresses, self._answered, self._closed = list(addresses), {a: [] for a in addresses}, False
        self._sockets = {}
        for address in addresses:
            with visitor.inside():
                sock = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET,
                                     socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
            self._sockets[sock] = (address, (address, port))
        self.offered, self.rests = 0, False
        kernel.start_thread(self._run)

    def _run(self):
        while not self._closed:
            for sock, (_, target) in self._sockets.items() if not self.rests else ():
                try:
                    sock.sendto(struct.pack("!d", time.monotonic()), target)
                except OSError:
                    pass  # an ICMP error of the last one: asked all the same
            self.offered += 1
            end = time.monotonic() + PAUSE
            while (left := end - time.monotonic()) > 0:
                for sock in select.select(list(self._sockets), [], [], left)[0]:
                    self._hear(sock)

    def _hear(self, sock):
        try:
            data = sock.recv(64)
        except OSError:
            return
        if len(data) == 8:
            self._answered[self._sockets[sock][0]].append(struct.unpack("!d", data)[0])

    def back(self, since, timeout, what):
        """Wait until every address has answered ten questions asked after `since`; the seconds to the first, each."""
        def first():
            later = [sorted(t for t in self._answered[a] if t > since) for a in self.addresses]
            return all(len(row) >= 10 for row in later) and [row[0] - since for row in later]
        return until(first, timeout, f"{what}: the visitor to be answered again")

    def outage(self, since):
        """The longest time without an answer since then, of each address in seconds."""
        now, longest = time.monotonic(), []
        for address in self.addresses:
            times = [since] + sorted(t for t in list(self._answered[address]) if t > since)
            # The last questions may still be on their way.
            times += [max(times[-1], now - 0.5)]
            longest.append(max(b - a for a, b in zip(times, times[1:])))
        return longest

    def share(self, since):
        """The part of the questions since then that was answered, of each address."""
        asked = max(1, (time.monotonic() - since) / PAUSE)
        return [sum(t > since for t in list(self._answered[a])) / asked for a in self.addresses]

    def close(self):
        self._closed = True


class Load:
    """One TCP connection that always has bytes on the way there and back; each must come back as it was sent."""

    def __init__(self, visitor, address, port):
        self._socket = until(lambda: self._connect(visitor, address, port), 15, f"{address}:{port}")
        self.bytes, self.wrong, self._closed = 0, None, False
        kernel.start_thread(self._run)

    @staticmethod
    def _connect(visitor, address, port):
        with visitor.inside():
            try:
                return socket.create_connection((address, port), timeout=3)
            except OSError:
                return None

    def _run(self):
        self._socket.settimeout(60)
        try:
            while not self._closed:
                data = struct.pack("!Q", self.bytes) * 1024
                self._socket.sendall(data)
                back = bytearray()
                while len(back) < len(data):
                    more = self._socket.recv(65536)
                    if not more:
                        raise OSError("closed")
                    back += more
                if bytes(back) != data:
                    raise OSError("other bytes came back")
                self.bytes += len(data)
        except OSError as e:
            self.wrong = self.wrong or (None if self._closed else str(e))

    def check(self, least):
        """Still alive, nothing lost, and at least so many bytes more than when asked last."""
        before = self.bytes
        until(lambda: self.wrong or self.bytes > before + least, 20, "the connection to carry on")
        assert not self.wrong, self.wrong

    def close(self):
        self._closed = True
        self._socket.close()


def told(what, watch, seconds):
    """One line for people, which ./dev test full gathers."""
    words = ", ".join(f"{s:.2f} s by {'IPv6' if ':' in a else 'IPv4'}" for a, s in zip(watch.addresses, seconds))
    print(f"# outage: {what}: {words}", flush=True)
