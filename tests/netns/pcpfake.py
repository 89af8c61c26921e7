# SPDX-License-Identifier: GPL-2.0-or-later
"""A PCP server that knows nothing of redirects: it says what it is told to say, and leads nobody anywhere."""
import contextlib
import socket
import struct
import time

import kernel

NOT_AUTHORIZED, CANNOT_PROVIDE = 2, 11


def _asked(data):
    """(internal port, suggested external port, lifetime) of a request."""
    return (*struct.unpack(">HH", data[40:44]), *struct.unpack(">I", data[4:8]))


class PcpFake:
    """On `address` of a machine. `second`: whether one internal port may have two mappings; `lost`: of what was asked before
    and what is now, the first for which it holds is lost on its way.

    `asked` holds (internal port, suggested external port, lifetime) of each request, in order.
    """

    def __init__(self, machine, address, second, lost=None):
        self.second, self.asked, self._held = second, [], {}
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        with machine.inside():
            self._socket = socket.socket(family, socket.SOCK_DGRAM)
        self._socket.bind((address, 5351))
        self._address = socket.inet_pton(socket.AF_INET6, address if ":" in address else "::ffff:198.51.100.1")
        self._lost, self._began = lost or (lambda before, now: False), time.monotonic()
        kernel.start_thread(self._serve)

    def _serve(self):
        while True:
            try:
                data, peer = self._socket.recvfrom(1100)
            except OSError:
                return
            if len(data) < 60 or data[0] != 2 or data[1] != 1:
                continue
            if self._lost(self.asked, _asked(data)):
                self._lost = lambda before, now: False
                continue
            with contextlib.suppress(OSError):
                self._socket.sendto(self._answer(data), peer)

    def _answer(self, data):
        nonce, (internal, external, lifetime) = data[24:36], _asked(data)
        self.asked.append(_asked(data))
        holder = next((key for key in self._held if key[0] == internal and key[1] != nonce), None)
        result, key = 0, (internal, nonce)
        if holder and not self.second:
            result = NOT_AUTHORIZED
        elif lifetime:
            self._held[key] = external
        else:
            self._held.pop(key, None)
        epoch = 1000 + int(time.monotonic() - self._began)
        head = struct.pack(">BBBBII12x", 2, 0x81, 0, result, 3600 if lifetime else 0, epoch)
        return head + nonce + data[36:40] + struct.pack(">HH", internal, external) + self._address

    def close(self):
        self._socket.close()
