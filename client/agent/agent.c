/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/agent/agent.h"

#include "client/agent/browse.h"
#include "client/agent/carry.h"
#include "client/agent/clipboard.h"
#include "client/agent/news.h"
#include "client/agent/notifier.h"
#include "client/agent/settings.h"
#include "client/agent/startup.h"
#include "client/agent/watcher.h"
#include "client/agent/words.h"
#include "client/profile-file.h"
#include "libadit/core/ifname.h"
#include "libadit/sys/store.h"

#include <glib/gi18n.h>
#include <glib/gstdio.h>
#include <string.h>

#define MEMORY_MAX (1024 * 1024)
#define OPENED_MAX 16 /* files that wait for an answer */

/* A file that its user was asked about. */
typedef struct {
    guint number;
    char *path, *name;
    char *text; /* with keys */
} Opened;

struct _AditAgent {
    GDBusConnection *system;
    char *state_path, *settings_path;
    AditAgentSettings *settings;
    AditMemory *memory;
    AditNews *news;
    AditNotifier *notifier;
    AditClipboard *clipboard;
    AditWatcher *watcher;
    GQueue opened;
    guint n_opened;
    gboolean browse; /* as soon as something is seen */
    guint wake;
};

/* A deed that is under way; the agent lives as long as its process. */
typedef struct {
    AditAgent *agent;
    AditDeedKind kind;
    char *subject;
} Errand;

static gint64
now_s(void)
{
    return g_get_monotonic_time() / G_USEC_PER_SEC;
}

static void
opened_free(Opened *opened)
{
    g_free(opened->path);
    g_free(opened->name);
    adit_key_string_free(opened->text);
    g_free(opened);
}

static void
complain(AditAgent *self, const char *what, const char *why)
{
    adit_notifier_show(self->notifier, adit_words_failed(what, why));
}

static void
save(AditAgent *self)
{
    g_autofree char *folder = NULL;
    g_autofree char *text = NULL;
    g_autoptr(GError) error = NULL;

    if (!self->memory->changed)
        return;
    folder = g_path_get_dirname(self->state_path);
    text = adit_memory_print(self->memory);
    g_mkdir_with_parents(folder, 0700);
    if (!adit_store_write(self->state_path, text, strlen(text), 0600, &error))
        g_warning("%s", error->message);
    self->memory->changed = FALSE;
}

static AditMemory *
recall(const char *path)
{
    g_autoptr(GError) error = NULL;
    gsize len;
    g_autofree char *text = g_file_test(path, G_FILE_TEST_EXISTS)
                                ? adit_store_read(path, MEMORY_MAX, &len, &error)
                                : NULL;
    AditMemory *memory = text ? adit_memory_parse(text, len, &error) : NULL;

    if (error)
        g_warning("%s: begun anew: %s", path, error->message);
    return memory ? memory : adit_memory_new();
}

static void
show_page(AditAgent *self, const AditSeen *seen, guint number)
{
    const AditBrowseWish wish = { adit_clipboard_works(self->clipboard),
                                  self->memory->quiet || !self->settings->services };

    adit_notifier_show(self->notifier, adit_browse_page(seen, &wish, number));
}

static void
drop_excepted(AditAgent *self, AditSeen *seen)
{
    for (guint i = seen->services->len; i-- > 0;) {
        const AditSeenService *service = g_ptr_array_index(seen->services, i);

        if (adit_port_list_contains(&self->settings->except, service->ports.first))
            g_ptr_array_remove_index(seen->services, i);
    }
}

static void step(AditAgent *self);

static gboolean
on_wake(gpointer data)
{
    AditAgent *self = data;

    self->wake = 0;
    step(self);
    return G_SOURCE_REMOVE;
}

/* Looks, says what is new, and comes back when there may be more to say. */
static void
step(AditAgent *self)
{
    const gint64 now = now_s();
    const AditNewsWish wish = { adit_clipboard_works(self->clipboard), self->settings->services,
                                self->settings->news };
    g_autoptr(AditSeen) seen = adit_watcher_see(self->watcher);
    g_autoptr(GPtrArray) items = NULL;
    gint64 wake;

    if (!adit_watcher_is_ready(self->watcher))
        return;
    drop_excepted(self, seen);
    if (self->browse)
        show_page(self, seen, 0);
    self->browse = FALSE;
    items = adit_news_step(self->news, &wish, seen, now, &wake);
    for (guint i = 0; i < items->len; i++) {
        AditNewsItem *item = g_ptr_array_index(items, i);

        if (item->show)
            adit_notifier_show(self->notifier, g_steal_pointer(&item->show));
        else
            adit_notifier_close(self->notifier, item->close);
    }
    save(self);
    g_clear_handle_id(&self->wake, g_source_remove);
    if (wake != G_MAXINT64)
        self->wake = g_timeout_add_seconds((guint)MAX(wake - now, 1), on_wake, self);
}

