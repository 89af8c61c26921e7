# SPDX-License-Identifier: GPL-2.0-or-later
"""A D-Bus system bus of a machine's own."""
import os
import socket
import struct

_CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig>
  <type>system</type>
  <listen>unix:path=/run/dbus/system_bus_socket</listen>
  <auth>EXTERNAL</auth>
  {rules}
</busconfig>
"""

# Without a policy of the program under test anybody may do anything; with one, the system bus's own
# rules stand below it, so that the policy is what is tested.
_OPEN = """<policy context="default">
    <allow user="*"/><allow own="*"/>
    <allow send_destination="*" eavesdrop="true"/><allow eavesdrop="true"/>
  </policy>"""
_STRICT = """<policy context="default">
    <allow user="*"/><deny own="*"/><deny send_type="method_call"/>
    <allow send_type="signal"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
    <allow receive_type="method_call"/><allow receive_type="method_return"/>
    <allow receive_type="error"/><allow receive_type="signal"/>
    <allow send_destination="org.freedesktop.DBus" send_interface="org.freedesktop.DBus"/>
    <allow send_destination="org.freedesktop.DBus" send_interface="org.freedesktop.DBus.Introspectable"/>
    <allow send_destination="org.freedesktop.DBus" send_interface="org.freedesktop.DBus.Properties"/>
  </policy>
  <policy user="root">
    <allow send_destination="org.freedesktop.DBus" send_interface="org.freedesktop.DBus.Monitoring"/>
  </policy>"""


class Bus:
    def __init__(self, machine, policies=()):
        self.address = "unix:path=/run/dbus/system_bus_socket"
        rules = _STRICT if policies else _OPEN
        for path in policies:
            rules += f"\n  <include>{path}</include>"
        machine.write("/run/dbus/lab.conf", _CONFIG.format(rules=rules))
        self.process = machine.spawn("dbus-daemon", "--config-file=/run/dbus/lab.conf", "--nofork",
                                     "--nopidfile", "--nosyslog", "--print-address")
        # It prints its address once it listens.
        self.process.wait_output(r"unix:path=", timeout=10)


_CALL, _RETURN, _ERROR = 1, 2, 3
_PATH, _INTERFACE, _MEMBER, _DESTINATION = 1, 2, 3, 6


def _padded(data):
    return data + bytes(-len(data) % 8)


def _call(serial, *fields):
    """A method call without arguments; fields are (code, type, value)."""
    header = b""
    for code, kind, value in fields:
        header = _padded(header) + struct.pack("<B3sI", code, b"\1" + kind + b"\0", len(value)) + value.encode() + b"\0"
    return _padded(struct.pack("<cBBBIII", b"l", _CALL, 0, 1, 0, serial, len(header)) + header)


def ask_at_once(machine, times, name, path, interface, member):
    """Over a connection of its own the same question many times, none waiting for the other: how many were answered."""
    fields = ((_PATH, b"o", path), (_INTERFACE, b"s", interface), (_MEMBER, b"s", member), (_DESTINATION, b"s", name))
    hello = ((_PATH, b"o", "/org/freedesktop/DBus"), (_MEMBER, b"s", "Hello"), (_DESTINATION, b"s", "org.freedesktop.DBus"))
    place = machine.open("/run/dbus/system_bus_socket", os.O_PATH)
    try:
        with socket.socket(socket.AF_UNIX) as bus, bus.makefile("rb") as said:
            bus.settimeout(10)
            bus.connect(f"/proc/self/fd/{place}")
            bus.sendall(b"\0AUTH EXTERNAL\r\nDATA\r\n")
            while not said.readline().startswith(b"OK "):
                pass
            bus.sendall(b"BEGIN\r\n" + _call(1, *hello) + b"".join(_call(2 + n, *fields) for n in range(times)))
            kinds = []
            while len(kinds) < 1 + times:
                _, kind, _, _, body, _, header = struct.unpack("<cBBBIII", said.read(16))
                said.read(header + -header % 8 + body)
                kinds += [kind] if kind in (_RETURN, _ERROR) else []
            return kinds.count(_RETURN) - 1
    finally:
        os.close(place)
