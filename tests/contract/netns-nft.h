/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <glib.h>

/* nft(8) as a second pair of eyes in this network namespace. */

/* Runs `nft @words`, with @input (may be NULL) for its standard input, and returns what it
 * printed; NULL if it failed, with its own words in @ret_why. */
char *test_nft_try(const char *words, const char *input, char **ret_why);
/* The same, asserting that it succeeds. */
char *test_nft(const char *words, const char *input);
/* What `nft list table` prints, without handles, counters and remaining times. */
char *test_nft_list(const char *table);