static void
on_changed(gpointer data)
{
    step(data);
}

static const char *
failure_words(AditDeedKind kind)
{
    switch (kind) {
    case ADIT_DEED_PUBLISH: return _("It could not be published");
    case ADIT_DEED_UNPUBLISH: return _("It could not be taken back");
    case ADIT_DEED_IMPORT: return _("The profile could not be imported");
    case ADIT_DEED_ADOPT: return _("It could not be made a gateway");
    case ADIT_DEED_REMOVE: return _("The gateway could not be removed");
    case ADIT_DEED_OPEN:
    case ADIT_DEED_UP:
    case ADIT_DEED_DOWN:
    case ADIT_DEED_DEFAULT: return _("The gateway could not be switched");
    case ADIT_DEED_COPY:
    case ADIT_DEED_NEVER:
    case ADIT_DEED_QUIET:
    case ADIT_DEED_ASK:
    case ADIT_DEED_PAGE:
    case ADIT_DEED_DROP:
    case ADIT_DEED_CANCEL: break;
    }
    g_assert_not_reached();
}

static void
on_carried(const GError *error, gpointer data)
{
    g_autofree Errand *errand = data;
    g_autofree char *subject = errand->subject;
    AditAgent *self = errand->agent;

    if (error)
        complain(self, failure_words(errand->kind), error->message);
    else if (errand->kind == ADIT_DEED_PUBLISH)
        adit_news_answered(self->news, subject);
    step(self);
}

static Errand *
errand_new(AditAgent *self, AditDeedKind kind, const char *subject)
{
    Errand *errand = g_new0(Errand, 1);

    errand->agent = self;
    errand->kind = kind;
    errand->subject = g_strdup(subject);
    return errand;
}

static Opened *
take_opened(AditAgent *self, const char *number)
{
    for (GList *l = self->opened.head; l; l = l->next) {
        Opened *opened = l->data;

        if (opened->number == g_ascii_strtoull(number, NULL, 10)) {
            g_queue_delete_link(&self->opened, l);
            return opened;
        }
    }
    return NULL;
}

static void
do_import(AditAgent *self, const char *number)
{
    Opened *opened = take_opened(self, number);

    if (!opened)
        return;
    adit_carry_import(self->system, opened->name, opened->text, on_carried,
                      errand_new(self, ADIT_DEED_IMPORT, number));
    opened_free(opened);
}

static void
turn_page(AditAgent *self, const char *number)
{
    g_autoptr(AditSeen) seen = adit_watcher_see(self->watcher);

    drop_excepted(self, seen);
    show_page(self, seen, (guint)g_ascii_strtoull(number, NULL, 10));
}

/* What needs no daemon. */
static void
do_here(AditAgent *self, AditDeedKind kind, const char *subject)
{
    switch (kind) {
    case ADIT_DEED_COPY:
        if (!adit_clipboard_set(self->clipboard, subject))
            complain(self, _("It could not be copied"), subject);
        break;
    case ADIT_DEED_NEVER: adit_news_answered(self->news, subject); break;
    case ADIT_DEED_QUIET:
    case ADIT_DEED_ASK: adit_memory_set_quiet(self->memory, kind == ADIT_DEED_QUIET); break;
    case ADIT_DEED_PAGE: turn_page(self, subject); break;
    case ADIT_DEED_DROP: adit_notifier_show(self->notifier, adit_browse_drop(subject)); break;
    case ADIT_DEED_IMPORT: do_import(self, subject); break;
    case ADIT_DEED_CANCEL: {
        Opened *opened = take_opened(self, subject);

        g_clear_pointer(&opened, opened_free);
        break;
    }
    case ADIT_DEED_PUBLISH:
    case ADIT_DEED_UNPUBLISH:
    case ADIT_DEED_ADOPT:
    case ADIT_DEED_REMOVE:
    case ADIT_DEED_OPEN:
    case ADIT_DEED_UP:
    case ADIT_DEED_DOWN:
    case ADIT_DEED_DEFAULT: g_assert_not_reached();
    }
}

