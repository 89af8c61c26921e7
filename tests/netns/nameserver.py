# SPDX-License-Identifier: GPL-2.0-or-later
"""BIND as the primary of a zone that takes signed updates, on a machine of the lab."""
import os
import re

from errors import Skip

_NAMED = "usr/sbin/named"
ZONE = "lab.example"
SECRET = "bm90IGEgc2VjcmV0IG9mIGFueWJvZHkncw=="
OTHER = "b25lIHRoYXQgdGhlIHNlcnZlciBkb2VzIG5vdCBrbm93"
CONF = """options {{
    directory "/run/named"; pid-file none; session-keyfile none;
    recursion no; dnssec-validation no; notify no; empty-zones-enable no;
    listen-on {{ any; }}; listen-on-v6 {{ any; }};
}};
controls {{ }};
key "home" {{ algorithm hmac-sha256; secret "{secret}"; }};
zone "{zone}" {{ type primary; file "zone"; allow-update {{ key "home"; }}; }};
"""
ROWS = """$TTL 60
@ IN SOA ns hostmaster 1 3600 600 86400 60
@ IN NS ns
ns IN A 192.0.2.53
www IN A 192.0.2.99
"""


def tsig_key(secret=SECRET):
    """A key file as tsig-keygen(8) writes it."""
    return f'key "home" {{\n\talgorithm hmac-sha256;\n\tsecret "{secret}";\n}};\n'


def _program(lab):
    """Installed, or unpacked by ./dev beside the build: installed it would listen on the host."""
    for path in ("/" + _NAMED, f"{lab.build}/named/{_NAMED}"):
        if os.access(path, os.X_OK):
            return path
    raise Skip("named is neither installed nor unpacked by ./dev")


class Primary:
    """Answers for lab.example; www has an old address until an update comes."""

    def __init__(self, machine):
        self.machine = machine
        machine.write("/run/named/zone", ROWS)
        machine.write("/etc/named-lab.conf", CONF.format(secret=SECRET, zone=ZONE), 0o600)
        self.process = machine.spawn(_program(machine.lab), "-g", "-c", "/etc/named-lab.conf", "-n", "1")
        self.process.wait_output(r"\brunning\b", 20)

    def ask(self, name, kind):
        """The addresses of a name, sorted."""
        said = self.machine.run("dig", "+short", "+tries=1", "+time=2", "@127.0.0.1", f"{name}.{ZONE}", kind).stdout
        return sorted(re.findall(r"^\S+$", said, re.MULTILINE))
