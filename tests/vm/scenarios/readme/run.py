#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The README's commands, as they stand there, on a machine that has none of our packages; each reader has a part.

You run the VPS: this machine is the VPS, a plain WireGuard device and a visitor are on its street. You have a server
at home, you sit at a desktop: this machine is home behind a carrier's NAT, and the VPS of the lab was set up by the
same lines. `./dev package` has been done where the packages come from: here it has nothing to do.
"""

import os
import re
import shutil
import stat
import subprocess
import time

import sitting
import street
import tap
from gateway import gateways
from house import BUILD, PROGRAMS, House
from packages import PACKAGES, dpkg, names
from tap import output, sh, works

# pylint: disable=wrong-import-order,import-error
import whole
from story import Server

README = "/srv/adit/README.md"
DESK = "/run/readme"  # where the reader types
DRAWING = "visitor -- internet -- vps\ninternet -- cgnat -- home"
NAME = "vps.example.org"
NOT_YET = 5  # "not reachable yet": what a command that waits for another machine may say
PASSWORD = "a password of some length"
HELLO = "hello from home"
SUDO = "#!/bin/sh\nexec \"$@\"\n"


def section(title):
    """The text below a heading."""
    with open(README, encoding="utf-8") as file:
        return re.search(rf"^## {re.escape(title)}\n(.*?)(?=^## )", file.read(), re.MULTILINE | re.DOTALL)[1]


def block(title):
    """The commands of a section's code, without their comments."""
    code = re.search(r"^```sh\n(.*?)^```", section(title), re.MULTILINE | re.DOTALL)[1]
    return [re.sub(r"\s+# .*", "", line) for line in code.splitlines()]


def types(line, stdin="", good=(0,), run=None):
    """One line of the README at a shell; what it said."""
    argv = ["bash", "-c", f"cd {DESK} && {line}"]
    done = run(*argv) if run else subprocess.run(argv, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                                                 text=True, timeout=240, check=False)
    code = done.code if run else done.returncode
    if not tap.ok(code in good, f"$ {line}"):
        tap.note(f"status {code}\n{done.stdout}")
    return done.stdout


def asked(line, words, stdin="", good=(0, NOT_YET)):
    """A line that is typed again until it says something; one result."""
    said = []

    def once():
        done = subprocess.run(["bash", "-c", f"cd {DESK} && {line}"], input=stdin, stdout=subprocess.PIPE,
                              stderr=subprocess.STDOUT, text=True, timeout=240, check=False)
        said[:] = [done.stdout]
        return done.returncode in good and re.search(words, done.stdout)

    if not tap.until(once, f"$ {line}: says {words}", 120):
        tap.note(said[0])


def clean():
    """As if none of our packages had ever been here."""
    dpkg("--purge", *names())
    tap.same(shutil.which("adit"), None, "no package of ours is here")


def put_back():
    """All of our packages, as those who come after know the machine."""
    shutil.rmtree(BUILD, ignore_errors=True)
    dpkg("--install", *PACKAGES)


def desk():
    """The checkout: its packages are built."""
    shutil.rmtree(DESK, ignore_errors=True)
    os.makedirs(f"{DESK}/build")
    shutil.copytree("/srv/adit/packages", f"{DESK}/build/packages")
    for path, text in ((f"{DESK}/dev", "#!/bin/sh\n[ \"$*\" = package ]\n"), ("/usr/local/bin/sudo", SUDO)):
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        os.chmod(path, 0o755)


def known(address):
    """The name that the README gives the VPS, as DNS would."""
    with open("/etc/hosts", encoding="utf-8") as file:
        lines = [line for line in file if NAME not in line]
    with open("/etc/hosts", "w", encoding="utf-8") as file:
        file.writelines(lines + [f"{address} {NAME}\n"])


def install(word):
    """The line of the section Install for this package, and those that lie beside it."""
    line, = [line for line in block("Install") if f"/{word}_" in line]
    types(line)


