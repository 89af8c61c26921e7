#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What ten thousand peers cost in instructions: the virtual machine's scenario peers-cost."""
import sys

from counted import figures

if __name__ == "__main__":
    sys.exit(figures("peers-cost"))
