#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""A device that may open and close its own ports on the page without a login: what it may, and what nobody may in its name."""
import contextlib
import json
import socket

import web
from process import until
from web import Client, Web, embed, tap

DRAWING = "internet -- vps\ninternet -- cgnat -- home"
MANAGE = "[Web]\nDeviceAccess = yes\nDeviceManage = yes\n"
FORM = {"device": "nas", "ports": "8080/tcp", "ip-version": "4"}


class Own:
    """The page as it is at home, by the tunnel: no cookie, no token."""

    def __init__(self, lab, settings=MANAGE):
        self.page, self.home = Web(lab).start(settings), lab["home"]
        Client(self.home).start().enrol("home", self.page.server.device("nas", "10.59.0.2"))
        self.page.server.device("other", "10.59.0.3")
        self.page.wait_let_in(self.home)
        self.learn()

    def learn(self):
        self.session = self.ask("GET", "/session").json
        self.csrf = {"X-Adit-Csrf": self.session["csrf"] or ""}

    def ask(self, method, path, body=None, headers=None, host="10.59.0.1"):
        return self.page.ask(method, "/api/v1" + path, body, headers, machine=self.home, host=host)

    def do(self, method, path, body=None, status=204, **where):
        """With the token that the page was given."""
        answer = self.ask(method, path, body, self.csrf, **where)
        assert answer.status == status, f"{method} {path}: {answer}"
        return answer.json if answer.body else None

    def rows(self):
        return {(row["family"], row["key"]): row for row in self.ask("GET", "/mappings").json}

    def admin(self, *words):
        return self.page.server.admin("mappings", *words).stdout


def test_journey(lab):
    """it publishes in both families, switches, relabels and takes back; the operator sees whose it is, the log who did it"""
    own = Own(lab)
    assert own.session["who"] == "device" and own.session["may-manage-own"] and not own.session["may-write"]
    keys = own.do("POST", "/publications", {**FORM, "ports": "443/tcp", "ip-version": "both", "redirect": "https", "label": "Photos"}, 201)
    assert keys == {"keys": ["443/tcp", "nas:443/tcp"]}, keys
    row = own.rows()[4, "443/tcp"]
    assert row["origin"] == "device" and row["fixed"] is False and row["redirect"] == "https" and row["label"] == "Photos", row
    assert "device" in own.admin()
    own.do("PATCH", "/mappings/4/443%2Ftcp", {"enabled": False})
    assert own.rows()[4, "443/tcp"]["enabled"] is False
    own.do("PATCH", "/mappings/4/443%2Ftcp", {"enabled": True})
    own.do("PATCH", "/mappings/6/nas%3A443%2Ftcp", {"label": "Pictures"})
    assert own.rows()[6, "nas:443/tcp"]["label"] == "Pictures"
    server6 = embed(lab["vps"].prefix, "10.59.0.1")
    assert own.ask("GET", "/session", host=server6).json["device"] == "nas", "the same device by IPv6"
    own.learn()
    by6 = own.ask("GET", "/session", host=server6).json["csrf"]
    answer = own.ask("DELETE", "/mappings/6/nas%3A443%2Ftcp", None, {"X-Adit-Csrf": by6}, host=server6)
    assert answer.status == 204, answer
    own.do("DELETE", "/mappings/4/443%2Ftcp")
    assert own.rows() == {}
    log = own.page.process.output()
    for words in ("device nas from 10.59.0.2: publish device=nas ports=443/tcp: done", "device nas from 10.59.0.2: mapping change 4 443/tcp: done",
                  "device nas from 10.59.0.2: mapping remove 4 443/tcp: done"):
        assert words in log, f"{words}: not in\n{log}"


def test_lease(lab):
    """what it opened by PCP it switches off and on here; off, no renewal opens it"""
    own = Own(lab)
    own.home.run("natpmpc", "-g", "10.59.0.1", "-a", "2222", "22", "tcp", "3600")
    own.do("PATCH", "/mappings/4/2222%2Ftcp", {"enabled": False})
    assert own.rows()[4, "2222/tcp"]["enabled"] is False
    own.home.run("natpmpc", "-g", "10.59.0.1", "-a", "2222", "22", "tcp", "3600", check=False)
    assert own.rows()[4, "2222/tcp"]["enabled"] is False, "a renewal opened it"
    own.do("PATCH", "/mappings/4/2222%2Ftcp", {"enabled": True})
    assert own.rows()[4, "2222/tcp"]["enabled"] is True
    own.page.server.admin("forward", "set-enabled", "2222/tcp", "off")
    assert own.rows()[4, "2222/tcp"]["fixed"] is True
    said = own.do("PATCH", "/mappings/4/2222%2Ftcp", {"enabled": True}, 409)
    assert "switched off by the operator" in said["error"]["message"], said
    for form in ({"ports": "2222/tcp"}, {"ports": "2223/tcp", "internal": 22}):
        said = own.do("POST", "/publications", {**FORM, **form}, 409)
        assert said["error"] == {"code": "refused", "message": "ports: switched off by the operator", "field": "ports"}, said
    own.do("DELETE", "/mappings/4/2222%2Ftcp", status=404)


