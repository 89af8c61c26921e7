/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/newcomers.h"

#include "client/adopt.h"
#include "client/change-private.h"
#include "client/recognise.h"
#include "client/update.h"
#include "libadit/core/error.h"
#include "libadit/sys/store.h"
#include "libadit/sys/syserror.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <string.h>

#define FOLDER "declined"
#define MERGE_MS 2000
#define PATIENCE_MS 60000

/* A profile with our server's marker was made for this: it becomes a gateway whenever it is
 * seen. Without a marker its server has to answer, and even then only one that somebody has
 * just imported is rewritten: a VPN of old that happens to answer carries what its user wants
 * carried, and a gateway carries nothing until it is selected. */

struct _AditNewcomers {
    AditDaemon *daemon;
    GHashTable *offered;   /* id -> what people call it */
    GHashTable *questions; /* id -> Question */
};

typedef struct {
    AditNewcomers *newcomers;
    AditBackendKind kind;
    AditBackendSight sight;
    char *id, *title, *link;
    AditProfile *profile; /* of one that is to be merged */
    guint timer;
    AditRecognise *recognise;
} Question;

static void
question_free(gpointer data)
{
    Question *question = data;

    adit_recognise_free(question->recognise);
    g_clear_handle_id(&question->timer, g_source_remove);
    adit_profile_free(question->profile);
    g_free(question->link);
    g_free(question->id);
    g_free(question->title);
    g_free(question);
}

AditNewcomers *
adit_newcomers_new(AditDaemon *daemon)
{
    AditNewcomers *self = g_new0(AditNewcomers, 1);

    self->daemon = daemon;
    self->offered = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    self->questions = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, question_free);
    return self;
}

void
adit_newcomers_free(AditNewcomers *self)
{
    if (!self)
        return;
    g_hash_table_unref(self->questions);
    g_hash_table_unref(self->offered);
    g_free(self);
}

/* -- declined -- */

static char *
declined_path(const AditNewcomers *self, const char *id)
{
    g_autofree char *name = g_uri_escape_string(id, NULL, FALSE);

    return g_build_filename(self->daemon->places->state, FOLDER, name, NULL);
}

static gboolean
is_declined(const AditNewcomers *self, const char *id)
{
    g_autofree char *path = declined_path(self, id);

    return g_file_test(path, G_FILE_TEST_EXISTS);
}

void
adit_newcomers_decline(AditNewcomers *self, const char *id)
{
    g_autofree char *path = declined_path(self, id);
    g_autofree char *folder = g_path_get_dirname(path);
    g_autoptr(GError) error = NULL;

    if (g_mkdir_with_parents(folder, 0700) != 0)
        adit_syserror_set(&error, errno, "%s", folder);
    else
        adit_store_write(path, "", 0, 0600, &error);
    if (error)
        g_warning("%s", error->message);
}

void
adit_newcomers_forget(AditNewcomers *self, const char *id)
{
    g_autofree char *path = declined_path(self, id);
    const Question *question = g_hash_table_lookup(self->questions, id);

    adit_store_remove(path, NULL);
    if (question &&
        (question->recognise || question->timer)) /* else its manager still has to answer */
        g_hash_table_remove(self->questions, id);
    if (g_hash_table_remove(self->offered, id))
        adit_daemon_tell(self->daemon);
}

/* -- offered -- */

static void
offer(AditNewcomers *self, const char *id, const char *title)
{
    if (g_hash_table_contains(self->offered, id))
        return;
    g_message("%s: a tunnel server's, left as it is: adit adopt '%s' makes a gateway of it",
              title, title);
    g_hash_table_insert(self->offered, g_strdup(id), g_strdup(title));
    adit_daemon_tell(self->daemon);
}

