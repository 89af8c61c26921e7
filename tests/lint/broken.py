#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""broken.py ROOT: each lint is shown something broken, and says so; something whole, and it is still. TAP.

A lint that never fails proves nothing. Each case is a small tree of its own; what must not stand in a
file of ours is written in halves.
"""
import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(sys.argv[1]).resolve()
LINT = ROOT / "tests" / "lint"
HEAD = "/* SPDX-License-Identifier: GPL-2.0-or-later */\n"
WHOLE = {
    ".clang-format": (ROOT / ".clang-format").read_text(encoding="utf-8"),
    "libadit/core/a.c": HEAD + '#include "libadit/core/a.h"\n\nint\nadit_a(void)\n{\n    return 0;\n}\n',
    "libadit/core/a.h": HEAD + "#pragma once\n\nint adit_a(void);\n",
    "libadit/wire/b.h": HEAD + "#pragma once\n",
    "nm-plugin/n.h": HEAD + "#pragma once\n",
    "networkd-hooks/d.h": HEAD + "#pragma once\n",
    "tests/t.c": HEAD + "int t;\n",
    "run.sh": "#!/bin/sh\nset -eu\necho \"$1\"\n",
}


def run(*argv):
    """(exit status, all it said)."""
    done = subprocess.run([str(word) for word in argv], stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, timeout=100, check=False)
    return done.returncode, done.stdout


def tree(folder, changes):
    """The whole tree with some files otherwise."""
    for name, text in {**WHOLE, **changes}.items():
        path = Path(folder) / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    return folder


def bad_points(words):
    """What a lint that spoke TAP did not find ok, without the numbers."""
    return [line.partition(" - ")[2] for line in words.splitlines() if line.startswith("not ok")]


def on_tree(lint, changes, points, *words):
    """A lint of a tree fails in these points, with these words; without the changes it is content."""
    with tempfile.TemporaryDirectory() as folder:
        status, said = run(LINT / lint, tree(folder, {}))
        assert status == 0 and not bad_points(said), f"a whole tree: {said}"
    with tempfile.TemporaryDirectory() as folder:
        status, said = run(LINT / lint, tree(folder, changes))
    assert status != 0, said
    assert bad_points(said) == points, said
    for word in words:
        assert word in said, f"{word}: not in\n{said}"


def test_arrows():
    """an include against the arrows"""
    def include(name):
        return HEAD + f'#include "{name}"\n'
    on_tree("layers.py", {"libadit/core/x.c": include("libadit/wire/b.h")}, ["arrows of libadit/core"],
            "libadit/core/x.c:2: libadit/wire/b.h: libadit/core may not include libadit/wire")
    on_tree("layers.py", {"nm-plugin/x.c": include("networkd-hooks/d.h")}, ["arrows of nm-plugin"],
            "nm-plugin may not include networkd-hooks")
    on_tree("layers.py", {"libadit/sys/x.c": include("nm-plugin/n.h")}, ["arrows of libadit/sys"],
            "libadit/sys may not include nm-plugin")
    on_tree("layers.py", {"libadit/core/x.c": include("a.h"), "libadit/wire/x.c": include("libadit/core/no.h")},
            ["arrows of libadit/core", "arrows of libadit/wire"], "write it relative to the root", "no such file")


def test_long_function():
    """a function of 81 lines, and a tree of long ones"""
    def function(lines):
        return HEAD + "int\nadit_long(void)\n{\n" + "    ;\n" * (lines - 2) + "}\n"
    on_tree("functions.py", {"client/x.c": function(81), "client/y.c": WHOLE["libadit/core/a.c"]},
            ["no function over 80 lines"], "client/x.c:4: adit_long: 81 lines")
    with tempfile.TemporaryDirectory() as folder:
        status, said = run(LINT / "functions.py", tree(folder, {"libadit/core/a.c": function(21)}))
    assert status == 1 and bad_points(said) == ["median function 21 lines of 1"], said


def has_our_format():
    """Whether text.sh can ask the clang-format that our style is written by."""
    program = shutil.which("clang-format-14") or shutil.which("clang-format")
    return " 14." in run(program, "--version")[1]


def test_text():
    """format, scripts, skips, places, markers, calls, sizes"""
    on_tree("text.sh", {"libadit/core/x.c": HEAD + "int  x;\nint y(void) {return 0;}\t\n"},
            ["clang-format" if has_our_format() else "no tab or trailing blank in C"])
    on_tree("text.sh", {"run.sh": "#!/bin/sh\necho $1\n"}, ["shellcheck"], "SC2086")
    on_tree("text.sh", {"tests/t.c": HEAD + "void\nt(void)\n{\n    g_test_" + 'skip("no");\n}\n'}, ["no skipped test"])
    on_tree("text.sh", {"notes": "see /wor" + "k/main\n"}, ["no path of a machine"], "notes:1:")
    on_tree("text.sh", {"tests/t.c": HEAD + "/* TO" + "DO */\nint t;\n"}, ["no unfinished marker"])
    on_tree("text.sh", {"tests/t.c": HEAD + "void\nt(char *a)\n{\n    strcpy" + '(a, "b");\n}\n'}, ["no call to avoid in C"])
    on_tree("text.sh", {"tests/t.c": HEAD + "int t;\n" * 600}, ["no C file over 600 lines, no header over 200"])


def test_imports():
    """a name that went from a module of the tests"""
    on_tree("imports.py", {"tests/lab/shared.py": "def old():\n    pass\n", "tests/x.py": "from shared import old, new\n"},
            ["what is imported is there"], "tests/x.py:1: shared has no new")


def test_purity():
    """a call of the world in an archive"""
    with tempfile.TemporaryDirectory() as folder:
        for name, body in (("pure", "return 1;"), ("impure", 'extern int open(const char *, int); return open("x", 0);')):
            source = Path(folder) / f"{name}.c"
            source.write_text(f"int {name}(void) {{ {body} }}\n", encoding="utf-8")
            run("cc", "-c", "-o", f"{folder}/{name}.o", source)
            run("ar", "rcs", f"{folder}/lib{name}.a", f"{folder}/{name}.o")
        status, said = run(LINT / "purity.sh", f"{folder}/libpure.a", f"{folder}/libimpure.a")
    assert status == 1 and bad_points(said) == ["libimpure.a is pure"] and "U open" in said, said


def test_hardening():
    """a program without any of it"""
    with tempfile.TemporaryDirectory() as folder:
        source, program = Path(folder) / "a.c", Path(folder) / "a"
        source.write_text("int main(void) { return 0; }\n", encoding="utf-8")
        run("cc", "-no-pie", "-O0", "-U_FORTIFY_SOURCE", "-fno-stack-protector", "-Wl,-z,norelro", "-Wl,-z,lazy",
            "-z", "execstack", "-Wl,-rpath,/opt", "-o", program, source)
        status, said = run(LINT / "hardening.py", program)
    lacks = [line for line in said.splitlines() if line.startswith("# missing: ")]
    assert status == 1 and len(lacks) == 7, said


def test_proof():
    """a test that is not there, a number without one, a case that no row names"""
    pages = {f"docs/{name}": (ROOT / "docs" / name).read_text(encoding="utf-8") for name in ("proof.md", "conformance.md")}
    for change, words in ((("::test_s24", "::test_s240"), "test_s240: no such function"),
                          (("| left out: WireGuard", "| WireGuard"), "E5: neither a test"),
                          (("| S9 |", "| S90 |"), "not each of S1 to E9"),
                          (("test-mapping.c::C14-*", "test-mapping.c::C15-*"), "test-mapping.c: C14-*: not in")):
        assert change[0] in pages["docs/conformance.md"], change
        with tempfile.TemporaryDirectory() as folder:
            for name in ("tests", "packaging"):
                os.symlink(ROOT / name, f"{folder}/{name}")
            os.mkdir(f"{folder}/docs")
            for name, text in pages.items():
                Path(folder, name).write_text(text.replace(*change) if "conf" in name else text, encoding="utf-8")
            status, said = run(LINT / "proof.py", folder)
        assert status == 1 and words in said and len(bad_points(said)) == 1, said


def test_units():
    """a unit with too much power, and one that may dump keys"""
    text = (ROOT / "data" / "adit-server.service.in").read_text(encoding="utf-8")
    for change, point in ((("NoNewPrivileges=yes\n", ""), "adit-server: settings beyond that"),
                          (("LimitCORE=0\n", ""), "adit-server: settings beyond that"),
                          (("SystemCallFilter=", "X-Filter="), "adit-server: exposure at most 2.0")):
        assert change[0] in text, f"{change[0]}: not in the unit"
        with tempfile.TemporaryDirectory() as folder:
            status, said = run(LINT / "units.py",
                               tree(folder, {"data/adit-server.service.in": text.replace(*change)}))
        assert status == 1 and bad_points(said) == [point], said


def test_packaged():
    """a file that no package has, a library that the spec does not ask for"""
    with tempfile.TemporaryDirectory() as folder:
        info = Path(folder) / "build" / "meson-info"
        info.mkdir(parents=True)
        (Path(folder) / "packaging").mkdir()
        shutil.copytree(ROOT / "debian", f"{folder}/debian")
        shutil.copy(ROOT / "packaging" / "adit.spec", f"{folder}/packaging")
        meson = Path(folder) / "meson.build"
        meson.write_text("a = dependency('sqlite3', version: '>= 3.40')\n", encoding="utf-8")
        (info / "intro-buildoptions.json").write_text('[{"name": "prefix", "value": "/usr"}]', encoding="utf-8")
        for program, want in (("adit", 0), ("stranger", 1)):
            (info / "intro-installed.json").write_text(json.dumps({"x": f"/usr/bin/{program}"}), encoding="utf-8")
            status, said = run(LINT / "packaged.py", folder, f"{folder}/build")
            assert status == want and len(bad_points(said)) == 2 * want, said
        (info / "intro-installed.json").write_text(json.dumps({"x": "/usr/bin/adit"}), encoding="utf-8")
        meson.write_text("a = dependency('stranger', required: get_option('web'))\n", encoding="utf-8")
        status, said = run(LINT / "packaged.py", folder, f"{folder}/build")
        assert status == 1 and len(bad_points(said)) == 1 and "stranger: no BuildRequires" in said, said


def test_copyright():
    """a file whose licence debian/copyright does not know, or that names none"""
    paragraph = "Files: {}\nCopyright: 2026 us\nLicense: {}\n\n"
    rights = {"debian/copyright": paragraph.format("*", "GPL-2.0-or-later")
              + paragraph.format("libadit/core/a.*", "LGPL-2.1-or-later")}
    lesser = HEAD.replace("GPL-2.0", "LGPL-2.1")
    whole = {**rights, "run.sh": "#!/bin/sh\n# " + HEAD[3:], "libadit/core/a.c": lesser, "libadit/core/a.h": lesser}
    for changes, words in (({}, []), ({"nm-plugin/n.h": lesser}, ["nm-plugin/n.h: LGPL-2.1-or-later; debian/copyright: GPL-2.0"]),
                           ({"libadit/core/a.h": "int a;\n"}, ["libadit/core/a.h: no SPDX"])):
        with tempfile.TemporaryDirectory() as folder:
            status, said = run(LINT / "copyright.py", tree(folder, {**whole, **changes}))
        assert status == len(words) and all(word in said for word in words), said


def test_tally():
    """what fails, dies, skips or says nothing fails the run"""
    def tally(*rows, points=()):
        with tempfile.NamedTemporaryFile("w", suffix=".json", encoding="utf-8") as file:
            for name, result, said in rows:
                file.write(json.dumps({"name": name, "result": result, "stdout": said}) + "\n")
            file.flush()
            status, words = run("/usr/bin/python3", ROOT / "tests" / "tally.py", *points, file.name)
        return status, words.splitlines()[-1]
    good = ("a", "OK", "1..2\nok 1 - x\nok 2 - y\n")
    assert tally(good) == (0, "2 passed, 0 failed, 0 skipped")
    assert tally(good, ("b", "FAIL", "not ok 1 - z\n")) == (1, "2 passed, 1 failed, 0 skipped")
    assert tally(good, ("b", "OK", "ok 1 - z # SKIP no moon\n")) == (1, "2 passed, 0 failed, 1 skipped")
    assert tally(good, ("b", "SKIP", "")) == (1, "2 passed, 0 failed, 1 skipped")
    assert tally(good, ("b", "TIMEOUT", "ok 1 - z\n")) == (1, "3 passed, 1 failed, 0 skipped")
    assert tally(good, ("b", "ERROR", "")) == (1, "2 passed, 1 failed, 0 skipped")
    assert tally(good, points=["--point=coverage:not ok"]) == (1, "2 passed, 1 failed, 0 skipped")
    assert tally() == (1, "0 passed, 0 failed, 0 skipped")


def test_full_run():
    """a full run goes on with what has not passed at the same code; a document changes nothing, a changed file is no commit"""
    with tempfile.TemporaryDirectory() as folder:
        root = Path(folder)

        def git(*words):
            status, said = run("git", "-C", root, "-c", "user.name=a", "-c", "user.email=a@example.net", *words)
            assert status == 0, said

        def full(*words):
            return run("/usr/bin/python3", root / "tests" / "fullrun.py", *words)

        def rest():
            return full("rest", "unit", "vm")[1].split()
        for name in ("tally.py", "fullrun.py"):
            (root / "tests").mkdir(exist_ok=True)
            shutil.copy(ROOT / "tests" / name, root / "tests" / name)
        (root / "docs").mkdir()
        for name in ("docs/a.md", "a.c"):
            (root / name).write_text("a\n", encoding="utf-8")
        git("init", "-q")
        git("add", ".")
        git("commit", "-q", "-m", "a")
        full("note", "unit", "60", "--point=x:ok")
        full("note", "vm", "90", "--point=x:ok", "--point=y:not ok")
        assert rest() == ["vm"]
        assert full("end", "unit", "vm") == (1, "full run: 1 of 2 suites have passed; not yet: vm\n2 passed, 1 failed, 0 skipped\n")
        (root / "docs" / "a.md").write_text("b\n", encoding="utf-8")
        git("add", ".")
        git("commit", "-q", "-m", "b")
        full("note", "vm", "90", "--point=x:ok", "--point=y:ok")
        assert rest() == [] and full("end", "unit", "vm")[0] == full("--check")[0] == 0
        page = root / "docs" / "full-run.md"
        assert "| vm | 2 | 0 | 0 | 2 |" in page.read_text(encoding="utf-8")
        page.write_text("", encoding="utf-8")
        assert full("--check")[0] == 1
        (root / "docs" / "full-run.json").write_text("{", encoding="utf-8")
        status, said = full("rest", "unit")
        assert status == 1 and said.startswith("docs/full-run.json: ") and said.count("\n") == 1, said
        (root / "docs" / "full-run.json").unlink()
        (root / "a.c").write_text("b\n", encoding="utf-8")
        full("note", "unit", "60", "--point=x:ok")
        assert rest() == ["unit", "vm"], "a changed file"
        git("commit", "-q", "-a", "-m", "c")
        assert rest() == ["unit", "vm"], "another commit"


def main():
    """Each test once; a test is a function with a sentence."""
    tests = [value for name, value in globals().items() if name.startswith("test_")]
    failed = False
    print(f"1..{len(tests)}")
    for number, test in enumerate(tests, 1):
        why = None
        try:
            test()
        except (AssertionError, OSError, subprocess.SubprocessError) as error:
            why, failed = error, True
        for line in str(why).splitlines() if why else ():
            print(f"# {line}")
        print(f"{'not ok' if why else 'ok'} {number} - {test.__doc__}", flush=True)
    return 1 if failed else 0


if __name__ == "__main__":
    os.environ.pop("GIT_DIR", None)
    sys.exit(main())
