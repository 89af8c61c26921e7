#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""visitor.py SOCKET: somebody on the Internet; "ADDRESS PORT" on the socket is answered by what a web server there says."""
import os
import socketserver
import sys
import urllib.error
import urllib.request


class Asked(socketserver.StreamRequestHandler):
    def handle(self):
        address, port = self.rfile.readline().decode().split()
        try:
            with urllib.request.urlopen(f"http://{address}:{port}/", timeout=2) as page:
                self.wfile.write(f"{page.status}".encode())
        except (OSError, urllib.error.URLError) as error:
            self.wfile.write(str(error).encode())


if __name__ == "__main__":
    with socketserver.UnixStreamServer(sys.argv[1], Asked) as server:
        os.chmod(sys.argv[1], 0o666)
        server.serve_forever()
