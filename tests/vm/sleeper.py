# SPDX-License-Identifier: GPL-2.0-or-later
"""A virtual machine in the place of a machine of a lab: a real kernel with real network managers and our packages,
which can be stopped, put to sleep and woken while everybody else goes on.

It takes the end of the wire: the neighbour's link becomes a tap device that qemu holds. Its orders, its monitor and its
disks are descriptors and files of the test, so nothing of it is left when that is gone.
"""

import json
import os
import shlex
import socket
import subprocess
import tempfile
import time

import drive
import emulator
import layer
import roots

# Of the lab, whose folder is before ours.
from errors import LabError, Skip
from process import Result, until
import relay

BOOT_SECONDS = 300  # generous: emulation on a busy machine
MAC = "02:00:00:00:00:07"


def is_there(image):
    """Skip the test without an emulator or an image."""
    if not os.path.isdir(roots.base_dir(image)) or not os.path.exists(layer.path(image)):
        raise Skip(f"no image: sudo tests/vm/image {image} --packages DIR")


class Line:
    """JSON there and back by one end of a socket pair; the other end is qemu's."""

    def __init__(self):
        self._socket, self.far = socket.socketpair()
        self._waiting = b""

    def say(self, words):
        """One line."""
        self._socket.sendall(json.dumps(words).encode() + b"\n")

    def hear(self, seconds, what):
        """The next line."""
        end = time.monotonic() + seconds
        while b"\n" not in self._waiting:
            self._socket.settimeout(max(0.01, end - time.monotonic()))
            try:
                more = self._socket.recv(65536)
            except TimeoutError:
                raise LabError(f"{what}: no answer within {seconds:g} s") from None
            if not more:
                raise LabError(f"{what}: the machine is gone")
            self._waiting += more
        line, self._waiting = self._waiting.split(b"\n", 1)
        return json.loads(line)

    def close(self):
        """Both ends."""
        self._socket.close()
        self.far.close()


class Monitor(Line):
    """qemu's own: QMP."""

    def __init__(self):
        super().__init__()
        self._events = []

    def call(self, command, **arguments):
        """One command, to its answer."""
        self.say({"execute": command} | ({"arguments": arguments} if arguments else {}))
        while True:
            said = self.hear(30, command)
            if "event" in said:
                self._events.append(said["event"])
            elif "error" in said:
                raise LabError(f"qemu: {command}: {said['error']['desc']}")
            elif "return" in said:
                return said["return"]

    def wait(self, event, seconds):
        """Until it has happened, since it was waited for last."""
        end = time.monotonic() + seconds
        while event not in self._events:
            said = self.hear(end - time.monotonic(), event)
            self._events += [said["event"]] if "event" in said else []
        self._events.remove(event)


