/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/wire/nft-element.h"
#include "libadit/wire/nft-shape.h"

#include <string.h>

#include "tests/fuzz/messages.h"
#include "tests/fuzz/target.h"

/* The sets that elements are read for: each feature once. */
static const AditNftSet sets[] = {
    { "open4",
      { ADIT_NFT_IPV4_ADDR, ADIT_NFT_INET_PROTO, ADIT_NFT_INET_SERVICE },
      .flags = ADIT_NFT_TIMEOUT },
    { "fwd4",
      { ADIT_NFT_IPV4_ADDR, ADIT_NFT_INET_PROTO, ADIT_NFT_INET_SERVICE },
      { ADIT_NFT_IPV4_ADDR, ADIT_NFT_INET_SERVICE },
      ADIT_NFT_TIMEOUT },
    { "in6",
      { ADIT_NFT_IPV6_ADDR, ADIT_NFT_INET_PROTO, ADIT_NFT_INET_SERVICE },
      .flags = ADIT_NFT_COUNTER },
    { "same4", { ADIT_NFT_IPV4_ADDR, ADIT_NFT_IPV4_ADDR }, .flags = ADIT_NFT_INTERVAL },
    { "tunnel", { ADIT_NFT_IFNAME } },
};

static const AditNftBlueprint bp = { "adit_server", .sets = sets,
                                     .n_sets = G_N_ELEMENTS(sets) };

static void
keep_ours(const AditElement *e, gpointer data)
{
    const AditNftSet *set = adit_nft_blueprint_set(&bp, e->set);
    const guint ends = set != NULL && (set->flags & ADIT_NFT_INTERVAL) != 0 ? 2 : 1;
    AditElement kept = *e;

    if (set == NULL || e->key_len != ends * adit_nft_set_key_len(set) ||
        e->data_len != adit_nft_set_data_len(set))
        return;
    if ((set->flags & ADIT_NFT_COUNTER) == 0 || e->packets == 0)
        kept.packets = kept.bytes = 0; /* not written */
    g_array_append_val((GArray *)data, kept);
}

static void
read_elements(const guint8 *bytes, gsize len, GArray *ret)
{
    const struct nlmsghdr *nlh;

    while ((nlh = next_message(&bytes, &len)) != NULL)
        (void)adit_nft_elements_get(nlh, bp.table, keep_ours, ret);
}

static void
try_text(const AditElement *e)
{
    g_autofree char *text = adit_nft_element_to_text(&bp, e);

    g_assert_true(g_str_has_suffix(text, " }\n"));
}

/* What is accepted is written, and read the same. */
static void
try_elements(const guint8 *bytes, gsize len)
{
    g_autoptr(GArray) once = g_array_new(FALSE, TRUE, sizeof(AditElement));
    g_autoptr(GArray) twice = g_array_new(FALSE, TRUE, sizeof(AditElement));
    g_autoptr(GPtrArray) all = g_ptr_array_new();
    g_autoptr(AditMsg) m = adit_msg_new();
    gsize written;
    const guint8 *out;

    read_elements(bytes, len, once);
    for (guint i = 0; i < once->len; i++) {
        g_ptr_array_add(all, &g_array_index(once, AditElement, i));
        try_text(&g_array_index(once, AditElement, i));
    }
    adit_nft_elements_put(m, &bp, ADIT_NFT_ELEMENT_ADD, (gpointer)all->pdata, all->len);
    g_assert_true(adit_msg_check(m, NULL));
    out = adit_msg_data(m, &written);
    read_elements(out, written, twice);
    g_assert_cmpmem(once->data, once->len * sizeof(AditElement), twice->data,
                    twice->len * sizeof(AditElement));
}

/* A message adds one whole line, or nothing. */
static void
try_shape(const guint8 *bytes, gsize len)
{
    const struct nlmsghdr *nlh;

    while ((nlh = next_message(&bytes, &len)) != NULL) {
        g_autoptr(GString) lines = g_string_new(NULL);

        (void)adit_nft_event_table(nlh);
        if (!adit_nft_shape_get(nlh, bp.table, lines))
            g_assert_cmpuint(lines->len, ==, 0);
        else if (lines->len > 0)
            g_assert_true(strchr(lines->str, '\n') == lines->str + lines->len - 1);
    }
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree guint8 *aligned = g_memdup2(data, size);

    try_elements(aligned, size);
    try_shape(aligned, size);
    return 0;
}
