# SPDX-License-Identifier: GPL-2.0-or-later
"""A person who sees what is on the screen, by the accessibility tree, and presses it."""
import contextlib
import time

import gi

from desk import Late, until

gi.require_version("Atspi", "2.0")
from gi.repository import Atspi, GLib  # noqa: E402  pylint: disable=wrong-import-position


def walk(node):
    """A node and all below it that is on the screen."""
    try:
        if not node.get_state_set().contains(Atspi.StateType.SHOWING) and node.get_parent() is not None \
                and node.get_role_name() not in ("application", "desktop frame"):
            return
        yield node
        children = [node.get_child_at_index(i) for i in range(node.get_child_count())]
    except GLib.Error:
        return  # gone while we looked
    for child in filter(None, children):
        yield from walk(child)


class Person:
    def __init__(self, desk):
        self.desk = desk
        Atspi.init()

    def all(self):
        """Everything on the screen, the newest windows first: what was opened last is meant."""
        apps = [Atspi.get_desktop(0).get_child_at_index(i) for i in range(Atspi.get_desktop(0).get_child_count())]
        for app in reversed([app for app in apps if app]):
            windows = [app.get_child_at_index(i) for i in range(app.get_child_count())]
            for window in reversed([window for window in windows if window]):
                yield from walk(window)

    def look(self, name, role=None, part=False):
        """What is called so, or begins so, or None."""
        for node in self.all():
            try:
                words = (node.get_name() or "").strip()
                if (words.startswith(name) if part else words == name) and role in (None, node.get_role_name()):
                    return node
            except GLib.Error:
                continue
        return None

    def see(self, name, role=None, seconds=25, part=False):
        """Wait for it."""
        return until(lambda: self.look(name, role, part), seconds, f"{role or 'anything'} called {name!r}")

    def insist(self, key, name, times=4):
        """Press a key until something is seen: a window that is not ready swallows it."""
        for _ in range(times - 1):
            self.desk.key(key)
            with contextlib.suppress(Late):
                return self.see(name, seconds=20)
        self.desk.key(key)
        return self.see(name)

    def miss(self, name, role=None, seconds=25):
        """Wait until it is gone."""
        until(lambda: self.look(name, role) is None, seconds, f"{name!r} to go")

    def press(self, name, role=None, seconds=25):
        """The shell's by the mouse, a button by its own action, whatever else by the keyboard."""
        node = self.see(name, role, seconds)
        if node.get_application().get_name() == "gnome-shell":  # whose places are those of the screen
            self.hit(name, role)
        elif node.get_role_name() != "check box" and node.get_action_iface() and node.get_n_actions() > 0:
            node.do_action(0)
        else:
            self.reach(node)
            self.desk.key("space" if node.get_role_name() == "check box" else "Return")

    def switch(self, name):
        """The switch of a row."""
        self.see(name, "check box").do_action(0)

    def is_on(self, name):
        """Whether the switch of a row shows that."""
        return self.see(name, "check box").get_state_set().contains(Atspi.StateType.CHECKED)

    def banner(self, name, role=None):
        """Of the shell's own, which is quick to look through: a banner stays for seconds only."""
        shell = Atspi.get_desktop(0).get_child_at_index(0)
        for node in walk(shell):
            try:
                if (node.get_name() or "").strip() == name and role in (None, node.get_role_name()):
                    return node
            except GLib.Error:
                continue
        return None

    @staticmethod
    def middle(node):
        """Where it is on the screen."""
        found = node.get_component_iface().get_extents(Atspi.CoordType.SCREEN)
        return found.x + found.width // 2, found.y + found.height // 2

    def rest(self, name, role=None, seconds=25):
        """A thing of the shell's once it has come to rest: notifications glide in."""
        def rests():
            node = self.banner(name, role)
            before = node and self.middle(node)
            time.sleep(0.05)  # of its motion
            return node and before == self.middle(node) and node
        return until(rests, seconds, f"{role or 'a banner'} called {name!r}")

    def hit(self, name, role, times=4):
        """Click on it until it takes it, which makes it go."""
        for _ in range(times):
            node = self.rest(name, role)
            self.desk.click(*self.middle(node))
            with contextlib.suppress(Late):
                until(lambda n=node: not n.get_state_set().contains(Atspi.StateType.SHOWING), 4, f"{name!r} to go")
                return
        raise Late(f"{name!r}: does not mind a click")

    def hover(self, name, button, seconds=25):
        """The mouse over a notification: it unfolds its buttons, and stays."""
        self.desk.move(*self.middle(self.rest(name, seconds=seconds)))
        until(lambda: self.banner(button, "button"), 10, f"the button {button!r}")

    def reach(self, node):
        """Move the focus there: Tab to its group, Down within."""
        for _ in range(30):
            here = self.focused()
            if here is not None and self.same(here, node):
                return
            inside = here is not None and self.same(here.get_parent(), node.get_parent())
            self.desk.key("Down" if inside else "Tab")
            until(lambda h=here: self.focused() is not None and not self.same(self.focused(), h) or None, 1,
                  "the focus to move")
        raise Late(f"{node.get_name()}: the keyboard does not reach it")

    def focused(self):
        """What has the keyboard."""
        for node in self.all():
            try:
                if node.get_state_set().contains(Atspi.StateType.FOCUSED):
                    return node
            except GLib.Error:
                continue
        return None

    @staticmethod
    def same(one, other):
        return one is not None and other is not None and one == other

    def text(self):
        """All that can be read, for a message."""
        return "\n".join(filter(None, (f"{n.get_role_name()}: {n.get_name()}" for n in self.all() if n.get_name())))


__all__ = ["Late", "Person", "walk"]
