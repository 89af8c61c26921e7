/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/sys/nftdev.h"

#include <string.h>

#include "libadit/core/element.h"
#include "policy-routing/reply-table.h"
#include "tests/contract/netns-nft.h"
#include "tests/contract/netns.h"
#include "tunnel-server/dataplane.h"

/* Both tables, in the kernel of a namespace, read back by nft(8). */

static const AditNftBlueprint *
client(void)
{
    static AditNftBlueprint *bp;
    static const AditBypassMark tailscale = { 0x80000, 0xff0000 };
    static const AditReplyOptions options = { FALSE, &tailscale, 1 };

    if (bp == NULL)
        bp = adit_reply_table_new(&options);
    return bp;
}

static void
install(const AditNftBlueprint *bp, const AditState *want, AditNftResult *ret)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(AditNftDev) dev = adit_nftdev_open(bp, &error);

    g_assert_no_error(error);
    adit_nftdev_reconcile(dev, want, ret, &error);
    g_assert_no_error(error);
}

static AditState *
empty(void)
{
    return adit_state_seal(adit_state_new());
}

/* A listing without the rules that the text leaves out. */
static char *
as_text_has_it(const char *listing)
{
    g_autoptr(GRegex) left_out = g_regex_new(
        "\n[^\n]*( @udp6 \{| proto-dst|ct mark set [^\n]* dnat )[^\n]*", 0, 0, NULL);

    return g_regex_replace_literal(left_out, listing, -1, 0, "", 0, NULL);
}

/* The messages and the text make the same table, as nft(8) reads it. */
static void
check_listing(const AditNftBlueprint *bp)
{
    g_autoptr(AditState) want = empty();
    g_autofree char *text = adit_nft_to_text(bp);
    g_autofree char *drop = g_strdup_printf("delete table inet %s", bp->table);
    g_autofree char *ours = NULL, *theirs = NULL, *comparable = NULL;
    AditNftResult result;

    install(bp, want, &result);
    g_assert_true(result.rebuilt);
    ours = test_nft_list(bp->table);
    comparable = as_text_has_it(ours);
    if (g_getenv("ADIT_TEST_SHOW"))
        g_print("%s\n%s\n", text, ours);
    g_free(test_nft(drop, NULL));
    g_free(test_nft("-f -", text));
    g_free(test_nft("-f -", text)); /* idempotent */
    theirs = test_nft_list(bp->table);
    g_assert_cmpstr(comparable, ==, theirs);
    install(bp, want, &result);
    g_assert_true(result.rebuilt); /* for the sake of the rules left out */
    install(bp, want, &result);
    g_assert_false(result.rebuilt);
    g_free(test_nft(drop, NULL));
}

static void
test_client_listing(void)
{
    check_listing(client());
}

static void
test_server_listing(void)
{
    check_listing(adit_dataplane_blueprint(FALSE));
    check_listing(adit_dataplane_blueprint(TRUE));
}

int
main(int argc, char **argv)
{
    g_autofree char *why = NULL;

    g_test_init(&argc, &argv, NULL);
    if (!test_netns_enter(&why))
        return test_netns_skip(why);
    g_test_add_func("/nft/listing/client", test_client_listing);
    g_test_add_func("/nft/listing/server", test_server_listing);
    return g_test_run();
}
