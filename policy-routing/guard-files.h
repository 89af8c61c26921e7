/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "policy-routing/guard.h"

/* guard.ip4, guard.ip6 and guard.nft in @folder: each is written whole, and only when what it
 * says has changed. */
gboolean adit_guard_files_write(const char *folder, const AditState *want,
                                const AditNftBlueprint *bp, const AditState *elements,
                                GError **error);
/* Adds a sentence (char *) for each file that is not so. */
void adit_guard_files_check(const char *folder, const AditState *want,
                            const AditNftBlueprint *bp, const AditState *elements,
                            GPtrArray *ret);
gboolean adit_guard_files_remove(const char *folder, GError **error);
