#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Stock NetworkManager activates a kernel WireGuard link from a profile of a tunnel server.

The profile is what our server gives a machine that publishes (DESIGN.md, section 4): it must be
harmless before anybody enrols it. The peer is a kernel WireGuard link in a namespace.
"""

import os
import tempfile

import tap
from tap import sh, works

PEER = ["ip", "netns", "exec", "nmwg"]
MARK = "0x3f000000"

PROFILE = """[Interface]
PrivateKey = {key}
Address = 10.59.0.2/32, fd59::2/128
Table = 20101
FwMark = 0x3f000000
MTU = 1380

[Peer]
PublicKey = {peer}
PresharedKey = {psk}
AllowedIPs = 10.59.0.1/32, fd59::1/128, 10.59.0.0/24, 0.0.0.0/1, 128.0.0.0/1, 2000::/3
Endpoint = 192.0.2.1:{port}
PersistentKeepalive = 25
"""


def make_peer(key, home, psk):
    """The server: a namespace at the other end of a veth; the port is the kernel's choice."""
    sh("ip", "netns", "add", "nmwg")
    sh("ip", "link", "add", "nmwg0", "type", "veth", "peer", "name", "wan0", "netns", "nmwg")
    tap.works("nmcli", "device", "set", "nmwg0", "managed", "no")
    sh("ip", "address", "add", "192.0.2.2/24", "dev", "nmwg0")
    sh("ip", "link", "set", "nmwg0", "up")
    sh(*PEER, "ip", "address", "add", "192.0.2.1/24", "dev", "wan0")
    sh(*PEER, "ip", "link", "set", "wan0", "up")
    sh(*PEER, "ip", "link", "add", "wg0", "type", "wireguard")
    with tempfile.NamedTemporaryFile("w") as key_file, tempfile.NamedTemporaryFile("w") as psks:
        print(key, file=key_file, flush=True)
        print(psk, file=psks, flush=True)
        sh(*PEER, "wg", "set", "wg0", "private-key", key_file.name, "peer", home,
           "preshared-key", psks.name, "allowed-ips", "10.59.0.2/32,fd59::2/128")
    sh(*PEER, "ip", "address", "add", "10.59.0.1/24", "dev", "wg0")
    sh(*PEER, "ip", "address", "add", "fd59::1/64", "dev", "wg0", "nodad")
    sh(*PEER, "ip", "link", "set", "wg0", "up")
    return sh(*PEER, "wg", "show", "wg0", "listen-port")


def import_profile(text):
    """As a user would; NetworkManager takes the link's name from the file's."""
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "adit-vm.conf")
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return sh("nmcli", "connection", "import", "type", "wireguard", "file", path)


def active():
    """Whether NetworkManager calls the connection activated."""
    state = sh("nmcli", "--get-values", "GENERAL.STATE", "connection", "show", "adit-vm")
    return state == "activated"


def handshake():
    """Whether the kernel has seen the peer."""
    lines = sh("wg", "show", "adit-vm", "latest-handshakes").split()
    return len(lines) == 2 and int(lines[1]) > 0


def tunnel_table(family):
    """The prefixes of table 20101."""
    lines = sh("ip", family, "route", "show", "table", "20101").splitlines()
    # NetworkManager puts the link's multicast and link-local routes there too
    return sorted(line.split()[0] for line in lines
                  if "adit-vm" in line and not line.startswith(("fe80:", "fd59::2 ")))


def main():
    """The peer, the import, what must be there and what must not."""
    tap.note(sh("nmcli", "--version"))
    keys = [sh("wg", "genkey") for _ in range(2)]
    publics = [sh("wg", "pubkey", stdin=key) for key in keys]
    psk = sh("wg", "genpsk")
    port = make_peer(keys[1], publics[0], psk)
    before = [sh("ip", family, "rule") for family in ("-4", "-6")]
    import_profile(PROFILE.format(key=keys[0], peer=publics[1], psk=psk, port=port))

    tap.until(active, "NetworkManager activates the imported profile")
    tap.same([sh("ip", family, "rule") for family in ("-4", "-6")], before, "no rule was added")
    tap.ok("adit-vm" not in sh("ip", "-4", "route"), "nothing is in the main table (IPv4)")
    main6 = [line for line in sh("ip", "-6", "route").splitlines() if "adit-vm" in line]
    tap.same(main6, [], "nothing is in the main table (IPv6)")
    tap.same(tunnel_table("-4"), ["0.0.0.0/1", "10.59.0.0/24", "10.59.0.1", "128.0.0.0/1"],
             "the routes of IPv4 are in the gateway's own table")
    tap.same(tunnel_table("-6"), ["2000::/3", "fd59::1"],
             "the routes of IPv6 are in the gateway's own table")
    tap.same(sh("wg", "show", "adit-vm", "fwmark"), MARK, "the mark survives the import")
    tap.same(sh("wg", "show", "adit-vm", "preshared-keys").split()[1], psk,
             "the preshared key is in the kernel")

    # what an enrolment would add, so that the table is read
    sh("ip", "-4", "rule", "add", "pref", "1755", "to", "10.59.0.0/24", "lookup", "20101")
    sh("ip", "-6", "rule", "add", "pref", "1755", "to", "fd59::/64", "lookup", "20101")
    ping = ["ping", "-c", "1", "-W", "2"]
    tap.until(lambda: works(*ping, "10.59.0.1"), "the server answers by IPv4")
    tap.until(lambda: works(*ping, "fd59::1"), "the server answers by IPv6")
    tap.ok(handshake(), "wg shows a handshake")

    sh("nmcli", "connection", "delete", "adit-vm")
    tap.until(lambda: not works("ip", "link", "show", "adit-vm"), "deleting it removes the link")
    sh("ip", "-4", "rule", "delete", "pref", "1755")
    sh("ip", "-6", "rule", "delete", "pref", "1755")
    sh("ip", "link", "delete", "nmwg0")
    sh("ip", "netns", "delete", "nmwg")
    tap.done()


if __name__ == "__main__":
    main()