def the_page(device):
    """A page in the browser instead: opened, and a port published at it that a visitor reaches, in under a minute."""
    words = section("You run the VPS")
    install_page, password, enable = re.findall(r"`(sudo [^`]*)`", words)
    forward, = re.findall(r"`(ssh [^`]*)`", words)
    sitting.let_in(NAME)
    passing = street.passer_by(device)
    web = ["python3", "-m", "http.server", "8080", "--bind", device, "--directory", DESK]
    with open(f"{DESK}/index.html", "w", encoding="utf-8") as file:
        file.write(HELLO)
    start = time.monotonic()
    types(install_page)
    types(password, stdin=f"{PASSWORD}\n")
    types(enable)
    with sitting.typing(forward), sitting.typing(" ".join(web)):
        reader = sitting.Sitting(re.search(r"http://localhost:\d+", words)[0])
        tap.ok(reader.opens("<html"), f"$ {forward}: {reader.page} is a page")
        opened = time.monotonic() - start
        tap.same(reader.asks("GET", "/session")["who"], "none", "which wants a password")
        tap.same(reader.asks("POST", "/session", {"password": PASSWORD})["who"], "admin", "and takes it")
        names = [row["name"] for row in reader.asks("GET", "/devices")]
        tap.ok("home" in names, "it shows the devices")
        reader.asks("POST", "/publications", {"device": "home", "ports": "8080/tcp", "label": "my page",
                                              "ip-version": "both", "redirect": "no"})
        door = f"http://{street.WAN['4']}:8080/"
        tap.until(lambda: passing("curl", "-s", "-m", "5", door, check=output) == HELLO, f"a visitor reads {door}", 60)
        tap.in_time(time.monotonic() - start, 60, "the page is installed and a port published at it")
        tap.note(f"of that the page was open after {opened:.1f} s")
    tap.ok("my page" in sh("adit-server", "mappings"), "the command line knows it too")


def run_the_vps():
    """From nothing to a device that reaches its server, and the page."""
    street.pave(ipv6=True)
    known(street.WAN["4"])
    install("adit-server")
    tap.until(lambda: works("systemctl", "is-active", "adit-server"), "the server runs")
    setup, home, cabin, phone, mappings, status, check = block("You run the VPS")
    types(setup)
    types(home)
    types(cabin)
    tap.same({stat.filemode(os.stat(f"{DESK}/{name}.conf").st_mode) for name in ("home", "cabin")}, {"-rw-------"},
             "both files are their owner's alone")
    tap.ok("█" in types(phone), "a code for the phone")
    with open(f"{DESK}/home.conf", encoding="utf-8") as file:
        address = street.device(file.read())
    server = address.rsplit(".", 1)[0] + ".1"
    tap.until(lambda: street.inside("ping", "-c", "1", "-W", "2", server, check=works), "the device reaches the server")
    types(mappings)
    tap.ok("home" in types(status) + output("adit-server", "device", "list"), "the device is known")
    types(check, good=(0, 1))  # 1: something is amiss, and named: this VPS is a poor one
    the_page(address)
    sh("adit-server", "down")
    street.clear()


def install_beside(name):
    """Packages that the README names without a line of their own."""
    tap.ok(name in section("Install"), f"{name} is named")
    types(f"sudo apt install ./build/packages/{name}_*.deb")


def handed(house):
    """The VPS of the lab, set up by the lines of its reader; the file, at home."""
    vps = house.lab["vps"]
    server = Server(vps).run()
    vps.spawn("adit-redirect")
    vps.run("mkdir", "-p", DESK)
    for line in block("You run the VPS")[:2]:
        types(line, run=lambda *argv: vps.run(*argv, timeout=60, check=False))
    known(vps.v4)
    return server, vps.read(f"{DESK}/home.conf")


def write(path, profile):
    """A file of secrets."""
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "w", encoding="utf-8") as file:
        os.fchmod(file.fileno(), 0o600)
        file.write(profile)


