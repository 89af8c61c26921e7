# SPDX-License-Identifier: GPL-2.0-or-later
"""A reference WireGuard link, set up with wg(8): what our own programs are compared with."""
from errors import LabError
from process import until


def has_kernel_wireguard(machine):
    """Whether the kernel makes WireGuard links; asked by making one."""
    made = machine.run("ip", "link", "add", "name", "wgprobe", "type", "wireguard", check=False)
    if made.ok:
        machine.run("ip", "link", "del", "dev", "wgprobe")
    return made.ok


class WireGuard:
    """A WireGuard link of a machine: the kernel's, else wireguard-go's."""

    def __init__(self, machine, name="wg0", addresses=(), port=None, mtu=1420):
        self.machine, self.name, self.process = machine, name, None
        self.private_key = machine.run("wg", "genkey").stdout.strip()
        self.public_key = machine.run("wg", "pubkey", input=self.private_key).stdout.strip()
        if not machine.run("ip", "link", "add", "name", name, "type", "wireguard", check=False).ok:
            self._userspace()
        listen = ["listen-port", str(port)] if port else []
        machine.run("wg", "set", name, *listen, "private-key", "/dev/stdin", input=self.private_key)
        for address in addresses:
            machine.run("ip", "address", "add", address, "dev", name)
        machine.run("ip", "link", "set", "dev", name, "mtu", mtu, "up")

    def _userspace(self):
        self.machine.lab.require("wireguard-go")
        self.process = self.machine.spawn("wireguard-go", "-f", self.name,
                                          env={"WG_PROCESS_FOREGROUND": "1"})

        def answers():
            if not self.process.alive:
                raise LabError(f"{self.process!r}: ended\n{self.process.output()[-2000:]}")
            # wg(8) deletes a socket that is bound and does not listen yet: so it is not asked before.
            sockets = (row.split() for row in self.machine.run("cat", "/proc/net/unix").stdout.splitlines())
            return any(row[3] == "00010000" and row[-1].endswith(f"/wireguard/{self.name}.sock") for row in sockets) \
                and self.machine.run("wg", "show", self.name, check=False).ok
        until(answers, 10, f"{self.process!r}: an answer on its socket")

    def peer(self, public_key, allowed, endpoint=None, keepalive=None):
        """Add or change a peer; `allowed` is a list of prefixes."""
        more = (["endpoint", endpoint] if endpoint else []) + \
            (["persistent-keepalive", str(keepalive)] if keepalive else [])
        self.machine.run("wg", "set", self.name, "peer", public_key, "allowed-ips",
                         ",".join(allowed), *more)

    def close(self):
        """Take the link away."""
        if self.process:
            self.process.stop()
        else:
            self.machine.run("ip", "link", "del", "dev", self.name)

    def handshake(self, public_key):
        """When the last handshake with that peer was, in seconds since 1970; 0 if never."""
        rows = self.machine.run("wg", "show", self.name, "latest-handshakes").stdout.splitlines()
        return next((int(r.split()[1]) for r in rows if r.startswith(public_key)), 0)


def tunnel(server, client, port=51820):
    """A plain tunnel between two machines, 10.99.0.1 and .2, fd99::1 and ::2; returns both links."""
    over = WireGuard(server, "wg0", ["10.99.0.1/24", "fd99::1/64"], port)
    under = WireGuard(client, "wg0", ["10.99.0.2/24", "fd99::2/64"])
    over.peer(under.public_key, ["10.99.0.2/32", "fd99::2/128"])
    under.peer(over.public_key, ["10.99.0.0/24", "fd99::/64"], f"{server.public_v4}:{port}", 25)
    return over, under