def test_operator(lab):
    """the operator beats it: what he made it cannot touch, what he switched off it cannot open, without permission nothing"""
    own = Own(lab)
    server = own.page.server
    server.publish(443, "nas", families=(4,))
    for method, body in (("PATCH", {"enabled": False}), ("PATCH", {"label": "x"}), ("DELETE", None)):
        said = own.do(method, "/mappings/4/443%2Ftcp", body, 409)
        assert "the operator's" in said["error"]["message"], said
    own.do("POST", "/publications", FORM, 201)
    server.admin("forward", "set-enabled", "8080/tcp", "off")
    for method, body in (("PATCH", {"enabled": True}), ("DELETE", None)):
        said = own.do(method, "/mappings/4/8080%2Ftcp", body, 409)
        assert "switched off by the operator" in said["error"]["message"], said
    server.process.stop()
    server.run()
    until(lambda: own.ask("GET", "/mappings").status == 200, 10, "the server to be back")
    own.do("PATCH", "/mappings/4/8080%2Ftcp", {"enabled": True}, 409)
    server.admin("forward", "set-enabled", "8080/tcp", "on")
    server.admin("device", "set-publish", "nas", "off")
    assert own.rows()[4, "8080/tcp"]["enabled"] is False and own.rows()[4, "443/tcp"]["enabled"] is True
    own.do("PATCH", "/mappings/4/8080%2Ftcp", {"enabled": True}, 409)
    own.do("POST", "/publications", {**FORM, "ports": "8081/tcp"}, 409)
    server.admin("device", "set-publish", "nas", "on")
    own.do("PATCH", "/mappings/4/8080%2Ftcp", {"enabled": True})
    exported = server.admin("export", "/root/all.conf") and own.page.vps.read("/root/all.conf")
    assert exported.count("Owner = device") == 1, exported
    assert "nothing differs" in server.admin("apply", "/root/all.conf", "--diff").stdout


def test_others(lab):
    """another's ports, names and reserved ports are out of reach, and quotas hold"""
    own = Own(lab)
    own.page.server.publish(9000, "other", families=(4,))
    for method, path, body in (("PATCH", "/mappings/4/9000%2Ftcp", {"enabled": False}), ("DELETE", "/mappings/4/9000%2Ftcp", None),
                               ("PATCH", "/mappings/4/9000%2Ftcp", {"label": "mine"})):
        said = own.do(method, path, body, 404)
        assert "other" not in said["error"]["message"], said
    said = own.do("POST", "/publications", {**FORM, "ports": "9000/tcp"}, 409)
    assert said["error"]["message"] == "port 9000/tcp: taken" and said["error"]["field"] == "ports", said
    said = own.do("POST", "/publications", {**FORM, "ports": "22/tcp"}, 409)
    assert "reserved" in said["error"]["message"], said
    said = own.do("POST", "/publications", {**FORM, "ports": "20000-20999/tcp"}, 409)
    assert "as many as the server allows" in said["error"]["message"], said
    own.do("POST", "/publications", {**FORM, "device": "other"}, 403)
    for method, path, body in (("POST", "/mappings", {"family": 4, "ports": "1000", "device": "nas"}), ("POST", "/devices", {"name": "x"}),
                               ("PATCH", "/devices/nas", {"may-publish": True}), ("DELETE", "/devices/nas", None),
                               ("POST", "/devices/nas/keys", {}), ("GET", "/subnets", None), ("POST", "/refresh", None)):
        own.do(method, path, body, 403)
    assert {row["device"] for row in own.rows().values()} <= {"nas"} and "9000/tcp" in own.admin()


def test_off(lab):
    """by default a device changes nothing, not even with DeviceManage alone"""
    own = Own(lab, "[Web]\nDeviceManage = yes\n")
    assert own.session["who"] == "none" and own.session["csrf"] is None
    own.do("POST", "/publications", FORM, 401)
    own.page.process.stop()
    own.page.run("[Web]\nDeviceAccess = yes\n")
    own.page.wait_let_in(own.home)
    own.learn()
    assert own.session["who"] == "device" and own.session["may-manage-own"] is False
    for method, path, body in (("POST", "/publications", FORM), ("PATCH", "/mappings/4/1%2Ftcp", {"enabled": True}), ("DELETE", "/mappings/4/1%2Ftcp", None)):
        own.do(method, path, body, 403)