def cast_of(house, server):
    """For the acts of the story."""
    row = whole.json.loads(server.admin("device", "list", "--json", timeout=30).stdout)[0]
    return whole.Cast(house.lab["vps"], house.home, house.lab["visitor"], None, row["ipv6"])


def without_a_screen(house, cast, profile):
    """Imported, published, reached."""
    install("adit")
    write(f"{DESK}/home.conf", profile)
    dry, take, listed, publish, published, doctor = block("You have a server at home without a screen")
    tap.ok("rule" in types(dry), "every line it would carry out")
    tap.same(gateways(), {}, "and none of them was")
    types(take)
    asked(listed, r"home\s.*\bup\b")
    tls, trusted = whole.certificate(cast.home, *[door for door, _ in cast.doors])
    cast.visitor.write("/root/home.crt", trusted)
    cast.home.http_server(443, whole.PAGE, tls=tls)
    types(publish, good=(0, NOT_YET))
    asked(published, r"443")
    for door, _ in cast.doors:
        tap.same(whole.fetch(cast, door), whole.PAGE, f"a visitor reads the page: https://{door}/")
        head = cast.curl(f"http://{door}/", "-sI", check=False).stdout
        tap.ok(" 308 " in head, f"port 80 answers with a redirect: {head.splitlines()[:1]}")
    types(doctor)
    house.home.close()


def at_a_desktop(house, cast, profile):
    """Imported from a download, published with a label, everything by the tunnel and back; then by NetworkManager."""
    install("adit")
    install_beside("adit-networkmanager")
    write(os.path.expanduser("~/Downloads/home.conf"), profile)
    take, publish, published, selected, none = block("You sit at a desktop")
    types(take)
    tap.until(lambda: gateways().get("home", {}).get("up"), "the gateway is up", 90)
    cast.home.http_server(8080, whole.PAGE)
    types(publish, good=(0, NOT_YET))
    asked(published, r"8080/tcp.*\bpublished\b")
    tap.ok('"my page"' in output("adit", "published", "--json"), "it is known by its label")
    for door, _ in cast.doors:
        tap.until(lambda url=f"http://{door}:8080/": cast.curl(url, check=False).stdout == whole.PAGE,
                  f"a visitor reads the page: http://{door}:8080/", 90)
    types(selected)
    tap.ok("20070:" in sh("ip", "rule"), "everything goes by the tunnel")
    types(none)
    tap.ok("20070:" not in sh("ip", "rule"), "and back")
    sh("adit", "remove", "home")
    stock, = re.findall(r"`(nmcli [^`]*)`", section("You sit at a desktop"))
    types(f"{stock} file ~/Downloads/home.conf")
    tap.until(lambda: gateways().get("home", {}).get("backend") == "networkmanager", "it is a gateway", 90)
    house.home.close()
    sh("adit", "remove", "--all")


def main():
    """Three readers, each on a machine without our packages."""
    shutil.rmtree(BUILD, ignore_errors=True)  # of a scenario before: links to what is taken away here
    os.makedirs(BUILD + "/bin")
    for path in PROGRAMS:  # for the VPS of the lab
        shutil.copy(path, BUILD + "/bin")
    sh("modprobe", "-a", "wireguard", "veth", "nf_tables", "nf_conntrack")
    try:
        clean()
        desk()
        run_the_vps()
        clean()
        with House(DRAWING) as house:
            server, profile = handed(house)
            cast = cast_of(house, server)
            without_a_screen(house, cast, profile)
            clean()
            at_a_desktop(house, cast, profile)
    finally:
        sitting.clear()
        street.clear()
        for path in (DESK, os.path.expanduser("~/Downloads")):
            shutil.rmtree(path, ignore_errors=True)
        if os.path.exists("/usr/local/bin/sudo"):
            os.unlink("/usr/local/bin/sudo")
        put_back()
    tap.done()


if __name__ == "__main__":
    main()
