/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/site.h"
#include "libadit/core/error.h"

#include <string.h>

#define KEYS "PrivateKey = yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=\n"
#define PEER                                                                                   \
    "[Peer]\nPublicKey = xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=\n"                       \
    "Endpoint = 203.0.113.7:51820\nPersistentKeepalive = 25\n"

#define OURS                                                                                   \
    "[Interface]\n" KEYS "Address = 10.59.0.2/24, 2a11:1:2::a3b:2/128\nTable = 20101\n" PEER   \
    "AllowedIPs = 10.59.0.1/32, 2a11:1:2::a3b:1/128, 10.59.0.0/24, 2a11:1:2::/64, "            \
    "0.0.0.0/1, 128.0.0.0/1, 2000::/3\n"
#define IPV4                                                                                   \
    "[Interface]\n" KEYS "Address = 10.59.0.2/24\nTable = 20101\n" PEER                        \
    "AllowedIPs = 10.59.0.1/32, 10.59.0.0/24, 0.0.0.0/1, 128.0.0.0/1\n"
/* With an address and a network of the user's own. */
#define EDITED                                                                                 \
    "[Interface]\n" KEYS                                                                       \
    "Address = 10.59.0.2/24, 2a11:1:2::a3b:2/128, fd00::7/128\nTable = 20101\n" PEER           \
    "AllowedIPs = 10.59.0.1/32, 2a11:1:2::a3b:1/128, 10.59.0.0/24, 2a11:1:2::/64, "            \
    "0.0.0.0/1, 128.0.0.0/1, 2000::/3, fd00:9::/48\n"

static AditAddr
addr(const char *text)
{
    AditAddr ret = { 0 };

    g_assert_true(!*text || adit_addr_parse(text, &ret, NULL));
    return ret;
}

static AditPrefix
prefix(const char *text)
{
    AditPrefix ret = { 0 };

    g_assert_true(!*text || adit_prefix_parse(text, &ret, NULL));
    return ret;
}

typedef struct {
    const char *addr4, *addr6, *net6, *server4, *server6, *old6;
} Told;

static AditAskSite
site_of(const Told *told)
{
    AditAskSite site = { .addr4 = addr(told->addr4),
                         .addr6 = addr(told->addr6),
                         .net6 = prefix(told->net6),
                         .server4 = addr(told->server4),
                         .server6 = addr(told->server6),
                         .old6 = prefix(told->old6),
                         .old_left = *told->old6 ? 3600 : 0 };

    return site;
}

static AditProfile *
profile_of(const char *text)
{
    g_autoptr(GError) error = NULL;
    AditProfile *profile = adit_profile_parse("test", text, strlen(text), &error);

    g_assert_no_error(error);
    return profile;
}

static char *
join(const AditPrefix *list, guint n)
{
    g_autoptr(GString) out = g_string_new(NULL);

    for (guint i = 0; i < n; i++) {
        g_autofree char *text = adit_prefix_to_string(&list[i]);

        g_string_append_printf(out, "%s%s", i > 0 ? ", " : "", text);
    }
    return g_string_free(g_steal_pointer(&out), FALSE);
}

#define SAME                                                                                   \
    {                                                                                          \
        "10.59.0.2", "2a11:1:2::a3b:2", "2a11:1:2::/64", "10.59.0.1", "2a11:1:2::a3b:1", ""    \
    }
#define MOVED(old)                                                                             \
    {                                                                                          \
        "10.59.0.2", "2a11:1:3::a3b:2", "2a11:1:3::/64", "10.59.0.1", "2a11:1:3::a3b:1", old   \
    }

static const struct {
    const char *name, *profile;
    Told told;
    const char *addresses, *allowed; /* NULL: nothing to do */
} good[] = {
    { "same", OURS, SAME, NULL, NULL },
    { "moved", OURS, MOVED(""), "10.59.0.2/24, 2a11:1:3::a3b:2/128",
      "10.59.0.1/32, 2a11:1:3::a3b:1/128, 2a11:1:3::/64, 10.59.0.0/24, 0.0.0.0/1, "
      "128.0.0.0/1, 2000::/3" },
    { "overlap", OURS, MOVED("2a11:1:2::/64"),
      "10.59.0.2/24, 2a11:1:3::a3b:2/128, 2a11:1:2::a3b:2/128",
      "10.59.0.1/32, 2a11:1:3::a3b:1/128, 2a11:1:2::a3b:1/128, 2a11:1:3::/64, 2a11:1:2::/64, "
      "10.59.0.0/24, 0.0.0.0/1, 128.0.0.0/1, 2000::/3" },
    /* An "old" network that this device never had is nothing to take. */
    { "stranger", OURS, MOVED("2a11:1:9::/64"), "10.59.0.2/24, 2a11:1:3::a3b:2/128",
      "10.59.0.1/32, 2a11:1:3::a3b:1/128, 2a11:1:3::/64, 10.59.0.0/24, 0.0.0.0/1, "
      "128.0.0.0/1, 2000::/3" },
    { "first", IPV4, SAME, "10.59.0.2/24, 2a11:1:2::a3b:2/128",
      "10.59.0.1/32, 2a11:1:2::a3b:1/128, 2a11:1:2::/64, 10.59.0.0/24, 0.0.0.0/1, "
      "128.0.0.0/1, 2000::/3" },
    { "last",
      OURS,
      { "10.59.0.2", "", "", "10.59.0.1", "", "" },
      "10.59.0.2/24",
      "10.59.0.1/32, 10.59.0.0/24, 0.0.0.0/1, 128.0.0.0/1, 2000::/3" },
    { "edited", EDITED, MOVED(""), "10.59.0.2/24, 2a11:1:3::a3b:2/128, fd00::7/128",
      "10.59.0.1/32, 2a11:1:3::a3b:1/128, 2a11:1:3::/64, 10.59.0.0/24, 0.0.0.0/1, "
      "128.0.0.0/1, 2000::/3, fd00:9::/48" },
};

