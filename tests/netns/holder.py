# SPDX-License-Identifier: GPL-2.0-or-later
"""The process that is a machine: process 1 of its own PID namespace.

Nothing of a machine has a name outside of it. Its network, mounts and processes hang on this one
process, and the kernel kills it when its owner dies: so kill -9 of a test leaves nothing running.
"""
import contextlib
import os
import shutil
import signal
import socket
import subprocess
import uuid

import kernel
from errors import LabError, Skip

# A machine's own, empty at first; what of `keep` lies below stays visible at its place.
PRIVATE = ("/run", "/tmp", "/root", "/var/lib", "/var/tmp")


def _under(path, parent):
    return path == parent or path.startswith(parent + "/")


def _make_private():
    """Our mounts must not travel back to the host.

    In a chroot the mount that holds / is out of reach: entering our own mount namespace again
    puts us at its true root, and a saved descriptor brings us back.
    """
    chroot = os.open("/", os.O_PATH | os.O_DIRECTORY)
    own = os.open("/proc/self/ns/mnt", os.O_RDONLY)
    kernel.setns(own, kernel.NEWNS)
    kernel.mount("none", "/", flags=kernel.MS_REC | kernel.MS_PRIVATE)
    os.fchdir(chroot)
    os.chroot(".")
    os.chdir("/")


def _private_etc():
    """The host's /etc to read, our own to write; adit's part of it empty."""
    upper, work = "/run/.lab/etc", "/run/.lab/etc.work"
    os.makedirs(upper)
    os.makedirs(work)
    try:
        kernel.mount("etc", "/etc", "overlay", data=f"lowerdir=/etc,upperdir={upper},workdir={work}")
    except OSError:  # the host's own root is something an overlay cannot stand on
        shutil.copytree("/etc", upper, symlinks=True, dirs_exist_ok=True,
                        ignore=lambda *_: ["shadow", "shadow-", "gshadow", "gshadow-"])
        kernel.mount(upper, "/etc", flags=kernel.MS_BIND)
    shutil.rmtree("/etc/adit", ignore_errors=True)


def _etc_files(name, hosts):
    for path, text in (("resolv.conf", "# a lab has no resolver\n"), ("hostname", name + "\n"),
                       ("machine-id", uuid.uuid4().hex + "\n"), ("hosts", hosts)):
        if os.path.lexists("/etc/" + path):
            os.unlink("/etc/" + path)
        with open("/etc/" + path, "w", encoding="ascii") as f:
            f.write(text)


def _mounts(name, hosts, keep):
    kept = [(path, os.open(path, os.O_PATH)) for path in keep
            if any(_under(path, top) for top in PRIVATE) and os.path.isdir(path)]
    _make_private()
    for top in PRIVATE:
        if os.path.isdir(top):
            mode = "1777" if top.endswith("tmp") else "0700" if top == "/root" else "0755"
            kernel.mount("lab", top, "tmpfs", kernel.MS_NOSUID | kernel.MS_NODEV, "mode=" + mode)
    for path, fd in kept:
        os.makedirs(path, exist_ok=True)
        kernel.mount(f"/proc/self/fd/{fd}", path, flags=kernel.MS_BIND)
    for path in ("/run/lock", "/run/dbus", "/var/lib/dbus"):
        os.makedirs(path, exist_ok=True)
    _private_etc()
    _etc_files(name, hosts)
    kernel.mount("proc", "/proc", "proc")
    kernel.mount("sysfs", "/sys", "sysfs")


def _become(name, hosts, keep, owner):
    kernel.die_with_parent(signal.SIGKILL)
    if os.getppid() not in (0, owner):  # 0: the parent is outside of our PID namespace
        os._exit(1)
    os.setsid()
    kernel.unshare(kernel.NEWNS | kernel.NEWUTS | kernel.NEWIPC | kernel.NEWNET)
    socket.sethostname(name)
    _mounts(name, hosts, keep)
    null = os.open("/dev/null", os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    # Orphans of the machine become our children: ignoring SIGCHLD has the kernel reap them.
    signal.signal(signal.SIGCHLD, signal.SIG_IGN)
    signal.pthread_sigmask(signal.SIG_SETMASK, ())
    os.execv("/bin/sleep", [f"adit-lab:{name}", "infinity"])


def _child(tell, *args):
    try:
        _become(*args)
    except BaseException as e:  # pylint: disable=broad-except
        os.write(tell, f"{type(e).__name__}: {e}".encode())
    finally:
        os._exit(1)


def _new_pid_namespace():
    """For the next child of this thread."""
    try:
        kernel.unshare(kernel.NEWPID)
    except PermissionError as e:
        raise Skip(f"no namespaces here: {e.strerror}") from None


def _reap(child):
    """Popen.wait() without its lock, which a deadline within an earlier wait() can leave taken."""
    if child.returncode is None:
        with contextlib.suppress(ChildProcessError):
            child.returncode = os.waitstatus_to_exitcode(os.waitpid(child.pid, 0)[1])
    for pipe in filter(None, (child.stdin, child.stdout, child.stderr)):
        with contextlib.suppress(OSError):
            pipe.close()


class Holder:
    """One such process; `ready` must be called once before use."""

    def __init__(self, name, hosts, keep):
        self.name, self.fds, self.children = name, {}, []
        self.pid = self._pipe = None
        with kernel.undisturbed():
            self._pipe, tell = os.pipe()
            try:
                _new_pid_namespace()
                owner = os.getpid()
                self.pid = os.fork()
                if self.pid == 0:
                    _child(tell, name, hosts, keep, owner)
            finally:
                kernel.setns(kernel.OWN_PID_NS, kernel.NEWPID)
                os.close(tell)

    def ready(self):
        """Wait until the machine stands; raises LabError with what the child said."""
        said = os.read(self._pipe, 4096)
        if said:
            raise LabError(f"{self.name}: namespaces: {said.decode()}")
        for kind in ("net", "mnt", "uts", "ipc", "pid"):
            self.fds[kind] = os.open(f"/proc/{self.pid}/ns/{kind}", os.O_RDONLY | os.O_CLOEXEC)
        self.fds["root"] = os.open(f"/proc/{self.pid}/root", os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)

    def popen(self, argv, enter, **kw):
        """subprocess.Popen inside: a direct child of ours, a process of its own."""
        if not self.fds:
            raise LabError(f"{self.name}: {argv[0]}: the machine is gone")
        with kernel.undisturbed():
            # Children of this thread are born into that PID namespace; the thread itself stays.
            kernel.setns(self.fds["pid"], kernel.NEWPID)
            try:
                child = subprocess.Popen(argv, preexec_fn=enter, start_new_session=True, **kw)
            except FileNotFoundError:
                raise LabError(f"{self.name}: {argv[0]}: no such program") from None
            finally:
                kernel.setns(kernel.OWN_PID_NS, kernel.NEWPID)
            self.children = [c for c in self.children if c.returncode is None] + [child]
        return child

    def kill(self):
        """End everything in the machine; returns when the kernel has done so."""
        if self.pid is None:
            return
        os.kill(self.pid, signal.SIGKILL)
        for child in self.children:
            _reap(child)
        os.waitpid(self.pid, 0)
        for fd in [self._pipe, *self.fds.values()]:
            os.close(fd)
        self.pid, self.fds = None, {}
