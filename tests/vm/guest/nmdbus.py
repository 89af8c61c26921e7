# SPDX-License-Identifier: GPL-2.0-or-later
"""Connections of NetworkManager as busctl shows and takes them."""

SERVICE = "org.freedesktop.NetworkManager"
CONNECTION = SERVICE + ".Settings.Connection"


def words(kind, data):
    """A value of busctl's JSON as busctl's arguments."""
    if kind == "v":
        return [data["type"], *words(data["type"], data["data"])]
    if kind.startswith("a{"):
        return [str(len(data)), *(w for k, v in data.items() for w in [k, *words(kind[3:-1], v)])]
    if kind[0] == "a":
        return [str(len(data)), *(w for v in data for w in words(kind[1:], v))]
    if kind == "b":
        return ["true" if data else "false"]
    return [str(data)]


def update_words(wanted):
    """The arguments of Update2, to disk."""
    return ["a{sa{sv}}ua{sv}", *words("a{sa{sv}}", wanted), "1", "0"]


def newer(wanted):
    """Settings without what says the same in an older way."""
    for family in ("ipv4", "ipv6"):
        for name in ("addresses", "routes"):
            wanted.get(family, {}).pop(name, None)
    return wanted


def with_secrets(wanted, private, psk=None, flags=0):
    """Settings with a private key, and a preshared key for their one peer."""
    wanted["wireguard"]["private-key"] = {"type": "s", "data": private}
    peer = wanted["wireguard"]["peers"]["data"][0]
    if psk:
        peer["preshared-key"] = {"type": "s", "data": psk}
        peer["preshared-key-flags"] = {"type": "u", "data": flags}
    return wanted
