# SPDX-License-Identifier: GPL-2.0-or-later
"""The real Docker of a machine, with its own containerd and runc; asked by its API."""
import contextlib
import glob
import json
import os

from errors import Skip
from process import until

_SOCKET = "/run/docker.sock"
_CGROUPS = """
if [ {kind} = cgroup2fs ]; then
    mount -t cgroup2 cgroup2 /sys/fs/cgroup
else
    mount -t tmpfs cgroups /sys/fs/cgroup
    for name in $(awk '!/^#/ && $4 {{ print $1 }}' /proc/cgroups); do
        mkdir -p /sys/fs/cgroup/$name
        mount -t cgroup -o $name cgroup /sys/fs/cgroup/$name || rmdir /sys/fs/cgroup/$name
    done
fi
"""


def _folders(lab):
    """Installed, or unpacked by ./dev beside the build: installed it would run on the host."""
    found = []
    for name, program in (("dockerd", "sbin/dockerd"), ("containerd", "bin/containerd"), ("runc", "sbin/runc")):
        place = next((p for p in ("/usr/", f"{lab.build}/{name}/usr/") if os.access(p + program, os.X_OK)), None)
        if not place:
            raise Skip(f"{name} is neither installed nor unpacked by ./dev")
        found += [place + "bin", place + "sbin"]
    return ":".join(dict.fromkeys(found))


class Docker:
    """One with its default bridge in both families."""

    def __init__(self, machine):
        self.machine, self._path, self._ids = machine, _folders(machine.lab), []
        self._group = f"adit-lab-{machine.pid}"
        machine.sh(_CGROUPS.format(kind=_kind()))
        self.start()
        self._image()

    def start(self):
        self.process = self.machine.spawn(
            "dockerd", "--storage-driver", "vfs", "--cgroup-parent", f"/{self._group}", "--experimental",
            "--ip6tables", "--ipv6", "--fixed-cidr-v6", "fd00:dd::/64", name="dockerd", env=self._environment())
        until(lambda: self._ask("GET", "_ping", check=False).stdout == "OK", 30, "dockerd")

    def _environment(self):
        return {"PATH": f"{self._path}:/usr/sbin:/usr/bin:/sbin:/bin"}

    def _ask(self, method, what, *more, **kw):
        return self.machine.run("curl", "-sS", "--fail-with-body", "--unix-socket", _SOCKET, "-X", method,
                                *more, f"http://docker/{what}", timeout=30, **kw)

    def _image(self):
        """A busybox without libraries, and a page."""
        self.machine.sh("mkdir /run/image && cp /bin/busybox /run/image/ && echo container >/run/image/index.html && "
                        "tar -C /run/image -cf /run/image.tar .")
        self._ask("POST", "images/create?fromSrc=-&repo=page", "-H", "Content-Type: application/x-tar",
                  "--data-binary", "@/run/image.tar")

    def run(self, port):
        """A container with the page, published as `docker run -p PORT:80` does."""
        wanted = {"Image": "page", "ExposedPorts": {"80/tcp": {}}, "Cmd": ["/busybox", "httpd", "-f", "-p", "80"],
                  "HostConfig": {"PortBindings": {"80/tcp": [{"HostPort": str(port)}]}}}
        said = self._ask("POST", "containers/create", "-H", "Content-Type: application/json", "-d", json.dumps(wanted))
        self._ids.append(json.loads(said.stdout)["Id"])
        self._ask("POST", f"containers/{self._ids[-1]}/start")

    def stop(self):
        """As systemd does; what it has made in the kernel stays."""
        self.process.stop(20)

    def end(self):
        """The containers and their control groups, which would outlive the machine."""
        with contextlib.suppress(Exception):
            for name in self._ids:
                self._ask("DELETE", f"containers/{name}?force=1")
            self.stop()
        for root in glob.glob(f"/sys/fs/cgroup/*/{self._group}") + [f"/sys/fs/cgroup/{self._group}"]:
            for folder, _, _ in sorted(os.walk(root), reverse=True):
                with contextlib.suppress(OSError):
                    os.rmdir(folder)


def _kind():
    """Of the host's control groups, which a machine shares."""
    with open("/proc/mounts", encoding="ascii") as f:
        kinds = {row.split()[2] for row in f if row.split()[1].startswith("/sys/fs/cgroup")}
    return "tmpfs" if "cgroup" in kinds else "cgroup2fs"
