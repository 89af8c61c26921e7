# SPDX-License-Identifier: GPL-2.0-or-later
"""TCP connections that are talked over: what happens around them must not end them, or has to."""
import socket
import threading

from process import until
from serve import listener

_TCP_CLOSE = 7


class Talk:
    """From a machine to a serve.TcpEcho, as soon as it is reached."""

    def __init__(self, client, address, port, patience=15):
        self.socket, self.said = until(lambda: self._connect(client, address, port), patience, f"{address}:{port}"), 0

    @staticmethod
    def _connect(client, address, port):
        try:
            return client.connect(address, port)
        except Exception:  # pylint: disable=broad-except
            return None

    def still(self, why):
        """A few kilobytes there and back, on the same connection."""
        self.said += 1
        data = b"%08d" % self.said * 1000
        self.socket.settimeout(5)
        try:
            self.socket.sendall(data)
            back = b""
            while len(back) < len(data):
                more = self.socket.recv(65536)
                assert more, f"{why}: the connection was closed"
                back += more
        except OSError as e:
            raise AssertionError(f"{why}: {e}") from None
        assert back == data, why


class Flow:
    """An established connection between a visitor and a port of a device, of which the test has both ends."""

    def __init__(self, visitor, address, port, device, listen, **options):
        server = listener(device, socket.SOCK_STREAM, listen)
        server.listen()
        self.visitor = visitor.connect(address, port, **options)
        server.settimeout(3)
        self.device, _ = server.accept()
        server.close()
        self.heard = 0
        assert self.alive()

    def stream(self):
        """From now on the device sends all it can, and `heard` counts what the visitor has of it."""
        def send():
            try:
                while True:
                    self.device.sendall(bytes(65536))
            except OSError:
                pass

        def hear():
            try:
                while data := self.visitor.recv(65536):
                    self.heard += len(data)
            except OSError:
                pass
        for end, run in ((self.device, send), (self.visitor, hear)):
            end.settimeout(None)
            threading.Thread(target=run, daemon=True).start()

    def alive(self, timeout=3.0):
        """Whether a byte gets through in each direction."""
        return self.arrives(self.visitor, self.device, timeout) and \
            self.arrives(self.device, self.visitor, timeout)

    @staticmethod
    def arrives(sender, receiver, timeout=3.0):
        receiver.settimeout(timeout)
        try:
            sender.send(b"x")
            return receiver.recv(100) != b""
        except OSError:
            return False

    @staticmethod
    def is_reset(end):
        """Whether this end was told that the connection is over."""
        return end.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 1)[0] == _TCP_CLOSE
