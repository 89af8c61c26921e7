#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""The leak matrix of gateways whose link is made by networkd (tests/vm/guest/leaks.py)."""

import leaks

if __name__ == "__main__":
    leaks.tell("networkd")
