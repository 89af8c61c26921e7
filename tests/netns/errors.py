# SPDX-License-Identifier: GPL-2.0-or-later
"""What the lab says when it cannot: `where: what: why`."""


class LabError(Exception):
    """The lab, or a command in it, failed."""


class DrawingError(LabError):
    """A drawing that means nothing; the text names the line."""


class Skip(Exception):
    """This test cannot run on this machine; the text says why."""
