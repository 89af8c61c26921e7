# SPDX-License-Identifier: GPL-2.0-or-later
"""A TCP connection that is talked over from time to time: what happens around it must not end it."""
from process import until


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
