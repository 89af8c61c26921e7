# SPDX-License-Identifier: GPL-2.0-or-later
"""The initrd of a guest: busybox, the modules that find the disks, and guest/init."""

import glob
import lzma
import os
import shutil
import subprocess
import tempfile

HERE = os.path.dirname(os.path.abspath(__file__))
MODULES = ["virtio_pci", "virtio_blk", "virtio_console", "squashfs", "overlay"]


def _depends(tree):
    """module name -> (file, files it needs), from modules.dep."""
    table = {}
    with open(os.path.join(tree, "modules.dep"), encoding="utf-8") as file:
        for line in file:
            path, _, needs = line.partition(":")
            name = os.path.basename(path).split(".ko")[0].replace("-", "_")
            table[name] = (path, needs.split())
    return table


def load_order(tree):
    """The modules to load, each after what it needs; what is built in is not there."""
    table = _depends(tree)
    order = []
    for name in MODULES:
        if name in table:
            path, needs = table[name]
            # modules.dep lists the nearest need first
            order += [item for item in [*reversed(needs), path] if item not in order]
    return order


def _copy_module(source, target):
    if source.endswith(".xz"):
        with lzma.open(source) as packed, open(target, "wb") as plain:
            shutil.copyfileobj(packed, plain)
    else:
        shutil.copy(source, target)


def build(root, out):
    """Write out/vmlinuz and out/initrd for the one kernel inside root."""
    tree, = glob.glob(os.path.join(root, "usr/lib/modules/*"))
    kernel, = glob.glob(os.path.join(root, "boot/vmlinuz-*"))
    shutil.copy(kernel, os.path.join(out, "vmlinuz"))
    with tempfile.TemporaryDirectory(dir=out) as work:
        names = []
        for path in load_order(tree):
            name = os.path.basename(path).split(".ko")[0] + ".ko"
            _copy_module(os.path.join(tree, path), os.path.join(work, name))
            names.append(name)
        with open(os.path.join(work, "modules"), "w", encoding="utf-8") as file:
            file.write("".join(f"{name}\n" for name in names))
        shutil.copy("/bin/busybox", os.path.join(work, "busybox"))
        shutil.copy(os.path.join(HERE, "guest", "init"), os.path.join(work, "init"))
        files = "\n".join(sorted([*names, "modules", "busybox", "init"])) + "\n"
        with open(os.path.join(out, "initrd"), "wb") as file:
            subprocess.run(["/bin/busybox", "cpio", "-o", "-H", "newc"], cwd=work, check=True,
                           input=files.encode(), stdout=file, stderr=subprocess.DEVNULL)
