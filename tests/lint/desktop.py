#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""desktop.py ROOT BUILD: what a desktop reads of us, by the desktops' own validators. TAP."""
import os
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree as ET
from pathlib import Path

PROFILE = "[Interface]\nPrivateKey = {key}\nAddress = 10.59.0.2/32\n[Peer]\nPublicKey = {key}\n"
KEY = "cGxlYXNlIGRvIG5vdCB1c2UgdGhpcyBrZXkgYXQgYWw="
OURS = "application/x-wireguard-profile"
# a file's name and text, and whether it is ours
FILES = (
    ("home.conf", PROFILE, True),
    ("My home (1).conf", "# made for nas\n# by somebody\n\n" + PROFILE, True),
    ("profile", PROFILE, True),
    ("home.txt.conf", PROFILE.replace("PrivateKey", "ListenPort = 51820\nPrivateKey"), True),
    ("nginx.conf", "server { listen 80; }\n", False),
    ("half.conf", "[Interface]\nAddress = 10.59.0.2/32\n", False),
    ("qt.conf", "[Paths]\nPrivateKey = none\n", False),
    ("smb.conf", "[global]\n  interfaces = eth0\n", False),
    ("notes.conf", "Write to [Interface] and see.\n", False),
)


def said(*argv, **kw):
    """What a validator complains about; of one that fails silently, that it does."""
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False,
                          timeout=60, **kw)
    lines = [line for line in done.stdout.splitlines() if line.strip()]
    return lines or [f"{argv[0]}: exit status {done.returncode}"] if done.returncode else []


def sources(root):
    """Sentences of what po/POTFILES names, as ninja's adit-pot finds them."""
    done = subprocess.run(["xgettext", "--keyword=_", "--keyword=N_", "--from-code=UTF-8", "--no-location", "--omit-header",
                           "--files-from=po/POTFILES", "--output=-"], cwd=root, capture_output=True, text=True, check=True,
                          timeout=60, env=dict(os.environ, GETTEXTDATADIRS=str(root / "po")))
    return messages(done.stdout)


def unread(root):
    """Files with a sentence for the translators that po/POTFILES does not name, and what polkit would not look up."""
    named = set((root / "po/POTFILES").read_text(encoding="utf-8").split())
    for path in sorted(root.glob("client/**/*.c")):
        name = str(path.relative_to(root))
        if name not in named and re.search(r"(?<!\w)N?_\(\"", path.read_text(encoding="utf-8")):
            yield f"po/POTFILES: missing: {name}"
    for path in sorted((root / "data").glob("*.policy")):
        if f"data/{path.name}" not in named:
            yield f"po/POTFILES: missing: data/{path.name}"
        yield from (f"data/{path.name}: no gettext-domain: {node.text}" for node in ET.parse(path).iter()
                    if node.tag in ("description", "message") and node.get("gettext-domain") != "adit")


def messages(text):
    """{sentence: translation} of a .po file."""
    pairs = re.findall(r'^msgid ((?:".*"\n)+)msgstr ((?:".*"\n?)+)', text, re.MULTILINE)
    joined = [["".join(re.findall(r'"(.*)"', part)) for part in pair] for pair in pairs]
    return {source: target for source, target in joined if source}


def languages(root):
    """Every sentence is in the template and in every language, and no other."""
    yield from unread(root)
    template, found = set(messages((root / "po/adit.pot").read_text(encoding="utf-8"))), set(sources(root))
    for words, differ in (("missing", found - template), ("no longer said", template - found)):
        yield from (f"po/adit.pot: {words}: {m}: run ninja -C build adit-pot adit-update-po" for m in sorted(differ))
    for name in (root / "po/LINGUAS").read_text(encoding="utf-8").split():
        path = root / "po" / f"{name}.po"
        yield from said("msgfmt", "--check", "--output-file=/dev/null", str(path))
        text = path.read_text(encoding="utf-8")
        known = messages(text)
        yield from (f"po/{name}.po: not translated: {m}" for m in sorted(template) if not known.get(m))
        yield from (f"po/{name}.po: not in the template: {m}" for m in sorted(set(known) - template))
        yield from (f"po/{name}.po: {words} is left" for mark, words in
                    (("#, fuzzy", "a guess of msgmerge's"), ("#~", "a sentence that is no longer said")) if mark in text)


def translated(build):
    """The installed files carry both languages."""
    text = (build / "data/desktop/org.adit.Agent.desktop").read_text(encoding="utf-8")
    yield from (f"org.adit.Agent.desktop: no {key}" for key in ("Comment[de]", "Comment[it]") if key not in text)
    text = (build / "data/desktop/org.adit.Agent.metainfo.xml").read_text(encoding="utf-8")
    yield from (f"metainfo: no {lang}" for lang in ("de", "it") if f'xml:lang="{lang}"' not in text)


def sniffed(root):
    """Which of FILES a desktop takes for a profile."""
    with tempfile.TemporaryDirectory() as folder:
        packages = Path(folder, "mime/packages")
        packages.mkdir(parents=True)
        (packages / "org.adit.Agent.xml").write_bytes((root / "data/desktop/org.adit.Agent.xml").read_bytes())
        yield from said("update-mime-database", str(packages.parent))
        for name, text, ours in FILES:
            path = Path(folder, name)
            path.write_text(text.format(key=KEY) if "{key}" in text else text, encoding="utf-8")
            env = dict(os.environ, XDG_DATA_HOME=folder, GIO_USE_VFS="local")
            done = subprocess.run(["gio", "info", "-a", "standard::content-type", str(path)], env=env,
                                  capture_output=True, text=True, check=True, timeout=30)
            found = done.stdout.split()[-1]
            if (found == OURS) != ours:
                yield f"{name}: taken for {found}"


def well_formed(root):
    """The drawings are XML."""
    for path in sorted((root / "data/desktop").glob("*.svg")):
        try:
            ET.parse(path)
        except ET.ParseError as error:
            yield f"{path.name}: {error}"


def main():
    root, build = map(Path, sys.argv[1:])
    made = build / "data/desktop"
    checks = (
        ("desktop files", said("desktop-file-validate", str(made / "org.adit.Agent.desktop"))
         + said("desktop-file-validate", str(root / "data/desktop/autostart.desktop"))),
        ("metainfo", said("appstreamcli", "validate", "--no-net", "--no-color",
                          str(made / "org.adit.Agent.metainfo.xml"))),
        ("every language has every sentence", list(languages(root))),
        ("what is installed is translated", list(translated(build))),
        ("profiles are known by their content, other files left alone", list(sniffed(root))),
        ("icons", list(well_formed(root))),
    )
    print(f"1..{len(checks)}")
    for number, (words, wrong) in enumerate(checks, 1):
        for line in wrong:
            print(f"# {line}")
        print(f"{'not ok' if wrong else 'ok'} {number} - {words}")
    return 1 if any(wrong for _, wrong in checks) else 0


if __name__ == "__main__":
    sys.exit(main())
