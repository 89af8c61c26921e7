#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The network lab: machines from a drawing, gone with the `with` block or with the process.

    with Lab(DRAWING) as lab:
        home, vps = lab["home"], lab["vps"]
        home.run("ip", "addr")
"""
import contextlib
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time

import addressing
import drawing
import kernel
import owner
from errors import DrawingError, LabError, Skip
from machine import Machine
from process import until
from wire import Wire

__all__ = ["Lab", "LabError", "DrawingError", "Skip", "SOURCE"]

# The root of the source tree: machines see it at its own path.
SOURCE = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))


def _hosts_file(hosts):
    rows = ["127.0.0.1 localhost", "::1 localhost"]
    for host in hosts.values():
        rows += [f"{a} {host.name}" for a in (host.public_v4 or host.v4, host.v6) if a]
    return "\n".join(rows) + "\n"


class Lab:
    """Built when made, complete or not at all; close() or the end of `with` removes it.

    build: the meson build folder, whose programs are on the machines' PATH; else $ADIT_BUILD,
    else build in the source tree.
    The machines die with the thread that builds the lab: that is the main one, or one that stays.
    """

    def __init__(self, text, build=None):
        plan = drawing.parse(text)
        if os.geteuid() != 0:
            raise Skip("the lab needs root")
        self.text, self.machines, self.wires = text, {}, []
        self.build = os.path.realpath(build or os.environ.get("ADIT_BUILD") or os.path.join(SOURCE, "build"))
        # build/bin is made by ./dev build; a build by meson alone has the programs in their folders.
        self.bin = ":".join(os.path.join(self.build, d) for d in
                            ("bin", "client", "client/agent", "tunnel-server"))
        # What machines must see even below a folder that is their own: the interpreter may be there.
        self.keep = sorted({SOURCE, self.build, sys.base_prefix, sys.prefix})
        owner.sweep()
        self.dir = owner.claim()
        try:
            self._build(plan)
        except BaseException:
            self.close()
            raise

    def _build(self, plan):
        hosts = addressing.plan(plan)
        hosts_file = _hosts_file(hosts)
        for host in hosts.values():
            with kernel.undisturbed():
                self.machines[host.name] = Machine(self, host, hosts_file)
        for machine in self.machines.values():
            machine.ready()
        owner.record(self.dir, self.text, self.machines.values())
        self.wires = [Wire(s, self[s.upper.name], self[s.lower.name]) for s in plan.spans]
        for wire in self.wires:
            wire.start_relay()
        self._ip("lab", [v for v in (w.veth(n) for n, w in enumerate(self.wires, 1)) if v])
        for wire in self.wires:
            wire.ready()
        # Links and addresses everywhere, then routes: a route needs the other end's carrier.
        for rows in ("ip", "routes"):
            self._everywhere([(m, ["ip", "-batch", "-"], "\n".join(getattr(m.host, rows)) + "\n")
                              for m in self.machines.values() if getattr(m.host, rows)])
        self._everywhere([(m, ["nft", "-f", "-"], addressing.ruleset(m.host))
                          for m in self.machines.values() if addressing.ruleset(m.host)])
        for machine in self.machines.values():
            for link in machine.host.advertise:
                machine.advertise(link)
        for machine in self.machines.values():
            until(machine.settled, 5, f"{machine.name}: IPv6 addresses to be usable")

    @staticmethod
    def _ip(where, rows):
        with kernel.undisturbed():
            done = subprocess.run(["ip", "-batch", "-"], input="\n".join(rows) + "\n", text=True,
                                  capture_output=True, check=False)
        if done.returncode:
            raise LabError(f"{where}: ip: {done.stderr.strip()}")

    @staticmethod
    def _everywhere(jobs):
        """One command on each machine, all at once."""
        running = [(m, argv, m.popen(argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                     stderr=subprocess.STDOUT, encoding="utf-8"), text)
                   for m, argv, text in jobs]
        said = [(m, argv, p, text, p.communicate(text, timeout=20)[0]) for m, argv, p, text in running]
        for m, argv, p, text, out in said:
            if p.returncode:
                raise LabError(f"{m.name}: {argv[0]}: {out.strip()}\n{text}")

    def __getitem__(self, name):
        try:
            return self.machines[name]
        except KeyError:
            raise LabError(f"{name}: not in the drawing (it has: {', '.join(self.machines)})") from None

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def wire(self, a, b):
        """The wire between two neighbours: cut(), mend(), set_loss()."""
        for wire in self.wires:
            if {wire.upper.name, wire.lower.name} == {str(a), str(b)}:
                return wire
        raise LabError(f"{a} -- {b}: no such wire in the drawing")

    def require(self, *programs):
        """Skip the test unless these programs are installed."""
        path = f"{self.bin}:/usr/sbin:/usr/bin:/sbin:/bin"
        for program in programs:
            if not shutil.which(program, path=path):
                raise Skip(f"{program}: not installed")

    def explain(self):
        """The machines, their addresses and how to enter them, for a person."""
        rows = []
        for m in self.machines.values():
            rows.append(f"{m.name:<14} {m.v4 or '-':<15} {m.v6 or '-':<18} {shlex.join(m.enter_command())}")
        return "\n".join(rows)

    def save(self, folder):
        """Keep the logs, the captures and the state of every machine in a folder."""
        os.makedirs(folder, exist_ok=True)
        for name in os.listdir(self.dir):
            with contextlib.suppress(OSError):
                shutil.copy(f"{self.dir}/{name}", folder)
        for m in self.machines.values():
            with contextlib.suppress(LabError, OSError):
                done = m.run("/bin/sh", "-c", "ip -d addr; for f in -4 -6; do ip $f rule; "
                             "ip $f route show table all; ip $f neigh; done; nft list ruleset; ss -nap; "
                             "wg show 2>&1; ps -e -o pid,ppid,stat,args", check=False, timeout=10)
                with open(f"{folder}/{m.name}.state", "w", encoding="utf-8") as f:
                    f.write(done.stdout + done.stderr)
            for i, closable in enumerate(m._closing):
                if hasattr(closable, "save"):
                    closable.save(f"{folder}/{m.name}-{closable.link}-{i}.pcap")

    def end(self):
        """Ask what runs to end, and wait a little: leak checkers speak at the end."""
        for m in self.machines.values():
            m.stop()
        end = time.monotonic() + 3
        for m in self.machines.values():
            for process in m.processes:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    process._popen.wait(max(0, end - time.monotonic()))

    def close(self):
        """End what runs, then remove everything. Safe to call again."""
        self.end()
        for m in self.machines.values():
            m.close()
        self.machines = {}
        shutil.rmtree(self.dir, ignore_errors=True)

    @staticmethod
    def hold():
        """Wait until the person has had enough: Ctrl-C, or SIGTERM."""
        def enough(*_):
            raise KeyboardInterrupt
        before = signal.signal(signal.SIGTERM, enough)
        try:
            while True:
                time.sleep(3600)
        except KeyboardInterrupt:
            pass
        finally:
            signal.signal(signal.SIGTERM, before)


def _shell(text):
    if os.path.exists(text):
        with open(text, encoding="utf-8") as f:
            text = f.read()
    with Lab(text.replace(";", "\n")) as lab:
        print(lab.explain(), "\nCtrl-C removes the lab.", sep="\n", flush=True)
        lab.hold()


def _enter(name):
    for path, alive in reversed(list(owner.labs())):
        row = owner.read(path)["machines"].get(name)
        if alive and row:
            env = {"PATH": f"{row['bin']}:/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",
                   "DBUS_SYSTEM_BUS_ADDRESS": "unix:path=/run/dbus/system_bus_socket"}
            os.execvp("nsenter", row["enter"] + ["env"] + [f"{k}={v}" for k, v in env.items()] + ["bash"])
    raise LabError(f"{name}: no running lab has such a machine")


def _list():
    for path, alive in owner.labs():
        print(f"{path}: {'running' if alive else 'left by the dead'}")
        for name, row in owner.read(path)["machines"].items():
            print(f"  {name:<14} {row['v4'] or '-':<15} {row['v6'] or '-':<18} {shlex.join(row['enter'])}")


def main(argv):
    usage = ("usage: lab.py shell DRAWING|FILE   build a lab and hold it (; may stand for a new line)\n"
             "       lab.py enter MACHINE        a shell in a machine of the newest running lab\n"
             "       lab.py list | sweep")
    try:
        if len(argv) == 2 and argv[0] in ("shell", "enter"):
            {"shell": _shell, "enter": _enter}[argv[0]](argv[1])
        elif argv == ["list"]:
            _list()
        elif argv == ["sweep"]:
            print("\n".join(owner.sweep()) or "nothing to sweep")
        else:
            print(usage, file=sys.stderr)
            return 2
    except (LabError, Skip) as e:
        print(f"lab: {e}", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        return 130
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
