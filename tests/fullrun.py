#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What the suites of a full run have said of one tree: docs/full-run.json, and docs/full-run.md from it.

usage: tests/fullrun.py rest SUITE...                              those that have not passed at this tree, a line each
       tests/fullrun.py note SUITE SECONDS [--point=P]... [LOG]... what one has said, as tests/tally.py takes it
       tests/fullrun.py end SUITE...                               the sum of these; fails unless all have passed
       tests/fullrun.py --check                                    the page is that of its figures

A full run takes longer than most machines are left alone. It may stop between two suites and go on elsewhere: what
counts is that all pass at the same tree, which is every file of the repository but the documents.
"""
import hashlib
import json
import os
import platform
import subprocess
import sys
import time

import tally

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
FIGURES, PAGE = (os.path.join(ROOT, "docs", f"full-run.{kind}") for kind in ("json", "md"))
CODE = ["--", ".", ":!docs", ":!CHANGELOG.md"]

INTRO = """# A full run

Made by `sudo ./dev test full`, which takes {hours:.1f} hours on {processors} processors. One that was stopped goes on with
`sudo ./dev test full --rest`, on another machine as well. All of it was at one tree, {tree} (every file but the documents). A suite that is not in this table has not
run at it: `--rest` names those at its end.

| suite | passed | failed | skipped | minutes | on |
|---|---|---|---|---|---|
"""


def git(*words):
    return subprocess.run(["git", "-C", ROOT, *words], capture_output=True, text=True, check=False)


def tree():
    """Its name; none where files differ from the commit, or there is no git."""
    files = git("ls-files", "-s", *CODE)
    if files.returncode or not files.stdout or git("diff", "--quiet", "HEAD", *CODE).returncode:
        return None
    return hashlib.sha256(files.stdout.encode()).hexdigest()[:16]


def read():
    """What is known of this tree."""
    try:
        with open(FIGURES, encoding="utf-8") as file:
            figures = json.load(file)
    except FileNotFoundError:
        figures = {}
    except ValueError as error:
        sys.exit(f"docs/full-run.json: {error}: remove it, and the full run begins anew")
    now = tree()
    return figures if now and figures.get("tree") == now else {"tree": now, "suites": {}}


def is_good(row):
    return row is not None and row["passed"] > 0 and row["failed"] == row["skipped"] == 0


def page(figures):
    rows = figures["suites"]
    lines = [f"| {name} | {r['passed']:,} | {r['failed']:,} | {r['skipped']:,} | {r['seconds'] / 60:.0f} | {r['on']} |"
             for name, r in rows.items()]
    total = {key: sum(r[key] for r in rows.values()) for key in ("passed", "failed", "skipped", "seconds")}
    lines.append(f"| all | {total['passed']:,} | {total['failed']:,} | {total['skipped']:,} | {total['seconds'] / 60:.0f} | |")
    return INTRO.format(hours=total["seconds"] / 3600, processors=figures["processors"], tree=figures["tree"]) + \
        "\n".join(lines) + "\n"


def write(figures):
    """Whole or not at all: hours hang on it."""
    for path, text in ((FIGURES, json.dumps(figures, indent=1) + "\n"), (PAGE, page(figures))):
        with open(path + ".new", "w", encoding="utf-8") as file:
            file.write(text)
        os.replace(path + ".new", path)


def note(suite, seconds, rest):
    points = [word.partition("=")[2] for word in rest if word.startswith("--point=")]
    (passed, failed, skipped), _, _ = tally.count(points, [word for word in rest if not word.startswith("--point=")])
    figures = read()
    if figures["tree"] is None:
        print("full run: the files differ from their commit: not written down", file=sys.stderr)
        return
    system = platform.freedesktop_os_release()["PRETTY_NAME"].replace("GNU/Linux ", "")
    figures["processors"] = os.cpu_count()
    figures["suites"][suite] = {"passed": passed, "failed": failed, "skipped": skipped, "seconds": int(seconds),
                                "on": f"{time.strftime('%Y-%m-%d')}, {system}, Linux {platform.release().split('-')[0]}"}
    write(figures)


def end(suites):
    rows = read()["suites"]
    missing = [suite for suite in suites if not is_good(rows.get(suite))]
    sums = [sum(rows[s][key] for s in suites if s in rows) for key in ("passed", "failed", "skipped")]
    print(f"full run: {len(suites) - len(missing)} of {len(suites)} suites have passed" +
          (f"; not yet: {' '.join(missing)}" if missing else ""))
    print("{} passed, {} failed, {} skipped".format(*sums))
    return 1 if missing else 0


def check():
    good = os.path.exists(FIGURES) == os.path.exists(PAGE)
    if good and os.path.exists(PAGE):
        with open(FIGURES, encoding="utf-8") as figures, open(PAGE, encoding="utf-8") as text:
            good = text.read() == page(json.load(figures))
    print(f"1..1\n{'ok' if good else 'not ok'} 1 - docs/full-run.md is the page of docs/full-run.json")
    return 0 if good else 1


def main(words):
    if words == ["--check"]:
        sys.exit(check())
    elif words[:1] == ["rest"]:
        rows = read()["suites"]
        print("".join(f"{suite}\n" for suite in words[1:] if not is_good(rows.get(suite))), end="")
    elif words[:1] == ["note"] and len(words) > 2:
        note(words[1], words[2], words[3:])
    elif words[:1] == ["end"]:
        sys.exit(end(words[1:]))
    else:
        sys.exit(__doc__)


if __name__ == "__main__":
    main(sys.argv[1:])
