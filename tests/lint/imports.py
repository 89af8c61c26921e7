#!/usr/bin/python3
# SPDX-License-Identifier: GPL-2.0-or-later
"""imports.py ROOT: what a test in Python takes from a module of ours is there. TAP.

Many scenarios run for hours and in full runs only; a name that went is to be missed at once.
"""
import ast
import sys
from pathlib import Path


def defined(tree):
    """The names of a module."""
    names = set()
    for node in tree.body:
        for part in [node] if isinstance(node, (ast.FunctionDef, ast.ClassDef)) else ast.walk(node):
            if isinstance(part, (ast.FunctionDef, ast.ClassDef)):
                names.add(part.name)
            elif isinstance(part, ast.Name) and isinstance(part.ctx, ast.Store):
                names.add(part.id)
            elif isinstance(part, (ast.Import, ast.ImportFrom)):
                names |= {(alias.asname or alias.name).partition(".")[0] for alias in part.names}
    return names


def missing(path, tree, modules):
    """Complaints about what one file imports: modules of a name may be several."""
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module in modules:
            for alias in node.names:
                if not any(alias.name in names for names in modules[node.module]):
                    yield f"{path}:{node.lineno}: {node.module} has no {alias.name}"


def main(root):
    """One result."""
    trees = {path: ast.parse(path.read_text(encoding="utf-8")) for path in sorted((root / "tests").rglob("*.py"))}
    modules = {}
    for path, tree in trees.items():
        modules.setdefault(path.stem, []).append(defined(tree))
    bad = [line for path, tree in trees.items() for line in missing(path.relative_to(root), tree, modules)]
    print("1..1")
    for line in bad:
        print(f"# {line}")
    print(f"{'not ok' if bad else 'ok'} 1 - what is imported is there")
    return 1 if bad else 0


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
