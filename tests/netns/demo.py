#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The story as a person sees it: machines as namespaces, real tunnels, real curl output.

usage: demo [--keep]     with --keep the machines stay, with a shell for each, until Ctrl-C
"""
import os
import shlex
import signal
import sys
import time

from errors import LabError, Skip
from lab import SOURCE, Lab
from process import until
from story import NETWORK, Client, Publisher, Server, embed
from whole import certificate

DRAWING = """
visitor -- internet -- vps
internet -- cgnat -- home -- lan
home -- container
"""
PICTURE = """
   visitor ─────── internet ─────── vps           visitor    {visitor:<12} {visitor6}
                      │                           vps        {vps:<12} {vps6}
                    cgnat    drops what nobody    cgnat      {cgnat:<12} no IPv6
                      │      inside asked for
       container ── home ── lan                   home       {home:<12} no IPv6, until now
"""
ENTER = "tests/netns/lab.py enter"
COLOUR = sys.stdout.isatty() and not os.environ.get("NO_COLOR")


def paint(code, text):
    return f"\033[{code}m{text}\033[0m" if COLOUR else text


class Teller:
    """Prints each step, what is typed, and what comes back."""

    def __init__(self):
        self.begin, self.number, self.failed = time.monotonic(), 0, 0

    def step(self, text):
        self.number += 1
        print(f"\n{paint('1;34', f'{self.number}. {text}')}  ({time.monotonic() - self.begin:.1f} s)", flush=True)

    def typed(self, machine, *argv):
        print(f"   {paint('32', machine.name + '$')} {shlex.join(argv)}", flush=True)

    def said(self, text):
        for row in text.splitlines():
            print(f"     {row}", flush=True)

    def run(self, machine, *argv, **kw):
        self.typed(machine, *argv)
        done = machine.run(*argv, **kw)
        self.said(done.stdout or done.stderr)
        return done

    def expect(self, good, text):
        self.failed += not good
        print("     " + (paint("32", "✔ ") if good else paint("31", "✘ NOT SO: ")) + text, flush=True)

    def fetch(self, machine, url, expected, why):
        argv = ["curl", "-sS", "--max-time", "3", *(["--cacert", "home.crt"] if url.startswith("https") else []), url]
        self.typed(machine, *argv)
        done = machine.run("env", "-C", "/root", *argv, check=False, timeout=10)
        self.said(done.stdout or done.stderr)
        self.expect((done.stdout.strip() == expected) if expected else not done.ok, why)


def begin(lab, teller):
    """Home serves a page that nobody reaches."""
    home, visitor, vps, cgnat = lab["home"], lab["visitor"], lab["vps"], lab["cgnat"]
    print(PICTURE.format(visitor=visitor.v4, visitor6=visitor.v6, vps=vps.v4, vps6=vps.v6, cgnat=cgnat.v4, home=home.v4))
    gua = embed(vps.prefix, "10.59.0.2")
    tls, trusted = certificate(home, vps.v4, gua, cgnat.v4)
    visitor.write("/root/home.crt", trusted)
    page = home.http_server(443, lambda who: f"hello {who}, this is home\n", tls=tls)
    teller.step("Home serves a page by https. From the Internet it is not there: carrier NAT is in between.")
    teller.fetch(visitor, f"https://{cgnat.v4}/", None, "nobody reaches home")
    return page, gua


def set_up(lab, teller):
    """Two commands on the VPS, two at home."""
    vps, home = lab["vps"], lab["home"]
    teller.step("The VPS gets adit-server and one device. No port is opened there: devices open their own.")
    server = Server(vps, vps.prefix)
    teller.typed(vps, "adit-server", "run")
    server.run()
    responder = vps.spawn("adit-redirect")
    teller.run(vps, "adit-server", "setup", "--endpoint", vps.v4, "--subnet", NETWORK)
    responder.wait_output("listening on 2 sockets", 15)
    teller.run(vps, "adit-server", "device", "add", "home", "--out", "/root/home.conf")

    teller.step("Home is handed that file, imports it, and publishes its page. Nothing else is configured anywhere.")
    client, publisher = Client(home).start(), Publisher(home).start()
    home.write("/root/home.conf", vps.read("/root/home.conf"), 0o600)
    teller.run(home, "adit", "import", "/root/home.conf")
    teller.run(home, "adit", "publish", "443", timeout=20)
    teller.run(vps, "adit-server", "status")
    return server, client, publisher


def visit(lab, teller, page, gua):
    """What is open, how, and what is not."""
    vps, home, visitor, container = (lab[n] for n in ("vps", "home", "visitor", "container"))
    teller.step("A visitor fetches the page on the VPS's IPv4 address, and on home's own IPv6 address.")
    del page.requests[:]
    teller.fetch(visitor, f"https://{vps.v4}/", f"hello {visitor.v4}, this is home", "over IPv4, the visitor's true address seen")
    teller.fetch(visitor, f"https://[{gua}]/", f"hello {visitor.v6}, this is home", "over IPv6, likewise")

    teller.step("Who comes by plain http is sent to https, by the server, whatever the service is.")
    for where in (vps.v4, f"[{gua}]"):
        argv = ["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code} %{redirect_url}", f"http://{where}/"]
        teller.typed(visitor, *argv)
        said = visitor.run(*argv, check=False).stdout
        teller.said(said)
        teller.expect(said == f"308 https://{where}/", "on port 80 of the same address")

    teller.step("A container of home's, in one command; it sees the visitor's true address as well.")
    container.http_server(80, lambda who: f"hello {who}, this is a container\n")
    teller.run(home, "adit", "publish", "8001", "--to", f"{container.v4}:80", "--to", f"[{container.v6}]:80", timeout=20)
    teller.fetch(visitor, f"http://{vps.v4}:8001/", f"hello {visitor.v4}, this is a container", "over IPv4")
    teller.fetch(visitor, f"http://[{gua}]:8001/", f"hello {visitor.v6}, this is a container", "over IPv6")

    teller.step("Only what was opened is open.")
    home.http_server(8080, "secret\n")
    teller.fetch(visitor, f"http://{vps.v4}:8080/", None, "port 8080 is closed on IPv4")
    teller.fetch(visitor, f"http://[{gua}]:8080/", None, "port 8080 is closed on IPv6")


def outwards(lab, teller, gua):
    """Home's own traffic: as before, then by the tunnel, then not at all."""
    vps, home, visitor, cgnat = lab["vps"], lab["home"], lab["visitor"], lab["cgnat"]
    visitor.http_server(80, lambda who: f"you are {who}\n")
    teller.step("Home's other traffic is not captured: it leaves by its own provider as before.")
    teller.fetch(home, f"http://{visitor.v4}/", f"you are {cgnat.v4}", "seen with the provider's address, not the VPS's")

    teller.step("Unless home wants it to go through the tunnel. Then nothing leaves elsewhere, tunnel or no tunnel.")
    seen = home.capture("cgnat")
    teller.run(home, "adit", "default", "home")
    teller.fetch(home, f"http://{visitor.v4}/", f"you are {vps.v4}", "seen with the VPS's address")
    teller.fetch(home, f"http://[{visitor.v6}]/", f"you are {gua}", "and IPv6, which home's provider has not")
    teller.run(home, "adit", "down", "home")
    teller.fetch(home, f"http://{visitor.v4}/", None, "the tunnel is down: closed")
    teller.expect(not seen.packets(dst=visitor.v4), "and no packet for the visitor was seen on home's uplink")
    teller.run(home, "adit", "up", "home")
    teller.run(home, "adit", "default", "none")


