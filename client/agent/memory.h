/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <glib.h>

/* What adit-agent keeps from one login to the next: what was told, and what was answered. */

typedef struct {
    gboolean quiet;          /* no questions any more */
    gboolean knows_gateways; /* else those that are there are no news */
    gboolean knows_reaches;  /* likewise */
    GHashTable *told;        /* key of a notice -> what it said, in short */
    GHashTable *answered;    /* keys of services */
    gboolean changed;        /* since it was read or written */
} AditMemory;

AditMemory *adit_memory_new(void);
AditMemory *adit_memory_parse(const char *bytes, gsize len, GError **error);
char *adit_memory_print(const AditMemory *memory);
void adit_memory_free(AditMemory *memory);
void adit_memory_tell(AditMemory *memory, const char *key, const char *digest);
void adit_memory_forget(AditMemory *memory, const char *key);
void adit_memory_answer(AditMemory *memory, const char *service);
void adit_memory_set_quiet(AditMemory *memory, gboolean quiet);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditMemory, adit_memory_free)
