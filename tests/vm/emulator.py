# SPDX-License-Identifier: GPL-2.0-or-later
"""The emulated machine: qemu, its disks, its console, its two ports.

TAP has a virtio port of its own (qemu's standard output), so kernel messages never mix with it.
There is no network card: several machines are namespaces inside the guest.
"""

import os
import subprocess

import roots

MEMORY = 1024  # MB; and for each disk beyond the usual three, of which more runs
QEMU = "qemu-system-x86_64"

# Units of a stock Debian that serve no test and cost seconds under emulation.
MASKED = """
    serial-getty@ttyS0.service getty@tty1.service systemd-timesyncd.service apt-daily.timer
    apt-daily-upgrade.timer dpkg-db-backup.timer fstrim.timer e2scrub_all.timer
    e2scrub_reap.service systemd-update-utmp.service systemd-update-utmp-runlevel.service
    NetworkManager-wait-online.service systemd-networkd-wait-online.service
""".split()

COUNTED = "adit.icount"  # on a scenario's command line: the guest's clock counts its instructions

CMDLINE = ["console=ttyS0", "quiet", "panic=-1", "mitigations=off", "systemd.show_status=error",
           "audit=0", "nokaslr",
           "modprobe.blacklist=kvm,kvm_amd,kvm_intel,ata_piix,powernow_k8,aesni_intel,edac_mce_amd"]


def _disk(name, path):
    return ["-drive", f"if=none,id={name},file={path},format=raw,readonly=on",
            "-device", f"virtio-blk-pci,drive={name},serial={name}"]


def argv(base, disks, accel, words, out):
    """The command line of one machine."""
    if COUNTED in words:
        how = ["-icount", "shift=0", "-accel", "tcg,thread=single", "-cpu", "max", "-smp", "1"]
    else:
        how = ["-accel", accel, "-cpu", "host" if accel == "kvm" else "max", "-smp", "2"]
    line = ["setpriv", "--pdeathsig", "KILL",  # no machine outlives the test that started it
            QEMU, *how, "-m", str(MEMORY + 512 * max(0, len(disks) - 3)), "-nodefaults", "-no-user-config", "-no-reboot",
            "-display", "none",
            "-nic", "none", "-kernel", os.path.join(base, "vmlinuz"),
            "-initrd", os.path.join(base, "initrd"), "-append", " ".join(words),
            "-device", "virtio-rng-pci",
            "-chardev", f"file,id=console,path={out}/console.log",
            "-serial", "chardev:console",
            "-device", "virtio-serial-pci",
            "-chardev", "stdio,id=tap,signal=off",
            "-device", "virtserialport,chardev=tap,name=adit.tap",
            "-chardev", f"file,id=logs,path={out}/logs.tar.gz",
            "-device", "virtserialport,chardev=logs,name=adit.logs"]
    for name, path in disks.items():
        line += _disk(name, path)
    return line


def boot_words():
    """The kernel's command line for a full boot."""
    return CMDLINE + [f"systemd.mask={unit}" for unit in MASKED]


def _kvm_boots(base, tests, out):
    """Whether the guest's own kernel gets as far as its disks under KVM."""
    if not os.access("/dev/kvm", os.R_OK | os.W_OK):
        return False
    disks = {"base": os.path.join(base, "base.sqfs"), "tests": tests}
    line = argv(base, disks, "kvm", CMDLINE + ["adit.probe"], out)
    try:
        subprocess.run(line, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                       stderr=subprocess.DEVNULL, timeout=12, check=False)
    except subprocess.TimeoutExpired:
        return False
    with open(os.path.join(out, "console.log"), encoding="utf-8", errors="replace") as file:
        return "init: probe passed" in file.read()


def accelerator(base, tests, out):
    """ "kvm" only where a guest was seen to boot with it; the answer is kept until reboot.

    /dev/kvm alone proves nothing: a nested one may accept a machine and then never run it.
    """
    if os.environ.get("ADIT_VM_ACCEL"):
        return os.environ["ADIT_VM_ACCEL"]
    with open("/proc/sys/kernel/random/boot_id", encoding="utf-8") as file:
        boot = file.read().strip()
    memo = os.path.join(roots.cache_dir(), "accelerator")
    if os.path.exists(memo):
        with open(memo, encoding="utf-8") as file:
            known = file.read().split()
        if len(known) == 2 and known[0] == boot:
            return known[1]
    kind = "kvm" if _kvm_boots(base, tests, out) else "tcg,thread=multi"
    with open(memo, "w", encoding="utf-8") as file:
        file.write(f"{boot} {kind}\n")
    return kind
