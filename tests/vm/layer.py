# SPDX-License-Identifier: GPL-2.0-or-later
"""Our own packages as a layer above a cached base.

The base is the lower directory of an overlay whose upper one is in memory, in a mount namespace
of our own: whatever kills us, nothing stays mounted. apt resolves the packages' dependencies
against the real archive, so a missing Depends shows here and not at a user's.
"""

import hashlib
import os
import shutil
import subprocess

import mirror
import roots

# The host's apt works on the chroot (as mmdebstrap does): its name resolution and its proxy
# settings are known to work, those inside the chroot are not.
APT_CONF = """
Dir "{root}";
Dir::State::status "{root}/var/lib/dpkg/status";
DPkg::Chroot-Directory "{root}";
APT::Architecture "{arch}";
APT::Sandbox::User "root";
APT::Install-Recommends "false";
DPkg::Use-Pty "false";
"""

# $1 base root, $2 packages, $3 archives, $4 apt configuration, $5 squashfs to write
SCRIPT = r"""
set -eu
work=$(dirname "$4")
mount -t tmpfs -o size=90% tmpfs "$work/mem"
mkdir "$work/mem/upper" "$work/mem/work"
mount -t overlay -o "lowerdir=$1,upperdir=$work/mem/upper,workdir=$work/mem/work" root "$work/root"
mount -t tmpfs tmpfs "$work/root/run"
mount -t tmpfs tmpfs "$work/root/tmp"
mount -t proc proc "$work/root/proc"
mount --rbind /dev "$work/root/dev"
mount --bind "$3" "$work/root/var/cache/apt/archives"
mkdir "$work/root/tmp/packages"
mount --bind "$2" "$work/root/tmp/packages"
export APT_CONFIG=$4 DEBIAN_FRONTEND=noninteractive LC_ALL=C.UTF-8
install() {
    apt-get --quiet=2 --yes install "$work"/root/tmp/packages/*.deb
}
install || { apt-get --quiet=2 update; install; }
if [ -n "$6" ]; then
    mkdir -p "$work/root/$7/partial"
    # shellcheck disable=SC2086
    apt-get --quiet=2 --yes --download-only -o "Dir::Cache::archives=$work/root/$7" install $6
fi
umount -R "$work/root"
rm -rf "$work"/mem/upper/var/cache "$work"/mem/upper/var/lib/apt/lists "$work"/mem/upper/var/log
mksquashfs "$work/mem/upper" "$5" -comp lz4 -noappend -quiet -no-progress 2>/dev/null
"""

BESIDE_DIR = "opt/beside"


def beside(name):
    """In full runs, where it boots: packages that lie there with what they depend on, for a scenario whose machine
    has more than ours do."""
    return "openssh-server" if "ADIT_FULL" in os.environ and roots.KINDS[name][3] else ""


def path(name):
    """The squashfs of this checkout's layer."""
    return os.path.join(roots.out_dir(), name, "layer.sqfs")


def _key(name, debs):
    digest = hashlib.sha256(f"{roots.base_dir(name)} {beside(name)}".encode())
    for deb in debs:
        with open(deb, "rb") as file:
            digest.update(os.path.basename(deb).encode() + file.read())
    return digest.hexdigest()


def forget(name):
    """From now on the base alone is booted."""
    for suffix in ("", ".key"):
        if os.path.exists(path(name) + suffix):
            os.unlink(path(name) + suffix)


def _is_current(name, key):
    try:
        with open(path(name) + ".key", encoding="utf-8") as file:
            return file.read() == key and os.path.exists(path(name))
    except FileNotFoundError:
        return False


def _install(name, debs, work):
    """Fill path(name) with what installing the packages changes."""
    archives = os.path.join(roots.cache_dir(), f"{name}.archives")
    os.makedirs(os.path.join(archives, "partial"), exist_ok=True)
    for folder in ("packages", "root", "mem"):
        os.makedirs(os.path.join(work, folder))
    for deb in debs:
        shutil.copy(deb, os.path.join(work, "packages"))
    conf = os.path.join(work, "apt.conf")
    with open(conf, "w", encoding="utf-8") as file:
        file.write(APT_CONF.format(root=os.path.join(work, "root"), arch=mirror.architecture()))
    log = os.path.join(roots.out_dir(), name, "install.log")
    with open(log, "w", encoding="utf-8") as file:
        status = subprocess.run(
            roots.contained(
                "sh", "-c", SCRIPT, "layer", os.path.join(roots.base_dir(name), "root"),
                os.path.join(work, "packages"), archives, conf, path(name) + ".part",
                beside(name), BESIDE_DIR),
            stdout=file, stderr=subprocess.STDOUT, check=False).returncode
    if status != 0:
        with open(log, encoding="utf-8", errors="replace") as file:
            tail = "".join(file.readlines()[-25:])
        raise SystemExit(f"{tail}{name}: the packages do not install; all of it: {log}")


def ensure(name, debs):
    """Install the packages unless exactly these are there already."""
    key = _key(name, debs)
    with roots.locked(os.path.join(roots.out_dir(), name, "lock")):
        if _is_current(name, key):
            return
        forget(name)
        work = os.path.join(roots.out_dir(), name, "work")
        shutil.rmtree(work, ignore_errors=True)
        with roots.timed(f"{name}: installing {len(debs)} packages of ours"):
            _install(name, debs, work)
        shutil.rmtree(work, ignore_errors=True)
        os.rename(path(name) + ".part", path(name))
        with open(path(name) + ".key", "w", encoding="utf-8") as file:
            file.write(key)
