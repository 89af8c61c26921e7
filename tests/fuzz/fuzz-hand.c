/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "networkd-hooks/hand.h"
#include "tests/fuzz/target.h"

#include <string.h>

static char *
no_file(const char *path, gpointer data, GError **error)
{
    return g_strdup("AQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQEBAQE=");
}

/* Two files with a NUL between them; what is read prints to a profile that is read the same. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *)data, size);
    const char *network = strlen(text) < size ? (const char *)data + strlen(text) + 1 : NULL;
    g_autofree char *second = network ? g_strndup(network, size - strlen(text) - 1) : NULL;
    g_autoptr(AditProfile) profile =
        adit_networkd_hand_read("x", text, second, no_file, NULL, NULL);
    g_autoptr(AditProfile) again = NULL;
    g_autofree char *link = adit_networkd_hand_link(text);
    g_autofree char *printed = NULL;

    if (second && link)
        adit_networkd_hand_is_of(second, link);
    if (!profile)
        return 0;
    printed = adit_profile_to_string(profile);
    again = adit_profile_parse("x", printed, strlen(printed), NULL);
    g_assert_nonnull(again);
    g_assert_true(adit_profile_equal(profile, again));
    return 0;
}
