#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# text.sh ROOT: what can be seen without compiling. TAP.
set -u
cd "$1" || exit 1
# The files of the tree; outside a checkout (an unpacked tarball) every file but the build's.
list() {
    git -c safe.directory="$PWD" ls-files --cached --others --exclude-standard -- "$@" 2>/dev/null && return
    local pattern
    for pattern in "${@:-*}"; do find . -name build -prune -o -type f -path "*${pattern#\*}" -printf '%P\n'; done
}
n=0
status=0
check() { # NAME COMPLAINTS
    n=$((n + 1))
    if [ -z "$2" ]; then
        echo "ok $n - $1"
    else
        head -40 <<<"$2" | sed 's/^/# /'
        echo "not ok $n - $1"
        status=1
    fi
}

echo "1..7"
# Versions of clang-format disagree: the style is what 14 prints (Debian 12). With another, only the grossest is seen.
format=$(command -v clang-format-14 || command -v clang-format)
case $("$format" --version) in
*' 14.'*) check "clang-format" "$(list '*.c' '*.h' | xargs -r "$format" --dry-run -Werror 2>&1 | grep 'error:')" ;;
*) check "no tab or trailing blank in C" "$(list '*.c' '*.h' | xargs -r grep -nE $'\t| $')" ;;
esac
# One grep for all files, and the slow look at the first line only where it found something.
scripts=$(list | xargs -r -d '\n' grep -lsIE -d skip '^#!.*\b(ba|da)?sh\b' | while read -r f; do
    if head -n 1 "$f" | grep -qE '^#!.*\b(ba|da)?sh\b'; then echo "$f"; fi
done)
# shellcheck disable=SC2086
check "shellcheck" "$(shellcheck -S style $scripts 2>&1)"
check "no skipped test" "$(list 'tests/*.c' 'tests/*.py' | xargs -r grep -nE 'g_test_skip *\(|@unittest\.skip|pytest\.skip')"
# Written in halves, so that this file passes its own test.
check "no path of a machine" "$(list | xargs -r grep -nIE '(^|[^A-Za-z0-9_.-])/(wor[k]|far[m])/[A-Za-z.]|/tmp/w[t]/')"
check "no unfinished marker" "$(list '*.c' '*.h' '*.py' dev | xargs -r grep -nE '\b(TOD[O]|FIXM[E]|XX[X])\b|not imple[m]ented')"
check "no call to avoid in C" "$(list '*.c' | xargs -r grep -nE '\b(strcpy|strcat|sprintf|gets|system|popen)\(')"
check "no C file over 600 lines, no header over 200" "$(
    list '*.c' | xargs -r wc -l | awk '$2 != "total" && $1 > 600'
    list '*.h' | xargs -r wc -l | awk '$2 != "total" && $1 > 200'
)"
exit $status
