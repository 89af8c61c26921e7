/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy-routing/router.h"
#include "tests/contract/netns.h"

#include <glib/gstdio.h>
#include <string.h>

/* The router beside a network manager: links come and go when somebody else likes, the guard
 * stands all the time, and what is deleted is looked at again. */

#define PATIENCE_MS 5000

typedef struct {
    char *folder;
    AditKernel *kernel;
    AditRouter *router;
    AditGateway *gateway;
    guint looks;
} Fixture;

static void
apply(Fixture *f, guint n)
{
    static const AditPolicy policy = { 0 };
    const AditGateway *const gateways[] = { f->gateway };
    const AditRouterWish wish = { .gateways = gateways, .n_gateways = n, .policy = &policy };
    g_autoptr(GError) error = NULL;

    adit_router_apply(f->router, &wish, NULL, &error);
    g_assert_no_error(error);
}

static gboolean
look(gpointer data)
{
    Fixture *f = data;

    f->looks++;
    apply(f, 1);
    return TRUE;
}

static void
set_up(Fixture *f, gconstpointer data)
{
    static const char text[] =
        "[Interface]\nPrivateKey = AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"
        "Address = 10.59.0.2/24, 2001:db8::2/128\n[Peer]\n"
        "PublicKey = ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=\n"
        "AllowedIPs = 10.59.0.1/32, 0.0.0.0/1, 128.0.0.0/1, 2000::/3\n";
    g_autoptr(AditProfile) profile = adit_profile_parse("x", text, strlen(text), NULL);

    f->folder = g_dir_make_tmp("adit-router-XXXXXX", NULL);
    f->kernel = adit_kernel_open(NULL);
    f->router = adit_router_open(f->kernel, f->folder, f->folder, look, f, NULL);
    g_assert_nonnull(f->router);
    f->gateway = adit_gateway_from_profile("gw1", 1, "gw1", profile);
    f->gateway->link_up = TRUE;
}

static void
tear_down(Fixture *f, gconstpointer data)
{
    apply(f, 0);
    adit_router_free(f->router);
    adit_kernel_free(f->kernel);
    adit_gateway_free(f->gateway);
    g_assert_cmpint(g_rmdir(f->folder), ==, 0); /* nothing is left in it */
    g_free(f->folder);
}

static gboolean
kernel_says(const char *words, const char *what)
{
    g_autofree char *text = test_netns_ip(words);

    return strstr(text, what) != NULL;
}

static gboolean
on_late(gpointer data)
{
    *(gboolean *)data = TRUE;
    return G_SOURCE_REMOVE;
}

/* Runs the main loop until the kernel says so. */
static void
wait_for(const char *words, const char *what)
{
    gboolean late = FALSE;
    const guint timer = g_timeout_add(PATIENCE_MS, on_late, &late);

    while (!late && !kernel_says(words, what))
        g_main_context_iteration(NULL, TRUE);
    g_assert_false(late);
    g_source_remove(timer);
}

static void
test_link_of_others(Fixture *f, gconstpointer data)
{
    apply(f, 1);
    g_assert_true(kernel_says("-4 route show table 20101", "blackhole default"));
    g_assert_true(kernel_says("-6 rule", "1751:"));
    test_netns_do("link add gw1 type veth peer name gw1p");
    test_netns_do("link set gw1p up");
    test_netns_do("link set gw1 up");
    test_netns_do("addr add 2001:db8::2/128 dev gw1 nodad");
    test_netns_do("addr add 10.59.0.2/32 dev gw1");
    wait_for("-4 route show table 20101", "128.0.0.0/1 dev gw1");
    wait_for("-6 route show table 20101", "2000::/3 dev gw1");
    test_netns_do("link set gw1 down");
    test_netns_do("link set gw1 up");
    wait_for("-4 route show table 20101", "128.0.0.0/1 dev gw1");
    g_assert_false(kernel_says("-6 route show table 20101", "gw1")); /* its address went */
    test_netns_do("link del gw1");
    g_assert_true(kernel_says("-4 route show table 20101", "blackhole default"));
    g_assert_false(kernel_says("-4 route show table 20101", "gw1"));
    g_assert_cmpuint(f->looks, >, 0);
}

/* Our own repairs are heard too, and are the end of it. */
static void
settle(Fixture *f)
{
    for (guint looks = G_MAXUINT; looks != f->looks;) {
        gboolean late = FALSE;

        looks = f->looks;
        g_timeout_add(300, on_late, &late);
        while (!late)
            g_main_context_iteration(NULL, TRUE);
    }
}

static void
test_healing(Fixture *f, gconstpointer data)
{
    apply(f, 1);
    test_netns_do("rule del pref 1741");
    wait_for("rule", "1741:");
    test_netns_do("-6 route flush table 20101");
    wait_for("-6 route show table 20101", "blackhole default");
    settle(f);
    g_assert_cmpuint(f->looks, <, 20);
}

/* Who only looks is no look of ours: what the kernel told before is still to be looked after.
 */
static void
test_check(Fixture *f, gconstpointer data)
{
    static const AditPolicy policy = { 0 };
    const AditGateway *const gateways[] = { f->gateway };
    const AditRouterWish wish = { .gateways = gateways, .n_gateways = 1, .policy = &policy };
    g_autoptr(GPtrArray) drift = g_ptr_array_new_with_free_func(g_free);
    g_autoptr(GError) error = NULL;

    apply(f, 1);
    settle(f);
    test_netns_do("rule del pref 1741");
    g_assert_true(adit_router_check(f->router, &wish, drift, &error));
    g_assert_no_error(error);
    g_assert_cmpuint(drift->len, ==, 1);
    wait_for("rule", "1741:");
}

/* Nor is one that was refused, though nothing happens any more. */
static void
test_refused(Fixture *f, gconstpointer data)
{
    static const AditPolicy policy = { 0 };
    const AditGateway *const gateways[] = { f->gateway };
    const AditRouterWish wish = { .gateways = gateways, .n_gateways = 1, .policy = &policy };
    g_autofree char *memory = g_build_filename(f->folder, "sysctl", NULL);
    g_autoptr(GError) error = NULL;

    apply(f, 1);
    settle(f);
    g_assert_cmpint(g_mkdir(memory, 0755), ==, 0);
    test_netns_do("rule del pref 1741");
    g_assert_false(adit_router_apply(f->router, &wish, NULL, &error));
    g_assert_nonnull(strstr(error->message, memory));
    g_assert_cmpint(g_rmdir(memory), ==, 0);
    wait_for("rule", "1741:");
}

int
main(int argc, char **argv)
{
    g_autofree char *why = NULL;

    g_test_init(&argc, &argv, NULL);
    if (!test_netns_enter(&why))
        return test_netns_skip(why);
    test_netns_do("link set lo up");
    g_test_add("/router/link-of-others", Fixture, NULL, set_up, test_link_of_others, tear_down);
    g_test_add("/router/healing", Fixture, NULL, set_up, test_healing, tear_down);
    g_test_add("/router/check", Fixture, NULL, set_up, test_check, tear_down);
    g_test_add("/router/refused", Fixture, NULL, set_up, test_refused, tear_down);
    return g_test_run();
}
