#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""/metrics: every line is Prometheus's, and every figure is the server's own."""
import json
import re

from web import Client, Web, tap, until

DRAWING = "visitor -- internet -- vps\ninternet -- cgnat -- home"
LABEL = r'[a-z_]+="(?:[^"\\\n]|\\["\\n])*"'
SAMPLE = re.compile(rf"([a-z_]+)(\{{{LABEL}(?:,{LABEL})*\}})? (-?\d+)$")


def samples(page, headers):
    """{"name{labels}": value}; the text is well formed."""
    answer = page.ask("GET", "/metrics", headers=headers)
    assert answer.status == 200 and answer.headers["Content-Type"].startswith("text/plain; version=0.0.4"), answer
    types, found = {}, {}
    for row in answer.body.decode().splitlines():
        if row.startswith("# TYPE "):
            _, _, name, kind = row.split()
            assert name not in types and kind in ("counter", "gauge") and name.endswith("_total") == (kind == "counter"), row
            types[name] = kind
        elif not row.startswith("# HELP "):
            sample = SAMPLE.match(row)
            assert sample and sample[1] in types, f"not a sample: {row!r}"
            key = sample[1] + (sample[2] or "")
            assert key not in found, f"twice: {row}"
            found[key] = int(sample[3])
    return found


def test_figures(lab):
    """devices, handshakes, mappings and bytes are those of the command line, and bytes grow with traffic"""
    home, visitor = lab["home"], lab["visitor"]
    page = Web(lab).start()
    reader = {"Authorization": "Bearer " + page.token("metrics")}
    assert samples(page, reader)["adit_devices"] == 0
    Client(home).start().enrol("home", page.server.device("nas", "10.59.0.2"))
    page.server.device("idle", "10.59.0.3")
    page.server.publish(8080, "nas")
    page.server.publish(8081, "nas", families=(4,))
    page.server.admin("forward", "set-enabled", "8081/tcp", "off")
    home.http_server(8080, "x" * 5000)
    until(lambda: visitor.curl(f"http://{page.vps.v4}:8080/", check=False).stdout, 15, "the published page")

    def counted():
        found = samples(page, reader)
        return found if found['adit_mapping_sent_bytes_total{family="4",key="8080/tcp",device="nas"}'] > 5000 else None

    found = until(counted, 10, "the bytes of the mapping")
    assert found["adit_up"] == 1 and found["adit_devices"] == 2
    assert found['adit_mappings{family="4",origin="manual",enabled="true"}'] == 1
    assert found['adit_mappings{family="4",origin="manual",enabled="false"}'] == 1
    assert found['adit_mappings{family="6",origin="manual",enabled="true"}'] == 1
    assert 0 <= found['adit_device_handshake_age_seconds{device="nas"}'] < 120
    assert 'adit_device_handshake_age_seconds{device="idle"}' not in found, "never is no age"
    listed = {row["name"]: row for row in json.loads(page.server.admin("device", "list", "--json").stdout)}
    assert 5000 < found['adit_device_received_bytes_total{device="nas"}'] <= listed["nas"]["rx-bytes"]
    assert found['adit_device_sent_bytes_total{device="idle"}'] == 0
    assert found['adit_web_refused_total{reason="login"}'] == 0
    page.ask("GET", "/metrics")
    assert samples(page, reader)['adit_web_refused_total{reason="login"}'] == 1


if __name__ == "__main__":
    tap.main(globals())
