#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""What nobody should send: it is refused, counted, and hurts nobody else."""
import contextlib
import random
import socket
import time

import web
from web import Web, tap, until

DRAWING = "internet -- vps"


def memory(page):
    status = page.vps.run("cat", f"/proc/{page.vps.run('pidof', 'adit-web').stdout.strip()}/status").stdout
    return int(next(row for row in status.splitlines() if row.startswith("VmRSS")).split()[1])


def peers(page, n):
    """Connections, open."""
    with page.vps.inside():
        return [socket.create_connection(("127.0.0.1", web.PORT), timeout=20) for _ in range(n)]


def is_closed(peer):
    peer.setblocking(False)
    try:
        return peer.recv(1) == b""
    except BlockingIOError:
        return False
    except OSError:
        return True


def test_rebinding(lab):
    """a host name that is not ours is misdirected, whatever it leads to; ours and addresses are not"""
    page = Web(lab).start("[Web]\nNames = vps.example, admin.example\n")
    page.log_in()
    for host in ("evil.example", "127.0.0.1.evil.example", "localhost.evil", "vps.example.evil", "", "a b", "[::1", "127.0.0.1:x"):
        answer = page.ask("GET", "/api/v1/session", headers={"Host": host})
        assert answer.status in (400, 421), f"{host}: {answer}"
    for host in ("127.0.0.1:8420", "localhost", "LOCALHOST:1", "[::1]:8420", "10.59.0.1", "vps.example:8420", "Admin.example"):
        assert page.ask("GET", "/api/v1/session", headers={"Host": host}).status == 200, host
    assert page.refused("host") >= 4
    assert page.raw(b"GET / HTTP/1.1\r\n\r\n").startswith(b"HTTP/1.1 400")