/* Whatever is chosen, the notice has had its answer. */
static void
on_deed(const char *text, const char *key, gpointer data)
{
    AditAgent *self = data;
    AditDeedKind kind;
    const char *subject;

    if (!adit_deed_parse(text, &kind, &subject))
        return;
    if (kind != ADIT_DEED_PAGE && kind != ADIT_DEED_DROP)
        adit_notifier_close(self->notifier, key);
    if (kind == ADIT_DEED_PUBLISH || kind == ADIT_DEED_ADOPT)
        adit_news_closed(self->news, key, now_s()); /* not asked again while it is on its way */
    if (adit_carry_can(kind))
        adit_carry(self->system, kind, subject, on_carried, errand_new(self, kind, subject));
    else
        do_here(self, kind, subject);
    step(self);
}

static void
on_closed(const char *key, gpointer data)
{
    AditAgent *self = data;
    Opened *opened =
        g_str_has_prefix(key, "import:") ? take_opened(self, key + strlen("import:")) : NULL;

    g_clear_pointer(&opened, opened_free);
    adit_news_closed(self->news, key, now_s());
    step(self);
}

static void
on_token(const char *token, gpointer data)
{
    adit_startup_finish(token);
}

/* A file that is opened again is asked about once, as it is now. */
static void
drop_question(AditAgent *self, const char *path)
{
    for (GList *l = self->opened.head; l; l = l->next) {
        Opened *opened = l->data;
        g_autofree char *key = g_strdup_printf("import:%u", opened->number);

        if (!g_str_equal(opened->path, path))
            continue;
        adit_notifier_close(self->notifier, key);
        g_queue_delete_link(&self->opened, l);
        opened_free(opened);
        return;
    }
}

void
adit_agent_open(AditAgent *self, const char *path)
{
    g_autoptr(AditProfile) profile = NULL;
    g_autoptr(GError) error = NULL;
    char *text = adit_profile_file_read(path, &profile, &error);
    Opened *opened;

    if (!text) {
        complain(self, failure_words(ADIT_DEED_IMPORT), error->message);
        return;
    }
    drop_question(self, path);
    if (g_queue_get_length(&self->opened) >= OPENED_MAX)
        opened_free(g_queue_pop_head(&self->opened));
    opened = g_new0(Opened, 1);
    opened->number = ++self->n_opened;
    opened->path = g_strdup(path);
    opened->name = adit_ifname_title(path);
    opened->text = text;
    g_queue_push_tail(&self->opened, opened);
    adit_notifier_show(self->notifier,
                       adit_words_import(opened->number, opened->name, profile));
}

void
adit_agent_browse(AditAgent *self)
{
    self->browse = TRUE;
    step(self);
}

void
adit_agent_reload(AditAgent *self)
{
    g_autoptr(GError) error = NULL;
    AditAgentSettings *settings = adit_agent_settings_load(self->settings_path, &error);

    if (!settings) {
        g_warning("%s", error->message);
        complain(self, _("The settings of adit cannot be read"), error->message);
        return;
    }
    adit_agent_settings_free(self->settings);
    self->settings = settings;
    step(self);
}

AditAgent *
adit_agent_new(GDBusConnection *session, GDBusConnection *system, const char *state,
               const char *settings)
{
    AditAgent *self = g_new0(AditAgent, 1);
    const AditNotifierCalls calls = { on_deed, on_closed, on_token, self };

    self->system = g_object_ref(system);
    self->state_path = g_strdup(state);
    self->settings_path = g_strdup(settings);
    self->settings = adit_agent_settings_defaults();
    self->memory = recall(state);
    self->news = adit_news_new(self->memory);
    self->notifier = adit_notifier_new(session, &calls);
    self->clipboard = adit_clipboard_open(session);
    self->watcher = adit_watcher_new(system, on_changed, self);
    g_queue_init(&self->opened);
    adit_agent_reload(self);
    return self;
}

void
adit_agent_free(AditAgent *self)
{
    if (!self)
        return;
    g_clear_handle_id(&self->wake, g_source_remove);
    save(self);
    adit_watcher_free(self->watcher);
    adit_notifier_free(self->notifier);
    adit_clipboard_free(self->clipboard);
    adit_news_free(self->news);
    adit_memory_free(self->memory);
    adit_agent_settings_free(self->settings);
    g_queue_clear_full(&self->opened, (GDestroyNotify)opened_free);
    g_free(self->state_path);
    g_free(self->settings_path);
    g_object_unref(self->system);
    g_free(self);
}
