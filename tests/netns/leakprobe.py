# SPDX-License-Identifier: GPL-2.0-or-later
"""Probes that are offered all the time while something happens, and what of them left by an uplink."""
import json
import os
import socket
import sys
from dataclasses import asdict, dataclass

import kernel
from lab import SOURCE
from process import until

sys.path.append(os.path.join(SOURCE, "tests"))
import leakpage  # pylint: disable=wrong-import-position

PORT, NAMES = 9000, 53
OFFERED = 1000  # at least, of each family, in each cell


@dataclass
class Cell:
    """What happened, how much was offered meanwhile, and how much of it was seen."""
    mode: str
    event: str
    offered4: int
    leaked4: int
    offered6: int
    leaked6: int
    asked: int      # questions for names at the LAN's resolver
    leaked_names: int
    control: bool = False
    open_names: bool = False  # our nftables is gone, and nobody there to put it back: the LAN is the LAN

    @property
    def good(self):
        enough = min(self.offered4, self.offered6, self.asked) >= OFFERED
        leaked = [self.leaked4, self.leaked6] + ([] if self.open_names else [self.leaked_names])
        return enough and (min(leaked) > 0 if self.control else max(leaked) == 0)


class Prober:
    """Datagrams from each machine to each target, without pause, until stopped."""

    def __init__(self, machines, targets, resolvers):
        self._stop, self._done = False, False
        self._ways = []
        for machine in machines:
            for target, port in [(t, PORT) for t in targets] + [(r, NAMES) for r in resolvers]:
                family = socket.AF_INET6 if ":" in target else socket.AF_INET
                with machine.inside():
                    sock = socket.socket(family, socket.SOCK_DGRAM | socket.SOCK_NONBLOCK)
                self._ways.append((sock, (target, port), NAMES if port == NAMES else 6 if ":" in target else 4))
        self.offered = dict.fromkeys((what for _, _, what in self._ways), 0)
        kernel.start_thread(self._run)

    def _run(self):
        while not self._stop or min(self.offered.values()) < OFFERED:
            for sock, target, family in self._ways:
                try:
                    sock.sendto(b"probe", target)
                except OSError:
                    pass  # refused by the guard: offered all the same
                self.offered[family] += 1
        self._done = True

    def more(self):
        """Wait until as many again were offered."""
        goal = {f: n + OFFERED // 3 for f, n in self.offered.items()}
        until(lambda: all(self.offered[f] >= goal[f] for f in goal), 20, "probes to be offered")

    def end(self):
        self._stop = True
        until(lambda: self._done, 20, "the prober to end")
        for sock, _, _ in self._ways:
            sock.close()
        return self.offered


class Leaks:
    """Captures on all uplinks of a machine, and the cells made so far."""

    def __init__(self, site, links, mode):
        self.site, self.mode, self.cells = site, mode, []
        self.captures = [site.home.capture(link) for link in links]
        self.targets = (site.visitor.v4, site.visitor.v6)
        self.resolvers = (site.home.gateway_v4, site.home.gateway_v6)

    def _seen(self):
        out = [p for c in self.captures for p in c.packets(out=True, dport=PORT) if p.dst in self.targets]
        names = [p for c in self.captures for p in c.packets(out=True, dport=NAMES) if p.dst in self.resolvers]
        return sum(p.family == 4 for p in out), sum(p.family == 6 for p in out), len(names)

    def cell(self, event, happen=lambda: None, machines=(), control=False, open_names=False):
        """Offer probes before, while and after something happens."""
        for capture in self.captures:
            capture.clear()
        prober = Prober([self.site.home, *machines], self.targets, self.resolvers)
        prober.more()
        happen()
        prober.more()
        offered = prober.end()
        four, six, names = self._seen()
        self.cells.append(Cell(self.mode, event, offered[4], four, offered[6], six, offered[NAMES], names, control,
                               open_names))

    def bad(self):
        return [c for c in self.cells if not c.good]


def settle(leaks):
    """The end of a run: publish it when asked to, else check that the page knows all its rows."""
    cells = leaks.cells
    folder = os.environ.get("ADIT_LEAK_MATRIX")
    if folder:
        leakpage.write(folder, leakpage.LAB, [asdict(c) for c in cells])
        return
    with open(os.path.join(SOURCE, "docs/leak-matrix.json"), encoding="utf-8") as f:
        known = {(r["mode"], r["event"]) for r in json.load(f)}
    assert {(c.mode, c.event) for c in cells} == known, "docs/leak-matrix.md is not of these cells: ./dev leaks"