static int
by_word(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

GStrv
adit_newcomers_offered(const AditNewcomers *self)
{
    g_autoptr(GPtrArray) words = g_ptr_array_new_with_free_func(g_free);
    GHashTableIter iter;
    gpointer title;

    g_hash_table_iter_init(&iter, self->offered);
    while (g_hash_table_iter_next(&iter, NULL, &title))
        g_ptr_array_add(words, g_strdup(title));
    g_ptr_array_sort(words, by_word);
    g_ptr_array_add(words, NULL);
    return (GStrv)g_ptr_array_steal(words, NULL);
}

/* -- the same device once more -- */

typedef struct {
    AditDaemon *daemon;
    char *name; /* the gateway's */
    char *text; /* the newer profile */
} Merge;

static void
end_merge(Merge *merge, const GError *error)
{
    if (error)
        g_warning("%s: imported again: %s", merge->name, error->message);
    else
        g_message("%s: imported again: its profile is replaced", merge->name);
    g_free(merge->name);
    adit_key_string_free(merge->text);
    g_free(merge);
}

static void
on_merged(const char *name, const GError *error, gpointer data)
{
    end_merge(data, error);
}

static void
replace(gpointer data)
{
    Merge *merge = data;

    adit_update(merge->daemon, merge->name, merge->text, on_merged, merge);
}

static void
drop(gpointer data)
{
    g_autoptr(GError) error =
        g_error_new(ADIT_ERROR, ADIT_ERROR_TIMEOUT, "not done: aditd stops: import it again");

    end_merge(data, error);
}

static void
on_up_again(const char *name, const GError *error, gpointer data)
{
    Merge *merge = data;

    if (error) /* the newer profile may be what it takes */
        g_info("%s", error->message);
    adit_daemon_await(merge->daemon, merge->name, replace, drop, merge);
}

static void
bring_up_again(gpointer data)
{
    Merge *merge = data;

    adit_change_set_up(merge->daemon, merge->name, TRUE, on_up_again, merge);
}

/* Two connections cannot have one link: the newer one has taken it. */
static void
on_newer_gone(const char *id, const GError *error, gpointer data)
{
    Merge *merge = data;
    const AditEntry *entry = adit_catalog_find(merge->daemon->entries, merge->name);

    if (error || !entry)
        end_merge(merge, error);
    else if (entry->up)
        adit_daemon_await(merge->daemon, merge->name, bring_up_again, drop, merge);
    else
        on_up_again(NULL, NULL, merge);
}

static void
merge(const Question *question, const AditEntry *entry)
{
    AditDaemon *daemon = question->newcomers->daemon;
    AditBackend *backend = daemon->backends[question->kind];
    Merge *merge = g_new0(Merge, 1);
    const AditBackendGateway newer = { .name = question->link,
                                       .title = question->title,
                                       .id = question->id,
                                       .profile = question->profile };

    merge->daemon = daemon;
    merge->name = g_strdup(entry->name);
    merge->text = adit_profile_to_string(question->profile);
    backend->ops->remove(backend, &newer, on_newer_gone, merge);
}

static gboolean
on_merge(gpointer data)
{
    Question *question = data;
    AditNewcomers *self = question->newcomers;
    const AditEntry *same = adit_change_find_device(self->daemon, question->profile);

    if (same && same->busy)
        return G_SOURCE_CONTINUE; /* what is to go had better stay until it can be replaced */
    question->timer = 0;
    if (same)
        merge(question, same);
    g_hash_table_remove(self->questions, question->id);
    return G_SOURCE_REMOVE;
}

/* Who has imported it looks at what he has made for a moment more. */
static void
merge_later(Question *question, const AditBackendFound *found)
{
    question->link = g_strdup(found->link);
    question->profile = adit_profile_copy(found->profile);
    question->timer = g_timeout_add(MERGE_MS, on_merge, question);
}

/* -- deciding -- */

static void
on_answer(gboolean is_server, gpointer data)
{
    Question *question = data;
    AditNewcomers *self = question->newcomers;
    g_autofree char *id = g_strdup(question->id);

    g_debug("%s: %s", question->title, is_server ? "a tunnel server's" : "nobody answers PCP");
    if (is_server && question->sight.fresh && self->daemon->auto_adopt == ADIT_AUTO_ADOPT_YES)
        adit_adopt(self->daemon, question->kind, id, NULL, NULL);
    else if (is_server)
        offer(self, id, question->title);
    g_hash_table_remove(self->questions, id);
}

static void
decide(Question *question, const AditBackendFound *found)
{
    AditNewcomers *self = question->newcomers;
    const AditEntry *same = adit_change_find_device(self->daemon, found->profile);

    question->title = g_strdup(found->title);
    if (!question->sight.marked && found->link) {
        question->recognise =
            adit_recognise_new(found->link, found->profile, PATIENCE_MS, on_answer, question);
        return;
    }
    if (self->daemon->auto_adopt == ADIT_AUTO_ADOPT_ASK)
        offer(self, question->id, found->title);
    else if (same && same->backend == question->kind) {
        merge_later(question, found);
        return;
    } else
        adit_adopt(self->daemon, question->kind, question->id, NULL, NULL);
    g_hash_table_remove(self->questions, question->id);
}

static void
on_read(const AditBackendFound *found, const GError *error, gpointer data)
{
    Question *question = data;

    if (found)
        decide(question, found);
    else {
        g_debug("%s: %s", question->id, error->message);
        g_hash_table_remove(question->newcomers->questions, question->id);
    }
}

void
adit_newcomers_seen(AditNewcomers *self, AditBackendKind kind, const char *id,
                    const AditBackendSight *sight)
{
    AditBackend *backend = self->daemon->backends[kind];
    Question *question = g_hash_table_lookup(self->questions, id);

    if (question && question->recognise) /* it has come up anew */
        adit_recognise_again(question->recognise);
    if (self->daemon->auto_adopt == ADIT_AUTO_ADOPT_NO || is_declined(self, id) || question)
        return;
    question = g_new0(Question, 1);
    question->newcomers = self;
    question->kind = kind;
    question->sight = *sight;
    question->id = g_strdup(id);
    g_hash_table_insert(self->questions, question->id, question);
    backend->ops->read(backend, id, on_read, question);
}

void
adit_newcomers_found(AditNewcomers *self, AditBackendKind kind, const char *id)
{
    const AditBackendSight sight = { .marked = TRUE };

    if (is_declined(self, id))
        return;
    if (self->daemon->auto_adopt == ADIT_AUTO_ADOPT_YES)
        adit_adopt(self->daemon, kind, id, NULL, NULL);
    else
        adit_newcomers_seen(self, kind, id, &sight);
}