def test_other_sites(lab):
    """a page of another site gets nothing, not even with the admin's cookie"""
    page = Web(lab).start()
    page.log_in()
    body = {"name": "mine"}
    for more in ({"Origin": "http://evil.example"}, {"Origin": "null"}, {"Origin": "http://127.0.0.1:8421"},
                 {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"},
                 {"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "cors"},
                 {"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"}):
        answer = page.ask("POST", "/api/v1/devices", body, {**page.me(), **more})
        assert answer.status == 403 and answer.json["error"]["code"] == "origin", f"{more}: {answer}"
    form = page.ask("POST", "/api/v1/devices", b"name=mine", {**page.me(), "Content-Type": "application/x-www-form-urlencoded"})
    assert form.status == 415, form
    assert page.ask("POST", "/api/v1/devices", b'{"name":"mine"}', {**page.me(), "Content-Type": "text/plain"}).status == 415
    assert page.api("GET", "/devices") == []
    assert page.refused("origin") == 6
    followed = page.ask("GET", "/", headers={"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate"})
    assert followed.status == 200, "a link from elsewhere opens the page"
    assert page.ask("GET", "/", headers={"Origin": "http://127.0.0.1:8420"}).status == 200


def test_paths(lab):
    """no path leads out of the page"""
    page = Web(lab).start()
    front = page.ask("GET", "/").body
    for path in ("/../../etc/passwd", "/..%2f..%2fetc/passwd", "/%2e%2e/etc/passwd", "/.", "/..", "//etc/passwd", "/app.js/..",
                 "/app.js%00", "/%00", "/app.js/", "/%", "/%zz", "/index.html", "/org/adit/web/app.js", "/app.js%0d%0aX:%20y",
                 "/api/v1/session/../devices", "/api/v1/devices/%2e%2e", "/" + "a/" * 20, "/%ff%fe", "/" + "x" * 4000):
        answer = page.ask("GET", path)
        # "/.." is "/" by the rules of URLs, before anybody looks.
        assert answer.status in (400, 404, 401, 405) or answer.body == front, f"{path[:60]}: {answer}"
    page.log_in()
    answer = page.ask("PATCH", "/api/v1/devices/..%2Fx", {"name": "y"}, page.me())
    assert answer.status == 404 and answer.json["error"]["code"] == "not-found", answer
    assert page.refused("path") > 10


def test_bodies(lab):
    """bodies that are too large, too deep, too long or no JSON are refused, and cost no memory"""
    page = Web(lab).start()
    page.log_in()
    before = memory(page)
    cases = [(b"x" * 200_000, 413), (b'{"name":"' + b"a" * 60_000 + b'"}', 422), (b"[" * 60_000, 422), (b'{"a":' * 10_000, 422),
             (b"", 422), (b"null", 422), (b"[]", 422), (b'{"name":1}', 422), (b'{"name":"a","x":1}', 422), (b'{}', 422),
             (b'{"name":"a"} trailing', 422), (b'{"name":"a\x00b"}', 422), (b'\xff\xfe', 422), (b'{"name":"\xff"}', 422),
             (b'{"name":"a","name":"b"}', (201, 422)), (b'{"name":"\\u0000"}', 422)]
    for body, status in cases:
        answer = page.ask("POST", "/api/v1/devices", body, {**page.me(), "Content-Type": "application/json"})
        assert answer.status in (status if isinstance(status, tuple) else (status,)), f"{body[:40]!r}: {answer}"
    head = b"POST /api/v1/devices HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\n"
    chunked = head + b"Transfer-Encoding: chunked\r\n\r\n" + b"4000\r\n" + b"x" * 0x4000 + b"\r\n"
    assert b" 401 " in page.raw(head + b"Content-Length: 2\r\n\r\n{}")
    page.raw(chunked + (b"4000\r\n" + b"x" * 0x4000 + b"\r\n") * 200 + b"0\r\n\r\n")
    assert b" 40" in page.raw(head + b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n")[:20]
    assert page.refused("body") >= 10
    assert memory(page) - before < 16_000, (before, memory(page))


@tap.deadline(90)
def test_slow(lab):
    """who dawdles is cut off in time, and holds nobody up"""
    page = Web(lab).start("[Limits]\nRequestTime = 2s\nConnections = 40\nPerAddress = 30\n")
    page.log_in()
    slow = peers(page, 12)
    for i, peer in enumerate(slow):
        peer.sendall([b"", b"GET / HT", b"POST /api/v1/session HTTP/1.1\r\nHost: localhost\r\nContent-Length: 60000\r\n\r\n{"][i % 3])
    begin, left = time.monotonic(), list(slow)
    while left and time.monotonic() - begin < 10:
        for peer in list(left):
            if is_closed(peer):
                left.remove(peer)
                continue
            with contextlib.suppress(OSError):
                peer.send(b"a")  # a byte now and then
        assert page.ask("GET", "/healthz").status == 200
    assert not left, f"{len(left)} of 12 still talk after 10 s"
    assert page.refused("deadline") >= 10
    many = peers(page, 35)
    until(lambda: sum(map(is_closed, many)) >= 5, 5, "what is over the limit to be closed")
    for peer in many:
        peer.close()
    until(lambda: page.ask("GET", "/healthz").status == 200, 5, "room again")
    assert page.refused("connections") >= 5


@tap.deadline(60)
def test_unread(lab):
    """a listener that reads nothing is dropped, not fed"""
    page = Web(lab).start()
    page.log_in()
    peer = peers(page, 1)[0]
    peer.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 2048)
    peer.sendall(f"GET /api/v1/events HTTP/1.1\r\nHost: localhost\r\nCookie: {page.cookie}\r\n\r\n".encode())
    for i in range(6):
        page.api("POST", "/devices", {"name": f"d{i}"}, 201)
    assert page.ask("GET", "/healthz").status == 200
    peer.close()


@tap.deadline(90)
def test_fuzzed(lab):
    """two thousand broken requests, and it still serves"""
    page = Web(lab).start()
    page.log_in()
    seed = random.randrange(1 << 32)
    print(f"# seed {seed}")
    dice = random.Random(seed)
    good = [b"GET / HTTP/1.1\r\nHost: localhost\r\n\r\n",
            b"POST /api/v1/session HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: 18\r\n\r\n{\"password\":\"aaaa\"}",
            f"PATCH /api/v1/mappings/4/443%2Ftcp HTTP/1.1\r\nHost: [::1]\r\nCookie: {page.cookie}\r\nX-Adit-Csrf: {page.csrf}\r\n"
            "Content-Type: application/json\r\nContent-Length: 16\r\n\r\n{\"enabled\":true}".encode(),
            b"GET /metrics HTTP/1.0\r\nAuthorization: Bearer x\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nabcde\r\n0\r\n\r\n"]
    with page.vps.inside():
        for n in range(2000 if web.FULL else 400):
            data = bytearray(dice.choice(good))
            for _ in range(dice.randrange(1, 6)):
                at = dice.randrange(len(data))
                data[at:at + dice.randrange(0, 4)] = bytes(dice.randrange(256) for _ in range(dice.randrange(0, 4)))
            with socket.create_connection(("127.0.0.1", web.PORT), timeout=5) as peer, contextlib.suppress(OSError):
                peer.sendall(data)
                peer.shutdown(socket.SHUT_WR)
                if n % 2:
                    while peer.recv(65536):
                        pass
    assert page.process.alive and page.ask("GET", "/healthz").status == 200
    page.api("GET", "/status")
    assert "CRITICAL" not in page.process.output() and "WARNING" not in page.process.output(), page.process.output()[-2000:]


if __name__ == "__main__":
    tap.main(globals())
