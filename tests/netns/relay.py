# SPDX-License-Identifier: GPL-2.0-or-later
"""A wire with delay: two tap devices in two network namespaces and a queue each way.

Run as a program: relay.py DELAY NETNS-FD NAME NETNS-FD NAME. It makes the taps, says "ready", and
carries frames until it is killed; the taps go with it. The kernel at hand may have no netem.
"""
import collections
import fcntl
import os
import select
import struct
import sys
import time

sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import kernel  # pylint: disable=wrong-import-position

_TUNSETIFF, _TAP, _NO_PI = 0x400454ca, 2, 0x1000
_LIMIT = 20000  # frames on the way; more is a full pipe, and pipes drop


def tap(netns, name):
    kernel.setns(netns, kernel.NEWNET)
    fd = os.open("/dev/net/tun", os.O_RDWR | os.O_NONBLOCK | os.O_CLOEXEC)
    fcntl.ioctl(fd, _TUNSETIFF, struct.pack("16sH22x", name.encode(), _TAP | _NO_PI))
    return fd


def _take(fd, queue, due):
    """Read what waits, at most a bundle; one time for all of it, and that time is not early."""
    for _ in range(64):
        try:
            frame = os.read(fd, 65536)
        except (BlockingIOError, InterruptedError):
            return
        except OSError:  # the link is down
            return
        if len(queue) < _LIMIT:
            queue.append((due(), frame))


def _give(fd, queue, now):
    while queue and queue[0][0] <= now:
        try:
            os.write(fd, queue.popleft()[1])
        except OSError:  # the link is down, or has no room: the frame is lost, as on a wire
            pass


def carry(a, b, delay):
    poll = select.epoll()
    for fd in (a, b):
        poll.register(fd, select.EPOLLIN)
    other, queues = {a: b, b: a}, {a: collections.deque(), b: collections.deque()}

    def due():
        return time.monotonic() + delay

    while True:
        heads = [q[0][0] for q in queues.values() if q]
        wait = max(0.0, min(heads) - time.monotonic()) if heads else -1
        for fd, _ in poll.poll(wait):
            _take(fd, queues[other[fd]], due)
        for fd, queue in queues.items():
            _give(fd, queue, time.monotonic())


def main():
    delay, netns_a, name_a, netns_b, name_b = sys.argv[1:]
    a, b = tap(int(netns_a), name_a), tap(int(netns_b), name_b)
    print("ready", flush=True)
    carry(a, b, float(delay))


if __name__ == "__main__":
    main()
