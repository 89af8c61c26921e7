# SPDX-License-Identifier: GPL-2.0-or-later
"""Faults for `adit doctor`: planted, asked about, mended. A row names the one hop that must be red.

A row is a generator of a site: what stands before `yield` plants, what stands behind it mends. The yield
may give the word that doctor is asked about, and returns what doctor found broken.
"""
import json
import os
import re
import time

from errors import LabError
from lab import SOURCE

ROWS = []
_group = [None]


class Fault:
    def __init__(self, title, hop, remedy, function):
        self.title, self.hop, self.remedy, self.function = title, hop, remedy, function
        self.group, self.red = _group[0], None


def begin(group):
    """The rows from here on share a lab."""
    _group[0] = group


def fault(title, hop, remedy):
    """Registers a row: in which hop it is seen (None: nothing is), and words of the remedy."""
    def mark(function):
        function.fault = Fault(title, hop, remedy, function)
        ROWS.append(function.fault)
        return function
    return mark


class Doctor:
    """Asks adit doctor, and knows what a user would do about it."""

    def __init__(self, client, publisher):
        self.client, self.publisher = client, publisher
        self.slowest = 0

    def ask(self, word=None):
        """The findings."""
        begin = time.monotonic()
        said = self.client.adit("doctor", "--json", *([word] if word else []), check=False, timeout=15)
        self.slowest = max(self.slowest, time.monotonic() - begin)
        if not said.stdout:
            raise LabError(f"doctor: status {said.code}: {said.stderr}")
        report = json.loads(said.stdout)
        assert (said.code == 0) == (report["broken"] is None), said
        return report["findings"]

    def broken(self, hop, word=None, remedy="", timeout=12):
        """What is broken, once that is `hop` with its remedy and nothing else; None: once all is well."""
        end = time.monotonic() + timeout
        while True:
            findings = self.ask(word)
            red = [f for f in findings if f["verdict"] == "broken"]
            if {f["hop"] for f in red} == ({hop} if hop else set()) and all(remedy in f["remedy"] for f in red):
                return red
            if time.monotonic() > end:
                rows = "\n".join(f"{f['hop']} {f['about']}: {f['what']}; {f['why']}; {f['remedy']}" for f in red)
                raise LabError(f"doctor: wanted {hop or 'nothing'} to be red, it says:\n{rows or 'nothing'}")
            time.sleep(0.1)

    def follow(self, remedy):
        """Runs a remedy as it stands; what is for systemd, this lab does itself."""
        home = self.client.home
        if remedy == "systemctl reload aditd":
            self.client.process.signal(1)
        elif remedy == "systemctl restart aditd":
            self.client.process.stop()
            self.client.start()
        elif remedy == "systemctl restart adit-publisher":
            self.publisher.start()
        else:
            home.sh("cd /root; " + remedy, timeout=60)


def run(site, row):
    """One row: the finding that names the fault; afterwards all is well again."""
    steps = row.function(site)
    try:
        word = next(steps)
        red = site.doctor.broken(row.hop, word, row.remedy)
        try:
            steps.send(red)
        except StopIteration:
            pass
        site.doctor.broken(None)
    except Exception as e:
        raise LabError(f"{row.title}: {e}") from e
    row.red = red[0] if red else None


_INTRO = """# What adit doctor names

Made by `sudo ./dev faults`; the gate plants the same faults and checks that this page has a row for each.
Each is planted in a lab of a home machine behind CGNAT and its server, and `adit doctor` must find exactly
that hop broken and nothing else, then be well again when it is mended. Its exit code is the hop's.

| hop | exit code | question |
|---|--:|---|
"""
_HEAD = """
| fault | hop | doctor says | remedy |
|---|---|---|---|
"""


def _cell(text):
    return (text or "").replace("|", "\\|").replace("\n", " ")


def hops():
    """(name, exit code, question) in the order of the way, as the program has them."""
    with open(os.path.join(SOURCE, "client/doctor/doctor.c"), encoding="utf-8") as f:
        rows = re.findall(r'{ "([a-z-]+)", (\d+), "([^"]+)" }', f.read())
    assert len(rows) > 10, rows
    return rows


def publish(folder):
    """Write the page and its raw rows, from the run of all of them."""
    with open(os.path.join(folder, "doctor.md"), "w", encoding="utf-8") as f:
        f.write(_INTRO + "".join(f"| {n} | {code} | {q} |\n" for n, code, q in hops()) + _HEAD)
        for row in ROWS:
            assert (row.red is None) == (row.hop is None), f"{row.title}: was not run"
            say = "; ".join(filter(None, (row.red["what"], row.red["why"]))) if row.red else "all is well"
            remedy = f"`{_cell(row.red['remedy'])}`" if row.red else ""
            f.write(f"| {_cell(row.title)} | {row.hop or ''} | {_cell(say)} | {remedy} |\n")
    with open(os.path.join(folder, "doctor.json"), "w", encoding="utf-8") as f:
        json.dump([{"fault": row.title, "hop": row.hop} for row in ROWS], f, indent=1)
        f.write("\n")


def check_page():
    """The page is of these rows and of these hops."""
    with open(os.path.join(SOURCE, "docs/doctor.json"), encoding="utf-8") as f:
        known = {(r["fault"], r["hop"]) for r in json.load(f)}
    assert {(r.title, r.hop) for r in ROWS} == known, "docs/doctor.md is not of these faults: ./dev faults"
    with open(os.path.join(SOURCE, "docs/doctor.md"), encoding="utf-8") as f:
        page = f.read()
    with open(os.path.join(SOURCE, "docs/man/adit.1"), encoding="utf-8") as f:
        manual = f.read()
    for name, code, question in hops():
        assert f"| {name} | {code} | {question} |" in page, f"docs/doctor.md: {name}: ./dev faults"
        assert f".It {code}\n.Cm {name} :" in manual, f"adit.1: {name}: exit code {code}"
