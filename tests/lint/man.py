#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""man.py [PAGE PROGRAM]...: the man pages are well formed and say what --help says. TAP.

Of each pair: groff formats the page without a word of complaint; the commands of the page (what
".It Ic" names) are those of the help, groups included; and so are the options (".It Fl").
"""
import re
import shutil
import subprocess
import sys
from pathlib import Path

COMMAND = re.compile(r"^  (\S+)((?: \S+)*?)(?:  +.*)?$")
OPTION = re.compile(r"^ +(?:-\S, |-\S, +)?--([a-z0-9][a-z0-9-]*)")
PAGE_COMMAND = re.compile(r"^\.It Ic (.*?)(?: Ar .*| Ns .*)?$")
PAGE_OPTION = re.compile(r"\bFl -([a-z0-9][a-z0-9-]*)")


def help_of(program, *verbs, option="--help"):
    """Its lines; a plain GOption program shows its groups only by --help-all."""
    text = subprocess.run([program, *verbs, option], capture_output=True, text=True, check=True,
                          timeout=30).stdout
    if option == "--help" and "--help-all" in text:
        return text.splitlines() + help_of(program, *verbs, option="--help-all")
    return text.splitlines()


def commands_of(lines):
    """(name, whether it is a group) of each line under "Commands:"."""
    inside = False
    for line in lines:
        if line == "Commands:":
            inside = True
        elif not line:
            inside = False
        elif inside and (found := COMMAND.match(line)):
            yield found[1], found[2] == " ..."


def helped(program, *path):
    """Every command and every option of a program, from the help of each command."""
    lines = help_of(program, *path)
    commands, options = set(), {found[1] for line in lines if (found := OPTION.match(line))}
    for name, group in commands_of(lines):
        if not group:
            commands.add(" ".join([*path, name]))
        inner, more = helped(program, *path, name)
        commands |= inner
        options |= more
    return commands, options


def paged(text):
    """What the page describes."""
    commands = {found[1] for line in text.splitlines() if (found := PAGE_COMMAND.match(line))}
    options = {name for line in text.splitlines() if line.startswith((".It Fl", ".Fl"))
               for name in PAGE_OPTION.findall(line)}
    return commands, options


def groff(page):
    """Complaints of the formatter."""
    if not shutil.which("groff"):
        return ["groff: not installed (Debian's groff-base)"]
    done = subprocess.run(["groff", "-mdoc", "-ww", "-rLL=78n", "-z", "-Tutf8", str(page)],
                          capture_output=True, text=True, check=False, timeout=60)
    words = done.stderr.splitlines()
    return words if done.returncode == 0 else words + [f"groff: exit status {done.returncode}"]


def differences(kind, page, program):
    """Either way round."""
    for word in sorted(program - page):
        yield f"{word}: {kind}: --help lists it, the page does not"
    for word in sorted(page - program):
        yield f"{word}: {kind}: the page has it, --help does not"


def main():
    count, failed = 0, False
    pairs = list(zip(sys.argv[1::2], sys.argv[2::2]))
    print(f"1..{3 * len(pairs)}")
    for page, program in pairs:
        commands, options = paged(Path(page).read_text(encoding="utf-8"))
        real_commands, real_options = helped(program)
        for words, wrong in ((f"{Path(page).name}: groff has no complaint", groff(page)),
                             (f"{Path(page).name}: the commands",
                              list(differences("command", commands, real_commands))),
                             (f"{Path(page).name}: the options",
                              list(differences("option", options, real_options)))):
            count += 1
            failed |= bool(wrong)
            for line in wrong:
                print(f"# {line}")
            print(f"{'not ok' if wrong else 'ok'} {count} - {words}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
