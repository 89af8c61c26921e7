#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# coverage.sh BUILD PERCENT: fails when fewer lines of the pure code (libadit/core, pcp-client) are covered.
# Left out is what holds sockets and files: the contract suite has that, on real ones.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
gcovr --root "$root" --filter "$root/libadit/core/" --filter "$root/pcp-client/" \
    --exclude "$root/pcp-client/(client|library|port|record)\\." --gcov-ignore-parse-errors --fail-under-line "$2" "$1" \
    >"$1/coverage.txt" 2>&1 || {
    cat "$1/coverage.txt" >&2
    exit 1
}
grep '^TOTAL' "$1/coverage.txt" >&2
