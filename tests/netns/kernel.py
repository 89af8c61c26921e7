# SPDX-License-Identifier: GPL-2.0-or-later
"""The few system calls that Python 3.11 has no word for."""
import contextlib
import ctypes
import os
import signal
import threading

NEWNS, NEWUTS, NEWIPC, NEWPID, NEWNET = 0x20000, 0x4000000, 0x8000000, 0x20000000, 0x40000000
MS_NOSUID, MS_NODEV, MS_BIND, MS_REC, MS_PRIVATE = 2, 4, 4096, 16384, 1 << 18
_PR_SET_PDEATHSIG = 1
_SYS_OPENAT2 = 437  # one number on all architectures
_RESOLVE_NO_MAGICLINKS, _RESOLVE_IN_ROOT = 2, 16
_DISTURBING = {signal.SIGALRM, signal.SIGINT, signal.SIGTERM}

_libc = ctypes.CDLL(None, use_errno=True)
OWN_PID_NS = os.open("/proc/self/ns/pid", os.O_RDONLY | os.O_CLOEXEC)


def _check(result, what):
    if result < 0:
        number = ctypes.get_errno()
        raise OSError(number, f"{what}: {os.strerror(number)}")
    return result


def unshare(flags):
    _check(_libc.unshare(flags), "unshare")


def setns(fd, kind):
    _check(_libc.setns(fd, kind), "setns")


def mount(source, target, fstype=None, flags=0, data=None):
    def text(s):
        return None if s is None else str(s).encode()
    _check(_libc.mount(text(source), text(target), text(fstype), ctypes.c_ulong(flags), text(data)),
           f"mount {fstype or 'bind'} on {target}")


def die_with_parent(signal):
    """Send us `signal` when the thread that forked us ends, however it ends."""
    _check(_libc.prctl(_PR_SET_PDEATHSIG, signal, 0, 0, 0), "prctl")


@contextlib.contextmanager
def undisturbed():
    """No deadline and no Ctrl-C in here: a child must not be made without being written down.

    A machine's process 1 cannot end before its owner has reaped every child it has in there.
    """
    before = signal.pthread_sigmask(signal.SIG_BLOCK, _DISTURBING)
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def start_thread(target, *args):
    """A service thread; signals are for the main thread, which can then hold them off."""
    with undisturbed():
        threading.Thread(target=target, args=args, daemon=True).start()


class _OpenHow(ctypes.Structure):
    _fields_ = [("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64)]


def open_in_root(root_fd, path, flags, mode=0o644):
    """Open path as if root_fd were /: no symlink of that tree leads out of it into ours."""
    how = _OpenHow(flags | os.O_CLOEXEC, mode if flags & os.O_CREAT else 0,
                   _RESOLVE_IN_ROOT | _RESOLVE_NO_MAGICLINKS)
    return _check(_libc.syscall(ctypes.c_long(_SYS_OPENAT2), root_fd, os.fsencode(path),
                                ctypes.byref(how), ctypes.c_size_t(ctypes.sizeof(how))), path)
