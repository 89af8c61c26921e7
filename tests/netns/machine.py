# SPDX-License-Identifier: GPL-2.0-or-later
"""One machine of the lab: files, commands, links, sockets."""
import contextlib
import os
import shlex
import signal
import subprocess

import kernel
from advertise import Advertiser
from bus import Bus
from capture import Capture
from errors import LabError
from holder import Holder
from probe import Probes
from process import Process, finish, until
from serve import HttpServer, TcpEcho, UdpEcho

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
_IFA_F_TENTATIVE = 0x40
# What a command inherits from the test's own environment.
_PASS = ("ADIT_", "ASAN_", "UBSAN_", "LSAN_", "GCOV_", "LLVM_", "G_", "MALLOC_", "TERM", "NO_COLOR")


class Machine(Probes):
    def __init__(self, lab, host, hosts_file):
        self.lab, self.host, self.name = lab, host, host.name
        # Its addresses, as the drawing gave them; None where it has none.
        self.v4, self.v6, self.public_v4 = host.v4, host.v6, host.public_v4
        self.gateway_v4, self.gateway_v6, self.prefix = host.gateway_v4, host.gateway_v6, host.prefix
        self.processes, self._closing = [], []
        self._bus = None
        self._holder = Holder(self.name, hosts_file, lab.keep)

    def ready(self):
        self._holder.ready()
        self.sysctl("net.ipv4.ping_group_range", "0 2147483647")  # pings without a raw socket
        self.sysctl("net.ipv6.conf.all.accept_dad", 0)
        self.sysctl("net.ipv6.conf.default.accept_dad", 0)  # addresses are good at once
        for key, value in self.host.sysctls.items():
            self.sysctl(key, value)

    def settled(self):
        """Whether IPv6 listens on all its addresses: the kernel makes them good in the background,
        and until then drops the question who has them, which is asked again a second later."""
        with self.inside(), open("/proc/thread-self/net/if_inet6", encoding="ascii") as f:
            rows = [row.split() for row in f]
        ready = {row[5] for row in rows if row[0].startswith("fe80")}
        return (not any(int(row[4], 16) & _IFA_F_TENTATIVE for row in rows)
                and all((port.bridge or port.ifname) in ready for port in self.host.ports)
                and (not self.gateway_v6 or self._default_v6()))

    def _default_v6(self):
        with self.inside(), open("/proc/thread-self/net/ipv6_route", encoding="ascii") as f:
            return any(row.startswith("0" * 32 + " 00 ") and not row.split()[9] == "lo" for row in f)

    def __repr__(self):
        return self.name

    @property
    def pid(self):
        """Its process 1, as seen from the host: what nsenter -t takes."""
        return self._holder.pid

    # -- being inside ------------------------------------------------------------------------

    @contextlib.contextmanager
    def inside(self):
        """Sockets this thread makes here, and what it reads of /proc/net, are the machine's."""
        with open("/proc/thread-self/ns/net", "rb") as own:
            kernel.setns(self._holder.fds["net"], kernel.NEWNET)
            try:
                yield self
            finally:
                kernel.setns(own.fileno(), kernel.NEWNET)

    def _enter(self):
        fds = self._holder.fds
        signal.pthread_sigmask(signal.SIG_SETMASK, ())
        kernel.setns(fds["net"], kernel.NEWNET)
        kernel.setns(fds["uts"], kernel.NEWUTS)
        kernel.setns(fds["ipc"], kernel.NEWIPC)
        kernel.setns(fds["mnt"], kernel.NEWNS)
        os.fchdir(fds["root"])
        os.chroot(".")
        os.chdir("/")

    def environment(self, extra=None):
        env = {k: v for k, v in os.environ.items() if k.startswith(_PASS)}
        env.update(PATH=f"{self.lab.bin}:{_PATH}", HOME="/root",
                   LANG="C.UTF-8", HOSTNAME=self.name,
                   DBUS_SYSTEM_BUS_ADDRESS="unix:path=/run/dbus/system_bus_socket")
        env.update(extra or {})
        return env

    def popen(self, argv, env=None, **kw):
        """subprocess.Popen inside the machine: a direct child of ours, a process of its own."""
        return self._holder.popen(argv, self._enter, env=self.environment(env), **kw)

    # -- commands ----------------------------------------------------------------------------

    def run(self, *argv, input=None, timeout=10, check=True, env=None):
        """Run to the end; a status other than 0 raises, unless check=False. Returns Result."""
        argv = _words(argv)
        popen = self.popen(argv, env, stdin=subprocess.PIPE if input is not None else subprocess.DEVNULL,
                           stdout=subprocess.PIPE, stderr=subprocess.PIPE, encoding="utf-8",
                           errors="replace")
        result = finish(popen, self.name, argv, input, timeout)
        if check and not result.ok:
            raise LabError(f"{self.name}: {shlex.join(argv)}: status {result.code}\n"
                           f"{result.stdout}{result.stderr}".rstrip())
        return result

    def sh(self, script, **kw):
        """run() of a shell script."""
        return self.run("/bin/sh", "-ec", script, **kw)

    def spawn(self, *argv, env=None, name=None, pass_fds=()):
        """Start a program that stays; it is stopped at the latest with the lab."""
        argv = _words(argv)
        title = name or os.path.basename(argv[0])
        log = os.path.join(self.lab.dir, f"{self.name}-{len(self.processes)}-{title}.log")
        with open(log, "wb") as out:
            popen = self.popen(argv, env, stdin=subprocess.DEVNULL, stdout=out, stderr=out,
                               pass_fds=pass_fds)
        process = Process(self, argv, popen, log)
        self.processes.append(process)
        return process

    def shell(self):
        """A shell for a person, on the terminal of the test."""
        with open("/dev/tty", "r+b", buffering=0) as tty:
            env = {"PS1": f"{self.name}# ", "TERM": os.environ.get("TERM", "dumb")}
            return subprocess.run(self.enter_command() + ["env"] + [f"{k}={v}" for k, v in env.items()]
                                  + ["bash", "--norc"], stdin=tty, stdout=tty, stderr=tty,
                                  env=self.environment(), check=False).returncode

    def enter_command(self):
        """The argv with which a person enters from outside."""
        return ["nsenter", "-t", str(self.pid), "-m", "-u", "-i", "-n", "-p", "-r", "-w"]

    # -- files and settings ------------------------------------------------------------------

    def open(self, path, flags=os.O_RDONLY, mode=0o644):
        """A descriptor of a file in the machine; its symlinks lead nowhere else."""
        return kernel.open_in_root(self._holder.fds["root"], path, flags, mode)

    def write(self, path, text, mode=0o644):
        """Write a file of the machine, making its folders."""
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
        try:
            fd = self.open(path, flags, mode)
        except FileNotFoundError:
            self.run("mkdir", "-p", os.path.dirname(path))
            fd = self.open(path, flags, mode)
        with open(fd, "wb") as f:
            f.write(text if isinstance(text, bytes) else text.encode())
            os.fchmod(f.fileno(), mode)
        return path

    def read(self, path):
        with open(self.open(path), encoding="utf-8", errors="replace") as f:
            return f.read()

    def exists(self, path):
        try:
            os.close(self.open(path, os.O_PATH))
        except OSError:
            return False
        return True

    def sysctl(self, key, value=None):
        """Set net.x.y, or read it."""
        with self.inside(), open("/proc/sys/" + key.replace(".", "/"), "r" if value is None else "w",
                                 encoding="ascii") as f:
            return f.read().strip() if value is None else f.write(str(value))

    # -- links -------------------------------------------------------------------------------

    def link(self, peer):
        """The name of the link towards a neighbour of the drawing."""
        port = self.host.port(str(peer))
        if not port:
            raise LabError(f"{self.name}: {peer}: not a neighbour in the drawing")
        return port.ifname

    def add_address(self, address, link="lo"):
        """Give a link one more address; returns when it is usable, which IPv6 is only soon after."""
        self.run("ip", "address", "add", address, "dev", self.link(link) if self.host.port(link) else link)
        until(self.settled, 5, f"{self.name}: {address} to be usable")

    def capture(self, link=None):
        """Capture a link of the machine, by its name or its neighbour's; all its links if None."""
        port = link and self.host.port(str(link))
        return self._keep(Capture(self, port.ifname if port else link))

    def dnat(self, protocol, port, target, target_port=None):
        """Forward a port of this machine to one behind it (a container), as Docker does."""
        to = target_port or port
        self.nft(f"add rule inet lab prerouting fib daddr type local {protocol} dport {port} "
                 f"dnat ip to {target.v4}:{to}\n"
                 f"add rule inet lab prerouting fib daddr type local {protocol} dport {port} "
                 f"dnat ip6 to [{target.v6}]:{to}\n")

    def nft(self, text):
        return self.run("nft", "-f", "-", input=text)

    def wait_port(self, port, protocol="tcp", timeout=10):
        """Wait until something in the machine listens on the port."""
        def listens():
            with self.inside():
                for suffix in ("", "6"):
                    with open(f"/proc/thread-self/net/{protocol}{suffix}", encoding="ascii") as f:
                        for row in f.readlines()[1:]:
                            _, local, _, state = row.split()[:4]
                            if int(local.rsplit(":", 1)[1], 16) == port and state in ("0A", "07"):
                                return True
            return False
        return until(listens, timeout, f"{self.name}: a listener on {protocol} port {port}")

    # -- services ----------------------------------------------------------------------------

    def _keep(self, closable):
        self._closing.append(closable)
        return closable

    def http_server(self, port, text="hello", address=None, tls=None):
        """Serve text over HTTP on both families; see serve.HttpServer."""
        return self._keep(HttpServer(self, port, text, address, tls))

    def tcp_echo(self, port, address=None):
        """Talk back over TCP; see serve.TcpEcho."""
        return self._keep(TcpEcho(self, port, address))

    def udp_echo(self, port, address=None, answer=True):
        """Send every datagram back, or only collect them; see serve.UdpEcho."""
        return self._keep(UdpEcho(self, port, address, answer))

    def advertise(self, link):
        """Be the IPv6 default router of a link; see advertise.Advertiser."""
        return self._keep(Advertiser(self, link))

    def bus(self, *policies):
        """Start the machine's own D-Bus system bus, once; returns its address."""
        if self._bus is None:
            self._bus = Bus(self, policies)
        return self._bus.address

    def curl(self, url, *options, timeout=5, check=True):
        """The body of a page; with check=False the Result of curl(1)."""
        result = self.run("curl", "-sS", "--noproxy", "*", "--max-time", f"{timeout:g}", *options, url,
                          timeout=timeout + 2, check=check)
        return result.stdout if check else result

    # -- the end -----------------------------------------------------------------------------

    def stop(self):
        """Ask everything to end; what does not is killed with the machine."""
        for closable in self._closing:
            closable.close()
        for process in reversed(self.processes):  # the bus is the last
            process.signal(signal.SIGTERM)

    def close(self):
        self._holder.kill()


def _words(argv):
    if len(argv) == 1 and isinstance(argv[0], (list, tuple)):
        argv = argv[0]
    return [str(a) for a in argv]