static void
test_good(gconstpointer data)
{
    const guint i = GPOINTER_TO_UINT(data);
    g_autoptr(AditProfile) profile = profile_of(good[i].profile);
    const AditAskSite site = site_of(&good[i].told);
    g_autoptr(AditProfile) next = NULL, again = NULL;
    g_autofree char *addresses = NULL, *allowed = NULL;
    g_autoptr(GError) error = NULL;

    g_assert_true(adit_site_judge(profile, &site, &next, &error));
    g_assert_no_error(error);
    if (!good[i].addresses) {
        g_assert_null(next);
        return;
    }
    addresses = join(next->addresses, next->n_addresses);
    allowed = join(next->peers[0].allowed, next->peers[0].n_allowed);
    g_assert_cmpstr(addresses, ==, good[i].addresses);
    g_assert_cmpstr(allowed, ==, good[i].allowed);
    g_assert_true(adit_key_equal(&next->private_key, &profile->private_key));
    /* Told the same again, there is nothing to do. */
    g_assert_true(adit_site_judge(next, &site, &again, &error));
    g_assert_null(again);
}

/* When the overlap is over the old one goes, and what it was is as if it had never been. */
static void
test_overlap_ends(void)
{
    static const Told told = MOVED("2a11:1:2::/64");
    g_autoptr(AditProfile) profile = profile_of(OURS), both = NULL, after = NULL;
    AditAskSite site = site_of(&told);
    g_autofree char *addresses = NULL;

    g_assert_true(adit_site_judge(profile, &site, &both, NULL));
    site.old_left = 0;
    g_assert_true(adit_site_judge(both, &site, &after, NULL));
    addresses = join(after->addresses, after->n_addresses);
    g_assert_cmpstr(addresses, ==, "10.59.0.2/24, 2a11:1:3::a3b:2/128");
}

static const struct {
    const char *name;
    Told told;
    const char *why;
} bad[] = {
    { "other-ipv4",
      { "10.59.0.3", "2a11:1:2::a3b:3", "2a11:1:2::/64", "10.59.0.1", "2a11:1:2::a3b:1", "" },
      "IPv4: another address than in the profile" },
    { "other-server",
      { "10.59.0.2", "2a11:1:2::a3b:2", "2a11:1:2::/64", "10.59.0.9", "2a11:1:2::a3b:9", "" },
      "IPv4: another address than in the profile" },
    { "not-made-of-ipv4",
      { "10.59.0.2", "2a11:1:3::7", "2a11:1:3::/64", "10.59.0.1", "2a11:1:3::a3b:1", "" },
      "IPv6: an address that is not made of the one in IPv4" },
    { "server-not-made-of-ipv4",
      { "10.59.0.2", "2a11:1:3::a3b:2", "2a11:1:3::/64", "10.59.0.1", "2a11:1:3::7", "" },
      "IPv6: an address that is not made of the one in IPv4" },
    { "private",
      { "10.59.0.2", "fd00::a3b:2", "fd00::/64", "10.59.0.1", "fd00::a3b:1", "" },
      "IPv6: not a public address" },
    { "half-the-world",
      { "10.59.0.2", "2000::a3b:2", "2000::/4", "10.59.0.1", "2000::a3b:1", "" },
      "IPv6: a prefix of /48 to /124 is wanted" },
    { "one-address",
      { "10.59.0.2", "2a11:1:3::a3b:2", "2a11:1:3::a3b:2/128", "10.59.0.1", "2a11:1:3::a3b:1",
        "" },
      "IPv6: a prefix of /48 to /124 is wanted" },
};

static void
test_bad(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(AditProfile) profile = profile_of(OURS);
        const AditAskSite site = site_of(&bad[i].told);
        AditProfile *next = (AditProfile *)profile;
        g_autoptr(GError) error = NULL;

        g_test_message("%s", bad[i].name);
        g_assert_false(adit_site_judge(profile, &site, &next, &error));
        g_assert_error(error, ADIT_ERROR, ADIT_ERROR_DENIED);
        g_assert_nonnull(strstr(error->message, bad[i].why));
        g_assert_true(next == profile);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(good); i++) {
        g_autofree char *path = g_strdup_printf("/site/%s", good[i].name);

        g_test_add_data_func(path, GUINT_TO_POINTER(i), test_good);
    }
    g_test_add_func("/site/overlap-ends", test_overlap_ends);
    g_test_add_func("/site/not-believed", test_bad);
    return g_test_run();
}
