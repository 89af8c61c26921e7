#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""Services on a wildcard socket that are slow, talkative, or asked by more people than can be known: none of their answers
to who came by a tunnel leaves by the uplink."""
import contextlib
import re
import socket

import tap
import test_reply
from test_reply import Home

DRAWING = test_reply.DRAWING
PORT, BURST, LEARN_MAX = 5000, 60, 16384
_SO_RCVBUFFORCE = 33
MAPS = {socket.AF_INET: "udp4", socket.AF_INET6: "udp6"}


class Talk:
    """One socket of a visitor's and the service it asks; nothing is answered until the test says so."""

    def __init__(self, h, address, port=PORT):
        self.h, self.address, self.port = h, address, port
        self.family = socket.AF_INET6 if ":" in address else socket.AF_INET
        self.visitor = self._socket(h.visitor)

    def _socket(self, machine):
        with machine.inside():
            sock = socket.socket(self.family, socket.SOCK_DGRAM)
        sock.setsockopt(socket.SOL_SOCKET, _SO_RCVBUFFORCE, 4 << 20)
        sock.settimeout(3)
        return sock

    def serve(self, own=""):
        """The service: on the wildcard address, or on its own."""
        sock = self._socket(self.h.machine)
        sock.bind((own, self.port))
        return sock

    def ask(self, service, times=1):
        """Questions, all of them there before one is answered; who asked."""
        for _ in range(times):
            self.visitor.sendto(b"question", (self.address, self.port))
        return [service.recvfrom(100)[1] for _ in range(times)][0]

    def hear(self):
        """An answer, from the address that was asked."""
        data, who = self.visitor.recvfrom(100)
        assert (data, who[0]) == (b"answer", self.address), (data, who)

    def close(self):
        self.visitor.close()


def _expires(h, family):
    """The seconds for which each entry of a map is still good."""
    text = h.machine.run("nft", "list", "map", "inet", "adit", MAPS[family]).stdout
    return [int(m or 0) * 60 + int(s or 0) for m, s in re.findall(r"expires (?:(\d+)m)?(?:(\d+)s)?", text)]


def _none_in_the_clear(h, seen):
    assert not h.leaks(seen, h.visitor.v4, h.visitor.v6)


def _can_be_seen(h, seen, talk, service, who):
    """The control: what is not known any more goes by the uplink, and the capture has it."""
    h.machine.run("nft", "flush", "map", "inet", "adit", MAPS[talk.family])
    service.sendto(b"answer", who)
    seen.wait(dst=who[0], sport=talk.port, out=True)
    seen.clear()


def test_burst(lab):
    """many questions before the first is answered, as a tunnel delivers them that was down for a while: each is by the tunnel"""
    h = Home(lab)
    seen = h.watch()
    for address in h.publish(h.vps, "udp", PORT):
        with contextlib.closing(Talk(h, address).serve()) as service:
            # Several, because where in the kernel's table one lies is chance.
            for _ in range(4):
                with contextlib.closing(Talk(h, address)) as talk:
                    who = talk.ask(service, BURST)
                    for _ in range(BURST):
                        service.sendto(b"answer", who)
                    talk.hear()
                    _none_in_the_clear(h, seen)
            with contextlib.closing(Talk(h, address)) as talk:
                _can_be_seen(h, seen, talk, service, talk.ask(service))


def test_talkative(lab):
    """a service that goes on where the visitor and conntrack are silent is known as long as it talks, and heard"""
    h = Home(lab)
    seen = h.watch()
    for address in h.publish(h.vps, "udp", PORT):
        talk = Talk(h, address)
        with contextlib.closing(talk), contextlib.closing(talk.serve()) as service:
            who, name = talk.ask(service), MAPS[talk.family]
            key = f"{who[0]} . {who[1]} . {PORT}"
            own = h.vps.v6 if ":" in address else h.vps.v4
            h.machine.nft(f"delete element inet adit {name} {{ {key} }}\n"
                          f"add element inet adit {name} {{ {key} timeout 180s expires 60s : {own} }}\n")
            assert max(_expires(h, talk.family)) <= 60
            h.machine.run("conntrack", "-F")
            service.sendto(b"answer", who)
            talk.hear()
            assert max(_expires(h, talk.family)) > 120
            # For conntrack this one answers a question of ours.
            assert talk.ask(service) == who
            service.sendto(b"answer", who)
            talk.hear()
    _none_in_the_clear(h, seen)


def _fill(h):
    """A flood of false senders has taken all room."""
    for name, sender, own in (("udp4", "192.0.2.1", h.vps.v4), ("udp6", "2001:db8::1", h.vps.v6)):
        rows = ", ".join(f"{sender} . {n} . {PORT} : {own}" for n in range(1, LEARN_MAX + 1))
        h.machine.nft(f"add element inet adit {name} {{ {rows} }}\n")


def _held_back(talk, service, who):
    """The service is told so."""
    try:
        service.sendto(b"answer", who)
    except PermissionError:
        return True
    return False


def test_flood(lab):
    """who cannot be known for a flood is not answered by the uplink; who asks there, or a service with an address of its own, is"""
    h = Home(lab)
    wild, bound = h.publish(h.vps, "udp", PORT), h.publish(h.vps, "udp", PORT + 1)
    direct = (h.machine.v4, h.machine.v6)
    _fill(h)
    seen = h.watch()
    for at, address in enumerate(wild):
        talk, other, near = Talk(h, address), Talk(h, bound[at], PORT + 1), Talk(h, direct[at])
        with contextlib.closing(talk.serve()) as service, contextlib.closing(other.serve((h.vps.v4, h.vps.v6)[at])) as own:
            who = talk.ask(service)
            assert _held_back(talk, service, who), "in the clear"
            h.select("second")
            assert _held_back(talk, service, talk.ask(service)), "by another gateway"
            h.select("vps")
            service.sendto(b"answer", talk.ask(service))
            talk.hear()
            h.select(None)
            own.sendto(b"answer", other.ask(own))
            other.hear()
            _none_in_the_clear(h, seen)
            service.sendto(b"answer", near.ask(service))
            near.hear()
            h.machine.udp_send(who[0], 9000)
            seen.wait(dst=who[0], dport=9000, out=True)
            # The flood is over: he is known, and the port's note is none to him.
            h.machine.run("nft", "flush", "map", "inet", "adit", MAPS[talk.family])
            service.sendto(b"answer", talk.ask(service))
            talk.hear()
        for one in (talk, other, near):
            one.close()
        seen.clear()


if __name__ == "__main__":
    tap.main(globals())
