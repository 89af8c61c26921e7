# SPDX-License-Identifier: GPL-2.0-or-later
"""Root file systems: which there are, where they are cached, how they are made.

A base is made by mmdebstrap once and kept under a key of everything that went into it. It is a
directory (to be a chroot) and a squashfs (to be booted) with the kernel and an initrd beside.
What changes with every edit, our own packages, is a layer above it: see layer.py.
"""

import contextlib
import fcntl
import hashlib
import os
import shutil
import subprocess
import sys
import time

import initrd
import mirror

TOP = os.path.dirname(os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

MACHINE = """
    systemd systemd-sysv systemd-resolved udev dbus polkitd kmod linux-image-cloud-amd64
    network-manager wireguard-tools nftables iproute2 iputils-ping conntrack curl tcpdump netbase
    python3 ca-certificates
""".split()

SESSION = """
    systemd systemd-sysv udev dbus dbus-x11 polkitd network-manager wireguard-tools wireguard-go
    iproute2 nftables xvfb xauth xdotool at-spi2-core python3 python3-pyatspi gir1.2-gtk-4.0 gir1.2-nm-1.0
    desktop-file-utils shared-mime-info fonts-dejavu-core
""".split()
GNOME = SESSION + """
    gnome-shell gnome-control-center nautilus network-manager-gnome adwaita-icon-theme
""".split()
PLASMA = SESSION + """
    plasma-workspace plasma-desktop plasma-nm kwin-x11 dolphin kde-cli-tools systemsettings breeze
""".split()

# name: suite, mmdebstrap variant, packages, bootable
KINDS = {
    "bookworm": ("bookworm", "minbase", MACHINE, True),
    "trixie": ("trixie", "minbase", MACHINE, True),
    "desktop": ("trixie", "minbase", GNOME, False),
    "desktop-bookworm": ("bookworm", "minbase", GNOME + ["gjs"], False),  # in which it shows notifications
    "desktop-plasma": ("trixie", "minbase", PLASMA, False),
    "build-bookworm": ("bookworm", "buildd", None, False),
    "build-trixie": ("trixie", "buildd", None, False),
    "container": ("bookworm", "minbase", ["ca-certificates"], False),  # debian:12
    "build-arm64": ("trixie", "buildd", None, False),
}
# Of a root to build in for another machine: what it is, and what the build runs itself. Of Debian 13,
# because in 12 libsoup's header for one machine cannot lie beside the Python of another.
FOREIGN = {"build-arm64": "arm64"}
CROSS = ["crossbuild-essential-arm64", "libglib2.0-dev-bin", "pkg-config:arm64", "python3", "qemu-user"]

UNREAD = ["/usr/share/doc/*", "/usr/share/man/*", "/usr/share/locale/*", "/usr/share/info/*",
          "/usr/share/help/*"]
LAYOUT = "4"  # raise it when a cached base no longer fits this code


def cache_dir():
    """Where the bases live: big, shared by all checkouts, safe to delete."""
    home = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return os.environ.get("ADIT_CACHE") or os.path.join(home, "adit")


def out_dir():
    """Where the layers and logs of this checkout live."""
    return os.environ.get("ADIT_VM_OUT") or os.path.join(TOP, "build", "vm")


def say(words):
    """One line of progress."""
    print(f"vm: {words}", file=sys.stderr, flush=True)


@contextlib.contextmanager
def timed(words):
    """Say what is done and, after it, how long it took."""
    say(words)
    start = time.monotonic()
    yield
    say(f"{words}: {time.monotonic() - start:.1f} s")


def contained(*argv):
    """A command line that dies with us, children, mounts and all, even when we are killed."""
    return ["setpriv", "--pdeathsig", "KILL", "unshare", "--mount", "--propagation", "private",
            "--pid", "--fork", "--kill-child", "--mount-proc", *argv]


@contextlib.contextmanager
def locked(path):
    """One builder at a time; the kernel lets go of the lock when its holder dies."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def build_depends():
    """What debian/control wants for a build, as package names."""
    names, inside = [], False
    with open(os.path.join(TOP, "debian", "control"), encoding="utf-8") as file:
        for line in file:
            inside = line.startswith("Build-Depends:") or (inside and line[0] == " ")
            if inside:
                items = line.split(":", 1)[-1].split(",")
                names += [item.split()[0] for item in items if item.strip()]
    return [name for name in names if name != "debhelper-compat"] + ["debhelper", "fakeroot"]


def packages(name):
    """What a root is made of."""
    found = KINDS[name][2] or build_depends()
    if name in FOREIGN:
        found = CROSS + [f"{p}:{FOREIGN[name]}" if p.endswith("-dev") else p for p in found
                         if p != "pkg-config"]
    return sorted(found)


def key(name):
    """A name for everything that goes into a base."""
    suite, variant, _, boot = KINDS[name]
    text = " ".join([LAYOUT, suite, variant, str(boot)] + packages(name) + UNREAD)
    return hashlib.sha256(text.encode()).hexdigest()[:12]


def base_dir(name):
    """Where the base of this name is, or would be."""
    return os.path.join(cache_dir(), f"{name}-{key(name)}")


def _bootstrap(name, root):
    suite, variant, _, _ = KINDS[name]
    argv = ["mmdebstrap", f"--variant={variant}", "--dpkgopt=force-unsafe-io",
            "--include=" + ",".join(packages(name)), "--skip=cleanup/apt/lists"]
    argv += [f"--dpkgopt=path-exclude={path}" for path in UNREAD]
    if name in FOREIGN:
        argv += [f"--architectures={mirror.architecture()},{FOREIGN[name]}"]
    argv += [f"--aptopt={option}" for option in mirror.options()]
    # our initrd is smaller and is made below; Debian's costs ten seconds
    env = dict(os.environ, INITRD="No")
    argv += [suite, root] + mirror.sources(suite)
    for last in (False, True):  # a mirror may fail for a moment
        result = subprocess.run(contained(*argv), env=env, check=False, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
        if result.returncode == 0:
            return
        print("".join(result.stdout.splitlines(keepends=True)[-40:]), end="", file=sys.stderr)
        if not last:
            print(f"{name}: mmdebstrap failed: once more", file=sys.stderr, flush=True)
            shutil.rmtree(root, ignore_errors=True)
    raise SystemExit(f"{name}: mmdebstrap failed twice: does apt-get update work on this machine?")


def squash(root, image, excludes=()):
    """A directory as a squashfs; lz4, because the guest unpacks it under emulation."""
    argv = ["mksquashfs", root, image, "-comp", "lz4", "-noappend", "-quiet", "-no-progress"]
    # the host's mksquashfs has no ACLs to keep and says so on every directory of the journal
    result = subprocess.run(argv + ["-wildcards", "-e", *excludes] if excludes else argv,
                            capture_output=True, text=True, check=False)
    if result.returncode != 0:
        raise SystemExit(f"{image}: mksquashfs: {result.stderr.strip()}")


def ensure_base(name):
    """Make a base unless it is cached; say where it is."""
    path = base_dir(name)
    with locked(os.path.join(cache_dir(), f"{name}.lock")):
        if os.path.isdir(path):
            return path
        work = os.path.join(cache_dir(), f"{name}.part")  # a killed run's is cleared here
        shutil.rmtree(work, ignore_errors=True)
        os.makedirs(work)
        root = os.path.join(work, "root")
        with timed(f"{name}: installing {len(packages(name))} packages by mmdebstrap"):
            _bootstrap(name, root)
        if KINDS[name][3]:
            with timed(f"{name}: squashfs and initrd"):
                squash(root, os.path.join(work, "base.sqfs"),
                       ["boot", "var/cache/*", "var/lib/apt/lists/*",
                        "etc/apt/apt.conf.d/99mmdebstrap"])
                initrd.build(root, work)
        os.rename(work, path)
        _forget_old(name, path)
    return path


def squashed(name):
    """The squashfs of a base that is made; one that boots has it, another's is made when it is first asked for."""
    image = os.path.join(base_dir(name), "base.sqfs")
    with locked(os.path.join(cache_dir(), f"{name}.lock")):
        if not os.path.exists(image):
            squash(os.path.join(base_dir(name), "root"), image + ".part", ["var/cache/*", "var/lib/apt/lists/*"])
            os.rename(image + ".part", image)
    return image


def _forget_old(name, keep):
    """Bases of the same name under another key are of no more use."""
    for entry in os.listdir(cache_dir()):
        path = os.path.join(cache_dir(), entry)
        if entry.rpartition("-")[0] == name and path != keep and os.path.isdir(path):
            shutil.rmtree(path, ignore_errors=True)
