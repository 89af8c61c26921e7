# SPDX-License-Identifier: GPL-2.0-or-later
"""Debian's miniupnpd (nft backend) as PCP server of a vps, and a device of it on a plain WireGuard link."""
import re

from errors import LabError
from process import until
from tunnel import WireGuard

CONF = """ext_ifname={wan}
listening_ip=wg0
{pcp}=yes
enable_upnp=no
secure_mode=yes
system_uptime=no
min_lifetime=4
max_lifetime={lifetime}
upnp_table_name=filter
upnp_nat_table_name=filter
clean_ruleset_interval=600
allow 1-65535 10.59.0.0/24 1-65535
deny 0-65535 0.0.0.0/0 0-65535
"""

# The chains it fills, and what a careful admin has around them.
TABLE = """table inet filter {{
    chain miniupnpd {{ }}
    chain prerouting_miniupnpd {{ }}
    chain postrouting_miniupnpd {{ }}
    chain forward {{
        type filter hook forward priority 0; policy drop;
        ct state established,related accept
        iifname wg0 oifname {wan} accept
        jump miniupnpd
    }}
    chain prerouting {{
        type nat hook prerouting priority -100;
        jump prerouting_miniupnpd
    }}
    chain postrouting {{
        type nat hook postrouting priority 100;
        jump postrouting_miniupnpd
    }}
}}
"""


class Miniupnpd:
    """It grants every mapping for `lifetime` seconds and forgets all when it ends."""

    server_v4, device_v4 = "10.59.0.1", "10.59.0.2"

    def __init__(self, lab, lifetime=3600):
        lab.require("miniupnpd")
        self.vps, self.home, self.process = lab["vps"], lab["home"], None
        net = self.vps.prefix.replace("::/64", "::59:")
        self.server_v6, self.device_v6 = net + "1", net + "2"
        self.wan = self.vps.link("internet")
        self._tunnel(net + "0/112")
        self.vps.write("/etc/miniupnpd.test", CONF.format(wan=self.wan, lifetime=lifetime, pcp=self._pcp()))
        self.start()

    def _tunnel(self, net6):
        over = WireGuard(self.vps, "wg0", [self.server_v4 + "/24", self.server_v6 + "/128"], 51820)
        under = WireGuard(self.home, "wg0", [self.device_v4 + "/24", self.device_v6 + "/112"])
        over.peer(under.public_key, [self.device_v4 + "/32", self.device_v6 + "/128"])
        under.peer(over.public_key, ["0.0.0.0/0", "::/0"], f"{self.vps.v4}:51820", 25)
        self.vps.run("ip", "route", "replace", net6, "dev", "wg0")
        self.vps.sysctl("net.ipv4.ip_forward", 1)
        self.vps.sysctl("net.ipv6.conf.all.forwarding", 1)
        for family, own in (("-4", self.device_v4), ("-6", self.device_v6)):
            self.home.run("ip", family, "route", "add", "default", "dev", "wg0", "table", 77)
            self.home.run("ip", family, "rule", "add", "from", own, "lookup", 77)
        self.home.sysctl("net.ipv4.conf.wg0.rp_filter", 0)
        self.home.sysctl("net.ipv4.conf.all.rp_filter", 0)

    def _pcp(self):
        """The word that turns PCP on: 2.3.4 renamed it."""
        said = self.vps.run("miniupnpd", "--version", check=False)
        version = re.search(r"miniupnpd (\d+)\.(\d+)\.(\d+)", said.stdout + said.stderr)
        return "enable_pcp_pmp" if tuple(map(int, version.groups())) >= (2, 3, 4) else "enable_natpmp"

    def start(self):
        self.vps.run("nft", "flush", "ruleset")
        self.vps.nft(TABLE.format(wan=self.wan))
        self.process = self.vps.spawn("miniupnpd", "-d", "-f", "/etc/miniupnpd.test", "-P", "/run/miniupnpd.pid")
        until(self._listens, 10, "miniupnpd on port 5351")

    def _listens(self):
        if not self.process.alive:
            raise LabError(f"miniupnpd ended:\n{self.process.output()[-2000:]}")
        return ":5351" in self.vps.run("ss", "-lun").stdout

    def restart(self):
        self.process.stop()
        self.start()
