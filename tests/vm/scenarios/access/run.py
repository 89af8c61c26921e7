#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Who may call what, by the installed policies, the real dbus-daemon, logind and polkit: every method of both daemons.

Root, a member of adit-admin, the user who sits at the desktop (a session on tty1), one who came over the network (a
session without a seat), nobody. Then with a password: the desktop's user gives his own, which opens what it should.
"""

import os
import shlex
import subprocess
import sys

sys.path.append(os.path.join(os.environ["ADIT_TESTS"], "netns"))  # behind our own tap.py
# pylint: disable=wrong-import-position,import-error,wrong-import-order
import access

import tap
from tap import output, sh, works

WORD = "correct horse"
HERE = os.path.dirname(os.path.abspath(__file__))
EXAMINE = ("org.adit.Client1.Manager", "Examine")
CLIENT = {"desktop": access.CLIENT["other"] | {EXAMINE}, "remote": access.CLIENT["other"],
          "admin": access.CLIENT["other"], "nobody": access.CLIENT["other"]}
PATIENCE = "--timeout=30"  # of busctl: this machine is emulated
SERVER = {"admin": {"*"}, "desktop": set(), "remote": set(), "nobody": set()}
# What a password does: (who, method, whether it helps). All actions want one but Examine; some the user's own.
PASSWORD = [("desktop", "SetUp", "heard"), ("desktop", "SetDefault", "heard"), ("desktop", "Publish", "heard"),
            ("desktop", "Import", "denied"), ("desktop", "Remove", "denied"), ("desktop", "Export", "denied"),
            ("remote", "SetDefault", "denied"), ("remote", "Publish", "denied"), ("remote", "Examine", "denied")]


class Person:
    """A shell of somebody's, in a session of his own or none; a function that runs a command there."""

    def __init__(self, *argv):
        self.shell = subprocess.Popen([*argv, "/bin/sh"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                                      stderr=subprocess.STDOUT, text=True)

    def __call__(self, *argv):
        self.shell.stdin.write(shlex.join(argv) + " 2>&1 </dev/null; echo; echo ::done\n")
        self.shell.stdin.flush()
        return "".join(iter(self.shell.stdout.readline, "::done\n"))

    def close(self):
        """He logs out."""
        self.shell.stdin.close()
        self.shell.wait(30)


def session(user, pam, *more):
    """A shell behind PAM, which has logind make a session of it."""
    return Person("systemd-run", "--quiet", "--pipe", "--collect", f"--property=User={user}", f"--property=PAMName={pam}",
                  *more)


def people():
    """Everybody of the matrix."""
    works("groupadd", "adit-admin")  # our package's
    for user in ("desktop", "remote", "admin"):
        sh("useradd", "--create-home", "--shell", "/bin/sh", *(["-G", "adit-admin"] if user == "admin" else []), user)
        sh("chpasswd", stdin=f"{user}:{WORD}\n")
    return {"root": Person("env"),
            "admin": Person("setpriv", "--reuid=admin", "--regid=admin", "--init-groups"),
            "desktop": session("desktop", "login", "--property=TTYPath=/dev/tty1", "--setenv=XDG_SEAT=seat0",
                               "--setenv=XDG_VTNR=1"),
            "remote": session("remote", "su-l"),
            "nobody": Person("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups")}


def sessions(callers):
    """That they are what their names say."""
    for who, want in (("desktop", "Seat=seat0 Active=yes"), ("remote", "Seat= Active=yes"), ("nobody", "")):
        number = callers[who]("sh", "-c", "echo ${XDG_SESSION_ID-}").strip()
        got = output("loginctl", "show-session", number, "-p", "Seat", "-p", "Active") if number else ""
        got = " ".join(sorted(got.split(), reverse=True))
        tap.ok(got == want or who == "remote" and "seat0" not in got and number, f"{who}: {want or 'no session'}: {got}")


def with_password(callers):
    """A person who types his own password into polkit's own agent."""
    for who, method, want in PASSWORD:
        interface = "org.adit.Client1.Publications" if method == "Publish" else "org.adit.Client1.Manager"
        said = []

        def run(*argv, caller=callers[who], said=said):
            said.append(caller(os.path.join(HERE, "agent.py"), WORD, *argv))
            return said[-1]

        got = access.ask(run, "org.adit.Client1", access.CLIENT_PATHS[interface], interface, method, "--timeout=100")
        if not tap.same(got, want, f"{who} with his own password: {method}: {want}"):
            tap.note(said[-1])


def main():
    """Both daemons, everybody, every method."""
    for unit in ("adit-server", "aditd"):
        works("systemctl", "start", unit)
    callers = people()
    try:
        sessions(callers)
        wrong = access.matrix(callers, "org.adit.Client1", access.CLIENT_PATHS, access.client_texts(), CLIENT, PATIENCE)
        tap.same(wrong, [], "aditd: everybody may look, the desktop's user may ask why, root may all")
        texts = [access.source("tunnel-server", "org.adit.Server1.xml")]
        wrong = access.matrix(callers, "org.adit.Server1", access.SERVER_PATHS, texts, SERVER, PATIENCE)
        tap.same(wrong, [], "adit-server: root and adit-admin may all, nobody else anything")
        with_password(callers)
    finally:
        works("systemctl", "restart", "adit-server")  # it was told to go down, by those who may
        for person in callers.values():
            person.close()
        for user in ("desktop", "remote", "admin"):
            works("userdel", "--force", "--remove", user)
    tap.done()


if __name__ == "__main__":
    main()
