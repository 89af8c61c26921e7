# SPDX-License-Identifier: GPL-2.0-or-later
"""Rules, routes and tables of nftables in the shapes in which others make them, at random."""
import json

OURS = "173"


def _pick(random, *choices):
    return random.choice(choices)


def _network_manager(r):
    mark = 51820 + r.randrange(500)
    pref = r.randrange(30768, 31767)
    return [f"rule add pref {pref} not fwmark {mark:#x} lookup {mark}",
            f"rule add pref {pref - 1} lookup main suppress_prefixlength 0 protocol static",
            f"route add 198.18.{r.randrange(255)}.0/24 dev lo table {mark} proto static",
            f"NFT table ip nm-wg-s{mark} {{ chain pre {{ type filter hook prerouting priority -150; "
            f"meta l4proto udp meta mark set ct mark; }}; }}",
            f"NFT table inet nm-shared-s{mark} {{ chain f {{ type filter hook forward priority 0; accept; }}; }}"]


def _cloud_setup(r):
    n = r.randrange(100)
    return [f"rule add pref {30200 + n} from 203.0.113.{n} lookup {30200 + n} protocol static",
            f"route add 203.0.113.{n}/32 dev lo table {30200 + n} proto static metric {r.randrange(1, 9)}"]


def _docker(r):
    n = r.randrange(1 << 16)
    return [f"NFT table ip docker-bridges-{n:x} {{ map m {{ type ifname : verdict; }}; chain nat {{ type nat hook "
            f"postrouting priority srcnat; oifname docker{n:x} counter; }}; chain f {{ type filter hook forward "
            f"priority filter; iifname docker{n:x} accept; }}; }}"]


def _tailscale(r):
    exit_node = [f"route add default dev lo table 52 metric {r.randrange(1, 1000)}"] if r.random() < 0.3 else []
    return ["rule add pref 5210 fwmark 0x80000/0xff0000 lookup main", "rule add pref 5250 fwmark 0x80000/0xff0000 "
            "type unreachable", f"rule add pref {_pick(r, 5271, 1370)} lookup {_pick(r, 53, 54)}",
            f"route add 100.{r.randrange(64, 128)}.{r.randrange(255)}.1/32 dev lo table 52",
            f"NFT table ip ts-forward-{r.randrange(1 << 16):x} {{ chain x {{ meta mark and 0xff0000 == 0x40000 "
            "counter; }; }", *exit_node]


def _wg_quick(r):
    mark = 51820 + r.randrange(100)
    return [f"rule add not fwmark {mark} lookup {mark}", "rule add lookup main suppress_prefixlength 0",
            f"NFT table inet wg-quick-w{mark} {{ chain preraw {{ type filter hook prerouting priority -300; "
            f"iifname != w{mark} ip daddr 192.0.2.9 fib saddr type != local drop; }}; chain premangle {{ type filter "
            "hook prerouting priority -150; meta l4proto udp meta mark set ct mark; }; }"]


def _firewalld(r):
    return [f"NFT table inet firewalld_{r.randrange(1 << 16):x} {{ set s {{ type ipv4_addr; elements = {{ 192.0.2."
            f"{r.randrange(255)} }}; }}; chain mangle {{ type filter hook prerouting priority -140; ip saddr @s "
            "counter; }; chain o { type filter hook output priority 10; accept; }; }"]


def _mullvad(r):
    return [f"rule add pref {r.randrange(32000, 32700)} not fwmark 0x6d6f6c65 lookup 1836018789",
            "route add 192.0.2.77/32 dev lo table 1836018789",
            f"NFT table inet mullvad_{r.randrange(1 << 16):x} {{ chain output {{ type filter hook output priority "
            "filter; ct mark 0xf41 accept; }; chain m { type route hook output priority 0; meta mark 0xf41 "
            "counter; }; }"]


def _neighbours(r):
    """In our very tables and priorities, of another protocol or none."""
    slot = r.randrange(1, 4)
    return [f"rule add pref {_pick(r, 1730, 1740, 1750, 1755, 20060, 20071)} fwmark {slot << 24:#x}/0x3f000000 "
            f"iif lo to 192.0.2.{r.randrange(255)} lookup 2019{slot} protocol {_pick(r, 3, 4, 172, 174)}",
            f"route add 203.0.113.{r.randrange(255)}/32 dev lo table {20100 + slot} proto {_pick(r, 4, 172, 174)}",
            f"route add blackhole 198.51.{r.randrange(255)}.0/24 table {20100 + slot} metric {r.randrange(1, 9)}",
            f"NFT table {_pick(r, 'ip', 'ip6')} adit {{ chain x{r.randrange(1 << 16):x} {{ counter; }}; }}"]


SHAPES = (_network_manager, _cloud_setup, _docker, _tailscale, _wg_quick, _firewalld, _mullvad, _neighbours)


def add_some(machine, random):
    """Make what some of them make; what exists already is theirs as well."""
    for shape in random.sample(SHAPES, 3):
        for line in shape(random):
            if line.startswith("NFT "):
                machine.nft(line[4:] + "\n")
            else:
                machine.run("ip", *line.split(), check=False)


def remove_some(machine, random):
    """As their programs do when they end."""
    theirs = [r for r in _rules(machine, "-4") if r["priority"] not in (0, 32766, 32767)]
    for rule in random.sample(theirs, min(2, len(theirs))):
        # Without the protocol this would be anybody's of that priority; theirs is asked for.
        machine.run("ip", "rule", "del", "pref", rule["priority"], "protocol", rule.get("protocol", 0), check=False)
    tables = [r.split() for r in machine.run("nft", "list", "tables").stdout.splitlines()]
    foreign = [t for t in tables if t[1:] != ["inet", "adit"] and not t[2].startswith("lab")]
    for _, family, name in random.sample(foreign, min(1, len(foreign))):
        machine.run("nft", "delete", "table", family, name)


def _rules(machine, family):
    rows = json.loads(machine.run("ip", family, "-N", "-j", "rule").stdout)
    return [r for r in rows if str(r.get("protocol")) != OURS]


def theirs(machine, links):
    """All that is not ours, as text; without what the kernel makes for the links named."""
    out = []
    for family in ("-4", "-6"):
        out += _rules(machine, family)
        out += [r for r in json.loads(machine.run("ip", family, "-N", "-j", "route", "show", "table", "all").stdout)
                if str(r.get("protocol")) != OURS and r.get("dev") not in links]
    for entry in json.loads(machine.run("nft", "-j", "list", "ruleset").stdout)["nftables"]:
        (kind, body), = entry.items()
        if kind != "metainfo" and not (body["family"] == "inet" and
                                       body.get("table", body.get("name")) == "adit"):
            body.pop("handle", None)
            out.append(entry)
    return "\n".join(json.dumps(row, sort_keys=True) for row in out)
