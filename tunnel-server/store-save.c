/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/error.h"
#include "tunnel-server/edit.h"
#include "tunnel-server/span.h"
#include "tunnel-server/store-private.h"

#include <string.h>
#include <sys/socket.h>

/* The difference of two models as SQL. What is gone or changed is deleted first and what is new
 * or changed inserted then (a changed row under its old id): so two devices can swap addresses
 * although no two may ever have the same one. Foreign keys are checked at the commit. */

static void
bind_key(sqlite3_stmt *stmt, int column, const AditKey *key)
{
    if (adit_key_is_zero(key))
        sqlite3_bind_null(stmt, column);
    else
        sqlite3_bind_blob(stmt, column, key->bytes, ADIT_KEY_LEN, SQLITE_TRANSIENT);
}

static void
bind_id(sqlite3_stmt *stmt, int column, gint64 id)
{
    if (id)
        sqlite3_bind_int64(stmt, column, id);
    else
        sqlite3_bind_null(stmt, column);
}

static void
bind_addrs(sqlite3_stmt *stmt, int column, const AditAddr *addrs, guint n)
{
    g_autoptr(GString) out = g_string_new(NULL);

    for (guint i = 0; i < n; i++) {
        g_autofree char *text = adit_addr_to_string(&addrs[i]);

        g_string_append_printf(out, "%s%s", i ? " " : "", text);
    }
    adit_store_bind_text(stmt, column, out->str);
}

/* -- what has changed -- */

static gboolean
same_prefixes(const AditPrefix *a, guint n_a, const AditPrefix *b, guint n_b)
{
    if (n_a != n_b)
        return FALSE;
    for (guint i = 0; i < n_a; i++)
        if (adit_prefix_cmp(&a[i], &b[i]) != 0)
            return FALSE;
    return TRUE;
}

typedef struct _Kind Kind;

typedef struct {
    const Kind *kind;
    const AditModel *now;
    AditModel *next; /* what is inserted gets its id */
    guint kept;      /* so many devices, from the first, are alike, and so are all subnets */
} Pair;

static gboolean
same_subnet(const Pair *pair, guint i, guint j)
{
    const AditSubnet *a = adit_model_subnet(pair->now, i),
                     *b = adit_model_subnet(pair->next, j);

    for (guint d = 0; a->n_dns == b->n_dns && d < a->n_dns; d++)
        if (adit_addr_cmp(&a->dns[d], &b->dns[d]) != 0)
            return FALSE;
    return g_str_equal(a->name, b->name) && adit_prefix_cmp(&a->net4, &b->net4) == 0 &&
           adit_prefix_cmp(&a->net6, &b->net6) == 0 && adit_addr_cmp(&a->wan4, &b->wan4) == 0 &&
           a->n_dns == b->n_dns && a->auto6 == b->auto6 &&
           adit_prefix_cmp(&a->old6, &b->old6) == 0 && a->old6_until == b->old6_until;
}

static gboolean
same_device(const Pair *pair, guint i, guint j)
{
    const AditDeviceEntry *a = adit_model_device(pair->now, i),
                          *b = adit_model_device(pair->next, j);

    return g_str_equal(a->name, b->name) && adit_addr_cmp(&a->addr4, &b->addr4) == 0 &&
           adit_addr_cmp(&a->addr6, &b->addr6) == 0 &&
           adit_key_cmp(&a->public_key, &b->public_key) == 0 &&
           adit_key_cmp(&a->preshared_key, &b->preshared_key) == 0 &&
           adit_key_cmp(&a->next_key, &b->next_key) == 0 && a->next_until == b->next_until &&
           a->invite_until == b->invite_until && a->kind == b->kind &&
           a->may_publish == b->may_publish && adit_addr_cmp(&a->wan4, &b->wan4) == 0 &&
           same_prefixes(a->routes, a->n_routes, b->routes, b->n_routes) &&
           adit_model_subnet(pair->now, a->subnet)->id ==
               adit_model_subnet(pair->next, b->subnet)->id;
}

