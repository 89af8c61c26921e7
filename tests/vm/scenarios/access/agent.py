#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""agent.py PASSWORD COMMAND...: the command, whose polkit prompts are answered with that password on a terminal."""

import os
import pty
import sys
import termios
import time


def hidden(terminal):
    """Wait until what is typed is not shown: what was typed before that is thrown away."""
    for _ in range(1000):
        if not termios.tcgetattr(terminal)[3] & termios.ECHO:
            return
        time.sleep(0.02)


def answer(word, asking, told):
    """pkttyagent on a terminal of its own, and what a person types there."""
    pid, terminal = pty.fork()
    if pid == 0:
        os.set_inheritable(told, True)
        os.execvp("pkttyagent", ["pkttyagent", "--process", str(asking), "--notify-fd", str(told)])
    os.close(told)
    said = b""
    try:
        while said := said + os.read(terminal, 4096):
            if b"assword: " in said:
                hidden(terminal)
                os.write(terminal, word.encode() + b"\n")
                said = b""
    except OSError:
        pass  # the agent has ended


def main():
    """The agent is a child; the command becomes this process, for which the agent speaks."""
    asking, (there, told) = os.getpid(), os.pipe()
    if os.fork() == 0:
        os.close(there)
        answer(sys.argv[1], asking, told)
        os._exit(0)
    os.close(told)
    os.read(there, 1)  # its end: the agent is known to polkit
    os.execvp(sys.argv[2], sys.argv[2:])


if __name__ == "__main__":
    main()
