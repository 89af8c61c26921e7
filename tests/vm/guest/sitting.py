# SPDX-License-Identifier: GPL-2.0-or-later
"""Somebody at the admin page from the street: ssh -L as the README has it, then what a browser asks for."""

import contextlib
import glob
import json
import os
import shutil
import subprocess
import time

import street
from tap import output, sh, works

JAR = "/run/sitting.jar"
HOME = os.path.expanduser("~/.ssh")


def let_in(host):
    """This machine takes ssh, as a VPS does, and knows the reader; the reader knows it."""
    sh("env", "DEBIAN_FRONTEND=noninteractive", "dpkg", "--install", *glob.glob("/opt/beside/*.deb"), seconds=400)
    sh("systemctl", "start", "ssh", seconds=120)
    os.makedirs(HOME, mode=0o700, exist_ok=True)
    sh("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", f"{HOME}/id_ed25519")
    shutil.copy(f"{HOME}/id_ed25519.pub", f"{HOME}/authorized_keys")
    with open("/etc/ssh/ssh_host_ed25519_key.pub", encoding="utf-8") as key, \
            open(f"{HOME}/known_hosts", "w", encoding="utf-8") as known:
        known.write(f"{host} {key.read()}")


@contextlib.contextmanager
def typing(line):
    """A command of the reader's own machine, which stays."""
    argv = ["ip", "netns", "exec", street.STREET, "bash", "-c", f"exec {line}"]
    with subprocess.Popen(argv, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL) as process:
        try:
            yield process
        finally:
            process.terminate()


class Sitting:
    """A browser on that machine, without a screen."""

    def __init__(self, page):
        self.page, self.csrf = page, None

    def opens(self, words, seconds=60):
        """Whether the page comes, with these words in it."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            if words in street.inside("curl", "-s", "-m", "5", self.page, check=output):
                return True
            time.sleep(0.2)
        return False

    def asks(self, method, where, body=None):
        """What the page's own script sends, and the JSON of the answer."""
        argv = ["curl", "-sS", "-m", "30", "--fail-with-body", "-b", JAR, "-c", JAR, "-X", method,
                "-H", f"Origin: {self.page}"]
        if self.csrf:
            argv += ["-H", f"X-Adit-Csrf: {self.csrf}"]
        if body is not None:
            argv += ["-H", "Content-Type: application/json", "--data-binary", "@-"]
        said = json.loads(sh("ip", "netns", "exec", street.STREET, *argv, f"{self.page}/api/v1{where}",
                             stdin=body and json.dumps(body)) or "null")
        if where == "/session":
            self.csrf = said["csrf"]
        return said


def clear():
    """Nothing of it is left."""
    for path in glob.glob(f"{HOME}/*") + [JAR]:
        if os.path.exists(path):
            os.unlink(path)
    works("systemctl", "stop", "ssh")
