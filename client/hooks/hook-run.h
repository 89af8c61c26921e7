/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "client/hooks/hook-event.h"

/* An admin's programs, run one after the other: those of hooks.d/EVENT, in the order of their
 * names. One that fails, hangs or is not to be trusted is said in the log, and harmless. */

typedef struct _AditHookRunner AditHookRunner;

/* @folder: hooks.d; @config_dir is told to them; @timeout in seconds. */
AditHookRunner *adit_hook_runner_new(const char *folder, const char *config_dir, guint timeout);
void adit_hook_runner_free(AditHookRunner *runner); /* what runs is ended */
void adit_hook_runner_queue(AditHookRunner *runner, AditHookEvent *event); /* takes @event */
/* Is there anything to run for it? */
gboolean adit_hook_runner_has(AditHookRunner *runner, AditHookKind kind);
/* Paths of the programs of a folder, sorted; why others are left out is appended to @ret_why.
 */
GStrv adit_hook_list(const char *folder, GPtrArray *ret_why);
