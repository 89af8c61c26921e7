/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/vigil.h"

#include "client/daemon-publish.h"
#include "client/doctor/examine.h"

#include <string.h>

#define EVERY_S 60
#define SOON_MS 100
#define PAUSE_MS 1000 /* at least, between two looks */

struct _AditVigil {
    AditDaemon *daemon;
    GDBusConnection *bus;
    void (*changed)(gpointer data);
    gpointer data;
    AditExamination *examination; /* NULL: none is under way */
    GHashTable *problems;         /* gateway -> sentence */
    guint timer, soon;
    gint64 looked_at;
};

/* "443/tcp at home by IPv4" is about home, and "" about all. */
static gboolean
is_about(const AditFinding *finding, const char *gateway)
{
    g_autofree char *within = g_strdup_printf(" at %s by ", gateway);

    return *finding->about == '\0' || g_str_equal(finding->about, gateway) ||
           strstr(finding->about, within) != NULL;
}

static char *
find_problem(const GPtrArray *findings, const char *gateway)
{
    for (guint i = 0; i < findings->len; i++) {
        const AditFinding *f = g_ptr_array_index(findings, i);

        if (f->verdict == ADIT_VERDICT_BROKEN && is_about(f, gateway))
            return g_strdup_printf("%s%s%s: %s; %s", f->about, *f->about ? ": " : "", f->what,
                                   f->why, f->remedy);
    }
    return NULL;
}

/* TRUE: it is news. */
static gboolean
take(AditVigil *self, const char *gateway, char *problem)
{
    const char *before = g_hash_table_lookup(self->problems, gateway);

    if (g_strcmp0(before, problem) == 0) {
        g_free(problem);
        return FALSE;
    }
    if (problem) {
        g_warning("%s", problem);
        g_hash_table_insert(self->problems, g_strdup(gateway), problem);
    } else {
        g_message("%s: all is well again", gateway);
        g_hash_table_remove(self->problems, gateway);
    }
    return TRUE;
}

static void
on_examined(AditExamination *examination, const GPtrArray *findings, gpointer data)
{
    AditVigil *self = data;
    const GPtrArray *entries = adit_daemon_entries(self->daemon);
    gboolean news = FALSE;

    for (guint i = 0; i < entries->len; i++) {
        const AditEntry *entry = g_ptr_array_index(entries, i);

        news |= take(self, entry->name, entry->up ? find_problem(findings, entry->name) : NULL);
    }
    g_clear_pointer(&self->examination, adit_examination_free);
    self->looked_at = g_get_monotonic_time();
    if (news)
        self->changed(self->data);
}

static gboolean
on_soon(gpointer data)
{
    AditVigil *self = data;
    const AditWanted *wanted = adit_wanted_store_get(adit_daemon_wanted(self->daemon));

    self->soon = 0;
    if (!self->examination &&
        (wanted->publications->len > 0 || g_hash_table_size(self->problems) > 0))
        self->examination =
            adit_examine(self->daemon, self->bus, "", TRUE, on_examined, self, NULL);
    return G_SOURCE_REMOVE;
}

void
adit_vigil_stir(AditVigil *self)
{
    if (self->soon == 0 && !self->examination &&
        g_get_monotonic_time() - self->looked_at > PAUSE_MS * (gint64)1000)
        self->soon = g_timeout_add(SOON_MS, on_soon, self);
}

static gboolean
on_timer(gpointer data)
{
    adit_vigil_stir(data);
    return G_SOURCE_CONTINUE;
}

AditVigil *
adit_vigil_new(AditDaemon *daemon, GDBusConnection *bus, void (*changed)(gpointer data),
               gpointer data)
{
    AditVigil *self = g_new0(AditVigil, 1);

    self->daemon = daemon;
    self->bus = g_object_ref(bus);
    self->changed = changed;
    self->data = data;
    self->problems = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    self->timer = g_timeout_add_seconds(EVERY_S, on_timer, self);
    return self;
}

const char *
adit_vigil_problem(const AditVigil *self, const char *gateway)
{
    return g_hash_table_lookup(self->problems, gateway);
}

void
adit_vigil_free(AditVigil *self)
{
    if (!self)
        return;
    g_clear_handle_id(&self->timer, g_source_remove);
    g_clear_handle_id(&self->soon, g_source_remove);
    adit_examination_free(self->examination);
    g_hash_table_unref(self->problems);
    g_object_unref(self->bus);
    g_free(self);
}
