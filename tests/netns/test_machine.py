#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The lab's machines: commands, files, buses, and what they cannot reach."""
import os
import re
import signal
import time

import kernel
import tap
from lab import SOURCE, Lab, LabError
from process import PATIENCE, until

DRAWING = "internet -- vps\ninternet -- home"


def refused(call, *words):
    """The LabError that call() raises, which must contain the words."""
    try:
        call()
    except LabError as e:
        for word in words:
            assert word in str(e), f"{word!r} is not in: {e}"
        return str(e)
    raise AssertionError("nothing was refused")


def test_run(lab):
    """a command's status, output and deadline are told"""
    home = lab["home"]
    assert home.run("cat", input="text").stdout == "text"
    assert home.run(["echo", "a", 1]).stdout == "a 1\n"
    assert home.sh("echo $HOSTNAME; hostname; echo $$").stdout.startswith("home\nhome\n")
    assert home.run("false", check=False).code == 1
    assert home.run("sh", "-c", "echo $X", env={"X": "y"}).stdout == "y\n"
    refused(lambda: home.sh("echo out; echo err >&2; exit 3"), "home: ", "status 3", "out", "err")
    refused(lambda: home.run("no-such-program"), "home: no-such-program: no such program")
    begin = time.monotonic()
    refused(lambda: home.sh("echo begun; sleep 300 & sleep 300", timeout=0.3), f"not done within {0.3 * PATIENCE:g} s")
    assert time.monotonic() - begin < 5 * PATIENCE
    until(lambda: "sleep 300" not in home.run("ps", "-e", "-o", "args").stdout, 5, "its children to be gone, too")
    refused(lambda: lab["moon"], "moon: not in the drawing")


def test_spawn(lab):
    """a program that stays is followed by its output, and stopped"""
    home = lab["home"]
    p = home.spawn("sh", "-c", "trap 'echo bye; exit 7' TERM; echo up; while :; do sleep 0.05; done")
    p.wait_output("^up$")
    assert p.alive and p.code is None
    assert p.stop() == 7 and p.output() == "up\nbye\n"
    q = home.spawn("sh", "-c", "trap '' TERM; echo up; while :; do sleep 0.05; done")
    q.wait_output("up")
    refused(lambda: q.stop(timeout=0.2), "did not end within 0.2 s")
    assert q.wait() == -signal.SIGKILL
    r = home.spawn("sh", "-c", "echo oh dear; exit 4")
    refused(lambda: r.wait_output("never"), "ended with 4", "oh dear")
    s = home.spawn("sleep", "300")
    assert s.kill() == -signal.SIGKILL


def test_background(lab):
    """a daemon that leaves its parent stays in the machine, and the dead are reaped"""
    home = lab["home"]
    home.sh("(setsid sleep 300 </dev/null >/dev/null 2>&1 &) ; (true &)")

    def settled():  # the child has begun its program, and nobody is dead and unburied
        states = home.run("ps", "-e", "-o", "ppid,s,args").stdout
        return re.search(r"^ +1 S sleep 300$", states, re.M) and " Z" not in states

    until(settled, 5, "sleep 300 as a child of the machine, alone")
    assert "sleep 300" not in lab["vps"].run("ps", "-e", "-o", "args").stdout, "no other machine sees it"


def test_files(lab):
    """each machine has its own /run, /etc, /var/lib, /tmp and /root, and the host keeps its own"""
    home, vps = lab["home"], lab["vps"]
    for folder in ("/run", "/etc", "/var/lib", "/tmp", "/root"):
        path = f"{folder}/adit-lab-test-{os.getpid()}/deep/file"
        home.write(path, "mine\n", mode=0o600)
        assert home.read(path) == "mine\n" and home.run("stat", "-c", "%a", path).stdout == "600\n"
        assert not vps.exists(path) and not os.path.exists(path), path
    # A link in the machine leads nowhere else, even when written through from outside.
    home.run("ln", "-s", "/run/through", "/tmp/link")
    home.write("/tmp/link", "inside")
    assert home.read("/run/through") == "inside" and not os.path.exists("/run/through")
    assert home.read("/etc/hostname") == "home\n" and home.read("/etc/machine-id") != vps.read("/etc/machine-id")
    assert "11.1.1.2 vps" in home.read("/etc/hosts")
    assert not home.exists("/etc/adit")
    assert home.exists(SOURCE + "/tests/netns/lab.py"), "the source tree is there"


