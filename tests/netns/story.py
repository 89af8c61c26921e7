# SPDX-License-Identifier: GPL-2.0-or-later
"""The people of the story: a VPS with adit-server and a home machine with aditd, on a lab's machines."""

SERVER_CONF = """[Server]
PrivateKey = {server}
ListenPort = 51820
Endpoint = {endpoint}:51820

[Subnet]
Name = home
Network = 10.59.0.0/24
{ipv6}
"""
DEVICE_CONF = """
[Device]
Name = {name}
Subnet = home
Address = {address}
PublicKey = {public}
PresharedKey = {psk}
"""
FORWARD = "\n[Forward]\nExternal = {0}\nProtocol = {2}\nDevice = {1}\nPort = {3}\n"
PINHOLE = "\n[Pinhole]\nPort = {0}\nProtocol = {2}\nDevice = {1}\nInternal = {3}\n"
CONFIG = "/etc/adit/server.conf"
TALK = {"G_MESSAGES_DEBUG": "adit"}


def make_key(machine):
    """(private, public)"""
    private = machine.run("wg", "genkey").stdout.strip()
    return private, machine.run("wg", "pubkey", input=private).stdout.strip()


class Server:
    """adit-server on a machine, from a declarative file that grows."""

    def __init__(self, vps, prefix=None):
        self.vps, self.keys, self.process = vps, {}, None
        ipv6 = f"IPv6 = {prefix}" if prefix else ""
        self.text = SERVER_CONF.format(server=make_key(vps)[0], endpoint=vps.public_v4 or vps.v4, ipv6=ipv6)

    def device(self, name, address):
        """Adds a device; returns the text of its profile."""
        private, public = make_key(self.vps)
        self.text += DEVICE_CONF.format(name=name, address=address, public=public,
                                        psk=self.vps.run("wg", "genpsk").stdout.strip())
        self.save()
        self.vps.write(f"/root/{name}.key", private + "\n", 0o600)
        return self.vps.run("adit-server", "profile", name, "--private-key", f"/root/{name}.key").stdout

    def publish(self, port, device, protocol="tcp", internal=None, families=(4, 6)):
        for family in families:
            self.text += (FORWARD if family == 4 else PINHOLE).format(port, device, protocol, internal or port)
        self.save()

    def save(self):
        self.vps.write(CONFIG, self.text, 0o600)

    def start(self):
        self.process = self.vps.spawn("adit-server", "run", env=TALK)
        self.process.wait_output("ready", 15)
        return self

    def reload(self):
        """As `systemctl reload` does; waits until the new file is in force."""
        seen = self.process.output().count("reloaded")
        self.process.signal(1)
        self.process.wait_output("(?s)" + "reloaded.*?" * (seen + 1), 10)


class Client:
    """aditd on a machine, with the machine's own bus."""

    def __init__(self, home):
        self.home, self.process = home, None
        home.bus()

    def start(self):
        self.process = self.home.spawn("aditd", env=TALK)
        self.process.wait_output("ready", 15)
        return self

    def adit(self, *words, **kw):
        return self.home.run("adit", *words, **kw)

    def enrol(self, name, profile):
        """Imports a profile, as a user who was handed the file does."""
        self.home.write(f"/root/{name}.conf", profile, 0o600)
        return self.adit("import", f"/root/{name}.conf")


def embed(prefix, v4):
    """The GUA of a device: the prefix with the IPv4 address in its host bits."""
    from ipaddress import ip_address, ip_network
    network = ip_network(prefix)
    return str(ip_address(int(network.network_address) | int(ip_address(v4)) & int(network.hostmask)))
