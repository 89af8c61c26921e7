#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""story.py OUT [TEST...]: what somebody at a fresh GNOME does who never opens a terminal. TAP."""
import json
import os
import re
import socket
import sys
import traceback

from desk import Desk, connections, run, until
from person import Person

HERE = os.path.dirname(os.path.abspath(__file__))
PRIVATE = "cGxlYXNlIGRvIG5vdCB1c2UgdGhpcyBrZXkgYXQgYWw="
PUBLIC = "xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg="
PSK = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA="
# as `adit-server device add` writes them: a table of ours, our mark, no default route
OURS = f"""[Interface]
PrivateKey = {PRIVATE}
Address = 10.59.0.2/32, 2001:db8:59::a3b:2/128
Table = 20101
FwMark = 0x3f000000

[Peer]
PublicKey = {PUBLIC}
PresharedKey = {PSK}
AllowedIPs = 10.59.0.1/32, 2001:db8:59::a3b:1/128, 10.59.0.0/24, 0.0.0.0/1, 128.0.0.0/1, 2000::/3
Endpoint = 192.0.2.1:51820
PersistentKeepalive = 25
"""
# as StartTunnel hands them out: everything by the tunnel
FOREIGN = f"""[Interface]
Address = 10.60.0.2/24
PrivateKey = {PRIVATE}
DNS = 10.60.0.1

[Peer]
PublicKey = {PUBLIC}
PresharedKey = {PSK}
AllowedIPs = 0.0.0.0/0, ::/0
Endpoint = 192.0.2.1:51821
PersistentKeepalive = 25
"""


def get(name, what):
    """A property of a connection, as NetworkManager has it now; ada may see her own secrets."""
    return run("nmcli", "-s", "-e", "no", "-g", what, "connection", "show", name)[1].strip()


def gateways():
    """The first column of `adit list`."""
    rows = run("adit", "list", check=False)[1].splitlines()
    return [row.split()[0] for row in rows[1:] if row.strip()]


def ask(path, *words):
    """What somebody says who is reached by a socket."""
    with socket.socket(socket.AF_UNIX) as way:
        way.connect(path)
        way.sendall(f"{' '.join(words)}\n".encode())
        return way.makefile().read()


def visit(address, port):
    """What the visitor gets there: "200", or the complaint."""
    return ask("/run/visitor.sock", address, str(port))


def secrets(profile):
    """The keys of a profile."""
    return re.findall(r"^(?:PrivateKey|PresharedKey) *= *(\S+)", profile, re.MULTILINE)


def witness(question, *texts):
    """What root finds, as lines."""
    return ask("/run/witness.sock", question, *texts).split("\n")


def links():
    """The names of what there is."""
    return {name for _, name in socket.if_nameindex()}


