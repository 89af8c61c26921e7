/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/cli-pages.h"

#include "libadit/core/error.h"
#include "tunnel-server/cli.h"
#include "tunnel-server/service.h"

/* A long list page by page: between two the daemon answers others. */

#define TRIES 4

typedef struct {
    const char *method, *type; /* of the rows */
    gsize key;                 /* the column by which pages follow one another */
    gint family;               /* -1: it has none */
} List;

static GVariant *
ask_page(AditSrvManager *manager, const List *list, const char *after, guint limit,
         GError **error)
{
    GVariant *params = list->family < 0
                           ? g_variant_new("(su)", after, limit)
                           : g_variant_new("(ysu)", (guchar)list->family, after, limit);
    GError *reason = NULL;
    g_autoptr(GVariant) reply = g_dbus_proxy_call_sync(
        G_DBUS_PROXY(manager), list->method, params, G_DBUS_CALL_FLAGS_NONE, -1, NULL, &reason);

    return adit_cli_settle(reply != NULL, &reason, error) ? g_variant_get_child_value(reply, 0)
                                                          : NULL;
}

/* Appends the rows of @page; returns the key of the last one. */
static char *
take_page(GPtrArray *rows, GVariant *page, gsize key)
{
    const gsize n = g_variant_n_children(page);
    g_autoptr(GVariant) last = n > 0 ? g_variant_get_child_value(page, n - 1) : NULL;
    char *text = NULL;

    for (gsize i = 0; i < n; i++)
        g_ptr_array_add(rows, g_variant_get_child_value(page, i));
    if (last)
        g_variant_get_child(last, key, "s", &text);
    return text;
}

/* FALSE with NOT_FOUND: what the last page ended with is gone meanwhile. */
static gboolean
read_pages(AditSrvManager *manager, const List *list, guint limit, GPtrArray *rows,
           GError **error)
{
    g_autofree char *after = g_strdup("");

    for (;;) {
        g_autoptr(GVariant) page = ask_page(manager, list, after, limit, error);

        if (!page)
            return FALSE;
        g_free(after);
        after = take_page(rows, page, list->key);
        if (limit == 0 || g_variant_n_children(page) < limit)
            return TRUE;
    }
}

static GVariant *
read_list(AditSrvManager *manager, const List *list, GError **error)
{
    for (guint i = 1;; i++) {
        const guint limit = i < TRIES ? ADIT_SERVER_PAGE : 0; /* at last all at once */
        g_autoptr(GPtrArray) rows =
            g_ptr_array_new_with_free_func((GDestroyNotify)g_variant_unref);
        g_autoptr(GError) local = NULL;

        if (read_pages(manager, list, limit, rows, &local))
            return g_variant_ref_sink(g_variant_new_array(
                G_VARIANT_TYPE(list->type), (GVariant *const *)rows->pdata, rows->len));
        if (i < TRIES && g_error_matches(local, ADIT_ERROR, ADIT_ERROR_NOT_FOUND))
            continue;
        g_propagate_error(error, g_steal_pointer(&local));
        return NULL;
    }
}

GVariant *
adit_cli_devices(AditSrvManager *manager, GError **error)
{
    const List list = { "ListDevices", "(ssssssbassttt)", 0, -1 };

    return read_list(manager, &list, error);
}

GVariant *
adit_cli_published(AditSrvManager *manager, guchar family, GError **error)
{
    const List list = { "ListMappings", "(yssqqssqbssasstttttb)", 1, family };

    return read_list(manager, &list, error);
}
