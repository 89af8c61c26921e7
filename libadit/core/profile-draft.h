/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/core/profile.h"

/* Between profile-parse.c, which knows sections, and profile-grammar.c, which knows keys; not
 * for others. Lists grow in GArrays; what holds a key never does, because a grown array leaves
 * a copy behind: the peers are counted first. */

typedef enum {
    SECTION_INTERFACE,
    SECTION_PEER,
} AditProfileSection;

#define ADIT_PROFILE_N_KEYS 17

typedef struct {
    const AditKey *key;
    guint line;
} AditProfileKeyLine;

typedef struct {
    guint line;      /* the error, if one comes, is here */
    const char *key; /* of the setting at hand */
    AditProfile *profile;
    AditProfilePeer *peer;           /* the one at hand; NULL in [Interface] */
    guint section_line;              /* 0 before the first section */
    guint interface_line;            /* 0: not seen */
    guint seen[ADIT_PROFILE_N_KEYS]; /* line of each key in this section; 0: not given */
    GArray *addresses;               /* AditPrefix */
    GArray *dns;                     /* AditAddr */
    GPtrArray *search;               /* char * */
    GArray *hooks;                   /* AditHook */
    GArray *allowed;                 /* AditPrefix, of the peer at hand */
    GArray *public_keys;             /* AditProfileKeyLine, a row a peer */
} AditProfileDraft;

enum {
    KEY_REQUIRED = 1,
    KEY_MANY = 2, /* may be repeated in its section */
    KEY_MAY_BE_EMPTY = 4,
    KEY_SILENT = 8, /* its errors show nothing of the value */
};

typedef struct {
    AditProfileSection section;
    const char *name;
    gboolean (*read)(AditProfileDraft *draft, const char *value, GError **error);
    guint flags;
} AditProfileKey;

extern const AditProfileKey adit_profile_keys[ADIT_PROFILE_N_KEYS];

/* Without case; NULL: no such key. */
const AditProfileKey *adit_profile_key_find(const char *name);
/* Always FALSE, with an error of ours. */
gboolean adit_profile_fail(GError **error, const char *format, ...) G_GNUC_PRINTF(2, 3);
