/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/error.h"
#include "tunnel-server/edit.h"
#include "tunnel-server/store-private.h"

#include <string.h>
#include <sys/socket.h>

/* Column readers. What does not fit its column (a file changed by another hand) comes out
 * unset, and the model does not settle. */

static void
get_key(sqlite3_stmt *row, int column, AditKey *ret)
{
    const void *bytes = sqlite3_column_blob(row, column);

    if (sqlite3_column_bytes(row, column) == ADIT_KEY_LEN)
        memcpy(ret->bytes, bytes, ADIT_KEY_LEN);
}

static AditPrefix
get_prefix(sqlite3_stmt *row, int column)
{
    AditAddr addr = adit_store_get_addr(row, column);

    return adit_prefix_make(&addr, (guint8)sqlite3_column_int(row, column + 1));
}

static AditAddr *
get_addrs(sqlite3_stmt *row, int column, guint *ret_n)
{
    g_autofree char *text = adit_store_get_text(row, column);
    g_auto(GStrv) words = g_strsplit(text ? text : "", " ", -1);
    g_autoptr(GArray) list = g_array_new(FALSE, FALSE, sizeof(AditAddr));
    AditAddr addr;

    for (guint i = 0; words[i]; i++)
        if (adit_addr_parse(words[i], &addr, NULL))
            g_array_append_val(list, addr);
    *ret_n = list->len;
    return g_memdup2(list->data, list->len * sizeof(AditAddr));
}

/* The index of the row that has @id: rows come by id, so the objects lie sorted. */
static gboolean
find_by_id(const GPtrArray *objects, gint64 id, guint *ret)
{
    guint low = 0, high = objects->len;

    while (low < high) {
        guint middle = low + (high - low) / 2;
        gint64 have = *(const gint64 *)g_ptr_array_index(objects, middle); /* id comes first */

        if (have == id) {
            *ret = middle;
            return TRUE;
        }
        if (have < id)
            low = middle + 1;
        else
            high = middle;
    }
    return FALSE;
}

typedef gboolean (*TakeRow)(AditModel *model, sqlite3_stmt *row);

static gboolean
take_server(AditModel *model, sqlite3_stmt *row)
{
    get_key(row, 0, &model->private_key);
    model->endpoint = adit_store_get_text(row, 1);
    model->wan = adit_store_get_text(row, 2);
    model->listen_port = (guint16)sqlite3_column_int(row, 3);
    model->mtu = (guint32)sqlite3_column_int(row, 4);
    return TRUE;
}

static gboolean
take_subnet(AditModel *model, sqlite3_stmt *row)
{
    AditSubnet *subnet = adit_model_add_subnet(model);

    subnet->id = sqlite3_column_int64(row, 0);
    subnet->name = adit_store_get_text(row, 1);
    subnet->net4 = get_prefix(row, 2);
    subnet->net6 = get_prefix(row, 4);
    subnet->wan4 = adit_store_get_addr(row, 6);
    subnet->dns = get_addrs(row, 7, &subnet->n_dns);
    subnet->auto6 = sqlite3_column_int(row, 8) != 0;
    subnet->old6 = get_prefix(row, 9);
    subnet->old6_until = sqlite3_column_int64(row, 11);
    return TRUE;
}

static gboolean
take_device(AditModel *model, sqlite3_stmt *row)
{
    AditDeviceEntry *device = adit_model_add_device(model);

    device->id = sqlite3_column_int64(row, 0);
    device->name = adit_store_get_text(row, 1);
    device->addr4 = adit_store_get_addr(row, 3);
    get_key(row, 4, &device->public_key);
    get_key(row, 5, &device->preshared_key);
    device->kind = g_strcmp0((const char *)sqlite3_column_text(row, 6), "client") == 0
                       ? ADIT_DEVICE_CLIENT
                       : ADIT_DEVICE_SERVER;
    device->may_publish = sqlite3_column_int(row, 7) != 0;
    device->routes = adit_store_get_prefixes(row, 8, &device->n_routes);
    device->endpoint.addr = adit_store_get_addr(row, 9);
    device->endpoint.port = (guint16)sqlite3_column_int(row, 10);
    device->wan4 = adit_store_get_addr(row, 11);
    get_key(row, 12, &device->next_key);
    device->next_until = sqlite3_column_int64(row, 13);
    device->invite_until = sqlite3_column_int64(row, 14);
    return find_by_id(model->subnets, sqlite3_column_int64(row, 2), &device->subnet);
}

