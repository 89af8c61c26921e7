# SPDX-License-Identifier: GPL-2.0-or-later
"""Small services of a machine: threads of the test with sockets in the machine."""
import contextlib
import os
import socket
import threading

import kernel
from errors import LabError

_SO_RCVBUFFORCE = 33


def listener(machine, kind, port, address=None):
    """A socket of the machine bound to port: on every address of both families, or on one."""
    family = socket.AF_INET if address and ":" not in address else socket.AF_INET6
    with machine.inside():
        try:
            sock = socket.socket(family, kind)
        except OSError:  # a machine without IPv6
            family, address = socket.AF_INET, address or "0.0.0.0"
            sock = socket.socket(family, kind)
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    if family == socket.AF_INET6 and not address:
        sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
    sock.bind((address or "::", port))
    return sock


def plain(address):
    """The text of an address, an IPv4 one without its ::ffff: clothes."""
    return address[7:] if address.startswith("::ffff:") else address


class HttpServer:
    """Answers every GET with `text` (a string, or a function of the visitor's address).

    `requests` holds (visitor's address, address it came to, path, host header) of each. With `tls`,
    an ssl.SSLContext, it speaks https.
    """

    def __init__(self, machine, port, text, address=None, tls=None):
        self.text, self.requests, self._tls = text, [], tls
        self._socket = listener(machine, socket.SOCK_STREAM, port, address)
        self._socket.listen(64)
        self.port = self._socket.getsockname()[1]
        kernel.start_thread(self._serve)

    @property
    def visitors(self):
        """The addresses requests came from, in order."""
        return [r[0] for r in self.requests]

    def _serve(self):
        while True:
            try:
                conn, peer = self._socket.accept()
            except OSError:
                return
            kernel.start_thread(self._answer, conn, plain(peer[0]))

    def _answer(self, conn, visitor):
        with contextlib.ExitStack() as stack:
            stack.enter_context(contextlib.suppress(OSError, UnicodeError))
            stack.enter_context(conn)
            conn.settimeout(10)
            if self._tls:
                conn = stack.enter_context(self._tls.wrap_socket(conn, server_side=True))
            data = b""
            while b"\r\n\r\n" not in data and len(data) < 65536:
                more = conn.recv(65536)
                if not more:
                    return
                data += more
            rows = data.decode("latin-1").split("\r\n")
            host = next((r[5:].strip() for r in rows if r.lower().startswith("host:")), "")
            path = (rows[0].split(" ") + ["", ""])[1]
            self.requests.append((visitor, plain(conn.getsockname()[0]), path, host))
            body = (self.text(visitor) if callable(self.text) else self.text).encode()
            conn.sendall(b"HTTP/1.1 200 OK\r\nContent-Type: text/plain; charset=utf-8\r\n"
                         b"Connection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    def close(self):
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)  # wakes accept
        self._socket.close()


class TcpEcho:
    """Sends back what it gets, for as long as the other side talks."""

    def __init__(self, machine, port, address=None):
        self._socket = listener(machine, socket.SOCK_STREAM, port, address)
        self._socket.listen(64)
        kernel.start_thread(self._serve)

    def _serve(self):
        while True:
            try:
                kernel.start_thread(self._answer, self._socket.accept()[0])
            except OSError:
                return

    @staticmethod
    def _answer(peer):
        with contextlib.suppress(OSError), peer:
            while data := peer.recv(65536):
                peer.sendall(data)

    def close(self):
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()


class UdpEcho:
    """Sends every datagram back from the wildcard socket it came to, as careless services do.

    `received` holds (visitor's address, port, data) of each. With answer=False it only collects.
    """

    def __init__(self, machine, port, address=None, answer=True):
        self.received, self._answer, self._machine = [], answer, machine
        self._marks, self._seen = set(), threading.Condition()
        self._socket = listener(machine, socket.SOCK_DGRAM, port, address)
        self._socket.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, 16 << 20)
        self.port = self._socket.getsockname()[1]
        self._own = (address or ("::1" if self._socket.family == socket.AF_INET6 else "127.0.0.1"), self.port)
        kernel.start_thread(self._serve)

    def _serve(self):
        while True:
            try:
                data, peer = self._socket.recvfrom(65536)
            except OSError:
                return
            if self._socket.fileno() < 0 or not peer:
                return
            with self._seen:
                if data in self._marks:
                    self._marks.discard(data)
                    self._seen.notify_all()
                    continue
                self.received.append((plain(peer[0]), peer[1], data))
            if self._answer:
                with contextlib.suppress(OSError):
                    self._socket.sendto(data, peer)

    def collect(self, timeout=5):
        """All that had reached the socket by now: a mark of our own goes to the end of its queue."""
        mark = os.urandom(16)
        with self._seen:
            self._marks.add(mark)
        with self._machine.inside():
            sock = socket.socket(self._socket.family, socket.SOCK_DGRAM)
        with sock, self._seen:
            sock.sendto(mark, self._own)
            if not self._seen.wait_for(lambda: mark not in self._marks, timeout):
                raise LabError(f"{self._machine}: UDP port {self.port}: its queue not read in {timeout} s")
            return list(self.received)

    def close(self):
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._socket.close()
