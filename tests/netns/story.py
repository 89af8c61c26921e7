# SPDX-License-Identifier: GPL-2.0-or-later
"""The people of the story: a VPS with adit-server and a home machine with aditd, on a lab's machines."""

NETWORK = "10.59.0.0/24"
TALK = {"G_MESSAGES_DEBUG": "adit"}


class Server:
    """adit-server on a machine, on the machine's own bus, administered by its own command."""

    def __init__(self, vps, prefix=None, network=NETWORK):
        self.vps, self.prefix, self.network, self.process = vps, prefix, network, None
        vps.bus()

    def begin(self, pass_fds=()):
        """As run(), without waiting until it is ready."""
        self.process = self.vps.spawn("adit-server", "run", env=TALK, pass_fds=pass_fds)

    def run(self, pass_fds=()):
        self.begin(pass_fds)
        self.process.wait_output(r"\bready\b", 15)
        return self

    def start(self):
        """The daemon; the first time on a blank machine, which setup makes a server."""
        self.run()
        if '"new"' in self.admin("status", "--json").stdout:
            self.setup()
        return self

    def setup(self):
        return self.admin("setup", "--endpoint", self.vps.public_v4 or self.vps.v4, "--subnet", self.network,
                          "--ipv6", self.prefix or "none")

    def admin(self, *words, **kw):
        return self.vps.run("adit-server", *words, **kw)

    def device(self, name, address=None, *more):
        """Adds a device; returns the text of its profile."""
        where = ["--ip", address] if address else []
        return self.admin("device", "add", name, *where, *more).stdout

    def publish(self, port, device, protocol="tcp", internal=None, families=(4, 6)):
        more = ["--internal", internal] if internal else []
        version = "both" if len(families) == 2 else families[0]
        return self.admin("publish", device, f"{port}/{protocol}", "--ip-version", version, *more)

    def reload(self):
        """As `systemctl reload` does; waits until it is done."""
        seen = self.process.output().count("reloaded")
        self.process.signal(1)
        self.process.wait_output("(?s)" + "reloaded.*?" * (seen + 1), 10)


class Client:
    """aditd on a machine, with the machine's own bus."""

    def __init__(self, home):
        self.home, self.process = home, None
        home.bus()

    def begin(self):
        """As start(), without waiting until it is ready."""
        self.process = self.home.spawn("aditd", env=TALK)

    def start(self):
        self.begin()
        self.process.wait_output(r"\bready\b", 15)
        return self

    def adit(self, *words, **kw):
        return self.home.run("adit", *words, **kw)

    def enrol(self, name, profile):
        """Imports a profile, as a user who was handed the file does."""
        self.home.write(f"/root/{name}.conf", profile, 0o600)
        return self.adit("import", f"/root/{name}.conf")


class Publisher:
    """adit-publisher on a machine whose bus is there: as nobody, who may do nothing."""
    STATE = "/var/lib/adit-publisher"

    def __init__(self, home, user="nobody"):
        self.home, self.user, self.process = home, user, None
        home.run("install", "-d", "-m", "0700", "-o", user, self.STATE)

    def begin(self):
        """As start(), without waiting until it is ready."""
        self.process = self.home.spawn(
            "setpriv", f"--reuid={self.user}", "--regid=nogroup", "--clear-groups", "--bounding-set=-all",
            "--inh-caps=-all", "--no-new-privs", "adit-publisher", "--state-dir", self.STATE,
            env={**TALK, "G_SLICE": "always-malloc"},  # as data/adit-publisher.service.in has it
            name="adit-publisher")

    def start(self):
        self.begin()
        self.process.wait_output(r"\bready\b", 15)
        return self


def embed(prefix, v4):
    """The GUA of a device: the prefix with the IPv4 address in its host bits."""
    from ipaddress import ip_address, ip_network
    network = ip_network(prefix)
    return str(ip_address(int(network.network_address) | int(ip_address(v4)) & int(network.hostmask)))
