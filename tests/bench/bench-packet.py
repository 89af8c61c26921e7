#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What a forwarded packet costs in instructions: the virtual machine's scenario packet-cost."""
import sys

from counted import figures

if __name__ == "__main__":
    sys.exit(figures("packet-cost"))
