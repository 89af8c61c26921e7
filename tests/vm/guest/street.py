# SPDX-License-Identifier: GPL-2.0-or-later
"""This machine as a VPS: its WAN leads to a street, where a device of its server and the server's visitors live."""

import os
import re
import tempfile

from tap import sh, works

STREET = "street"
PASSER = "passer-by"
WAN = {"4": "203.0.113.2", "6": "2001:db8:113::2"}


def inside(*argv, check=sh):
    """A command on the street."""
    return check("ip", "netns", "exec", STREET, *argv)


def pave(ipv6=False):
    """The WAN of this machine, and its default routes there."""
    sh("ip", "netns", "add", STREET)
    sh("ip", "link", "add", "wan0", "type", "veth", "peer", "name", "eth0", "netns", STREET)
    for command in (("address", "add", "203.0.113.2/24", "dev", "wan0"),
                    ("link", "set", "wan0", "up"),
                    ("route", "add", "default", "via", "203.0.113.1", "dev", "wan0")):
        sh("ip", *command)
    for command in (("link", "set", "lo", "up"), ("link", "set", "eth0", "up"),
                    ("address", "add", "203.0.113.1/24", "dev", "eth0")):
        inside("ip", *command)
    if ipv6:
        inside("ip", "address", "add", "2001:db8:113::1/64", "dev", "eth0", "nodad")
        sh("ip", "address", "add", WAN["6"] + "/64", "dev", "wan0", "nodad")
        sh("ip", "-6", "route", "add", "default", "via", "2001:db8:113::1", "dev", "wan0")


def passer_by(device_address):
    """A visitor from farther away, whom the device answers by its tunnel; how to be him."""
    def passing(*argv, check=sh):
        return check("ip", "netns", "exec", PASSER, *argv)

    sh("ip", "netns", "add", PASSER)
    for command in (("link", "add", "out0", "type", "veth", "peer", "name", "eth0", "netns", PASSER),
                    ("address", "add", "198.51.100.1/24", "dev", "out0"),
                    ("link", "set", "out0", "up"),
                    ("rule", "add", "from", device_address, "lookup", "100"),
                    ("route", "add", "default", "dev", "wg0", "table", "100")):
        inside("ip", *command)
    inside("sh", "-c", "echo 1 >/proc/sys/net/ipv4/ip_forward")
    for command in (("link", "set", "lo", "up"), ("link", "set", "eth0", "up"),
                    ("address", "add", "198.51.100.2/24", "dev", "eth0"),
                    ("route", "add", "default", "via", "198.51.100.1")):
        passing("ip", *command)
    return passing


def clear():
    """Nothing of it is left."""
    works("ip", "link", "delete", "wan0")
    works("ip", "netns", "delete", PASSER)
    works("ip", "netns", "delete", STREET)


def keys_of(profile):
    """The secrets of a profile."""
    return re.findall(r"^(?:PrivateKey|PresharedKey) = (\S+)$", profile, re.MULTILINE)


def device(profile):
    """A plain WireGuard machine of that profile on the street."""
    key, psk = keys_of(profile)
    peer = re.search(r"^PublicKey = (\S+)$", profile, re.MULTILINE)[1]
    port = re.search(r"^Endpoint = \S+:(\d+)$", profile, re.MULTILINE)[1]
    address = re.search(r"^Address = ([0-9.]+)", profile, re.MULTILINE)[1]
    inside("ip", "link", "add", "wg0", "type", "wireguard")
    with tempfile.TemporaryDirectory() as folder:
        for name, text in (("key", key), ("psk", psk)):
            with open(os.path.join(folder, name), "w", encoding="utf-8") as file:
                file.write(text + "\n")
        inside("wg", "set", "wg0", "private-key", f"{folder}/key", "peer", peer, "preshared-key",
               f"{folder}/psk", "allowed-ips", "0.0.0.0/0", "endpoint", f"{WAN['4']}:{port}")
    inside("ip", "address", "add", address + "/32", "dev", "wg0")
    inside("ip", "link", "set", "wg0", "up")
    inside("ip", "route", "add", address.rsplit(".", 1)[0] + ".0/24", "dev", "wg0")
    return address
