#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""adit-web as a process: where it listens, what it may, and that nobody needs it."""
import web
from web import Client, Web, tap, until

DRAWING = "internet -- vps"


def test_page(lab):
    """the page, its parts and its headers come from us alone"""
    page = Web(lab).start()
    answer = page.ask("GET", "/")
    assert answer.status == 200 and "text/html" in answer.headers["Content-Type"], answer
    assert "default-src 'none'" in answer.headers["Content-Security-Policy"]
    assert "unsafe" not in answer.headers["Content-Security-Policy"]
    tag = answer.headers["ETag"]
    assert page.ask("GET", "/", headers={"If-None-Match": tag}).status == 304
    assert page.ask("HEAD", "/").status == 200
    assert page.ask("GET", "/healthz").body == b"ok\n"


def test_confined(lab):
    """the process has no privilege, and no file of the server's is its own"""
    page = Web(lab).start()
    status = page.vps.run("cat", f"/proc/{page.vps.run('pidof', 'adit-web').stdout.strip()}/status").stdout
    rows = dict(row.split(":\t", 1) for row in status.splitlines() if ":\t" in row)
    assert rows["Uid"].split() == ["4242"] * 4 and rows["CapEff"] == "0" * 16 and rows["NoNewPrivs"] == "1", status
    assert page.vps.run("stat", "-c", "%U %G %a", "/var/lib/adit-web/access").stdout == "root adit-web 640\n"
    assert page.vps.run("stat", "-c", "%U %G %a", "/var/lib/adit-web").stdout == "root adit-web 750\n"
    page.log_in()
    page.api("GET", "/status")
    outsider = page.vps.run("setpriv", "--reuid=nobody", "--regid=nogroup", "--clear-groups", "adit-server", "status",
                            check=False)
    assert outsider.code == 4, (outsider.code, outsider.stderr)


def test_server_gone(lab):
    """adit-server comes and goes under the page; the page comes and goes beside the server"""
    page = Web(lab).start()
    page.log_in()
    before = page.vps.run("nft", "list", "table", "inet", "adit_server").stdout
    page.server.process.kill()
    until(lambda: page.api("GET", "/status")["state"] == "gone", 10, "the page to notice")
    assert page.ask("GET", "/healthz").status == 503
    page.api("GET", "/devices", status=503)
    assert b"adit_up 0" in page.ask("GET", "/metrics", headers=page.me()).body
    page.server.run()
    until(lambda: page.api("GET", "/status").get("state") == "up", 10, "the page to notice")
    assert page.ask("GET", "/healthz").status == 200
    page.process.kill()
    assert page.vps.run("nft", "list", "table", "inet", "adit_server").stdout == before
    page.run()
    assert page.ask("GET", "/api/v1/status", headers=page.me()).status == 401, "a session outlived its process"


@tap.drawing("visitor -- internet -- vps\ninternet -- cgnat -- home")
def test_doors(lab):
    """devices reach it through the tunnel, the Internet does not, and loopback does"""
    vps, home, visitor, internet = lab["vps"], lab["home"], lab["visitor"], lab["internet"]
    page = Web(lab).start()
    profile = page.server.device("nas", "10.59.0.2")
    Client(home).start().enrol("home", profile)
    page.wait_let_in(home)
    assert page.ask("GET", "/healthz").status == 200
    for address in (vps.v4, vps.v6):
        assert visitor.tcp_probe(address, web.PORT) == "refused", address
    # A neighbour on the WAN's link addresses the tunnel's own address: it reaches a socket, and nobody.
    internet.run("ip", "route", "add", "10.59.0.1", "via", vps.v4)
    page.log_in()
    before = page.refused("stranger")
    assert not internet.curl(f"http://10.59.0.1:{web.PORT}/healthz", check=False).ok
    assert page.refused("stranger") == before + 1


@tap.drawing("visitor -- internet -- vps")
def test_public(lab):
    """public only by TLS, with a health door that says one word"""
    vps, visitor = lab["vps"], lab["visitor"]
    page = Web(lab)
    page.server.start()
    vps.write("/etc/adit/web.conf", "[Web]\nListen = public\n")
    refused = vps.run(*web.CONFINED, "adit-web", check=False)
    assert refused.code == 1 and "Certificate=" in refused.stderr, refused
    said = vps.run("adit-web", "--make-certificate", f"vps,{vps.v4} {vps.v6}").stdout
    shown = vps.run("openssl", "x509", "-in", "/etc/adit/web.crt", "-noout", "-fingerprint", "-sha256").stdout
    assert shown.split("=")[1].strip() in said, (shown, said)
    assert shown.split("=")[1].strip() in page.server.admin("setup").stdout
    assert vps.run("stat", "-c", "%U %G %a", "/etc/adit/web.key").stdout == "root adit-web 640\n"
    again = vps.run("adit-web", "--make-certificate", "vps", check=False)
    assert again.code == 4 and "already" in again.stderr, again
    visitor.write("/root/web.crt", vps.read("/etc/adit/web.crt"))
    page.run("[Web]\nListen = public, loopback\nCertificate = /etc/adit/web.crt\nKey = /etc/adit/web.key\n"
             "HealthPort = 8421\n")
    for url in (f"https://{vps.v4}:{web.PORT}/healthz", f"https://[{vps.v6}]:{web.PORT}/healthz",
                f"http://{vps.v4}:8421/healthz"):
        until(lambda u=url: visitor.curl(u, "--cacert", "/root/web.crt", check=False).stdout == "ok\n", 10, url)
    assert not visitor.curl(f"http://{vps.v4}:{web.PORT}/healthz", check=False).ok
    for path in ("/", "/metrics", "/api/v1/session"):
        assert "nothing is here" in visitor.curl(f"http://{vps.v4}:8421{path}"), path


@tap.drawing("visitor -- internet -- vps")
def test_credentials(lab):
    """certificate and key as credentials of the unit, out of a folder of systemd's"""
    vps, visitor = lab["vps"], lab["visitor"]
    page = Web(lab)
    page.server.start()
    vps.write("/etc/adit/web.conf", "[Web]\nListen = public\n")
    vps.run("adit-web", "--make-certificate", f"{vps.v4}")
    visitor.write("/root/web.crt", vps.read("/etc/adit/web.crt"))
    folder = "/run/credentials/adit-web.service"
    vps.sh(f"mkdir -p {folder} && mv /etc/adit/web.crt /etc/adit/web.key {folder}/ && chgrp -R adit-web {folder}")
    settings = "[Web]\nListen = public\nCertificate = web.crt\nKey = web.key\n"
    vps.write("/etc/adit/web.conf", settings)
    alone = vps.run(*web.CONFINED, "adit-web", check=False)
    assert alone.code == 1 and "web.crt: " in alone.stderr, alone
    page.run(settings, CREDENTIALS_DIRECTORY=folder)
    url = f"https://{vps.v4}:{web.PORT}/healthz"
    until(lambda: visitor.curl(url, "--cacert", "/root/web.crt", check=False).stdout == "ok\n", 10, url)


if __name__ == "__main__":
    tap.main(globals())
