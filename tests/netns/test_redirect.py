#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Port 80 beside a published port 443: the 308 responder, or the same service, as a visitor's curl sees it."""
import contextlib
import os
import resource
import socket

import tap
from process import until
from story import Client, Server, embed

DRAWING = """
visitor -- internet -- vps
internet -- cgnat -- home
"""
USER = "adit-redirect"
RESPONDER = 8308


class Site:
    """A server, its responder, and one device, whose service on 443 answers plain HTTP: who needs TLS to see a 308?"""

    def __init__(self, lab, user=True):
        self.vps, self.visitor, self.home = lab["vps"], lab["visitor"], lab["home"]
        if user:
            self.vps.write("/etc/passwd", self.vps.read("/etc/passwd") + f"{USER}:x:991:991::/:/bin/false\n")
        self.server = Server(self.vps, self.vps.prefix).start()
        profile = self.server.device("nas", "10.59.0.2")
        Client(self.home).start().enrol("home", profile)
        self.home.http_server(443, "the service")
        self.gua = embed(self.vps.prefix, "10.59.0.2")
        self.hosts = (self.vps.v4, f"[{self.gua}]")

    def respond(self):
        self.responder = self.vps.spawn("adit-redirect")
        self.responder.wait_output("listening on 2 sockets", 15)
        return self.responder

    def publish(self, *more):
        self.server.admin("publish", "nas", "443", "--ip-version", "both", *more)
        for host in self.hosts:
            until(lambda: self.visitor.curl(f"http://{host}:443/", check=False).stdout == "the service", 15, host)

    def ask(self, url, *options, machine=None):
        """Status and where to, of a visitor who does not follow."""
        said = (machine or self.visitor).run(
            "curl", "-s", "--noproxy", "*", "-m", "5", "-o", "/dev/null", "-w", "%{http_code} %{redirect_url}", *options, url, check=False)
        return said.stdout.strip()


def test_308(lab):
    """both families: the path and the host are kept, whoever asks, and only a redirect leads there"""
    s = Site(lab)
    s.respond()
    s.publish("--also-80")
    for host in s.hosts:
        assert s.ask(f"http://{host}/a/b?c=d&e") == f"308 https://{host}/a/b?c=d&e"
        assert s.ask(f"http://{host}/a", "--head") == f"308 https://{host}/a"
        assert s.ask(f"http://{host}/a", "-H", "Host: nas.example:80") == "308 https://nas.example/a"
        assert s.ask(f"http://{host}/", "-H", "Host: evil.example/nas") == "400"
        assert s.ask(f"http://{host}/", "-d", "x=y") == "405"
        assert s.ask(f"http://{host}/", "-H", "Host;") == "400"
    assert s.ask(f"http://{s.vps.v4}/", machine=s.home) == f"308 https://{s.vps.v4}/", "hairpin"
    assert s.ask(f"http://{s.vps.v4}/", machine=s.vps) == f"308 https://{s.vps.v4}/", "the VPS itself"
    server6 = embed(s.vps.prefix, "10.59.0.1")
    for address in (s.vps.v4, server6):
        assert s.visitor.tcp_probe(address, RESPONDER, timeout=0.3) == "timeout", address
    assert s.home.tcp_probe("10.59.0.1", RESPONDER, timeout=0.3) == "timeout", "nor a device"


def test_no_privilege(lab):
    """it runs as its user, without a capability, and survives the server's restart"""
    s = Site(lab)
    s.publish("--also-80")
    assert s.visitor.tcp_probe(s.vps.v4, 80) == "refused", "nobody answers yet"
    assert "adit-redirect is not running" in s.server.admin("status").stdout
    s.respond()
    assert "adit-redirect" not in s.server.admin("status").stdout
    status = s.responder.status()
    assert status["Uid"].split() == ["991"] * 4 and status["Gid"].split() == ["991"] * 4, status["Uid"]
    assert int(status["CapEff"], 16) == 0 and int(status["CapPrm"], 16) == 0 and status["NoNewPrivs"] == "1"
    assert status["Groups"] == ""
    s.server.process.stop()
    s.responder.wait_output("adit-server has gone", 10)
    for host in s.hosts:
        assert s.ask(f"http://{host}/") == f"308 https://{host}/", "without a server"
    s.server.run()
    s.responder.wait_output("(?s)listening on 2 sockets.*listening on 2 sockets", 15)
    for host in s.hosts:
        assert s.ask(f"http://{host}/") == f"308 https://{host}/", "with the next"
    s.server.admin("down")
    s.responder.wait_output("listening on 0 sockets", 10)


def test_gives_way(lab):
    """a mapping of port 80 itself wins and goes; the redirect goes with its 443 mapping"""
    s = Site(lab)
    s.respond()
    s.publish("--also-80")
    s.home.http_server(80, "plain")
    s.server.admin("forward", "add", "80", "nas")
    s.server.admin("pinhole", "add", "nas", "80")
    for host in s.hosts:
        assert s.visitor.curl(f"http://{host}/") == "plain"
    s.server.admin("forward", "remove", "80/tcp")
    s.server.admin("pinhole", "set-enabled", "nas:80/tcp", "off")
    for host in s.hosts:
        assert s.ask(f"http://{host}/") == f"308 https://{host}/"
    s.server.admin("forward", "set-enabled", "443/tcp", "off")
    assert s.visitor.tcp_probe(s.vps.v4, 80) == "refused"
    assert s.ask(f"http://{s.hosts[1]}/").startswith("308"), "the other family has its own"
    s.server.admin("pinhole", "remove", "nas:443/tcp")
    assert s.visitor.tcp_probe(s.gua, 80, timeout=0.3) == "timeout"


