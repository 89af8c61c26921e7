# SPDX-License-Identifier: GPL-2.0-or-later
"""A person who sees what is on the screen, by the accessibility tree, and presses it."""
import contextlib
import time

import gi

from desk import Late, until

gi.require_version("Atspi", "2.0")
from gi.repository import Atspi, GLib  # noqa: E402  pylint: disable=wrong-import-position


SHELLS = ("gnome-shell", "plasmashell")


def is_gtk4(node, version=""):
    """Whether it is of that toolkit, and of a version that begins so."""
    app = node.get_application()
    return app.get_toolkit_name() == "GTK" and app.get_toolkit_version().startswith(version or "4.")


def shows(node):
    """Whether it is on the screen; the GTK of Debian 12 tells of windows alone."""
    with contextlib.suppress(GLib.Error):
        state = node.get_state_set()
        return state.contains(Atspi.StateType.SHOWING) or \
            state.contains(Atspi.StateType.VISIBLE) and is_gtk4(node, "4.8.")
    return False  # gone while we looked


def role_of(node):
    """As Debian 13 calls it."""
    name = node.get_role_name()
    return "button" if name == "push button" else name


def name_of(node):
    """What it is called; "" once it is gone."""
    with contextlib.suppress(GLib.Error):
        return (node.get_name() or "").strip()
    return ""


def below(node):
    """Its children, as far as they stay while we look."""
    found = []
    with contextlib.suppress(GLib.Error):
        for i in range(node.get_child_count()):
            found.append(node.get_child_at_index(i))
    return list(filter(None, found))


def walk(node):
    """A node and all below it that is on the screen."""
    try:
        if role_of(node) not in ("application", "desktop frame") and not shows(node):
            return
        yield node
    except GLib.Error:
        return  # gone while we looked
    for child in below(node):
        yield from walk(child)


class Person:
    def __init__(self, desk):
        self.desk = desk
        Atspi.init()

    def all(self):
        """Everything on the screen, the newest windows first: what was opened last is meant."""
        for app in reversed(below(Atspi.get_desktop(0))):
            for window in reversed(below(app)):
                yield from walk(window)

    def look(self, name, role=None, part=False):
        """What is called so, or begins so, or None."""
        for node in self.all():
            words = name_of(node)
            with contextlib.suppress(GLib.Error):
                if (words.startswith(name) if part else words == name) and role in (None, role_of(node)):
                    return node
        return None

    def see(self, name, role=None, seconds=25, part=False):
        """Wait for it."""
        return until(lambda: self.look(name, role, part), seconds, f"{role or 'anything'} called {name!r}")

    def double_click(self, name, role, answer, times=4):
        """On a thing, until something is seen: a window that is not ready swallows it."""
        for _ in range(times):
            self.desk.click(*self.place(self.see(name, role)), times=2)
            with contextlib.suppress(Late):
                return self.see(answer, seconds=20)
        raise Late(f"{name!r}: does not mind a double click")

    def insist(self, key, name, role=None, times=4):
        """Press a key until something is gone: a search that is not ready does not mind it."""
        for _ in range(times):
            self.desk.key(key)
            with contextlib.suppress(Late):
                return self.miss(name, role, seconds=4)
        raise Late(f"{name!r}: does not mind {key}")

    def miss(self, name, role=None, seconds=25):
        """Wait until it is gone."""
        until(lambda: self.look(name, role) is None, seconds, f"{name!r} to go")

    def press(self, name, role=None, seconds=25):
        """The shell's by the mouse, a button by its own action, whatever else by the keyboard."""
        node = self.see(name, role, seconds)
        if node.get_application().get_name() in SHELLS:  # whose places are those of the screen
            self.hit(name, role)
        elif role_of(node) != "check box" and node.get_action_iface() and node.get_n_actions() > 0:
            node.do_action(0)
        else:
            self.reach(node)
            self.desk.key("space" if role_of(node) == "check box" else "Return")

    def switch(self, name):
        """The switch of a row."""
        self.see(name, "check box").do_action(0)

    def is_on(self, name):
        """Whether the switch of a row shows that."""
        return self.see(name, "check box").get_state_set().contains(Atspi.StateType.CHECKED)

    def banner(self, name, role=None):
        """Of the shell's own, which is quick to look through: a banner stays for seconds only."""
        for shell in [app for app in below(Atspi.get_desktop(0)) if name_of(app) in SHELLS]:
            for node in walk(shell):
                with contextlib.suppress(GLib.Error):
                    if name_of(node) == name and role in (None, role_of(node)):
                        return node
        return None

    @staticmethod
    def middle(node):
        """Where it is on the screen."""
        found = node.get_component_iface().get_extents(Atspi.CoordType.SCREEN)
        return found.x + found.width // 2, found.y + found.height // 2

    def place(self, node):
        """Where to point at it: GTK 4 knows its place in its window alone, which has a shadow around."""
        if not is_gtk4(node):
            return self.middle(node)
        frame = node
        while role_of(frame) not in ("frame", "window", "dialog"):
            frame = frame.get_parent()
        inner, thing = (n.get_component_iface().get_extents(Atspi.CoordType.WINDOW) for n in (frame, node))
        left, top, width, height = self.desk.window(frame.get_name())
        return (left + (width - inner.width) // 2 + thing.x + thing.width // 2,
                top + (height - inner.height) // 2 + thing.y + thing.height // 2)

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
                until(lambda n=node: not shows(n), 4, f"{name!r} to go")
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
        return "\n".join(filter(None, (f"{role_of(n)}: {n.get_name()}" for n in self.all() if n.get_name())))


__all__ = ["Late", "Person", "walk"]
