/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/hooks/hook-run.h"

#include <errno.h>
#include <gio/gio.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#define WAITING_MAX 256 /* events; beyond that the oldest is dropped */
#define SEARCH_PATH "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"

struct _AditHookRunner {
    char *folder;
    char *config_dir;
    guint timeout;
    GQueue waiting; /* AditHookEvent */
    AditHookEvent *event;
    GStrv hooks; /* of @event; @next is the one that comes next */
    guint next;
    GPid pid; /* 0: none runs */
    guint child, alarm, idle;
    gboolean is_late;
    GSourceFunc again; /* the next step, for a callback that stands before it */
};

/* -- which -- */

/* A package manager's leavings and an editor's are no hooks. */
static gboolean
is_name(const char *name)
{
    for (const char *c = name; *c; c++)
        if (!g_ascii_isalnum(*c) && !strchr("-_.", *c))
            return FALSE;
    return *name != '.' && !strstr(name, ".dpkg-") && !g_str_has_suffix(name, ".bak");
}

/* Whoever may write it could have anything run: only root, or we ourselves. */
static const char *
refuse(const char *path, mode_t kind)
{
    struct stat status;

    if (stat(path, &status) < 0)
        return g_strerror(errno);
    if ((status.st_mode & S_IFMT) != kind)
        return "not a plain file";
    if (status.st_uid != 0 && status.st_uid != geteuid())
        return "does not belong to root";
    if (status.st_mode & (S_IWGRP | S_IWOTH))
        return "others than its owner may write it";
    if (kind == S_IFREG && access(path, X_OK) < 0)
        return "not executable by the user of adit-hooks";
    return NULL;
}

