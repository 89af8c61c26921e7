# SPDX-License-Identifier: GPL-2.0-or-later
"""A D-Bus system bus of a machine's own."""

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
