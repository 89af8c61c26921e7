/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/web/list.h"

#include "libadit/core/error.h"
#include "tunnel-server/service.h"

#define TRIES 4

typedef struct {
    AditWebBus *bus;
    AditWebList which;
    GPtrArray *rows;
    guint tries;
    AditWebBusReply then;
    gpointer data;
} List;

static void ask(List *self, const char *after);

static void
end(List *self, GVariant *reply, GError *error)
{
    self->then(reply, NULL, error, self->data);
    g_ptr_array_unref(self->rows);
    g_free(self);
}

static void
begin_anew(List *self)
{
    g_ptr_array_set_size(self->rows, 0);
    self->tries++;
    ask(self, "");
}

/* All pages as if they had come at once. */
static void
end_with_rows(List *self)
{
    GVariant *rows =
        g_variant_new_array(NULL, (GVariant *const *)self->rows->pdata, self->rows->len);
    g_autoptr(GVariant) reply = g_variant_ref_sink(g_variant_new_tuple(&rows, 1));

    end(self, reply, NULL);
}

static void
on_page(GVariant *reply, GUnixFDList *fds, GError *error, gpointer data)
{
    List *self = data;
    g_autoptr(GVariant) page = reply ? g_variant_get_child_value(reply, 0) : NULL;
    const gsize n = page ? g_variant_n_children(page) : 0;
    const char *after;

    /* What the last page ended with is gone: others change the server meanwhile. */
    if (self->rows->len > 0 && self->tries < TRIES &&
        g_error_matches(error, ADIT_ERROR, ADIT_ERROR_NOT_FOUND)) {
        begin_anew(self);
        return;
    }
    if (!page || (self->rows->len == 0 && n < ADIT_SERVER_PAGE)) {
        end(self, reply, error);
        return;
    }
    for (gsize i = 0; i < n; i++)
        g_ptr_array_add(self->rows, g_variant_get_child_value(page, i));
    if (n != ADIT_SERVER_PAGE) { /* the last one, or all at once */
        end_with_rows(self);
        return;
    }
    g_variant_get_child(g_ptr_array_index(self->rows, self->rows->len - 1),
                        self->which == ADIT_WEB_LIST_DEVICES ? 0 : 1, "&s", &after);
    ask(self, after);
}

/* The last try asks for all at once. */
static void
ask(List *self, const char *after)
{
    const guint limit = self->tries < TRIES ? ADIT_SERVER_PAGE : 0;

    if (self->which == ADIT_WEB_LIST_DEVICES)
        adit_web_bus_call(self->bus, "ListDevices", g_variant_new("(su)", after, limit),
                          on_page, self);
    else
        adit_web_bus_call(self->bus, "ListMappings", g_variant_new("(ysu)", 0, after, limit),
                          on_page, self);
}

void
adit_web_bus_list(AditWebBus *bus, AditWebList which, AditWebBusReply then, gpointer data)
{
    List *self = g_new0(List, 1);

    self->bus = bus;
    self->which = which;
    self->rows = g_ptr_array_new_with_free_func((GDestroyNotify)g_variant_unref);
    self->tries = 1;
    self->then = then;
    self->data = data;
    ask(self, "");
}