def end(lab, teller, daemons, gua):
    """Crashes change nothing, and what is taken back is gone."""
    vps, home, visitor = lab["vps"], lab["home"], lab["visitor"]
    teller.step("All daemons are killed. The kernel goes on; back again, they find everything in place.")
    for daemon, name in zip(daemons, ("adit-server", "aditd", "adit-publisher")):
        teller.typed(daemon.process.machine, "pkill", "-9", name)
        daemon.process.kill()
    teller.fetch(visitor, f"https://{vps.v4}/", f"hello {visitor.v4}, this is home", "the page still comes")
    for daemon in daemons:
        daemon.run() if daemon is daemons[0] else daemon.start()
    until(lambda: home.run("adit", "published", check=False).stdout.count("published") == 4, 20, "all to be published again")
    teller.run(home, "adit", "published")

    teller.step("What is taken back is closed at once.")
    teller.run(home, "adit", "unpublish", "443")
    until(lambda: not visitor.curl(f"https://{vps.v4}/", "-k", check=False, timeout=1).ok, 10, "the port to close")
    teller.fetch(visitor, f"https://{vps.v4}/", None, "closed on IPv4")
    teller.fetch(visitor, f"https://[{gua}]/", None, "closed on IPv6")

    teller.step("The gateway is removed: nothing is left behind.")
    teller.run(home, "adit", "remove", "home")
    teller.typed(home, "ip", "rule")
    rules = home.run("ip", "rule").stdout
    teller.said(rules)
    teller.expect(len(rules.strip().split("\n")) == 3, "only the kernel's own three rules")


def tell(lab, teller):
    """The story."""
    page, gua = begin(lab, teller)
    daemons = set_up(lab, teller)
    visit(lab, teller, page, gua)
    outwards(lab, teller, gua)
    end(lab, teller, daemons, gua)


def main(argv):
    if argv not in ([], ["--keep"]):
        print(__doc__.split("\n\n")[1].strip(), file=sys.stderr)
        return 0 if argv in (["-h"], ["--help"]) else 2
    os.environ.setdefault("ADIT_BUILD", os.path.join(SOURCE, "build"))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    teller = Teller()
    try:
        with Lab(DRAWING) as lab:
            tell(lab, teller)
            verdict = f"{teller.failed} of it NOT as told" if teller.failed else "all as told"
            print(f"\n{paint('1', verdict)}, in {time.monotonic() - teller.begin:.1f} s")
            if argv:
                print("\nThe machines stay. A shell in one, from another terminal, as root:\n")
                for name in lab.machines:
                    print(f"  {ENTER} {name}")
                print("\nThe gateway is gone; adit import /root/home.conf on home brings it back. Ctrl-C removes all of it.",
                      flush=True)
                signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT, signal.SIGTERM})
                lab.hold()
    except KeyboardInterrupt:
        return 130
    except (LabError, Skip) as e:
        print(f"demo: {e}", file=sys.stderr)
        return 1
    return 1 if teller.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
