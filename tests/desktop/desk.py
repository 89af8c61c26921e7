# SPDX-License-Identifier: GPL-2.0-or-later
"""A desktop in a chroot: the machine as root starts it, and the session of its user.

Everything runs in the namespaces that tests/vm/enter made: no link of the host is there, and all of it ends
with its first process.
"""
import contextlib
import os
import pwd
import re
import struct
import subprocess
import time
import zlib

USER = "ada"
DISPLAY = ":7"
FRAMES = "/run/frames"
PATIENCE = 8 if "ADIT_VM" in os.environ else 1  # an emulated machine, which others may share
RULE = """polkit.addRule(function(action, subject) {
    if (subject.user == "ada" && /^org\\.(adit|freedesktop\\.NetworkManager)\\./.test(action.id))
        return polkit.Result.YES;
});
"""
NM_CONF = """[main]
plugins=keyfile
no-auto-default=*
[logging]
level=INFO
"""


# what a display manager tells a session of
SESSIONS = {
    "GNOME": {"XDG_CURRENT_DESKTOP": "GNOME", "GSK_RENDERER": "cairo", "GDK_BACKEND": "x11"},
    "KDE": {"XDG_CURRENT_DESKTOP": "KDE", "XDG_MENU_PREFIX": "plasma-", "KDE_FULL_SESSION": "true", "KDE_SESSION_VERSION": "6",
            "QT_QPA_PLATFORM": "xcb", "QT_LINUX_ACCESSIBILITY_ALWAYS_ON": "1", "QT_QUICK_BACKEND": "software", "GDK_BACKEND": "x11"},
}


class Late(AssertionError):
    """Something did not happen in its time."""


def until(condition, seconds, what):
    """The first true answer of a condition that is asked again until a deadline."""
    deadline = time.monotonic() + seconds * PATIENCE
    while True:
        with contextlib.suppress(LookupError, OSError):
            found = condition()
            if found:
                return found
        if time.monotonic() > deadline:
            raise Late(f"{what}: not within {seconds} s")
        time.sleep(0.05)  # between two looks


def run(*argv, check=True, timeout=60):
    """A command to its end; (status, what it printed)."""
    done = subprocess.run(argv, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, check=False, timeout=timeout * PATIENCE)
    if check and done.returncode != 0:
        raise AssertionError(f"{' '.join(argv)}: {done.stdout}")
    return done.returncode, done.stdout


def png(xwd, path):
    """Write what Xvfb has in its frame buffer file (32 bits a pixel) as a PNG."""
    head = struct.unpack(">25I", xwd[:100])
    start, width, height, row = head[0] + head[19] * 12, head[4], head[5], head[12]
    lines = bytearray()
    for y in range(height):
        line = xwd[start + y * row:start + y * row + width * 4]
        rgb = bytearray(width * 3)
        rgb[0::3], rgb[1::3], rgb[2::3] = line[2::4], line[1::4], line[0::4]
        lines += b"\0" + rgb

    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0))
                   + chunk(b"IDAT", zlib.compress(bytes(lines), 6)) + chunk(b"IEND", b""))


class Spawner:
    """Who starts processes whose words are in files of their names."""

    def __init__(self, out, env=None):
        self.out, self.env, self.logs = out, env, {}

    def spawn(self, name, *argv):
        """A process that stays."""
        path = os.path.join(self.out, f"{name}.log")
        with open(path, "ab") as log:
            process = subprocess.Popen(argv, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=self.env)
        self.logs[name] = path
        return process

    def log(self, name):
        """What it has said so far."""
        with open(self.logs[name], encoding="utf-8", errors="replace") as file:
            return file.read()


