/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include "libadit/core/element.h"
#include "libadit/sys/nftdev.h"
#include "libadit/sys/reconcile.h"
#include "tests/contract/netns.h"
#include "tunnel-server/dataplane.h"

/* What matches already is left alone, however much there is and whatever the kernel is at: from
 * the moment it is in, when the hash tables of its sets are still being made larger, many times
 * over. What a dump missed would be sent again. */

#define ROUNDS 10

/* As the kernel does when it is at it between two pieces of a dump: the second piece of a set
 * is the first one again. Linked with --wrap=adit_nl_dump. */
static guint to_shake;

typedef struct {
    AditNlFunc func;
    gpointer data;
    void *piece; /* the first */
} Shaken;

gboolean __real_adit_nl_dump(AditNl *nl, AditMsg *request, AditNlFunc func,
                             void (*restart)(gpointer data), gpointer data, GError **error);
gboolean __wrap_adit_nl_dump(AditNl *nl, AditMsg *request, AditNlFunc func,
                             void (*restart)(gpointer data), gpointer data, GError **error);

static gboolean
on_shaken(const struct nlmsghdr *nlh, gpointer data, GError **error)
{
    Shaken *shaken = data;

    if (NFNL_MSG_TYPE(nlh->nlmsg_type) != NFT_MSG_NEWSETELEM || to_shake == 0)
        return shaken->func(nlh, shaken->data, error);
    if (shaken->piece == NULL) {
        shaken->piece = g_memdup2(nlh, nlh->nlmsg_len);
        return shaken->func(nlh, shaken->data, error);
    }
    to_shake--;
    return shaken->func(shaken->piece, shaken->data, error);
}

gboolean
__wrap_adit_nl_dump(AditNl *nl, AditMsg *request, AditNlFunc func,
                    void (*restart)(gpointer data), gpointer data, GError **error)
{
    Shaken shaken = { func, data, NULL };
    gboolean ok;

    if (to_shake == 0)
        return __real_adit_nl_dump(nl, request, func, restart, data, error);
    ok = __real_adit_nl_dump(nl, request, on_shaken, NULL, &shaken, error);
    g_free(shaken.piece);
    return ok;
}

static AditState *
elements(guint n)
{
    AditState *want = adit_state_new();

    for (guint i = 0; i < n; i++) {
        const AditAddr wan = { AF_INET, { 203, 0, 113, (guint8)(i >> 15) } };
        AditElement e = adit_element_make("back4");

        adit_element_key_addr(&e, &wan);
        adit_element_key_proto(&e, IPPROTO_TCP);
        adit_element_key_port(&e, (guint16)(i & 0x7fff));
        adit_state_add_element(want, &e);
    }
    return adit_state_seal(want);
}

static void
test_elements(gconstpointer data)
{
    const guint n = GPOINTER_TO_UINT(data);
    g_autoptr(AditState) none = adit_state_seal(adit_state_new());
    g_autoptr(AditState) want = elements(n);
    g_autoptr(GError) error = NULL;
    g_autoptr(AditNftDev) dev = adit_nftdev_open(adit_dataplane_blueprint(TRUE), &error);
    AditNftResult result;
    guint64 sent;

    adit_nftdev_reconcile(dev, none, &result, &error);
    g_assert_no_error(error);
    adit_nftdev_reconcile(dev, want, &result, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(result.added, ==, n);

    sent = adit_nftdev_sent(dev);
    for (guint i = 0; i < ROUNDS; i++) {
        to_shake = i % 3;
        adit_nftdev_reconcile(dev, want, &result, &error);
        g_assert_no_error(error);
        g_assert_cmpuint(to_shake, ==, 0);
        g_assert_cmpuint(result.added + result.changed + result.deleted + result.rebuilt, ==,
                         0);
    }
    g_assert_cmpuint(adit_nftdev_sent(dev), ==, sent);
    adit_nftdev_remove(dev, &error);
    g_assert_no_error(error);
}

static void
test_rules(void)
{
    const AditScope scope = { ADIT_KIND_BIT(ADIT_KIND_RULE), NULL };
    g_autoptr(GError) error = NULL;
    g_autoptr(AditKernel) kernel = adit_kernel_open(&error);
    g_autoptr(AditState) want = adit_state_new();
    AditReconcileResult result;

    g_assert_no_error(error);
    for (guint i = 0; i < 10000; i++)
        adit_state_add_rule(want, &(AditRule){ AF_INET, 1000 + i, ADIT_RULE_LOOKUP, 20101,
                                               0x1000000, 0x3f000000 });
    adit_state_seal(want);
    adit_reconcile(kernel, want, &scope, &result, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(result.added, ==, 10000);
    for (guint i = 0; i < ROUNDS; i++) {
        adit_reconcile(kernel, want, &scope, &result, &error);
        g_assert_no_error(error);
        g_assert_cmpuint(result.rounds, ==, 0);
    }
}

int
main(int argc, char **argv)
{
    g_autofree char *why = NULL;

    g_test_init(&argc, &argv, NULL);
    if (!test_netns_enter(&why))
        return test_netns_skip(why);
    g_test_add_data_func("/equal/elements/10000", GUINT_TO_POINTER(10000), test_elements);
    g_test_add_data_func("/equal/elements/50000", GUINT_TO_POINTER(50000), test_elements);
    g_test_add_func("/equal/rules/10000", test_rules);
    return g_test_run();
}
