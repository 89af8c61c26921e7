#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The desktop suite's GNOME Settings on this machine's kernel, which has WireGuard: its switch, at a real tunnel."""
import os
import subprocess
import sys

DISK = "/dev/disk/by-id/virtio-"
# $1: the tests; a root over the images of the desktop suite, as tests/vm/enter makes it, without a link of ours
SCRIPT = r"""
set -eu
modprobe wireguard
mkdir -p /run/desktop/base /run/desktop/layer /run/desktop/rw
mount -t squashfs -o ro "$DISK"desktop /run/desktop/base
mount -t squashfs -o ro "$DISK"desktop-layer /run/desktop/layer
mount -t tmpfs -o size=70% tmpfs /run/desktop/rw
cd /run/desktop/rw
mkdir upper work root
mount -t overlay -o lowerdir=/run/desktop/layer:/run/desktop/base,upperdir=upper,workdir=work root root
cd root
mount -t proc proc proc
mount -t sysfs -o ro sysfs sys
mount --rbind /dev dev
mount -t tmpfs tmpfs run
mount -t tmpfs tmpfs tmp
mkdir -p srv/adit run/out
mount --bind /srv/adit srv/adit
ip link set lo up
chroot . /usr/bin/python3 -B -u /srv/adit/tests/desktop/inside.py tunnel.py /run/out && exit
tail -n 80 run/out/machine/aditd.log run/out/machine/NetworkManager.log | sed "s/^/# /"
exit 1
"""


def main():
    argv = ["unshare", "--mount", "--propagation", "private", "--pid", "--fork", "--kill-child", "--net", "--ipc", "--uts",
            "sh", "-c", SCRIPT]
    return subprocess.run(argv, env={**os.environ, "DISK": DISK}, check=False).returncode


if __name__ == "__main__":
    sys.exit(main())
