#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# purity.sh ARCHIVE...: nothing in libadit/core or libadit/wire may call the world. TAP.
set -eu
# What a pure function never needs; GLib's own wrappers of the same count too. The last line's read errno, which a
# lock inside them may have set (libadit/core/number.h).
deny='socket bind connect send sendto sendmsg recv recvfrom recvmsg open open64 openat fopen fopen64 read write unlink
rename stat stat64 mkdir getaddrinfo gethostbyname getnameinfo clock_gettime gettimeofday time localtime getenv
secure_getenv setenv rand random srand getrandom getentropy arc4random fork execve posix_spawn system popen sleep usleep
nanosleep if_nametoindex if_indextoname mnl_socket_open mnl_socket_open2 mnl_socket_sendto mnl_socket_recvfrom
randombytes_buf randombytes_random randombytes_uniform g_get_monotonic_time g_get_real_time g_date_time_new_now
g_random_int g_random_int_range g_rand_new g_getenv g_file_get_contents g_file_set_contents g_main_context_new
g_main_loop_new g_timeout_add g_idle_add g_spawn_async g_spawn_sync g_usleep g_uuid_string_random g_print g_printerr printf puts
exit
g_ascii_string_to_unsigned g_ascii_string_to_signed g_ascii_strtoull g_ascii_strtoll strtoul strtoull strtol strtoll'
pattern="^($(tr ' \n' '||' <<<"$deny" | sed 's/|*$//'))(@.*)?$"
echo "1..$#"
n=0
status=0
for archive in "$@"; do
    n=$((n + 1))
    # A name that another object of the archive defines is ours (a static library is not linked yet).
    bad=$(nm -u "$archive" 2>/dev/null | awk '$1 == "U" {print $2}' | sort -u | grep -E "$pattern" || true)
    if [ -z "$bad" ]; then
        echo "ok $n - $(basename "$archive") is pure"
    else
        nm -A -u "$archive" 2>/dev/null | grep -wE "$(tr '\n' '|' <<<"$bad" | sed 's/|$//')" | sed 's/^/# /'
        echo "not ok $n - $(basename "$archive") is pure"
        status=1
    fi
done
exit $status
