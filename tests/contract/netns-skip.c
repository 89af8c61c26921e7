/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/contract/netns.h"

#include <stdio.h>
#include <string.h>

int
test_netns_skip(const char *why)
{
    const char *required = g_getenv("ADIT_TESTS_REQUIRE");

    if (required != NULL && strstr(required, "netns") != NULL) {
        printf("Bail out! %s\n", why);
        return 1;
    }
    printf("1..0 # SKIP %s\n", why);
    return 0;
}
