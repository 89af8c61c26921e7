/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/core/inet.h"

/* A settings file against a table: each row names a key, what may stand there, and the field of
 * the program's own struct that it fills. The defaults are rows of the same table, written as a
 * file would write them and read by the same code. */

typedef enum {
    ADIT_SETTING_INT,      /* gint64: min .. max */
    ADIT_SETTING_BOOL,     /* gboolean: yes, no, true, false, on, off */
    ADIT_SETTING_STRING,   /* char *: never NULL */
    ADIT_SETTING_ENUM,     /* int: index of the word */
    ADIT_SETTING_DURATION, /* gint64 seconds, min .. max: 90, 90s, 5min, 24h, 7d */
    ADIT_SETTING_PREFIXES, /* AditPrefixList: 10.0.0.0/8, 2001:db8::/32 */
    ADIT_SETTING_PORTS,    /* AditPortList: 22, 8000-8100 */
} AditSettingType;

typedef struct {
    AditPrefix *prefixes;
    guint len;
} AditPrefixList;

typedef struct {
    guint16 first, last;
} AditPortRange;

typedef struct {
    AditPortRange *ranges; /* as written, not sorted */
    guint len;
} AditPortList;

typedef struct {
    const char *section, *key;
    AditSettingType type;
    gsize offset;             /* of the field */
    const char *fallback;     /* when the file says nothing */
    gint64 min, max;          /* INT and DURATION */
    const char *const *words; /* ENUM: ended by NULL */
} AditSetting;

typedef struct {
    const AditSetting *rows;
    guint n_rows;
    gsize size; /* of the program's struct */
} AditSettingTable;

/* The program's struct, all fields filled. An unknown section or key, one given twice or a
 * value out of range is an error "name:line: [section] key: value: why". A fallback that does
 * not parse is our own bug: asserted. */
gpointer adit_settings_parse(const AditSettingTable *table, const char *name, const char *bytes,
                             gsize len, GError **error);
gpointer adit_settings_defaults(const AditSettingTable *table);
/* One field anew, as a command line does with "section.key=value"; on failure as it was. */
gboolean adit_settings_set(const AditSettingTable *table, gpointer settings,
                           const char *assignment, GError **error);
/* The file that would give exactly these settings. */
char *adit_settings_to_string(const AditSettingTable *table, gconstpointer settings);
void adit_settings_free(const AditSettingTable *table, gpointer settings);

gboolean adit_port_list_contains(const AditPortList *list, guint16 port);
gboolean adit_prefix_list_contains(const AditPrefixList *list, const AditAddr *addr);
