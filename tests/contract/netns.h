/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <glib.h>

/* A private network namespace for this process, and ip(8) as a second pair of eyes in it. */

/* FALSE: not to be had here, @ret_why says why. */
gboolean test_netns_enter(char **ret_why);
/* Runs `ip @words` and asserts that it succeeds. */
void test_netns_do(const char *words);
char *test_netns_ip(const char *words); /* what it printed */
/* The same with bytes for its standard input (-batch -). */
void test_netns_ip_batch(const char *words, const char *lines);
/* For a main() that cannot run: a TAP plan that is skipped, or a failure where
 * ADIT_TESTS_REQUIRE names netns. Returns the exit code. */
int test_netns_skip(const char *why);
