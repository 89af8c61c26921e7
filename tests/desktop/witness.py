#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""witness.py SOCKET FOLDER: root's eyes for a story that its user tells. A line on the socket is a question:

keeps TEXT...  the files of this machine that hold one of these, other than FOLDER's and the tunnel server's
table          what aditd has in nftables
"""
import os
import socketserver
import subprocess
import sys

SERVERS = "/var/lib/adit-server"  # the same machine plays the VPS, which keeps a device's preshared key


def keeps(texts):
    """Names of files, one a line."""
    found = subprocess.run(["grep", "--recursive", "--files-with-matches", "--fixed-strings", "--file=-", "/etc", "/var", "/run"],
                           input="\n".join(texts), stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False).stdout
    return "\n".join(path for path in found.splitlines() if not path.startswith((SERVERS + "/", sys.argv[2] + "/")))


def table(_):
    """Nothing, where there is no table."""
    return subprocess.run(["nft", "list", "table", "inet", "adit"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
                          text=True, check=False).stdout


class Asked(socketserver.StreamRequestHandler):
    def handle(self):
        word, *rest = self.rfile.readline().decode().split()
        self.wfile.write({"keeps": keeps, "table": table}[word](rest).encode())


if __name__ == "__main__":
    with socketserver.UnixStreamServer(sys.argv[1], Asked) as server:
        os.chmod(sys.argv[1], 0o666)
        server.serve_forever()