/* Where its ports stand: also what another object's change moves. */
static AditAddr
port_addr(const AditModel *model, const AditPublish *publish)
{
    static const guint8 any[4] = { 0 };
    AditAddr addr = publish->family == AF_INET6
                        ? adit_model_device(model, publish->device)->addr6
                        : adit_model_outside(model, publish);

    return adit_addr_is_set(&addr) ? addr : adit_addr_from_bytes(AF_INET, any);
}

/* Of whom it is, and where that leads it. */
static gboolean
same_place(const Pair *pair, const AditPublish *a, const AditPublish *b)
{
    AditAddr at_a, at_b;

    if (a->device == b->device && a->device < pair->kept)
        return TRUE; /* most, and nothing has to be fetched for it */
    at_a = port_addr(pair->now, a);
    at_b = port_addr(pair->next, b);
    return adit_addr_cmp(&at_a, &at_b) == 0 && adit_model_device(pair->now, a->device)->id ==
                                                   adit_model_device(pair->next, b->device)->id;
}

static gboolean
same_publish(const Pair *pair, guint i, guint j)
{
    const AditPublish *a = adit_model_publish(pair->now, i);
    const AditPublish *b = adit_model_publish(pair->next, j);

    return a->family == b->family && a->first == b->first && a->last == b->last &&
           a->proto == b->proto && a->internal == b->internal && a->enabled == b->enabled &&
           a->redirect == b->redirect && a->owner == b->owner &&
           g_strcmp0(a->label, b->label) == 0 &&
           adit_addr_cmp(&a->external, &b->external) == 0 &&
           same_prefixes(a->allow_from, a->n_allow_from, b->allow_from, b->n_allow_from) &&
           same_place(pair, a, b);
}

static gboolean
same_spent(const Pair *pair, guint i, guint j)
{
    return TRUE; /* none ever changes */
}

/* -- writing a row -- */

typedef struct {
    AditServerStore *store;
    sqlite3_stmt *insert, *detail;
} Writer;

static gboolean
put_address(Writer *to, const AditAddr *addr, gint64 id, GError **error)
{
    if (!adit_addr_is_set(addr))
        return TRUE;
    adit_store_bind_addr(to->detail, 1, addr);
    sqlite3_bind_int64(to->detail, 2, id);
    return adit_store_step(to->store, to->detail, error);
}

static gboolean
put_subnet(Writer *to, AditModel *model, guint i, GError **error)
{
    AditSubnet *subnet = g_ptr_array_index(model->subnets, i);

    bind_id(to->insert, 1, subnet->id);
    adit_store_bind_text(to->insert, 2, subnet->name);
    adit_store_bind_addr(to->insert, 3, &subnet->net4.addr);
    sqlite3_bind_int(to->insert, 4, subnet->net4.len);
    adit_store_bind_addr(to->insert, 5, &subnet->net6.addr);
    sqlite3_bind_int(to->insert, 6, subnet->net6.len);
    adit_store_bind_addr(to->insert, 7, &subnet->wan4);
    bind_addrs(to->insert, 8, subnet->dns, subnet->n_dns);
    sqlite3_bind_int(to->insert, 9, subnet->auto6);
    adit_store_bind_addr(to->insert, 10, &subnet->old6.addr);
    sqlite3_bind_int(to->insert, 11, subnet->old6.len);
    sqlite3_bind_int64(to->insert, 12, subnet->old6_until);
    if (!adit_store_step(to->store, to->insert, error))
        return FALSE;
    subnet->id = sqlite3_last_insert_rowid(to->store->db);
    return put_address(to, &subnet->server4, subnet->id, error) &&
           put_address(to, &subnet->server6, subnet->id, error);
}

