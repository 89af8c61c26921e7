#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Lists longer than a page of the bus: the page asks for them page by page, and tells them whole, each row once and in order,
also while others change the server."""
import json
import signal
import threading
import time

from web import Web, tap
from process import until

DRAWING = "internet -- vps"
N = 2500  # three pages
PAGE = 1000
EDGE = PAGE - 1  # the last one of the first page
ANEW = "begin the list anew"


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
    server, refused = page.server, listen(lab, "error")
    whole = {external(n) for n in range(N)}

    def keys():
        return [row["key"] for row in page.api("GET", "/mappings")]

    def take(key, told):
        """A list, and behind the question for its first page the wish that its last row go: the server is held until it has both."""
        reader = threading.Thread(target=lambda: told.extend(keys()))
        other = threading.Thread(target=server.admin, args=("forward", "remove", key))
        server.process.signal(signal.SIGSTOP)
        try:
            for thread in (reader, other):
                thread.start()
                time.sleep(0.1)
        finally:
            server.process.signal(signal.SIGCONT)
        reader.join()
        other.join()

    met = 0
    for _ in range(20):
        # one that is given back goes to the end of the list
        end, told, before = keys()[EDGE], [], refused.output().count(ANEW)
        take(end, told)
        server.admin("forward", "add", end, "d0")
        assert len(set(told)) == len(told), "a row is told twice"
        assert whole - {end} <= set(told) <= whole, f"{len(told)} rows"
        met += refused.output().count(ANEW) > before
        if met == 5:
            break
    assert met, "of 20 lists none had a page that begins behind a row which is not there"
    assert set(keys()) == whole


if __name__ == "__main__":
    tap.main(globals())
