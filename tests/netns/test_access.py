#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Who may call what on the bus, under our policies and a real dbus-daemon: every method of every interface."""
import tap
from access import CLIENT, CLIENT_PATHS, SERVER, SERVER_PATHS, client_texts, matrix, source
from bus import ask_at_once
from story import Client, Server

DRAWING = "home -- internet -- vps"

def people(machine, *users):
    """A member of the group adit-admin, somebody else, and the daemons' own users."""
    machine.sh("groupadd adit-admin; useradd -G adit-admin anna; useradd otto;" + "".join(f"useradd {user};" for user in users))


def policies(machine, *names):
    """Our policy files, where the machine's bus reads them."""
    return [machine.write(f"/etc/dbus-{name}.conf", source("data", f"org.adit.{name}.conf")) for name in names]


def callers(machine, *users):
    """Of a machine's users, each as itself."""
    def caller(user):
        words = [] if user == "root" else ["setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups"]
        return lambda *argv: machine.run(*words, *argv, check=False).stderr
    names = {"admin": "anna", "other": "otto", "publisher": "adit-publisher"}
    return {who: caller(names.get(who, who)) for who in ("root", *users)}


def test_client(lab):
    """aditd: root changes; others look; the publisher has one question answered besides"""
    home = lab["home"]
    people(home, "adit-publisher")
    home.bus(*policies(home, "Client1", "Publisher1"))
    Client(home).start()
    wrong = matrix(callers(home, *CLIENT), "org.adit.Client1", CLIENT_PATHS, client_texts(), CLIENT)
    assert not wrong, "\n".join(wrong)


def test_server(lab):
    """adit-server: root and the group adit-admin; nobody else, not even to look"""
    vps = lab["vps"]
    people(vps, "adit-server")
    vps.bus(*policies(vps, "Server1"))
    Server(vps).start()
    texts = [source("tunnel-server", "org.adit.Server1.xml")]
    wrong = matrix(callers(vps, *SERVER), "org.adit.Server1", SERVER_PATHS, texts, SERVER)
    assert not wrong, "\n".join(wrong)


def test_first_questions_at_once(lab):
    """adit-server: whoever asks many things at once, and had not asked before, is known in each of them"""
    vps = lab["vps"]
    Server(vps).start()
    for _ in range(300):
        assert ask_at_once(vps, 8, "org.adit.Server1", "/org/adit/Server1", "org.adit.Server1.Manager", "Refresh") == 8


def test_names(lab):
    """only the daemons' users may take the daemons' names"""
    people(lab["home"], "adit-server", "adit-publisher")
    people(lab["vps"], "adit-server", "adit-publisher")
    lab["home"].bus(*policies(lab["home"], "Client1", "Publisher1"))
    lab["vps"].bus(*policies(lab["vps"], "Server1"))
    for machine, name, owners in ((lab["home"], "org.adit.Client1", ["root"]),
                                  (lab["home"], "org.adit.Publisher1", ["adit-publisher"]),
                                  (lab["vps"], "org.adit.Server1", ["root", "adit-server"])):
        for user in ("root", "adit-server", "adit-publisher", "anna", "otto"):
            done = machine.run("setpriv", f"--reuid={user}", f"--regid={user}", "--init-groups", "busctl", "call",
                               "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "RequestName",
                               "su", name, "4", check=False)
            assert (done.code == 0) == (user in owners), f"{user}: {name}: {done}"


if __name__ == "__main__":
    tap.main(globals())
