# SPDX-License-Identifier: GPL-2.0-or-later
"""A desktop's session on a machine: its bus, adit-agent, and who shows notifications, which here only remembers them."""
import json
import os
from collections import namedtuple

from process import until

Notice = namedtuple("Notice", "number summary body actions urgency open")
STATE = ".local/state/adit/agent.state"
RUNTIME = "/run/session"
HOME = "/run/home"  # the machine's own; what is below /home is not
ADDRESS = f"unix:path={RUNTIME}/bus"


class Desktop:
    """The session of a user, who may be root; without an X server, so without a clipboard."""

    def __init__(self, home, user="root"):
        self.home, self.user, self.agent = home, user, None
        home.run("install", "-d", "-m", "0700", "-o", user, RUNTIME, HOME)
        self._spawn("dbus-daemon", "--session", "--nofork", "--nopidfile", "--print-address",
                    f"--address={ADDRESS}").wait_output("unix:path=", 10)
        self._spawn(os.path.join(home.lab.build, "tests/dbus/notification-server")).wait_output("ready", 10)

    def _as_user(self, *argv):
        user = ["setpriv", f"--reuid={self.user}", f"--regid={self.user}", "--init-groups"]
        return [*(user if self.user != "root" else []), *argv]

    def _spawn(self, *argv):
        return self.home.spawn(*self._as_user(*argv), name=os.path.basename(argv[0]),
                               env={"HOME": HOME, "DBUS_SESSION_BUS_ADDRESS": ADDRESS})

    def start(self):
        """adit-agent, as at login; it has looked around once: what comes from now on is news."""
        self.agent = self._spawn("adit-agent", "--gapplication-service")
        until(lambda: self._call("org.freedesktop.DBus", "/", "org.freedesktop.DBus", "NameHasOwner", "s", "org.adit.Agent"),
              15, "the agent's name")
        until(lambda: "reaches=true" in self.remembered(), 15, "the agent to have looked around")
        return self

    def remembered(self):
        """What the agent keeps of what it has said."""
        path = os.path.join(HOME, STATE)
        return self.home.read(path) if self.home.exists(path) else ""

    def _call(self, *words):
        said = self.home.run(*self._as_user("busctl", f"--address={ADDRESS}", "--json=short", "call", *words))
        return json.loads(said.stdout)["data"][0]

    def _ask(self, *words):
        return self._call("org.freedesktop.Notifications", "/org/adit/Test", "org.adit.Test", *words)

    def all(self):
        """Every notification there was, the newest last."""
        return [Notice(*row) for row in self._ask("All")]

    def summaries(self):
        return [notice.summary for notice in self.all()]

    def look(self, summary):
        """The newest that is open and called so, or None."""
        return next((n for n in reversed(self.all()) if n.open and n.summary == summary), None)

    def see(self, summary, timeout=20):
        return until(lambda: self.look(summary), timeout, f"{summary!r} to be shown")

    def miss(self, summary, timeout=20):
        until(lambda: not self.look(summary), timeout, f"{summary!r} to go")

    def press(self, summary, label, timeout=20):
        """A button of a notification, once that is there."""
        notice = self.see(summary, timeout)
        assert self._ask("Press", "us", str(notice.number), label), f"{label!r}: not on {notice}"