static gint
by_name(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static gboolean
is_good(const char *path, mode_t kind, GPtrArray *ret_why)
{
    const char *why = refuse(path, kind);

    if (why && ret_why)
        g_ptr_array_add(ret_why, g_strdup_printf("%s: not run: %s", path, why));
    return !why;
}

GStrv
adit_hook_list(const char *folder, GPtrArray *ret_why)
{
    g_autoptr(GPtrArray) paths = g_ptr_array_new();
    g_autoptr(GDir) dir = g_dir_open(folder, 0, NULL);
    const char *name;

    if (dir && !is_good(folder, S_IFDIR, ret_why))
        g_clear_pointer(&dir, g_dir_close);
    while (dir && (name = g_dir_read_name(dir))) {
        g_autofree char *path = g_build_filename(folder, name, NULL);

        if (is_name(name) && is_good(path, S_IFREG, ret_why))
            g_ptr_array_add(paths, g_steal_pointer(&path));
    }
    g_ptr_array_sort(paths, by_name);
    g_ptr_array_add(paths, NULL);
    return (GStrv)g_ptr_array_free(g_steal_pointer(&paths), FALSE);
}

static char *
folder_of(const AditHookRunner *self, AditHookKind kind)
{
    return g_build_filename(self->folder, adit_hook_kind_name(kind), NULL);
}

gboolean
adit_hook_runner_has(AditHookRunner *self, AditHookKind kind)
{
    g_autofree char *folder = folder_of(self, kind);
    g_auto(GStrv) hooks = adit_hook_list(folder, NULL);

    return hooks[0] != NULL;
}

/* -- one after the other -- */

static char *
outcome(const AditHookRunner *self, int status)
{
    if (self->is_late)
        return g_strdup_printf("ended, because it took more than %u s", self->timeout);
    if (WIFSIGNALED(status))
        return g_strdup_printf("ended by signal %d", WTERMSIG(status));
    return WEXITSTATUS(status) == 0 ? NULL
                                    : g_strdup_printf("exit status %d", WEXITSTATUS(status));
}

static void
on_end(GPid pid, gint status, gpointer data)
{
    AditHookRunner *self = data;
    g_autofree char *why = outcome(self, status);

    if (why)
        g_warning("%s: %s", self->hooks[self->next - 1], why);
    g_clear_handle_id(&self->alarm, g_source_remove);
    self->child = 0;
    self->pid = 0;
    if (self->idle == 0)
        self->idle = g_idle_add(self->again, self);
}

/* With all that it has started itself and that is of its group. */
static gboolean
on_late(gpointer data)
{
    AditHookRunner *self = data;

    self->alarm = 0;
    self->is_late = TRUE;
    kill(-self->pid, SIGKILL);
    return G_SOURCE_REMOVE;
}

static void
set_group(gpointer data)
{
    setpgid(0, 0);
}

/* A clean one: nothing of our own environment but where a unit keeps its credentials and state.
 */
static GStrv
environment_of(const AditHookRunner *self)
{
    static const char *const passed[] = { "CREDENTIALS_DIRECTORY", "STATE_DIRECTORY", "LANG" };
    g_auto(GStrv) environment = g_strdupv(self->event->environment);

    for (guint i = 0; i < G_N_ELEMENTS(passed); i++)
        if (g_getenv(passed[i]))
            environment = g_environ_setenv(environment, passed[i], g_getenv(passed[i]), TRUE);
    environment = g_environ_setenv(environment, "ADIT_CONFIG_DIR", self->config_dir, TRUE);
    return g_environ_setenv(g_steal_pointer(&environment), "PATH",
                            &SEARCH_PATH[strlen("PATH=")], TRUE);
}

static gboolean
start(AditHookRunner *self, const char *path)
{
    g_auto(GStrv) environment = environment_of(self);
    const char *argv[] = { path, NULL };
    g_autoptr(GError) error = NULL;

    if (!g_spawn_async("/", (char **)argv, environment, G_SPAWN_DO_NOT_REAP_CHILD, set_group,
                       NULL, &self->pid, &error)) {
        g_warning("%s: %s", path, error->message);
        return FALSE;
    }
    g_debug("%s: starts", path);
    self->is_late = FALSE;
    self->child = g_child_watch_add(self->pid, on_end, self);
    self->alarm = g_timeout_add_seconds(self->timeout, on_late, self);
    return TRUE;
}

static gboolean
next_event(AditHookRunner *self)
{
    g_autoptr(GPtrArray) why = g_ptr_array_new_with_free_func(g_free);
    g_autofree char *folder = NULL;

    g_clear_pointer(&self->hooks, g_strfreev);
    g_clear_pointer(&self->event, adit_hook_event_free);
    self->event = g_queue_pop_head(&self->waiting);
    if (!self->event)
        return FALSE;
    folder = folder_of(self, self->event->kind);
    self->hooks = adit_hook_list(folder, why);
    self->next = 0;
    for (guint i = 0; i < why->len; i++)
        g_warning("%s", (const char *)g_ptr_array_index(why, i));
    return TRUE;
}

static void
go_on(AditHookRunner *self)
{
    for (;;) {
        while (self->event && self->hooks[self->next])
            if (start(self, self->hooks[self->next++]))
                return;
        if (!next_event(self))
            return;
    }
}

static gboolean
on_idle(gpointer data)
{
    AditHookRunner *self = data;

    self->idle = 0;
    if (self->pid == 0)
        go_on(self);
    return G_SOURCE_REMOVE;
}

void
adit_hook_runner_queue(AditHookRunner *self, AditHookEvent *event)
{
    if (g_queue_get_length(&self->waiting) >= WAITING_MAX) {
        g_warning("hooks are too slow: an event is left out");
        adit_hook_event_free(g_queue_pop_head(&self->waiting));
    }
    g_queue_push_tail(&self->waiting, event);
    if (self->idle == 0)
        self->idle = g_idle_add(self->again, self);
}

AditHookRunner *
adit_hook_runner_new(const char *folder, const char *config_dir, guint timeout)
{
    AditHookRunner *self = g_new0(AditHookRunner, 1);

    self->folder = g_strdup(folder);
    self->config_dir = g_strdup(config_dir);
    self->timeout = timeout;
    self->again = on_idle;
    g_queue_init(&self->waiting);
    return self;
}

void
adit_hook_runner_free(AditHookRunner *self)
{
    if (!self)
        return;
    if (self->pid > 0)
        kill(-self->pid, SIGKILL);
    g_clear_handle_id(&self->child, g_source_remove);
    g_clear_handle_id(&self->alarm, g_source_remove);
    g_clear_handle_id(&self->idle, g_source_remove);
    while (!g_queue_is_empty(&self->waiting))
        adit_hook_event_free(g_queue_pop_head(&self->waiting));
    g_clear_pointer(&self->event, adit_hook_event_free);
    g_clear_pointer(&self->hooks, g_strfreev);
    g_free(self->folder);
    g_free(self->config_dir);
    g_free(self);
}