static gboolean
take_publish(AditModel *model, sqlite3_stmt *row)
{
    AditPublish *publish = adit_model_add_publish(model);
    g_autofree char *proto = adit_store_get_text(row, 5);
    g_autofree char *redirect = adit_store_get_text(row, 11);
    g_autofree char *owner = adit_store_get_text(row, 12);

    publish->id = sqlite3_column_int64(row, 0);
    publish->family = sqlite3_column_int(row, 1) == 4 ? AF_INET : AF_INET6;
    publish->external = adit_store_get_addr(row, 2);
    publish->first = (guint16)sqlite3_column_int(row, 3);
    publish->last = (guint16)sqlite3_column_int(row, 4);
    publish->internal = (guint16)sqlite3_column_int(row, 7);
    publish->enabled = sqlite3_column_int(row, 8) != 0;
    publish->label = adit_store_get_text(row, 9);
    publish->allow_from = adit_store_get_prefixes(row, 10, &publish->n_allow_from);
    return proto && adit_proto_parse(proto, &publish->proto) && redirect &&
           adit_redirect_parse(redirect, &publish->redirect) && owner &&
           adit_owner_parse(owner, &publish->owner) &&
           find_by_id(model->devices, sqlite3_column_int64(row, 6), &publish->device);
}

static gboolean
take_spent(AditModel *model, sqlite3_stmt *row)
{
    AditSpentKey *spent = adit_model_add_spent(model);

    spent->id = sqlite3_column_int64(row, 0);
    spent->name = adit_store_get_text(row, 1);
    get_key(row, 2, &spent->public_key);
    get_key(row, 3, &spent->preshared_key);
    spent->since = sqlite3_column_int64(row, 4);
    spent->until = sqlite3_column_int64(row, 5);
    spent->taken = sqlite3_column_int(row, 6) != 0;
    return spent->name != NULL;
}

static const struct {
    const char *sql;
    TakeRow take;
} tables[] = {
    { "SELECT private_key, endpoint, wan, listen_port, mtu FROM server", take_server },
    { "SELECT id, name, net4, net4_len, net6, net6_len, wan4, dns, auto6, old6,"
      " old6_len, old6_until FROM subnet ORDER BY id",
      take_subnet },
    { "SELECT id, name, subnet, addr4, public_key, preshared_key, kind, may_publish, routes,"
      " endpoint.addr, port, wan4, next_key, next_until, invite_until FROM device LEFT JOIN "
      "endpoint ON device = id ORDER BY id",
      take_device },
    { "SELECT id, family, external, first, last, proto, device, internal, enabled, label,"
      " allow_from, redirect, owner FROM publish ORDER BY id",
      take_publish },
    { "SELECT id, name, public_key, preshared_key, since, until, taken FROM spent ORDER BY id",
      take_spent },
};

static gboolean
read_table(AditServerStore *store, guint i, AditModel *model, GError **error)
{
    g_autoptr(sqlite3_stmt) row = adit_store_prepare(store, tables[i].sql, error);
    int result;

    if (!row)
        return FALSE;
    while ((result = sqlite3_step(row)) == SQLITE_ROW)
        if (!tables[i].take(model, row)) {
            g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG, "%s: damaged: a row of \"%s\"",
                        store->path, tables[i].sql);
            return FALSE;
        }
    return result == SQLITE_DONE || adit_store_fail(store, "read", error);
}

AditModel *
adit_server_store_load(AditServerStore *store, GError **error)
{
    g_autoptr(AditModel) model = adit_model_new();

    for (guint i = 0; i < G_N_ELEMENTS(tables); i++)
        if (!read_table(store, i, model, error))
            return NULL;
    if (!adit_model_settle(model, error)) {
        g_prefix_error(error, "%s: ", store->path);
        return NULL;
    }
    return g_steal_pointer(&model);
}
