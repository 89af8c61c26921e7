#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# coverage.sh BUILD PERCENT: fails when fewer of libadit/core's lines are covered.
set -eu
root=$(cd "$(dirname "$0")/../.." && pwd)
gcovr --root "$root" --filter "$root/libadit/core/" --gcov-ignore-parse-errors --fail-under-line "$2" "$1" \
    >"$1/coverage.txt" 2>&1 || {
    cat "$1/coverage.txt" >&2
    exit 1
}
grep '^TOTAL' "$1/coverage.txt" >&2
