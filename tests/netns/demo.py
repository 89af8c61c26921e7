#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The story as a person sees it: machines as namespaces, real tunnels, real curl output.

demo.py [--keep]: with --keep the lab stays open, with a shell a machine, until Ctrl-C.
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

DRAWING = """
visitor -- internet -- vps
internet -- cgnat -- home -- lan
"""
PICTURE = """
   visitor {visitor:<16} ── internet ── vps {vps}
                                         │
                                    cgnat {cgnat}   (drops what nobody inside asked for)
                                         │
                                       home {home:<14} ── lan {lan}
"""
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
        for row in text.rstrip("\n").split("\n"):
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
        argv = ["curl", "-sS", "--max-time", "3", url]
        self.typed(machine, *argv)
        done = machine.run(*argv, check=False, timeout=10)
        self.said(done.stdout or done.stderr)
        self.expect((done.stdout.strip() == expected) if expected else not done.ok, why)


def tell(lab, teller):
    vps, home, visitor, cgnat = lab["vps"], lab["home"], lab["visitor"], lab["cgnat"]
    print(PICTURE.format(visitor=visitor.v4, vps=vps.v4, cgnat=cgnat.v4, home=home.v4, lan=lab["lan"].v4))
    page = home.http_server(443, lambda who: f"hello {who}, this is home\n")

    teller.step("Home serves a page on port 443. From the Internet it is not there: carrier NAT is in between.")
    teller.fetch(visitor, f"http://{cgnat.v4}:443/", None, "nobody reaches home")

    teller.step("The VPS gets adit-server and one device. No port is opened there: devices open their own.")
    server = Server(vps, vps.prefix)
    teller.typed(vps, "adit-server", "run")
    server.run()
    teller.run(vps, "adit-server", "setup", "--endpoint", vps.v4, "--subnet", NETWORK)
    teller.run(vps, "adit-server", "device", "add", "home", "--out", "/root/home.conf")
    vps.spawn("adit-redirect").wait_output("listening on 2 sockets", 15)
    teller.run(vps, "adit-server", "status")
    profile = vps.read("/root/home.conf")
    gua = embed(vps.prefix, "10.59.0.2")

    teller.step("Home is handed one file, imports it, and publishes its page. Nothing else is configured anywhere.")
    client, publisher = Client(home).start(), Publisher(home).start()
    home.write("/root/home.conf", profile, 0o600)
    teller.run(home, "adit", "import", "/root/home.conf")
    teller.run(home, "adit", "publish", "443", timeout=20)
    teller.run(home, "adit", "list")

    teller.step("A visitor fetches the page on the VPS's IPv4 address, and on home's own IPv6 address.")
    del page.visitors[:]
    teller.fetch(visitor, f"http://{vps.v4}:443/", f"hello {visitor.v4}, this is home", "over IPv4, the visitor's true address seen")
    teller.fetch(visitor, f"http://[{gua}]:443/", f"hello {visitor.v6}, this is home", "over IPv6, likewise")

    teller.step("Who comes by plain http is sent to https, by the server, whatever the service is.")
    for where in (vps.v4, f"[{gua}]"):
        argv = ["curl", "-sS", "-o", "/dev/null", "-w", "%{http_code} %{redirect_url}", f"http://{where}/"]
        teller.typed(visitor, *argv)
        said = visitor.run(*argv, check=False).stdout
        teller.said(said)
        teller.expect(said == f"308 https://{where}/", "on port 80 of the same address")

    teller.step("Only what was opened is open.")
    home.http_server(8080, "secret\n")
    teller.fetch(visitor, f"http://{vps.v4}:8080/", None, "port 8080 is closed on IPv4")
    teller.fetch(visitor, f"http://[{gua}]:8080/", None, "port 8080 is closed on IPv6")

    teller.step("Home's other traffic is not captured: it leaves by its own provider as before.")
    visitor.http_server(80, lambda who: f"you are {who}\n")
    teller.fetch(home, f"http://{visitor.v4}/", f"you are {cgnat.v4}", "seen with the provider's address, not the VPS's")

    teller.step("All daemons are killed. The kernel goes on; back again, they find everything in place.")
    server.process.kill()
    client.process.kill()
    publisher.process.kill()
    teller.fetch(visitor, f"http://{vps.v4}:443/", f"hello {visitor.v4}, this is home", "the page still comes")
    server.start()
    client.start()
    publisher.start()
    teller.run(home, "adit", "published")

    teller.step("What is taken back is closed at once.")
    teller.run(home, "adit", "unpublish", "443")
    until(lambda: not visitor.curl(f"http://{vps.v4}:443/", check=False, timeout=1).ok, 10, "the port to close")
    teller.fetch(visitor, f"http://{vps.v4}:443/", None, "closed on IPv4")
    teller.fetch(visitor, f"http://[{gua}]:443/", None, "closed on IPv6")

    teller.step("The gateway is removed: nothing is left behind.")
    teller.run(home, "adit", "remove", "home")
    teller.typed(home, "ip", "rule")
    rules = home.run("ip", "rule").stdout
    teller.said(rules)
    teller.expect(len(rules.split("\n")) == 4, "only the kernel's own three rules")


def main(argv):
    if argv not in ([], ["--keep"]):
        print("usage: demo [--keep]", file=sys.stderr)
        return 2
    os.environ.setdefault("ADIT_BUILD", os.path.join(SOURCE, "build"))
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    teller = Teller()
    try:
        with Lab(DRAWING) as lab:
            tell(lab, teller)
            verdict = f"{teller.failed} of it NOT as told" if teller.failed else "all as told"
            print(f"\n{paint('1', verdict)}, in {time.monotonic() - teller.begin:.1f} s")
            if argv:
                print("\n" + lab.explain() + "\nCtrl-C removes the lab.", flush=True)
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
