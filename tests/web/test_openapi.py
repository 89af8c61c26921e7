#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""openapi.json against the running server: every operation it describes is asked, every answer is held
against its schema, and what it does not describe is not there."""
import json
import re
import time

from web import Web, tap

DRAWING = "internet -- vps"
KEY = "AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE="
METHODS = ("GET", "POST", "PUT", "PATCH", "DELETE")
TYPES = {"string": str, "boolean": bool, "object": dict, "array": list, "null": type(None)}


class Description:
    def __init__(self, text):
        self.doc = json.loads(text)
        self.seen = set()

    def resolve(self, part):
        while "$ref" in part:
            at = self.doc
            for name in part["$ref"].removeprefix("#/").split("/"):
                at = at[name]
            part = at
        return part

    def operations(self):
        return {(method.upper(), path) for path, item in self.doc["paths"].items() for method in item}

    def check(self, schema, value, where):
        """The part of JSON Schema that the file uses."""
        schema = self.resolve(schema)
        kinds = schema.get("type", [])
        kinds = [kinds] if isinstance(kinds, str) else kinds
        fits = [k for k in kinds if (type(value) is int if k == "integer" else isinstance(value, TYPES[k]))]
        assert fits or not kinds, f"{where}: {value!r} is no {kinds}"
        assert "enum" not in schema or value in schema["enum"], f"{where}: {value!r} is none of {schema['enum']}"
        assert value is None or "minimum" not in schema or value >= schema["minimum"], f"{where}: {value}"
        assert value is None or "maximum" not in schema or value <= schema["maximum"], f"{where}: {value}"
        if isinstance(value, list):
            for i, one in enumerate(value):
                self.check(schema["items"], one, f"{where}[{i}]")
        if isinstance(value, dict) and "properties" in schema:
            missing = set(schema["required"]) - set(value)
            assert not missing, f"{where}: {missing} are missing"
            extra = set(value) - set(schema["properties"])
            assert schema.get("additionalProperties", True) or not extra, f"{where}: {extra} are not described"
            for name, one in value.items():
                if name in schema["properties"]:
                    self.check(schema["properties"][name], one, f"{where}.{name}")

    def answer(self, method, path, answer):
        """That answer to that operation is as described."""
        where = f"{method} {path} -> {answer.status}"
        responses = self.doc["paths"][path][method.lower()]["responses"]
        assert str(answer.status) in responses, f"{where}: not described: {answer}"
        self.seen.add((method, path))
        content = self.resolve(responses[str(answer.status)]).get("content")
        if not content:
            assert not answer.body, where
            return
        kind = answer.headers["Content-Type"].split(";")[0]
        assert kind in content, f"{where}: {kind}"
        if kind == "application/json":
            self.check(content[kind]["schema"], answer.json, where)


def request_body(description, method, path):
    operation = description.doc["paths"][path][method.lower()]
    return operation.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema")


# What somebody does with a server from the first day to the last: operation, path, body, status.
LIFE = [
    ("POST", "/api/v1/subnets", "", {"network": "10.60.0.0/24", "name": "guests"}, 201),
    ("POST", "/api/v1/subnets", "", {"network": "10.60.0.0/25"}, 409),
    ("PATCH", "/api/v1/subnets/{name}", "guests", {"dns": []}, 204),
    ("PATCH", "/api/v1/subnets/{name}", "guests", {"wan-address": ""}, 204),
    ("PATCH", "/api/v1/subnets/{name}", "guests", {"ipv6": ""}, 200),
    ("PATCH", "/api/v1/subnets/{name}", "guests", {"ipv6": "fe80::/64"}, 422),
    ("DELETE", "/api/v1/subnets/{name}", "guests", None, 204),
    ("POST", "/api/v1/devices", "", {"name": "nas"}, 201),
    ("POST", "/api/v1/devices", "", {"name": "nas"}, 409),
    ("POST", "/api/v1/devices", "", {"name": "phone", "kind": "client", "full": True}, 201),
    ("POST", "/api/v1/devices", "", {"name": "own", "public-key": KEY, "ipv4": "10.59.0.77"}, 201),
    ("POST", "/api/v1/devices/{name}/keys", "phone", {}, 201),
    ("PATCH", "/api/v1/devices/{name}", "phone", {"name": "tablet"}, 204),
    ("PATCH", "/api/v1/devices/{name}", "phone", {"name": "tablet"}, 404),
    ("PATCH", "/api/v1/devices/{name}", "tablet", {"may-publish": False}, 204),
    ("PATCH", "/api/v1/devices/{name}", "tablet", {"routes": ["192.168.7.0/24"]}, 204),
    ("PATCH", "/api/v1/devices/{name}", "tablet", {"may-publish": False, "routes": []}, 422),
    ("POST", "/api/v1/mappings", "", {"family": 4, "ports": "2222/tcp", "device": "nas", "internal": 22}, 201),
    ("POST", "/api/v1/mappings", "", {"family": 6, "ports": "22", "device": "nas", "allow-from": ["2001:db8::/32"]}, 201),
    ("POST", "/api/v1/mappings", "", {"family": 5, "ports": "22", "device": "nas"}, 422),
    ("POST", "/api/v1/publications", "", {"ip-version": "both", "ports": "443", "device": "nas", "redirect": "https"}, 201),
    ("POST", "/api/v1/publications", "", {"ip-version": "both", "ports": "443", "device": "tablet"}, 409),
    ("PATCH", "/api/v1/mappings/{family}/{key}", "4/2222%2Ftcp", {"enabled": False}, 204),
    ("PATCH", "/api/v1/mappings/{family}/{key}", "6/nas%3A22%2Ftcp", {"label": "ssh"}, 204),
    ("DELETE", "/api/v1/mappings/{family}/{key}", "4/2222%2Ftcp", None, 204),
    ("DELETE", "/api/v1/mappings/{family}/{key}", "4/2222%2Ftcp", None, 404),
    ("POST", "/api/v1/refresh", "", None, 204),
]
LOOKS = ("/api/v1/session", "/api/v1/status", "/api/v1/subnets", "/api/v1/devices", "/api/v1/mappings", "/api/v1/openapi",
         "/metrics", "/healthz")


@tap.deadline(90)
def test_described(lab):
    """a server's life: every operation of the file, and every answer as the file says"""
    page = Web(lab).start()
    description = Description(page.ask("GET", "/api/v1/openapi").body)
    for path in LOOKS:
        description.answer("GET", path, page.ask("GET", path))
    description.answer("POST", "/api/v1/session", page.log_in("not that one"))
    description.answer("POST", "/api/v1/session", page.log_in())
    for method, path, names, body, status in LIFE:
        real = re.sub(r"\{.*\}", names, path, count=1) if names else path
        schema = request_body(description, method, path)
        if body is not None and status < 300:
            description.check(schema, body, f"{method} {path}: the request")
        answer = page.ask(method, real, body, page.me())
        assert answer.status == status, f"{method} {real}: {answer}"
        description.answer(method, path, answer)
        for look in LOOKS:
            if method == "POST" and status == 201:
                description.answer("GET", look, page.ask("GET", look, headers=page.me()))
    description.answer("DELETE", "/api/v1/devices/{name}", page.ask("DELETE", "/api/v1/devices/tablet", headers=page.me()))
    description.seen.add(("GET", "/api/v1/events"))  # test_access reads it
    description.answer("DELETE", "/api/v1/session", page.ask("DELETE", "/api/v1/session", headers=page.me()))
    assert description.seen == description.operations(), description.operations() ^ description.seen


