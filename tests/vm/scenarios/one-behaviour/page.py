#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""page.py TEXT: answers on port 443, in both families, to whoever asks."""

import http.server
import socket
import sys


class Page(http.server.BaseHTTPRequestHandler):
    """The same for every path."""

    def do_GET(self):  # pylint: disable=invalid-name
        """One answer."""
        body = sys.argv[1].encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_):  # pylint: disable=arguments-differ
        """Nobody reads it."""


class Both(http.server.ThreadingHTTPServer):
    """IPv4 and IPv6 by one socket."""

    address_family = socket.AF_INET6

    def server_bind(self):
        self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)
        super().server_bind()


if __name__ == "__main__":
    Both(("::", 443), Page).serve_forever()
