#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""desec.py PORT TOKEN FILE: a stand-in of deSEC's interface: RRsets of one domain, put as a list.

It refuses what the published interface refuses: no or another token (401), an unknown domain
(404), no JSON list, a missing field, an unknown type, a TTL below 3600, a record that is no address (400). An
empty list of records deletes. What it holds is in FILE, as {"NAME TYPE": [address]}.
"""
import http.server
import ipaddress
import json
import os
import sys

DOMAIN = "lab.example"
FIELDS = {"subname", "type", "ttl", "records"}
FAMILIES = {"A": 4, "AAAA": 6}


def refuse(rows):
    """Why this is no list of RRsets; None if it is one."""
    if not isinstance(rows, list) or not rows:
        return "not a list"
    for row in rows:
        if not isinstance(row, dict) or set(row) != FIELDS or row["type"] not in FAMILIES:
            return f"{row}: not an RRset"
        if not isinstance(row["ttl"], int) or row["ttl"] < 3600:
            return "ttl: Ensure this value is greater than or equal to 3600."
        for record in row["records"]:
            if ipaddress.ip_address(record).version != FAMILIES[row["type"]]:
                return f"{record}: not of type {row['type']}"
    return None


class Api(http.server.BaseHTTPRequestHandler):
    """One request, one answer in JSON."""
    held = {}

    def answer(self, code, value):
        body = json.dumps(value).encode()
        self.send_response(code)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_PUT(self):  # pylint: disable=invalid-name
        rows = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.headers["Authorization"] != f"Token {sys.argv[2]}":
            self.answer(401, {"detail": "Invalid token."})
            return
        if self.path != f"/api/v1/domains/{DOMAIN}/rrsets/":
            self.answer(404, {"detail": "Not found."})
            return
        why = refuse(rows) if self.headers["Content-Type"] == "application/json" else "not JSON"
        if why:
            self.answer(400, [{"non_field_errors": [why]}])
            return
        for row in rows:
            self.held[f"{row['subname']} {row['type']}"] = sorted(row["records"])
        with open(sys.argv[3] + ".new", "w", encoding="utf-8") as file:
            json.dump({key: value for key, value in self.held.items() if value}, file)
        os.rename(sys.argv[3] + ".new", sys.argv[3])
        self.answer(200, [row for row in rows if row["records"]])

    def log_message(self, *words):  # pylint: disable=arguments-differ
        print(*words[1:], flush=True)


if __name__ == "__main__":
    with http.server.ThreadingHTTPServer(("0.0.0.0", int(sys.argv[1])), Api) as server:
        print("ready", flush=True)
        server.serve_forever()
