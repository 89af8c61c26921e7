/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <string.h>

#include "libadit/wire/nft.h"

/* What the kernel and nft(8) ask of any blueprint: names that exist and fit, comments that fit,
 * and an answer for each lookup that has the right length. */

static inline gboolean
has_chain(const AditNftBlueprint *bp, const char *name)
{
    for (guint i = 0; i < bp->n_chains; i++)
        if (g_str_equal(bp->chains[i].name, name))
            return TRUE;
    return FALSE;
}

static inline void
assert_statement(const AditNftBlueprint *bp, const AditNftStatement *s)
{
    const gboolean jumps = s->verb == ADIT_NFT_JUMP || s->verb == ADIT_NFT_GOTO;
    const AditNftSet *set;
    guint n = 0, len = 0;

    if (jumps)
        g_assert_true(has_chain(bp, s->name));
    if (jumps || s->name == NULL || s->verb == ADIT_NFT_IS || s->verb == ADIT_NFT_NOT)
        return;
    set = adit_nft_blueprint_set(bp, s->name);
    g_assert_nonnull(set);
    for (; n < ADIT_NFT_FIELDS_MAX && s->field[n] != 0; n++)
        len += (adit_nft_field_info(s->field[n])->len + 3) & ~3u;
    g_assert_cmpuint(len, ==, (adit_nft_set_key_len(set) + 3) & ~3u);
    if (s->data != 0)
        g_assert_cmpuint(adit_nft_field_info(s->data)->len, ==, adit_nft_set_data_len(set));
    g_assert_true((set->data[0] != 0) ==
                  (s->verb != ADIT_NFT_IN && s->verb != ADIT_NFT_NOT_IN &&
                   (s->verb != ADIT_NFT_LEARN || s->data != 0)));
}

static inline void
assert_sound(const AditNftBlueprint *bp)
{
    for (guint i = 0; i < bp->n_sets; i++)
        g_assert_cmpuint(strlen(bp->sets[i].name), <, ADIT_SET_NAME_LEN);
    for (guint i = 0; i < bp->n_rules; i++) {
        const AditNftRule *rule = &bp->rules[i];

        g_assert_true(has_chain(bp, rule->chain));
        g_assert_cmpuint(strlen(rule->why), >, 0);
        g_assert_cmpuint(strlen(rule->why), <, 64);
        g_assert_null(strpbrk(rule->why, "\"\n\\"));
        for (guint k = 0; k < ADIT_NFT_STATEMENTS_MAX && rule->statement[k].verb != 0; k++)
            assert_statement(bp, &rule->statement[k]);
    }
}