class System(Spawner):
    """The machine, by root: bus, polkit, NetworkManager, and nothing else that could touch a link."""

    def start(self):
        os.makedirs("/run/dbus", exist_ok=True)
        run("dbus-uuidgen", "--ensure")
        self.spawn("dbus", "dbus-daemon", "--system", "--nofork", "--nopidfile")
        until(lambda: os.path.exists("/run/dbus/system_bus_socket"), 10, "the system bus")
        os.makedirs("/etc/polkit-1/rules.d", exist_ok=True)
        with open("/etc/polkit-1/rules.d/10-test.rules", "w", encoding="utf-8") as file:
            file.write(RULE)
        self.spawn("polkitd", "/usr/lib/polkit-1/polkitd", "--no-debug")
        with open("/etc/NetworkManager/NetworkManager.conf", "w", encoding="utf-8") as file:
            file.write(NM_CONF)
        self.spawn("NetworkManager", "NetworkManager", "--debug")
        until(lambda: run("nmcli", "general", check=False)[0] == 0, 30, "NetworkManager")

    @staticmethod
    def user(out, desktop):
        """Somebody with a home and folders of her own; the environment of her session."""
        run("useradd", "--create-home", "--shell", "/bin/sh", USER)
        uid = pwd.getpwnam(USER).pw_uid
        runtime = f"/run/user/{uid}"
        for folder in (runtime, FRAMES, out):
            os.makedirs(folder, mode=0o700, exist_ok=True)
            os.chown(folder, uid, uid)
        return {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "HOME": f"/home/{USER}", "USER": USER, "LOGNAME": USER,
                "LANG": "C.UTF-8", "XDG_RUNTIME_DIR": runtime, "DISPLAY": DISPLAY, "PYTHONDONTWRITEBYTECODE": "1",
                **{key: os.environ[key] for key in ("ADIT_VM",) if key in os.environ},
                **SESSIONS[desktop], "XDG_SESSION_TYPE": "x11", "XDG_SESSION_CLASS": "user",
                "LIBGL_ALWAYS_SOFTWARE": "1", "GTK_A11Y": "atspi",
                "DBUS_SESSION_BUS_ADDRESS": f"unix:path={runtime}/bus"}


class Desk(Spawner):
    """What the user sits at: X, the session's bus, and the one for accessibility."""

    def __init__(self, out):
        super().__init__(out)
        self.shots = 0

    def start(self):
        self.spawn("Xvfb", "Xvfb", DISPLAY, "-screen", "0", "1280x900x24", "-fbdir", FRAMES, "-nolisten", "tcp", "-ac", "-r")
        until(lambda: os.path.exists(f"/tmp/.X11-unix/X{DISPLAY[1:]}"), 20, "the X server")
        address = os.environ["DBUS_SESSION_BUS_ADDRESS"]
        self.spawn("session-bus", "dbus-daemon", "--session", "--nofork", "--nopidfile", f"--address={address}")
        until(lambda: os.path.exists(address.split("=")[1]), 10, "the session bus")
        self.spawn("at-spi", "/usr/libexec/at-spi-bus-launcher", "--launch-immediately")
        until(lambda: "at-spi" in self.ask("org.a11y.Bus", "/org/a11y/bus", "org.a11y.Bus.GetAddress"), 20,
              "the accessibility bus")

    @staticmethod
    def ask(name, path, method, *arguments):
        """A call on the session's bus, arguments as dbus-send has them: what is answered, or the complaint."""
        return run("dbus-send", "--session", "--print-reply", "--reply-timeout=10000", f"--dest={name}", path, method,
                   *arguments, check=False)[1]

    def shot(self, name):
        """Keep what is on the screen."""
        self.shots += 1
        with open(f"{FRAMES}/Xvfb_screen0", "rb") as file:
            png(file.read(), os.path.join(self.out, f"{self.shots:02}-{name}.png"))

    def key(self, *keys):
        """Press keys where the focus is."""
        run("xdotool", "key", "--clearmodifiers", *keys)

    def type(self, text):
        """Write where the focus is."""
        run("xdotool", "type", "--clearmodifiers", text)

    def move(self, x, y):
        """The mouse to there, and a little further: a program wants to see it move."""
        run("xdotool", "mousemove", str(x - 5), str(y), "mousemove", str(x), str(y))

    def click(self, x, y, times=1):
        """Press the mouse there."""
        self.move(x, y)
        run("xdotool", "click", "--repeat", str(times), "--delay", "80", "1")

    @staticmethod
    def window(name):
        """(x, y, width, height) of the newest window called so."""
        number = run("xdotool", "search", "--onlyvisible", "--name", f"^{name}$")[1].split()[-1]
        return tuple(map(int, re.search(r"(-?\d+),(-?\d+) .*?(\d+)x(\d+)", run("xdotool", "getwindowgeometry", number)[1],
                                        re.DOTALL).groups()))


def connections():
    """{name: type} that NetworkManager has."""
    rows = run("nmcli", "-t", "-f", "NAME,TYPE", "connection")[1].splitlines()
    return dict(re.split(r"(?<!\\):", row) for row in rows if row)