class Story:
    ICON = "table cell"  # what a file is to the file manager

    def __init__(self, out):
        self.desk = Desk(out)
        self.home = os.environ["HOME"]
        self.desk.start()
        self.person = Person(self.desk)
        self.settings = None
        self.links = links()
        self.begin()

    def begin(self):
        """The shell, and the agent at login."""
        self.desk.spawn("shell", "gnome-shell", "--x11")
        self.person.see("Screen Lock disabled", seconds=60)  # the shell's own word that it is up
        self.desk.key("Escape")
        self.desk.spawn("agent", "adit-agent", "--gapplication-service")

    def files(self):
        """Her home in the file manager."""
        return self.desk.spawn("files", "nautilus", "--new-window", self.home)

    def menu(self, name):
        """A program from the menu."""
        # GNOME 48 keeps a banner back that comes while another one goes, behind the overview: it is in its list alone
        self.desk.move(640, 600)
        until(lambda: self.person.banner("Just now") is None, 20, "the banners to go")
        self.desk.key("super")
        self.person.see("Overview")
        self.desk.type(name)
        self.person.see(name, "label")
        self.desk.shot("menu")
        self.person.insist("Return", "Overview")

    def gone(self, profile):
        """Nothing of the last gateway is left: link, rules, routes, nor a key of its profile in any file."""
        until(lambda: gateways() == [], 20, "the gateway to go")
        until(lambda: links() == self.links, 20, "the link to go")
        for family in ("-4", "-6"):
            for look in (("rule",), ("route", "show", "table", "all", "proto", "173")):
                ours = [line for line in run("ip", family, *look)[1].splitlines() if "173" in line or "2010" in line]
                assert ours == [], ours
        assert witness("table") == [""], witness("table")
        assert witness("keeps", *secrets(profile)) == [""], witness("keeps", *secrets(profile))

    def served(self):
        """The profile that the tunnel server has for her."""
        with open(os.path.join(self.desk.out, "served.conf"), encoding="utf-8") as file:
            return file.read()

    def file(self, name, text):
        """The only file at home: a chooser shows it first."""
        for old in os.listdir(self.home):
            if old.endswith(".conf"):
                os.unlink(os.path.join(self.home, old))
        path = os.path.join(self.home, name)
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return path

    def remembered(self):
        """What the agent keeps of what it has said."""
        with open(os.path.join(self.home, ".local/state/adit/agent.state"), encoding="utf-8") as file:
            return file.read()

    def open_settings(self):
        """The network panel of GNOME Settings, from the start."""
        for _ in range(3):
            if self.settings:
                self.settings.kill()
                self.settings.wait()
            self.settings = self.desk.spawn("settings", "gnome-control-center", "network")
            until(lambda: self.person.look("Add VPN", "button") or self.settings.poll() is not None, 40, "the panel")
            if self.settings.poll() is None:
                return
            print("# GNOME Settings have crashed at their start, and are started once more")
        raise AssertionError("GNOME Settings do not start")

    def import_in_settings(self, name, text):
        """Add VPN, Import from file, the file, Add."""
        self.file(name, text)
        self.open_settings()
        self.person.press("Add VPN", "button")
        self.person.press("Import from file…", "list item")
        self.person.see(name, "table cell")
        self.desk.shot("chooser")
        self.person.press("Open", "button")
        self.person.see("Add", "button")
        self.desk.shot("before-add")
        self.person.press("Add", "button")

    def remove(self, profile):
        """The only connection, in the panel that is open: the gateway goes with it, whole."""
        assert witness("keeps", *secrets(profile)) != [""], "no key is found where there must be one"
        self.person.press("VPN Options", "button")
        self.person.press("Remove VPN…", "button")
        self.desk.shot("remove")
        self.person.press("Forget", "button")
        until(lambda: "home" not in connections(), 20, "the connection to go")
        self.gone(profile)

    def test_import(self):
        """GNOME Settings imports our server's profile, aditd makes a gateway of it, and a notification says so"""
        self.import_in_settings("home.conf", OURS)
        until(lambda: connections().get("home") == "wireguard", 20, "the connection")
        until(lambda: gateways() == ["home"], 20, "the gateway")
        until(lambda: get("home", "wireguard.listen-port") == "0", 20, "the port that GNOME writes to go")
        self.person.see("New gateway: home")
        self.desk.shot("gateway")
        for what, value in (("wireguard.fwmark", "0x3f000000"), ("ipv4.route-table", "20101"), ("ipv6.route-table", "20101"),
                            ("wireguard.ip4-auto-default-route", "0"), ("wireguard.ip6-auto-default-route", "0"),
                            ("connection.permissions", "user:ada")):
            assert get("home", what) == value, (what, get("home", what))
        self.open_settings()
        self.person.see("home")
        self.desk.shot("settings-with-home")

    def test_switch(self):
        """its switch in GNOME Settings reaches NetworkManager as her wish; without WireGuard in the kernel that is all"""
        self.person.switch("home")
        log = os.path.join(os.path.dirname(self.desk.out), "machine", "NetworkManager.log")
        asked = re.compile(r'op="connection-activate".* name="home".* uid=(\d+) result="(\w+)"(?: reason="(.*)")?')

        def answer():
            with open(log, encoding="utf-8") as file:
                return asked.search(file.read())
        uid, result, reason = until(answer, 20, "her wish in NetworkManager's log").groups()
        assert int(uid) == os.getuid(), uid
        assert result == "success" or "Failed to create WireGuard interface" in reason, reason

    def test_foreign(self):
        """a profile of somebody else's is imported as it is and left alone"""
        self.import_in_settings("lab.conf", FOREIGN)
        until(lambda: connections().get("lab") == "wireguard", 20, "the connection")
        assert gateways() == ["home"], gateways()
        assert get("lab", "wireguard.ip4-auto-default-route") == "-1", get("lab", "wireguard.ip4-auto-default-route")
        assert get("lab", "ipv4.route-table") == "0"

    def test_refused_by_stock(self):
        """a file that the stock importer refuses for its name comes in by our module, in GNOME Settings, too"""
        name = "My tunnel (spare).conf"
        self.import_in_settings(name, FOREIGN.replace("10.60.0.2", "10.61.0.2"))
        until(lambda: connections().get("My tunnel (spare)") == "wireguard", 20, "the connection")
        assert get("My tunnel (spare)", "connection.interface-name") == "my-tunnel-spare"

    def test_delete(self):
        """deleting it in GNOME Settings removes the gateway and its rules"""
        run("nmcli", "connection", "delete", "lab", "My tunnel (spare)")
        self.open_settings()
        self.remove(OURS)
        self.settings.kill()

    def test_editor(self):
        """the other editor of connections, nm-connection-editor, imports it with its secrets: a gateway"""
        path = self.file("home.conf", OURS)
        editor = self.desk.spawn("editor", "nm-connection-editor", f"--import={path}")
        self.person.see("Save", "button")
        self.desk.shot("editor")
        self.person.press("Save", "button")
        until(lambda: connections().get("home") == "wireguard", 20, "the connection")
        until(lambda: gateways() == ["home"], 20, "the gateway")
        assert PSK in run("adit", "export", "home")[1]
        assert (get("home", "wireguard.fwmark"), get("home", "ipv4.route-table")) == ("0x3f000000", "20101")
        editor.kill()
        run("nmcli", "connection", "delete", "home")
        until(lambda: gateways() == [], 20, "the gateway to go")

    def test_double_click(self):
        """a file is opened in the file manager, a notification asks, and the tunnel works"""
        run("nmcli", "device", "set", "up0", "managed", "no")
        self.file("home.conf", self.served())
        if self.settings:
            self.settings.kill()
        files = self.files()
        self.person.double_click("home.conf", self.ICON, 'Import "home" as a gateway?')
        self.desk.shot("import")
        self.person.hit("Import", "button")
        until(lambda: gateways() == ["home"], 40, "the gateway")
        until(lambda: "gateway:home" in self.remembered(), 40, "its notification")
        self.desk.shot("imported")
        files.kill()

    def test_publish(self):
        """a web server starts, a notification asks, and a visitor on the Internet reads its page"""
        self.desk.spawn("page", "python3", "-m", "http.server", "8080", "--bind", "0.0.0.0", "--directory", "/usr/share/mime")
        self.person.hover("A service listens on port 8080. Publish it?", "Publish", 60)
        self.desk.shot("question")
        assert visit("203.0.113.1", 8080) != "200"
        self.person.hit("Publish", "button")
        self.person.hover("Published: python3 (8080/tcp)", "Copy IPv4 address", 40)
        self.desk.shot("published")
        until(lambda: visit("203.0.113.1", 8080) == "200", 10, "the visitor's page")

    def test_copy(self):
        """a button of the notification puts its address on the clipboard"""
        self.person.hit("Copy IPv4 address", "button")
        text = run("python3", os.path.join(HERE, "clipboard.py"))[1].strip()
        assert text == "203.0.113.1:8080", text

    def test_unpublish(self):
        """adit from the menu shows what there is, and takes a publication back"""
        self.menu("adit")
        self.person.see("Gateway home: connected")
        self.desk.shot("page-gateway")
        self.person.hit("Next", "button")
        self.person.see("Published: python3 (8080/tcp)")
        self.desk.shot("page-publication")
        self.person.hit("Unpublish", "button")
        until(lambda: visit("203.0.113.1", 8080) != "200", 20, "the port to close")
        assert "nothing is published" in run("adit", "published")[1]

    def test_guard(self):
        """everything goes by the gateway, which is switched off: a notification says what is blocked, and opens the guard"""
        def home():
            return json.loads(run("adit", "list", "--json")[1])[0]
        self.menu("adit")
        self.person.hit("Send everything", "button")
        until(lambda: home()["default4"], 20, "everything to go by it")
        self.menu("adit")
        self.person.hit("Switch off", "button")
        self.person.hover("Traffic is blocked: home has no connection", "Open the guard", 40)
        self.desk.shot("blocked")
        self.person.hit("Open the guard", "button")
        until(lambda: not home()["default4"], 20, "the usual way")
        self.menu("adit")
        self.person.hit("Switch on", "button")
        until(lambda: home()["state"] == "up", 20, "the gateway to be up")

    def test_remove(self):
        """and there a gateway is switched off and removed, with all that is of it"""
        self.menu("adit")
        self.person.hit("Switch off", "button")
        until(lambda: "down" in run("adit", "list", check=False)[1], 20, "the gateway to be down")
        self.menu("adit")
        self.person.see("Gateway home: switched off")
        self.desk.shot("page-off")
        self.person.hit("Remove", "button")
        self.person.see("Remove the gateway home?")
        self.desk.shot("page-remove")
        self.person.hit("Remove", "button")
        self.gone(self.served())


def play(kind):
    """The tests of a class, or those that the command line names."""
    tests = [value for name, value in vars(kind).items()
             if name.startswith("test_") and (len(sys.argv) < 3 or name[5:] in sys.argv[2:])]
    print(f"1..{len(tests)}", flush=True)
    story, failed = kind(sys.argv[1]), False
    for number, test in enumerate(tests, 1):
        try:
            test(story)
            print(f"ok {number} - {test.__doc__}", flush=True)
        except Exception:  # pylint: disable=broad-except
            failed = True
            print("".join(f"# {line}\n" for line in traceback.format_exc().splitlines()), end="")
            print("".join(f"# {line}\n" for line in story.person.text().splitlines()), end="")
            story.desk.shot(f"failure-{test.__name__[5:]}")
            print(f"not ok {number} - {test.__doc__}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(play(Story))