def test_meant(lab):
    """a page that a user of the device only happens to visit changes nothing: token, origin, host, form"""
    own = Own(lab)
    ask = own.ask
    for headers in ({}, {"X-Adit-Csrf": ""}, {"X-Adit-Csrf": "x" * 43}):
        answer = ask("POST", "/publications", FORM, headers)
        assert answer.status == 403 and answer.json["error"]["code"] == "csrf", answer
    assert own.page.refused("csrf") == 3 if own.page.log_in().status == 200 else False
    answer = ask("POST", "/publications", FORM, {"X-Adit-Csrf": own.page.csrf})
    assert answer.status == 403, "an admin's token is none of a device"
    for more, status in (({"Origin": "http://evil.example"}, 403), ({"Origin": "null"}, 403), ({"Host": "evil.example:8420"}, 421),
                         ({"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "no-cors"}, 403)):
        answer = ask("POST", "/publications", FORM, {**own.csrf, **more})
        assert answer.status == status, f"{more}: {answer}"
    assert ask("POST", "/publications", b"device=nas", {**own.csrf, "Content-Type": "application/x-www-form-urlencoded"}).status == 415
    before = dict(own.csrf)
    own.page.process.stop()
    own.page.run()
    own.page.wait_let_in(own.home)
    assert ask("POST", "/publications", FORM, before).status == 403, "a token outlived its process"
    assert own.rows() == {}
    own.learn()
    own.do("POST", "/publications", FORM, 201)
    bearer = {"Authorization": "Bearer nonsense", **own.csrf}
    assert ask("DELETE", "/mappings/4/8080%2Ftcp", None, bearer).status == 401, "a wrong token is not made up for by an address"


def connect(machine, source, where):
    """What is answered on a connection from there."""
    with machine.inside():
        peer = socket.create_connection((where, web.PORT), timeout=1, source_address=(source, 0))
    with peer:
        peer.sendall(b"GET /api/v1/session HTTP/1.1\r\nHost: 10.59.0.1\r\n\r\n")
        return peer.recv(4096)


def forge(own, lab, server, device):
    """A machine of the WAN under a device's address: it is heard, and the answer is not for it."""
    internet = lab["internet"]
    internet.add_address(f"{device}/{128 if ':' in device else 32}")
    seen = own.page.vps.capture("internet")
    try:
        said = connect(internet, device, server)
    except OSError:
        said = None
    assert said is None, f"{device}: {said}"
    assert seen.count(src=device, dst=server, out=False) > 0, "nothing was forged"
    seen.none(src=server, dst=device, out=True)


def test_spoofed(lab):
    """on the WAN nobody is a device, in both families: neither by the device's address nor by another, nor on loopback"""
    own = Own(lab)
    internet, vps = lab["internet"], own.page.vps
    for hop, server, device in ((vps.v4, "10.59.0.1", "10.59.0.2"),
                                (vps.v6, *(embed(vps.prefix, f"10.59.0.{n}") for n in (1, 2)))):
        internet.run("ip", "route", "replace", f"{server}/{128 if ':' in server else 32}", "via", hop)
        found = json.loads(internet.run("ip", "-j", "route", "get", hop).stdout)[0]["prefsrc"]
        own.page.log_in()
        before = own.page.refused("stranger")
        with contextlib.suppress(ConnectionError):
            assert not connect(internet, found, server), "a stranger was answered at the tunnel's door"
        assert own.page.refused("stranger") == before + 1, server
        assert own.ask("GET", "/session", host=server).json["device"] == "nas", "the device itself"
        forge(own, lab, server, device)
        assert own.ask("GET", "/session", host=server).json["device"] == "nas", "the device, after that"
    assert own.page.ask("GET", "/api/v1/session").json["who"] == "none", "on loopback"
    with vps.inside():
        peer = socket.create_connection(("10.59.0.1", web.PORT), timeout=3)
    with peer, contextlib.suppress(ConnectionError):
        peer.sendall(b"GET /api/v1/session HTTP/1.1\r\nHost: 10.59.0.1\r\n\r\n")
        assert not peer.recv(4096), "the server itself is no device"
    assert own.rows() == {}


if __name__ == "__main__":
    tap.main(globals())
