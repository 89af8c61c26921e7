# SPDX-License-Identifier: GPL-2.0-or-later
"""A wire of the drawing between two machines: a veth pair, or a relay where it takes time."""
import os
import sys

from process import until

_RELAY = os.path.join(os.path.dirname(os.path.abspath(__file__)), "relay.py")


class Wire:
    def __init__(self, span, upper, lower):
        self.upper, self.lower = upper, lower
        self.names = (upper.link(lower), lower.link(upper))
        self.loss, self.delay = span.loss, span.delay
        self._relay = None

    def __repr__(self):
        return f"{self.upper.name} -- {self.lower.name}"

    def veth(self, number):
        """The ip line that makes it, each end born where it belongs; None for a relay.

        Two ends of one index, which separate namespaces would give them, make the kernel take the
        new carrier for no urgent news: IPv6 would then begin up to a second later.
        """
        if self.delay:
            return None
        a, b = self.names
        return (f"link add name {a} index {10 * number} netns {self.upper.pid} type veth "
                f"peer name {b} index {10 * number + 1} netns {self.lower.pid}")

    def start_relay(self):
        if not self.delay:
            return
        fds = [m._holder.fds["net"] for m in (self.upper, self.lower)]
        argv = [sys.executable, "-I", "-S", _RELAY, str(self.delay), str(fds[0]), self.names[0],
                str(fds[1]), self.names[1]]
        self._relay = self.upper.spawn(argv, name="relay", pass_fds=fds)

    def ready(self):
        if self._relay:
            self._relay.wait_output("ready")
        if self.loss:
            self.set_loss(self.loss)

    def set_loss(self, share):
        """Lose this share of the frames each way from now on; 0 heals it."""
        self.loss = share
        for machine, name in zip((self.upper, self.lower), self.names):
            table = f"lab-{name}"
            rule = f"numgen random mod 100000 < {round(share * 100000)} counter drop; " if share else ""
            if share >= 1:  # nft knows that every number is below the modulus, and refuses to ask
                rule = "counter drop; "
            machine.nft(f'table netdev {table}\ndelete table netdev {table}\n'
                        f'table netdev {table} {{ chain in {{ type filter hook ingress device "{name}" '
                        f'priority 0; {rule}}}\n}}\n')

    def cut(self):
        """Pull the plug: both ends lose their carrier. (With a delay only the upper end does.)"""
        self.upper.run("ip", "link", "set", "dev", self.names[0], "down")

    def mend(self):
        """Plug it in again; returns when both ends are ready.

        The end that was down has lost its IPv6 addresses and routes: it is told them again.
        """
        self.upper.run("ip", "link", "set", "dev", self.names[0], "up")
        rows = [r.replace(" add ", " replace ", 1) for r in self.upper.host.ip + self.upper.host.routes
                if r.startswith(("addr add", "route add"))]
        until(lambda: self.upper.settled() and self.lower.settled(), 5, f"{self}: to be ready again")
        self.upper.run("ip", "-batch", "-", input="\n".join(rows) + "\n")
        until(lambda: self.upper.settled() and self.lower.settled(), 5, f"{self}: to be ready again")
