/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/core/key.h"

/* The two keys of a switchover (switchover.h) on the disk: STATE/switchovers/NAME, 0600. */

typedef struct {
    AditKey before, after; /* private */
} AditSwitchKeys;

/* NOT_FOUND: none is under way. */
gboolean adit_switch_file_load(const char *state_dir, const char *name, AditSwitchKeys *ret,
                               GError **error);
/* Durable when it returns. */
gboolean adit_switch_file_save(const char *state_dir, const char *name,
                               const AditSwitchKeys *keys, GError **error);
gboolean adit_switch_file_remove(const char *state_dir, const char *name, GError **error);
void adit_switch_keys_clear(AditSwitchKeys *keys);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(AditSwitchKeys, adit_switch_keys_clear)
