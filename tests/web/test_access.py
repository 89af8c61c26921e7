#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Who gets in: password, sessions, tokens, devices; and what is written down of it."""
import http.client
import time

import web
from web import Client, Web, tap, until

DRAWING = "internet -- vps"


def events(page, headers, machine=None, host="127.0.0.1"):
    """The answer to /api/v1/events, open."""
    with (machine or page.vps).inside():
        connection = http.client.HTTPConnection(host, web.PORT, timeout=10)
        connection.connect()
    connection.request("GET", "/api/v1/events", headers=headers)
    return connection.getresponse()


def event(stream, name):
    """The data of the next event of that name."""
    for _ in range(200):
        row = stream.readline()
        assert row, f"the stream ended before {name}"
        if row == f"event: {name}\n".encode():
            return stream.readline().removeprefix(b"data: ")
    raise AssertionError(f"no {name} in 200 lines")


def test_password(lab):
    """no password, no entry; a wrong one is refused, slowed down and counted; the right one opens"""
    page = Web(lab)
    page.server.start()
    page.run()
    assert page.log_in().status == 409
    assert page.ask("GET", "/api/v1/session").json["has-password"] is False
    short = page.vps.run("adit-server", "web", "set-password", input="short\n", check=False)
    assert short.code == 1 and "8 to 1024" in short.stderr, short.stderr
    page.vps.run("adit-server", "web", "set-password", input=web.PASSWORD + "\n")
    answers = [page.log_in("guess") for _ in range(4)]
    assert [answer.status for answer in answers[:3]] == [401] * 3 and answers[3].status == 429, answers
    assert int(answers[3].headers["Retry-After"]) >= 1
    assert page.log_in().status == 429, "the back-off is for guesses alone"
    assert until(lambda: page.log_in().status == 200, 10, "the back-off to end")
    assert page.refused("password") == 3 and page.refused("backoff") >= 2
    log = page.process.output()
    assert "log in: wrong password" in log and "log in: done" in log
    assert web.PASSWORD not in log and "guess" not in log
    kept = page.vps.read("/var/lib/adit-web/access")
    assert "$argon2id$" in kept and web.PASSWORD not in kept


def test_session(lab):
    """a session is a cookie that scripts cannot read, a change carries its token, and it ends"""
    page = Web(lab).start("[Sessions]\nIdle = 60s\n")
    answer = page.log_in()
    cookie = answer.headers["Set-Cookie"]
    assert "HttpOnly" in cookie and "SameSite=Strict" in cookie and "Path=/" in cookie, cookie
    me = page.me()
    assert page.ask("GET", "/api/v1/session", headers=me).json["who"] == "admin"
    for csrf in ({}, {"X-Adit-Csrf": "x" * 43}, {"X-Adit-Csrf": ""}):
        answer = page.ask("POST", "/api/v1/refresh", headers={"Cookie": me["Cookie"], **csrf})
        assert answer.status == 403 and answer.json["error"]["code"] == "csrf", answer
    page.api("POST", "/refresh", status=204)
    stream = events(page, me)
    event(stream, "status")
    page.api("DELETE", "/session", status=204)
    for path in ("/status", "/devices", "/events"):
        assert page.ask("GET", "/api/v1" + path, headers=me).status == 401, "a stolen cookie outlived the logout"
    stream.fp.raw._sock.settimeout(10)  # pylint: disable=protected-access
    until(lambda: not stream.readline(), 10, "the events to end with the session")
    page.log_in()
    page.vps.run("adit-server", "web", "set-password", input="another password\n")
    assert page.ask("GET", "/api/v1/status", headers=page.me()).status == 401, "a new password kept old sessions"


