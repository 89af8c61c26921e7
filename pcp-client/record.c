/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pcp-client/record.h"

#include "libadit/core/error.h"
#include "libadit/sys/store.h"

#include <string.h>

#define FILE_MAX (1024 * 1024) /* 4096 mappings of 250 octets */

struct _AditRecord {
    char *path;
    AditSaved *left;  /* what nobody claimed yet; never NULL */
    gboolean touched; /* write before anything is sent */
    gint64 soon_at;   /* write then; ADIT_NEVER */
    gint64 later_at;  /* write when next awake after that; ADIT_NEVER */
    gboolean failing; /* reported */
};

static AditSaved *
read_file(const char *path, const AditAddr *server)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(AditSaved) saved = NULL;
    g_autofree char *text = NULL;
    gsize len = 0;

    text = adit_store_read(path, FILE_MAX, &len, &error);
    if (text) {
        saved = adit_saved_parse(path, text, len, &error);
        explicit_bzero(text, len);
    }
    if (error && !g_error_matches(error, ADIT_ERROR, ADIT_ERROR_NOT_FOUND))
        g_warning("%s; begun anew", error->message);
    /* Another server knows nothing of these. */
    if (!saved || adit_addr_cmp(&saved->server, server) != 0)
        return NULL;
    return g_steal_pointer(&saved);
}

AditRecord *
adit_record_open(const char *path, const AditAddr *server)
{
    AditRecord *record = g_new0(AditRecord, 1);

    record->path = g_strdup(path);
    record->left = path ? read_file(path, server) : NULL;
    if (!record->left)
        record->left = g_new0(AditSaved, 1);
    record->left->server = *server;
    record->soon_at = record->later_at = ADIT_NEVER;
    return record;
}

static void
take_out(AditSaved *left, guint i, AditSavedMapping *ret)
{
    *ret = left->mappings[i];
    left->mappings[i] = left->mappings[--left->n_mappings];
}

gboolean
adit_record_claim(AditRecord *record, const AditWish *wish, AditSavedMapping *ret)
{
    const AditSavedMapping *found = adit_saved_find(record->left, wish);

    if (found)
        take_out(record->left, found - record->left->mappings, ret);
    return found != NULL;
}

gboolean
adit_record_claim_next(AditRecord *record, gboolean withdrawn, AditSavedMapping *ret)
{
    const gint64 wall_s = g_get_real_time() / 1000000;

    for (guint i = record->left->n_mappings; i-- > 0;) {
        if (withdrawn && !record->left->mappings[i].withdrawn)
            continue;
        take_out(record->left, i, ret);
        if (!ret->withdrawn || ret->until > wall_s)
            return TRUE;
        record->touched = TRUE;
    }
    return FALSE;
}

void
adit_record_leave(AditRecord *record, const AditMapping *mapping, gint64 now)
{
    const gint64 wall = g_get_real_time() / 1000;
    AditSaved *left = record->left;
    AditSavedMapping *saved;

    left->mappings = g_renew(AditSavedMapping, left->mappings, left->n_mappings + 1);
    saved = &left->mappings[left->n_mappings++];
    adit_saved_take(mapping, now, wall, saved);
    saved->withdrawn = TRUE;
    if (saved->until == 0) /* no grant was heard of */
        saved->until = wall / 1000 + mapping->wish.lifetime;
    record->touched = TRUE;
}

guint
adit_record_count(const AditRecord *record)
{
    return record->left->n_mappings;
}

void
adit_record_touch(AditRecord *record)
{
    record->touched = TRUE;
}

void
adit_record_note(AditRecord *record, AditMappingNews what, gint64 now)
{
    switch (what) {
    case ADIT_MAPPING_NEWS_GRANTED:
    case ADIT_MAPPING_NEWS_CHANGED:
    case ADIT_MAPPING_NEWS_DELETED:
        record->soon_at = MIN(record->soon_at, now + ADIT_RECORD_SOON_MS);
        break;
    case ADIT_MAPPING_NEWS_RENEWED:
        record->later_at = MIN(record->later_at, now + ADIT_RECORD_LATER_MS);
        break;
    case ADIT_MAPPING_NO_NEWS:
    case ADIT_MAPPING_NEWS_LOST: /* what was there is still what to suggest */
    case ADIT_MAPPING_NEWS_REFUSED: break;
    }
}

void
adit_record_hurry(AditRecord *record)
{
    if (record->soon_at != ADIT_NEVER || record->later_at != ADIT_NEVER)
        record->touched = TRUE;
}

gint64
adit_record_deadline(const AditRecord *record)
{
    return record->path ? record->soon_at : ADIT_NEVER;
}

static AditSaved *
gather(const AditRecord *record, const AditPool *pool, gint64 now)
{
    const gint64 wall = g_get_real_time() / 1000;
    const AditSaved *left = record->left;
    AditSaved *all = g_new0(AditSaved, 1);

    all->server = left->server;
    all->client = *adit_pool_get_client(pool);
    all->mappings = g_new0(AditSavedMapping, adit_pool_count(pool) + left->n_mappings + 1);
    for (guint i = 0; i < adit_pool_count(pool); i++) {
        const AditMapping *mapping = adit_pool_get(pool, i);

        if (mapping->state != ADIT_MAPPING_IDLE)
            adit_saved_take(mapping, now, wall, &all->mappings[all->n_mappings++]);
    }
    if (left->n_mappings > 0)
        memcpy(all->mappings + all->n_mappings, left->mappings,
               left->n_mappings * sizeof(*left->mappings));
    all->n_mappings += left->n_mappings;
    return all;
}

static gboolean
replace(AditRecord *record, const AditSaved *all, GError **error)
{
    char *text;
    gsize len;
    gboolean ok;

    if (all->n_mappings == 0)
        return adit_store_remove(record->path, error);
    text = adit_saved_print(all);
    len = strlen(text);
    ok = adit_store_write(record->path, text, len, 0600, error);
    explicit_bzero(text, len);
    g_free(text);
    return ok;
}

/* A disk that refuses is no reason not to publish; it is tried again at the next occasion. */
void
adit_record_write(AditRecord *record, const AditPool *pool, gint64 now)
{
    g_autoptr(AditSaved) all = NULL;
    g_autoptr(GError) error = NULL;

    if (!record->path || (!record->touched && record->soon_at > now && record->later_at > now))
        return;
    all = gather(record, pool, now);
    record->touched = FALSE;
    record->soon_at = record->later_at = ADIT_NEVER;
    if (replace(record, all, &error)) {
        record->failing = FALSE;
        return;
    }
    record->later_at = now + ADIT_RECORD_LATER_MS;
    if (!record->failing)
        g_warning("%s; a restart would lose mappings until their leases end", error->message);
    record->failing = TRUE;
}

void
adit_record_free(AditRecord *record)
{
    if (!record)
        return;
    adit_saved_free(record->left);
    g_free(record->path);
    g_free(record);
}
