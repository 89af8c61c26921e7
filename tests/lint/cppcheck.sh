#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# cppcheck.sh ROOT: cppcheck has nothing to say about the programs. TAP.
cd "$1" || exit 1
echo 1..1
if ! command -v cppcheck >/dev/null; then
    echo "# cppcheck: not installed"
    echo "not ok 1 - cppcheck"
    exit 1
fi

# Left out, because it errs there: what GLib takes over (memleak, which ASan and valgrind see), sums of small
# integers printed by %u, NULL at the end of a list on a system whose NULL is a pointer, libmnl's loops.
said=$(cppcheck --quiet --enable=warning,portability,performance --inline-suppr --std=c11 -j2 \
    --library=gtk -I. --suppress=missingIncludeSystem --suppress=unknownMacro \
    --suppress=memleak --suppress=internalAstError --suppress=invalidPrintfArgType_uint \
    --suppress=varFuncNullUB --suppress=nullPointer:libadit/sys/cli.c \
    libadit policy-routing pcp-client nm-plugin networkd-hooks client tunnel-server 2>&1)
if [ -n "$said" ]; then
    while read -r line; do echo "# $line"; done <<<"$said"
    echo "not ok 1 - cppcheck"
    exit 1
fi
echo "ok 1 - cppcheck"