def test_port(lab):
    """--also-80=port: the service itself gets what comes to port 80, in both families"""
    s = Site(lab)
    s.publish("--also-80=port")
    for host in s.hosts:
        assert s.visitor.curl(f"http://{host}/") == "the service"
    said = s.server.admin("publish", "nas", "8443", "--also-80", check=False)
    assert said.code == 4 and "only 443/tcp" in said.stderr, said.stderr
    s.server.admin("forward", "remove", "443/tcp")
    s.server.admin("forward", "add", "80", "nas")
    said = s.server.admin("publish", "nas", "443", "--ip-version", "4", "--also-80", check=False)
    assert said.code == 4 and "port 80/tcp: held by nas" in said.stderr, said.stderr


def test_stranger(lab):
    """nobody but root and its own user is given the sockets; without that user it becomes nobody"""
    s = Site(lab, user=False)
    stranger = s.vps.spawn("setpriv", "--reuid=65534", "--clear-groups", s.vps.run("which", "adit-redirect").stdout.strip())
    stranger.wait_output("redirect.sock: Permission denied", 10)
    s.respond()
    assert s.responder.status()["Uid"].startswith("65534\t")
    assert oct(os.stat(f"/proc/{s.vps.pid}/root/run/adit-server/redirect.sock").st_mode & 0o777) == "0o600"


class Crowd:
    """Connections of one visitor to port 80 of every address, by turns: open(300, b"GET ") says that much in each."""

    def __init__(self, visitor, addresses):
        self.visitor, self.addresses, self.sockets = visitor, addresses, []
        _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(most, 8192), most))

    def open(self, n, words=b"", port=0):
        with self.visitor.inside():
            made = [socket.socket(socket.AF_INET6 if ":" in self.addresses[i % 2] else socket.AF_INET) for i in range(n)]
        for i, s in enumerate(made):
            s.setblocking(False)
            if port:
                s.bind(("", port + i))
            with contextlib.suppress(BlockingIOError):
                s.connect((self.addresses[i % 2], 80))
        self.sockets += made
        self.say(made, words)
        return made

    @staticmethod
    def say(sockets, words):
        """As much of it as each takes; one that was hung up on takes nothing."""
        for s in sockets if words else ():
            with contextlib.suppress(OSError):
                until(lambda t=s: _sent(t, words), 5, "a connection")

    def close(self):
        for s in self.sockets:
            s.close()


def _sent(sock, words):
    try:
        return sock.send(words)
    except BlockingIOError:
        return 0


@tap.deadline(90)
def test_crowd(lab):
    """hundreds that are slow, silent, half open or talk nonsense: who asks is answered at once, in bounded room; then all is free"""
    s = Site(lab)
    responder = s.respond()
    s.publish("--also-80")

    def size():
        """Open files, and the most memory so far in KiB."""
        return len(os.listdir(f"/proc/{responder.pid}/fd")), int(responder.status()["VmHWM"].split()[0])

    def served():
        for host in s.hosts:
            for _ in range(3):
                assert s.ask(f"http://{host}/a", "-m", "2") == f"308 https://{host}/a", host

    def at_rest():
        """Its size once nobody has been coming or going for a moment."""
        before = size()
        s.vps.run("sleep", "0.2")
        return size() == before and before

    served()
    files, memory = until(at_rest, 10, "those who were served to have gone")
    crowd = Crowd(s.visitor, (s.vps.v4, s.gua))
    try:
        # Half open: their answers never come back to them.
        s.visitor.nft("table inet deaf { chain in { type filter hook input priority 0; tcp dport 20000-20599 drop; }; }")
        crowd.open(600, port=20000)
        crowd.open(300)
        waiting = s.vps.run("ss", "-Htn", "state", "syn-recv").stdout.count("\n")
        assert waiting > 300, waiting
        served()
        slow = crowd.open(600, b"GET /" + b"a" * 4000)
        crowd.open(100, bytes(range(128, 256)) * 128)
        for _ in range(3):
            crowd.say(slow[-200:], b"a" * 100)
            served()
        many, most = size()
        assert files + 300 < many <= files + 512, (files, many)
        guarded = "ASAN_OPTIONS" in os.environ  # what is freed is not given back for a while
        assert most - memory < 512 * 8 + (16384 if guarded else 2048), f"{most - memory} KiB more"
        print(f"# {waiting} not shown to the responder, {many - files} held, {most - memory} KiB more", flush=True)
    finally:
        crowd.close()
    until(lambda: size()[0] <= files, 20, "them all to be hung up on")
    served()
    assert responder.alive


if __name__ == "__main__":
    tap.main(globals())
