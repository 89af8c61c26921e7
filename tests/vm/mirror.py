# SPDX-License-Identifier: GPL-2.0-or-later
"""How this host fetches Debian: its mirrors and its apt settings.

An image must come from wherever apt works on the machine that builds it (a proxy, a local
mirror, a frozen snapshot), so both are read from apt itself, at run time.
"""

import os
import re
import subprocess

DEFAULT = "http://deb.debian.org/debian"
DEFAULT_SECURITY = "http://deb.debian.org/debian-security"
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"

# What decides whether a download works; the rest of apt's settings is the host's own business.
SETTINGS = re.compile(r"^(Acquire::(https?|ftp|Retries|Check-Date|Check-Valid-Until"
                      r"|Max-ValidTime|ForceIPv[46])(::[^ ]+)?) \"(.+)\";$")


def codename():
    """The Debian release this host runs: "bookworm"."""
    with open("/etc/os-release", encoding="utf-8") as file:
        match = re.search(r"^VERSION_CODENAME=(\w+)$", file.read(), re.MULTILINE)
    return match.group(1) if match else ""


def architecture():
    """What this host is, as Debian calls it: "amd64"."""
    return subprocess.run(["dpkg", "--print-architecture"], capture_output=True, text=True,
                          check=True).stdout.strip()


def _targets():
    """(uri, release) of every package index the host's apt is configured for."""
    text = subprocess.run(
        ["apt-get", "indextargets", "--format", "$(REPO_URI) $(RELEASE) $(COMPONENT)",
         "Created-By: Packages"], capture_output=True, text=True, check=False).stdout
    return [line.split()[:2] for line in text.splitlines() if line.endswith(" main")]


def mirrors():
    """The archive and its security twin, as (uri, uri)."""
    own = codename()
    main, security = DEFAULT, DEFAULT_SECURITY
    for uri, release in _targets():
        if release == own:
            main = uri.rstrip("/")
        elif release == own + "-security":
            security = uri.rstrip("/")
    return main, security


def sources(suite):
    """The lines of a sources.list for a suite."""
    main, security = mirrors()
    signed = f"[signed-by={KEYRING}]" if os.path.exists(KEYRING) else ""
    return [f"deb {signed} {main} {suite} main",
            f"deb {signed} {main} {suite}-updates main",
            f"deb {signed} {security} {suite}-security main"]


def options():
    """The host's apt settings that decide how a file is fetched."""
    text = subprocess.run(["apt-config", "dump"], capture_output=True, text=True,
                          check=True).stdout
    found = filter(None, map(SETTINGS.match, text.splitlines()))
    return [f'{match.group(1)} "{match.group(4)}"' for match in found]