def test_without_overlay():
    """where the kernel refuses an overlay, /etc is a copy"""
    mount = kernel.mount

    def refuse(source, target, fstype=None, flags=0, data=None):
        if fstype == "overlay":
            raise OSError("no overlay")
        mount(source, target, fstype, flags, data)
    kernel.mount = refuse
    try:
        with Lab("home -- internet") as lab:
            home = lab["home"]
            assert "root:" in home.read("/etc/passwd") and home.read("/etc/hostname") == "home\n"
            path = home.write(f"/etc/adit-lab-test-{os.getpid()}", "mine")
            assert not os.path.exists(path) and " /etc overlay" not in home.sh("cat /proc/mounts").stdout
    finally:
        kernel.mount = mount


def test_settings(lab):
    """sysctls are each machine's own, links are found by neighbour, ports are waited for"""
    home, vps = lab["home"], lab["vps"]
    home.sysctl("net.ipv4.conf.all.rp_filter", 1)
    assert home.sysctl("net.ipv4.conf.all.rp_filter") == "1"
    assert vps.sysctl("net.ipv4.conf.all.rp_filter") == "0"
    assert home.link("internet") == "eth0" and lab["internet"].link(home) == "home"
    refused(lambda: home.link("vps"), "home: vps: not a neighbour")
    server = vps.http_server(0)
    vps.wait_port(server.port)
    refused(lambda: vps.wait_port(1, timeout=0.1), "a listener on tcp port 1", f"{0.1 * PATIENCE:g} s")
    udp = vps.udp_echo(5000)
    vps.wait_port(udp.port, "udp")
    assert home.tcp_probe(vps.v4, 1) == "refused"
    with home.connect(vps.v6, server.port) as conn:
        conn.sendall(b"GET /x HTTP/1.0\r\nHost: h\r\n\r\n")
        assert conn.recv(15) == b"HTTP/1.1 200 OK"
    assert server.requests == [(home.v6, vps.v6, "/x", "h")]


def test_bus(lab):
    """each machine has its own D-Bus system bus, started on demand"""
    home, vps = lab["home"], lab["vps"]
    lab.require("dbus-daemon", "busctl")
    names = ("busctl", "--system", "--no-pager", "list")
    assert not home.run(*names, check=False).ok, "not started yet"
    assert home.bus() == home.bus()
    vps.bus()
    assert home.exists("/run/dbus/system_bus_socket")
    own = home.spawn("busctl", "--system", "monitor")  # a second client
    assert "org.freedesktop.DBus" in home.run(*names).stdout
    ids = [m.run("busctl", "--system", "call", "org.freedesktop.DBus", "/org/freedesktop/DBus",
                 "org.freedesktop.DBus", "GetId").stdout for m in (home, vps)]
    assert ids[0].startswith("s ") and ids[0] != ids[1], ids
    assert own.alive


def test_bus_policy(lab):
    """with a policy file the bus is as strict as a real one"""
    home, vps = lab["home"], lab["vps"]
    lab.require("dbus-daemon", "dbus-send")
    policy = home.write("/etc/dbus-1/lab-test.conf", """<busconfig><policy user="root">
        <allow own="org.adit.LabTest"/></policy></busconfig>""")
    home.bus(policy)
    vps.bus()

    def request(machine, name):
        return machine.run("dbus-send", "--system", "--print-reply", "--dest=org.freedesktop.DBus",
                           "/org/freedesktop/DBus", "org.freedesktop.DBus.RequestName",
                           f"string:{name}", "uint32:0", check=False)
    assert request(home, "org.adit.LabTest").ok
    assert "AccessDenied" in request(home, "org.adit.Other").stderr
    assert request(vps, "org.adit.Other").ok, "without a policy all is allowed"


def test_two_labs(lab):
    """two labs side by side have the same addresses and do not see one another"""
    with Lab(DRAWING) as other:
        ours, theirs = lab["vps"], other["vps"]
        assert ours.v4 == theirs.v4
        ours.http_server(80, "ours")
        theirs.http_server(80, "theirs")
        seen = theirs.capture()
        assert lab["home"].curl("http://vps/") == "ours"
        seen.none(protocol="tcp")
        assert other["home"].curl("http://vps/") == "theirs"
        assert lab.dir != other.dir
    assert lab["home"].curl("http://vps/") == "ours", "the end of one is not the other's"


if __name__ == "__main__":
    tap.main(globals())