static gboolean
put_device(Writer *to, AditModel *model, guint i, GError **error)
{
    AditDeviceEntry *device = g_ptr_array_index(model->devices, i);

    bind_id(to->insert, 1, device->id);
    adit_store_bind_text(to->insert, 2, device->name);
    sqlite3_bind_int64(to->insert, 3, adit_model_subnet(model, device->subnet)->id);
    adit_store_bind_addr(to->insert, 4, &device->addr4);
    adit_store_bind_addr(to->insert, 5, &device->addr6);
    bind_key(to->insert, 6, &device->public_key);
    bind_key(to->insert, 7, &device->preshared_key);
    adit_store_bind_text(to->insert, 8,
                         device->kind == ADIT_DEVICE_CLIENT ? "client" : "server");
    sqlite3_bind_int(to->insert, 9, device->may_publish);
    adit_store_bind_prefixes(to->insert, 10, device->routes, device->n_routes);
    adit_store_bind_addr(to->insert, 11, &device->wan4);
    bind_key(to->insert, 12, &device->next_key);
    sqlite3_bind_int64(to->insert, 13, device->next_until);
    sqlite3_bind_int64(to->insert, 14, device->invite_until);
    if (!adit_store_step(to->store, to->insert, error))
        return FALSE;
    device->id = sqlite3_last_insert_rowid(to->store->db);
    return put_address(to, &device->addr4, device->id, error) &&
           put_address(to, &device->addr6, device->id, error);
}

static gboolean
put_ports(Writer *to, const AditModel *model, const AditPublish *publish, GError **error)
{
    AditAddr addr = port_addr(model, publish);

    for (guint port = publish->first; port <= publish->last; port++)
        for (guint proto = ADIT_PROTO_TCP; proto <= ADIT_PROTO_UDP; proto <<= 1) {
            if (!(publish->proto & proto))
                continue;
            adit_store_bind_addr(to->detail, 1, &addr);
            sqlite3_bind_int(to->detail, 2, (int)port);
            sqlite3_bind_int(to->detail, 3, (int)proto);
            sqlite3_bind_int64(to->detail, 4, publish->id);
            if (!adit_store_step(to->store, to->detail, error))
                return FALSE;
        }
    return TRUE;
}

static gboolean
put_publish(Writer *to, AditModel *model, guint i, GError **error)
{
    AditPublish *publish = g_ptr_array_index(model->publishes, i);

    bind_id(to->insert, 1, publish->id);
    sqlite3_bind_int(to->insert, 2, publish->family == AF_INET ? 4 : 6);
    adit_store_bind_addr(to->insert, 3, &publish->external);
    sqlite3_bind_int(to->insert, 4, publish->first);
    sqlite3_bind_int(to->insert, 5, publish->last);
    adit_store_bind_text(to->insert, 6, adit_proto_name(publish->proto));
    sqlite3_bind_int64(to->insert, 7, adit_model_device(model, publish->device)->id);
    sqlite3_bind_int(to->insert, 8, publish->internal);
    sqlite3_bind_int(to->insert, 9, publish->enabled);
    adit_store_bind_text(to->insert, 10, publish->label);
    adit_store_bind_prefixes(to->insert, 11, publish->allow_from, publish->n_allow_from);
    adit_store_bind_text(to->insert, 12, adit_redirect_name(publish->redirect));
    adit_store_bind_text(to->insert, 13, adit_owner_name(publish->owner));
    if (!adit_store_step(to->store, to->insert, error))
        return FALSE;
    publish->id = sqlite3_last_insert_rowid(to->store->db);
    return put_ports(to, model, publish, error);
}

static gboolean
put_spent(Writer *to, AditModel *model, guint i, GError **error)
{
    AditSpentKey *spent = g_ptr_array_index(model->spent, i);

    bind_id(to->insert, 1, spent->id);
    adit_store_bind_text(to->insert, 2, spent->name);
    bind_key(to->insert, 3, &spent->public_key);
    bind_key(to->insert, 4, &spent->preshared_key);
    sqlite3_bind_int64(to->insert, 5, spent->since);
    sqlite3_bind_int64(to->insert, 6, spent->until);
    sqlite3_bind_int(to->insert, 7, spent->taken);
    if (!adit_store_step(to->store, to->insert, error))
        return FALSE;
    spent->id = sqlite3_last_insert_rowid(to->store->db);
    return TRUE;
}

/* -- the kinds, by one table: all of them begin with their id -- */