class Sleeper:
    """The machine `place` of the lab, behind `upper`; up and obeying once it is made."""

    def __init__(self, lab, image, place="home", upper="cgnat"):
        is_there(image)
        self.lab, self.name, self.upper = lab, place, lab[upper]
        self._orders, self.monitor = Line(), Monitor()
        # Its lab's folder is gone with the lab; what a failed test keeps is what lies there then.
        self._work = tempfile.TemporaryDirectory(dir=lab.dir)
        link = self._plug(lab[place])
        self._process = self._boot(image, link)
        os.close(link)
        for line in (self._orders, self.monitor):
            line.far.close()
        lab[place]._keep(self)
        self.monitor.call("qmp_capabilities")
        self._booted()

    def _plug(self, stand_in):
        """The neighbour's end of the wire as a tap device, with the addresses it had."""
        upper, name = self.upper, self.upper.link(stand_in)
        upper.run("ip", "link", "delete", "dev", name)
        with upper.inside(), open("/proc/thread-self/ns/net", "rb") as here:
            tap = relay.tap(here.fileno(), name)
        rows = [r for r in upper.host.ip if f" {name} " in r + " " and r.split()[0] in ("addr", "link")]
        upper.run("ip", "-batch", "-", input="\n".join(rows) + "\n")
        return tap

    def _boot(self, image, link):
        disks = {"base": os.path.join(roots.base_dir(image), "base.sqfs"), "layer": layer.path(image),
                 "tests": drive.make(self._work.name, {"scenarios": ["ordered"]})}
        fds = [link, self._orders.far.fileno(), self.monitor.far.fileno()]
        # One processor: none to be woken before the others, and nobody runs code that another is changing.
        more = ["-smp", "1", "-netdev", f"tap,id=uplink,fd={fds[0]}",
                "-device", f"virtio-net-pci,netdev=uplink,mac={MAC},romfile=",
                "-chardev", f"socket,id=orders,fd={fds[1]}", "-device", "virtserialport,chardev=orders,name=adit.orders",
                "-chardev", f"socket,id=monitor,fd={fds[2]}", "-mon", "chardev=monitor,mode=control"]
        accel = emulator.accelerator(roots.base_dir(image), disks["tests"], self._work.name)
        print(f"# {self.name}: {image}, {accel}", flush=True)
        line = emulator.argv(roots.base_dir(image), disks, accel, emulator.boot_words(), self.lab.dir) + more
        with open(f"{self.lab.dir}/{self.name}-qemu.log", "wb") as log:
            # at the end of its input qemu closes the port of results and the guest hangs: never give one
            return subprocess.Popen(line, stdin=subprocess.PIPE, stdout=log, stderr=log, pass_fds=fds)

    def _booted(self):
        begin = time.monotonic()
        self.run("true", timeout=BOOT_SECONDS)
        print(f"# {self.name}: booted in {time.monotonic() - begin:.0f} s", flush=True)

    # -- orders ------------------------------------------------------------------------------

    def run(self, *argv, input=None, timeout=60, check=True):  # pylint: disable=redefined-builtin
        """A command in it, as of every machine of a lab; the deadline is for the emulation."""
        self._orders.say({"argv": argv, "input": input, "timeout": timeout})
        said = self._orders.hear(timeout + 20, f"{self.name}: {argv[0]}")
        result = Result(argv, said["code"], said["stdout"], said["stderr"])
        if check and not result.ok:
            raise LabError(f"{self.name}: {shlex.join(argv)}: status {result.code}\n{result.stdout}{result.stderr}".rstrip())
        return result

    def sh(self, script, **kw):
        """run() of a shell script."""
        return self.run("/bin/sh", "-ec", script, **kw)

    # -- sleep -------------------------------------------------------------------------------

    def stop(self):
        """Not one instruction more, and its clock stands; whoever is in there cannot know."""
        self.monitor.call("stop")
        self.monitor.wait("STOP", 10)

    def go_on(self):
        """After stop()."""
        self.monitor.call("cont")
        self.monitor.wait("RESUME", 10)

    def tell_time(self):
        """As the agents of hypervisors do when a machine goes on."""
        self.run("date", "--set", f"@{time.time()}")

    def suspend(self):
        """As its user does by closing the lid; returns when it sleeps."""
        self.run("systemctl", "suspend")
        self.monitor.wait("SUSPEND", 60)

    def wake(self):
        """As its user does by a key."""
        self.monitor.call("system_wakeup")
        self.monitor.wait("WAKEUP", 10)

    # -- the end -----------------------------------------------------------------------------

    def explain(self):
        """For the logs of a failed test: what its journal says, and how its network stands."""
        for name, script in (("journal", "journalctl --boot --no-pager --output=short-monotonic | tail -n 2000"),
                             ("state", "for f in -4 -6; do ip $f rule; ip $f route show table all; done; ip -d addr;"
                                       "nft list ruleset; wg show; nmcli; nmcli connection; adit list; adit published")):
            said = self.sh(f"({script}) 2>&1 || :", timeout=60, check=False)
            with open(f"{self.lab.dir}/{self.name}-{name}.log", "w", encoding="utf-8") as file:
                file.write(said.stdout)

    def close(self):
        """Pull the plug."""
        if self._process.poll() is None:
            self._process.kill()
        self._process.wait()
        for line in (self._orders, self.monitor):
            line.close()
        self._work.cleanup()