def test_nothing_else(lab):
    """what the file does not describe is not there, and what it closes is closed"""
    page = Web(lab).start()
    description = Description(page.ask("GET", "/api/v1/openapi").body)
    for path in description.doc["paths"]:
        real = re.sub(r"\{[a-z]+\}", "4", path)
        for method in METHODS:
            answer = page.ask(method, real, {})
            if (method, path) not in description.operations():
                assert answer.status == 405, f"{method} {path}: {answer}"
            elif description.doc["paths"][path][method.lower()]["security"]:
                assert answer.status == 401, f"{method} {path}: {answer}"
    for path in ("/api", "/api/v1", "/api/v2/status", "/api/v1/devices/a/b/c", "/api/v1/Status", "/metrics/x"):
        assert page.ask("GET", path).status == 404, path


def test_blame(lab):
    """the server's own sentence comes back with the field it is about"""
    page = Web(lab).start()
    page.log_in()
    page.api("POST", "/devices", {"name": "nas", "ipv4": "10.59.0.9"}, 201)
    cases = [
        ("/devices", {"name": "nas"}, "name"),
        ("/devices", {"name": "b", "ipv4": "10.59.0.9"}, "ipv4"),
        ("/devices", {"name": "b", "kind": "toaster"}, "kind"),
        ("/publications", {"ip-version": "4", "ports": "22", "device": "nas"}, "ports"),
        ("/publications", {"ip-version": "4", "ports": "0", "device": "nas"}, "ports"),
        ("/publications", {"ip-version": "4", "ports": "22/tcp", "device": "nas"}, "ports"),
        ("/publications", {"ip-version": "4", "ports": "443", "device": "nos"}, "device"),
        ("/publications", {"ip-version": "5", "ports": "443", "device": "nas"}, "ip-version"),
        ("/publications", {"ip-version": "4", "ports": "443", "device": "nas", "internal": "x"}, "internal"),
        ("/subnets", {"network": "10.59.0.0/16"}, "network"),
    ]
    wrong = []
    for path, body, field in cases:
        error = page.ask("POST", "/api/v1" + path, body, page.me()).json["error"]
        if error["field"] != field:
            wrong.append(f"{path} {body}: {error}, not {field}")
    assert not wrong, "\n".join(wrong)


@tap.deadline(90)
def test_many(lab):
    """a thousand devices and five thousand ports are told at once"""
    page = Web(lab).start()
    page.log_in()
    page.fill(1000, 5000)
    for path, n in (("/devices", 1000), ("/mappings", 5000)):
        begin = time.monotonic()
        rows = page.api("GET", path)
        took = time.monotonic() - begin
        print(f"# {path}: {took * 1000:.0f} ms")
        assert len(rows) == n and took < 4, (path, len(rows), took)
    begin = time.monotonic()
    page.ask("GET", "/metrics", headers=page.me())
    assert time.monotonic() - begin < 3


if __name__ == "__main__":
    tap.main(globals())
