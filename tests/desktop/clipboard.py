#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Print what is on the clipboard, as any program of the desktop gets it."""
import gi

gi.require_version("Gdk", "4.0")
gi.require_version("Gtk", "4.0")
from gi.repository import Gdk, GLib, Gtk  # noqa: E402  pylint: disable=wrong-import-position

Gtk.init()
LOOP = GLib.MainLoop()


def read(clipboard, result):
    """The text has come, or there is none."""
    try:
        print(clipboard.read_text_finish(result))
    except GLib.Error as error:
        print(error.message)
    LOOP.quit()


Gdk.Display.get_default().get_clipboard().read_text_async(None, read)
LOOP.run()
