/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/queue.h"

#define LOOK_MS 250 /* for what nobody tells */

struct _AditQueue {
    guint patience_ms;
    AditQueueBusy is_busy;
    gpointer data;
    GPtrArray *waiting; /* Waiter, the first one first */
    guint look, tick;   /* sources: soon, and now and then */
};

typedef struct {
    AditQueue *queue;
    char *name;
    AditQueueFunc go, drop;
    gpointer data;
    guint patience;
} Waiter;

static void
waiter_free(gpointer data)
{
    Waiter *waiter = data;

    g_clear_handle_id(&waiter->patience, g_source_remove);
    g_free(waiter->name);
    g_free(waiter);
}

AditQueue *
adit_queue_new(guint patience_ms, AditQueueBusy is_busy, gpointer data)
{
    AditQueue *self = g_new0(AditQueue, 1);

    self->patience_ms = patience_ms;
    self->is_busy = is_busy;
    self->data = data;
    self->waiting = g_ptr_array_new_with_free_func(waiter_free);
    return self;
}

static gboolean
is_awaited(const AditQueue *self, const char *name)
{
    for (guint i = 0; i < self->waiting->len; i++)
        if (g_str_equal(((const Waiter *)g_ptr_array_index(self->waiting, i))->name, name))
            return TRUE;
    return FALSE;
}

static void
take(AditQueue *self, Waiter *waiter)
{
    const AditQueueFunc go = waiter->go;
    const gpointer data = waiter->data;

    g_ptr_array_remove(self->waiting, waiter);
    go(data);
}

static gboolean
on_impatient(gpointer data)
{
    Waiter *waiter = data;

    waiter->patience = 0;
    take(waiter->queue, waiter);
    return G_SOURCE_REMOVE;
}

/* Who is let go may be at its gateway for long, or be done at once. */
static gboolean
on_look(gpointer data)
{
    AditQueue *self = data;

    self->look = 0;
    for (guint i = 0; i < self->waiting->len;) {
        Waiter *waiter = g_ptr_array_index(self->waiting, i);

        if (self->is_busy(waiter->name, self->data)) {
            i++;
        } else {
            take(self, waiter);
            i = 0;
        }
    }
    return G_SOURCE_REMOVE;
}

static gboolean
on_tick(gpointer data)
{
    AditQueue *self = data;

    adit_queue_look(self);
    if (self->waiting->len > 0)
        return G_SOURCE_CONTINUE;
    self->tick = 0;
    return G_SOURCE_REMOVE;
}

gboolean
adit_queue_join(AditQueue *self, const char *name, AditQueueFunc go, AditQueueFunc drop,
                gpointer data)
{
    Waiter *waiter;

    if (!self->is_busy(name, self->data) && !is_awaited(self, name)) {
        go(data);
        return FALSE;
    }
    waiter = g_new0(Waiter, 1);
    waiter->queue = self;
    waiter->name = g_strdup(name);
    waiter->go = go;
    waiter->drop = drop;
    waiter->data = data;
    waiter->patience = g_timeout_add(self->patience_ms, on_impatient, waiter);
    g_ptr_array_add(self->waiting, waiter);
    if (self->tick == 0)
        self->tick = g_timeout_add(LOOK_MS, on_tick, self);
    return TRUE;
}

/* Not at once: who says so may be in the middle of it. */
void
adit_queue_look(AditQueue *self)
{
    if (self->waiting->len > 0 && self->look == 0)
        self->look = g_idle_add_full(G_PRIORITY_DEFAULT, on_look, self, NULL);
}

void
adit_queue_free(AditQueue *self)
{
    if (!self)
        return;
    for (guint i = 0; i < self->waiting->len; i++) {
        const Waiter *waiter = g_ptr_array_index(self->waiting, i);

        waiter->drop(waiter->data);
    }
    g_clear_handle_id(&self->look, g_source_remove);
    g_clear_handle_id(&self->tick, g_source_remove);
    g_ptr_array_unref(self->waiting);
    g_free(self);
}