def test_tokens(lab):
    """a token may what its scope says and no more, needs no CSRF token, and ends when it is taken back"""
    page = Web(lab).start()
    tokens = {scope: {"Authorization": "Bearer " + page.token(scope)} for scope in ("metrics", "read", "write")}
    asks = [("GET", "/metrics", None, {"metrics", "read", "write"}),
            ("GET", "/api/v1/devices", None, {"read", "write"}),
            ("POST", "/api/v1/devices", {"name": "a"}, {"write"}),
            ("DELETE", "/api/v1/devices/a", None, {"write"})]
    for method, path, body, allowed in asks:
        for scope, headers in tokens.items():
            status = page.ask(method, path, body, headers).status
            assert (status < 300) == (scope in allowed) and (status < 300 or status == 403), (scope, method, path, status)
    listed = page.server.admin("web", "list-tokens").stdout
    assert all(scope in listed for scope in tokens) and "adit_" not in listed
    assert "adit_" not in page.vps.read("/var/lib/adit-web/access")
    stream = events(page, tokens["read"])
    event(stream, "status")
    page.server.admin("web", "remove-token", "read")
    assert page.ask("GET", "/api/v1/devices", headers=tokens["read"]).status == 401
    stream.fp.raw._sock.settimeout(10)  # pylint: disable=protected-access
    until(lambda: not stream.readline(), 10, "the events to end with the token")
    assert page.server.admin("web", "remove-token", "read", check=False).code == 3
    assert page.server.admin("web", "add-token", "a b", check=False).code == 1
    assert page.server.admin("web", "add-token", "write", check=False).code == 4


def test_audit(lab):
    """every change is in the log with its author, what it was about, and how it ended"""
    page = Web(lab).start()
    page.log_in()
    page.api("POST", "/devices", {"name": "nas"}, 201)
    page.api("POST", "/devices", {"name": "nas"}, 409)
    page.ask("DELETE", "/api/v1/devices/nas", headers={"Authorization": "Bearer " + page.token("write")})
    log = page.process.output()
    for line in ("admin from 127.0.0.1: device add name=nas: done", "admin from 127.0.0.1: device add name=nas: nas: ",
                 "token write from 127.0.0.1: device remove nas: done"):
        assert line in log, f"{line}: not in\n{log}"
    assert "PrivateKey" not in log and page.csrf not in log


def test_events(lab):
    """a change is told within a second, whoever made it"""
    page = Web(lab).start()
    page.log_in()
    stream = events(page, page.me())
    before = event(stream, "status")
    begin = time.monotonic()
    page.server.device("nas")
    assert event(stream, "status") != before and time.monotonic() - begin < 2
    assert b'"name":"nas"' in event(stream, "traffic") + event(stream, "traffic")
    stream.close()


@tap.drawing("internet -- vps\ninternet -- cgnat -- home")
def test_device(lab):
    """a device sees itself and its own ports through the tunnel without a login, if it may; and nobody else's"""
    home = lab["home"]
    page = Web(lab).start()
    Client(home).start().enrol("home", page.server.device("nas", "10.59.0.2"))
    page.server.device("other", "10.59.0.3")
    page.server.publish(443, "nas")
    page.server.publish(444, "other")
    where = {"machine": home, "host": "10.59.0.1"}
    page.wait_let_in(home)
    assert page.ask("GET", "/api/v1/mappings", **where).status == 401, "off by default"
    page.process.stop()
    page.run("[Web]\nDeviceAccess = yes\n")
    page.wait_let_in(home)
    assert page.ask("GET", "/api/v1/session", **where).json["device"] == "nas"
    assert {row["device"] for row in page.ask("GET", "/api/v1/mappings", **where).json} == {"nas"}
    assert [row["name"] for row in page.ask("GET", "/api/v1/devices", **where).json] == ["nas"]
    for method, path, body in (("GET", "/api/v1/subnets", None), ("DELETE", "/api/v1/mappings/4/443%2Ftcp", None),
                               ("POST", "/api/v1/devices", {"name": "x"}), ("GET", "/metrics", None)):
        assert page.ask(method, path, body, **where).status == 403, (method, path)
    assert page.ask("GET", "/api/v1/mappings").status == 401, "from loopback it is nobody"


if __name__ == "__main__":
    tap.main(globals())
