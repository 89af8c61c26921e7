#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Lists longer than a page of the bus: the page asks for them page by page, and tells them whole, each row once and in order,
also while others change the server."""
import json
import threading
import time

from web import Web, tap
from process import PATIENCE, until

DRAWING = "internet -- vps"
N = 2500  # three pages
PAGE = 1000
EDGE = PAGE - 1  # the last one of the first page


def listen(lab, kind):
    """All that the server says of one kind."""
    monitor = lab["vps"].spawn("busctl", "--json=short", "monitor", "--match", f"type={kind},sender=org.adit.Server1")
    monitor.wait_output("Monitoring", 10)
    return monitor


def answers(monitor):
    """How long the lists were that the server answered with, in order."""
    rows = [json.loads(line)["payload"] for line in monitor.output().splitlines() if line.startswith("{")]
    return [len(row["data"][0]) for row in rows if row.get("type", "").startswith("a(")]


def external(n):
    return f"{10000 + n}/tcp"


@tap.deadline(60)
def test_pages(lab):
    """2500 devices and as many ports: whole, each once, in the same order each time, in pages of 1000"""
    page = Web(lab).start()
    page.log_in()
    page.fill(N, N)
    monitor = listen(lab, "method_return")
    for path, name, wanted in (("/devices", "name", [f"d{n}" for n in range(N)]), ("/mappings", "key", [external(n) for n in range(N)])):
        for _ in range(2):
            told = [row[name] for row in page.api("GET", path)]
            assert told == wanted, (path, len(told), len(set(told)), told[:3], told[-3:])
    # between them those of the page's own round
    until(lambda: answers(monitor).count(PAGE) >= 8 and answers(monitor).count(N % PAGE) >= 4, 10, "four times three pages")
    assert max(answers(monitor)) == PAGE, answers(monitor)


@tap.deadline(90)
def test_changes(lab):
    """somebody takes away what a page ends with, and gives it back, again and again: never an error, a row twice or a gap"""
    page = Web(lab).start()
    page.log_in()
    page.fill(N, N)
    server, over = page.server, threading.Event()
    refused = listen(lab, "error")

    def change():
        while not over.is_set():
            server.admin("forward", "remove", external(EDGE))
            server.admin("forward", "add", external(EDGE), "d0")

    others = threading.Thread(target=change)
    others.start()
    try:
        rest = {external(n) for n in range(N) if n != EDGE}
        begin, asked = time.monotonic(), 0
        # until it has met one: a page that begins behind a row which is not there
        while asked < 20 or "begin the list anew" not in refused.output():
            assert time.monotonic() - begin < 40 * PATIENCE, f"{asked} lists, and none was interrupted"
            keys = [row["key"] for row in page.api("GET", "/mappings")]
            assert len(set(keys)) == len(keys), "a row is told twice"
            assert set(keys) - {external(EDGE)} == rest, f"{len(keys)} rows"
            asked += 1
    finally:
        over.set()
        others.join()
    assert sorted(row["key"] for row in page.api("GET", "/mappings")) == sorted(rest | {external(EDGE)})


if __name__ == "__main__":
    tap.main(globals())