struct _Kind {
    gsize list; /* offset of the GPtrArray in the model */
    gboolean (*same)(const Pair *pair, guint i, guint j);
    gboolean (*put)(Writer *to, AditModel *model, guint i, GError **error);
    const char *remove;                 /* ?1: the id; what hangs on a row goes with it */
    const char *remove_detail;          /* likewise */
    const char *forget;                 /* of what is gone for good; NULL: nothing */
    const char *insert, *insert_detail; /* NULL: it has none */
};

static const Kind kinds[] = {
    { G_STRUCT_OFFSET(AditModel, subnets), same_subnet, put_subnet,
      "DELETE FROM subnet WHERE id = ?", "DELETE FROM address WHERE subnet = ?", NULL,
      "INSERT INTO subnet VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      "INSERT INTO address (addr, subnet) VALUES (?, ?)" },
    { G_STRUCT_OFFSET(AditModel, devices), same_device, put_device,
      "DELETE FROM device WHERE id = ?", "DELETE FROM address WHERE device = ?",
      "DELETE FROM endpoint WHERE device = ?",
      "INSERT INTO device VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      "INSERT INTO address (addr, device) VALUES (?, ?)" },
    { G_STRUCT_OFFSET(AditModel, publishes), same_publish, put_publish,
      "DELETE FROM publish WHERE id = ?", "DELETE FROM port WHERE publish = ?", NULL,
      "INSERT INTO publish VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
      "INSERT INTO port VALUES (?, ?, ?, ?)" },
    { G_STRUCT_OFFSET(AditModel, spent), same_spent, put_spent,
      "DELETE FROM spent WHERE id = ?", NULL, NULL,
      "INSERT INTO spent VALUES (?, ?, ?, ?, ?, ?, ?)", NULL },
};

static const Kind *const kind_of_subnets = &kinds[0], *const kind_of_devices = &kinds[1];

static GPtrArray *
list_of(const AditModel *model, const Kind *kind)
{
    return G_STRUCT_MEMBER(GPtrArray *, model, kind->list);
}

static gint64
id_of(const GPtrArray *list, guint i)
{
    return *(const gint64 *)g_ptr_array_index(list, i);
}

static gboolean
is_kept(guint i, guint j, gconstpointer data)
{
    const Pair *pair = data;

    return id_of(list_of(pair->now, pair->kind), i) ==
               id_of(list_of(pair->next, pair->kind), j) &&
           pair->kind->same(pair, i, j);
}

static AditSpan
find_differing(const Pair *pair)
{
    const GPtrArray *had = list_of(pair->now, pair->kind);

    /* They share it, and nobody that is named in it has changed. */
    if (had == list_of(pair->next, pair->kind) && pair->kept >= pair->now->devices->len)
        return (AditSpan){ had->len, had->len, had->len };
    return adit_span_find(list_of(pair->now, pair->kind)->len,
                          list_of(pair->next, pair->kind)->len, is_kept, pair);
}

/* id -> index + 1 */
static GHashTable *
index_ids(const GPtrArray *list, guint first, guint end)
{
    GHashTable *ids = g_hash_table_new(g_direct_hash, g_direct_equal);

    for (guint i = first; i < end; i++)
        g_hash_table_insert(ids, GSIZE_TO_POINTER((gsize)id_of(list, i)),
                            GUINT_TO_POINTER(i + 1));
    return ids;
}

static guint
look_up(GHashTable *ids, gint64 id)
{
    return id ? GPOINTER_TO_UINT(g_hash_table_lookup(ids, GSIZE_TO_POINTER((gsize)id))) : 0;
}

static gboolean
run_with_id(AditServerStore *store, const char *sql, gint64 id, GError **error)
{
    g_autoptr(sqlite3_stmt) stmt = sql ? adit_store_prepare(store, sql, error) : NULL;

    if (!sql)
        return TRUE;
    if (!stmt)
        return FALSE;
    sqlite3_bind_int64(stmt, 1, id);
    return adit_store_step(store, stmt, error);
}

static gboolean
delete_old(AditServerStore *store, const Pair *pair, const AditSpan *span, GError **error)
{
    const Kind *kind = pair->kind;
    const AditModel *now = pair->now, *next = pair->next;
    const GPtrArray *old = list_of(now, kind);
    g_autoptr(GHashTable) ids = index_ids(list_of(next, kind), span->first, span->end_want);

    for (guint i = span->first; i < span->end_had; i++) {
        gint64 id = id_of(old, i);
        guint at = look_up(ids, id);

        if (at && kind->same(pair, i, at - 1))
            continue;
        if (!run_with_id(store, kind->remove_detail, id, error) ||
            !run_with_id(store, kind->remove, id, error) ||
            (!at && !run_with_id(store, kind->forget, id, error)))
            return FALSE;
    }
    return TRUE;
}

static gboolean
insert_new(AditServerStore *store, const Pair *pair, const AditSpan *span, GError **error)
{
    const Kind *kind = pair->kind;
    const AditModel *now = pair->now;
    AditModel *next = pair->next;
    const GPtrArray *list = list_of(next, kind);
    g_autoptr(GHashTable) ids = index_ids(list_of(now, kind), span->first, span->end_had);
    g_autoptr(sqlite3_stmt) insert = adit_store_prepare(store, kind->insert, error);
    g_autoptr(sqlite3_stmt) detail = insert && kind->insert_detail
                                         ? adit_store_prepare(store, kind->insert_detail, error)
                                         : NULL;
    Writer to = { .store = store, .insert = insert, .detail = detail };

    if (!insert || (kind->insert_detail && !detail))
        return FALSE;
    for (guint i = span->first; i < span->end_want; i++) {
        guint at = look_up(ids, id_of(list, i));

        if (!(at && kind->same(pair, at - 1, i)) && !kind->put(&to, next, i, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean
save_server(AditServerStore *store, const AditModel *model, GError **error)
{
    g_autoptr(sqlite3_stmt) stmt = adit_store_prepare(
        store, "INSERT OR REPLACE INTO server VALUES (1, ?, ?, ?, ?, ?)", error);

    if (!stmt)
        return FALSE;
    bind_key(stmt, 1, &model->private_key);
    adit_store_bind_text(stmt, 2, model->endpoint);
    adit_store_bind_text(stmt, 3, model->wan);
    sqlite3_bind_int(stmt, 4, model->listen_port);
    sqlite3_bind_int64(stmt, 5, model->mtu);
    return adit_store_step(store, stmt, error);
}

static gboolean
save(AditServerStore *store, const AditModel *now, AditModel *next, GError **error)
{
    Pair pairs[G_N_ELEMENTS(kinds)];
    AditSpan spans[G_N_ELEMENTS(kinds)];
    guint kept = 0;
    gboolean all = FALSE;

    for (guint i = 0; i < G_N_ELEMENTS(kinds); i++) {
        pairs[i] = (Pair){ &kinds[i], now, next, kept };
        spans[i] = find_differing(&pairs[i]);
        if (&kinds[i] == kind_of_subnets)
            all =
                now->subnets->len == next->subnets->len && spans[i].first == now->subnets->len;
        if (&kinds[i] == kind_of_devices && all)
            kept = spans[i].first;
    }
    for (guint i = G_N_ELEMENTS(kinds); i-- > 0;)
        if (!delete_old(store, &pairs[i], &spans[i], error))
            return FALSE;
    if (!save_server(store, next, error))
        return FALSE;
    for (guint i = 0; i < G_N_ELEMENTS(kinds); i++)
        if (!insert_new(store, &pairs[i], &spans[i], error))
            return FALSE;
    return TRUE;
}

gboolean
adit_server_store_begin(AditServerStore *store, const AditModel *now, AditModel *next,
                        GError **error)
{
    if (store->read_only) {
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_DENIED,
                    "%s: the disk is read-only: nothing can be changed", store->path);
        return FALSE;
    }
    if (!adit_store_exec(store, "BEGIN IMMEDIATE", error))
        return FALSE;
    if (save(store, now, next, error))
        return TRUE;
    adit_server_store_rollback(store);
    return FALSE;
}
