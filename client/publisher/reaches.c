/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/publisher/reaches.h"

#include "client/names.h"
#include "client/publisher/offer-properties.h"
#include "publisher-dbus-generated.h"

#include <string.h>

#define FOLDER ADIT_PUBLISHER_PATH "/reaches"
#define REACH "org.adit.Publisher1.Reach"

struct _AditReaches {
    GHashTable *rows; /* Row by its offer's key */
    GDBusConnection *bus;
    guint tree;
    guint idle; /* in which changes are told, those of one moment together */
};

/* What was last told of an offer. */
typedef struct {
    const AditOffer *offer;
    gint64 since, until;                   /* seconds since the epoch */
    guint32 told[ADIT_OFFER_N_PROPERTIES]; /* digests: their values are ten times as much */
    AditReachState state;
    gboolean stirred; /* is, or may be, to be told */
    gboolean is_new;  /* never told */
} Row;

/* Object paths take letters, digits and '_' only. */
static char *
path_of(const AditOffer *offer)
{
    GString *path = g_string_new(FOLDER "/");

    for (const char *c = offer->key; *c; c++) {
        if (g_ascii_isalnum(*c))
            g_string_append_c(path, *c);
        else
            g_string_append_printf(path, "_%02x", (guchar)*c);
    }
    return g_string_free(path, FALSE);
}

/* By the last part of its path; spelt otherwise it is nobody's. */
static Row *
find_row(AditReaches *self, const char *node)
{
    g_autofree char *escaped = node ? g_strdelimit(g_strdup(node), "_", '%') : NULL;
    g_autofree char *key = escaped ? g_uri_unescape_string(escaped, NULL) : NULL;
    Row *row = key ? g_hash_table_lookup(self->rows, key) : NULL;
    g_autofree char *path = row ? path_of(row->offer) : NULL;

    return path && g_str_equal(path + strlen(FOLDER "/"), node) ? row : NULL;
}

/* -- properties -- */

static GVariant *
property(const Row *row, const char *name)
{
    if (g_str_equal(name, "Since"))
        return g_variant_new_int64(row->since);
    if (g_str_equal(name, "LeaseUntil"))
        return g_variant_new_int64(row->until);
    for (guint i = 0; i < ADIT_OFFER_N_PROPERTIES; i++)
        if (g_str_equal(name, adit_offer_property_name(i)))
            return adit_offer_property(row->offer, i);
    return NULL;
}

/* Of an object: what an ObjectManager says of it, a{sa{sv}}. */
static GVariant *
object_of(const Row *row)
{
    GVariantBuilder all = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE_VARDICT);

    for (guint i = 0; i < ADIT_OFFER_N_PROPERTIES; i++)
        g_variant_builder_add(&all, "{sv}", adit_offer_property_name(i),
                              adit_offer_property(row->offer, i));
    g_variant_builder_add(&all, "{sv}", "Since", g_variant_new_int64(row->since));
    g_variant_builder_add(&all, "{sv}", "LeaseUntil", g_variant_new_int64(row->until));
    return g_variant_new("{sa{sv}}", REACH, &all);
}

/* -- changes -- */

static gint64
seconds_of(gint64 at)
{
    return at == 0 ? 0 : (g_get_real_time() / 1000 + at - adit_client_now()) / 1000;
}

/* Of the same moment by two clocks: what differs by less than that is the same. */
static void
take_time(gint64 *time, gint64 seconds, const char *name, GVariantDict *changes)
{
    if (ABS(*time - seconds) <= 2)
        return;
    *time = seconds;
    g_variant_dict_insert(changes, name, "x", seconds);
}

/* FNV-1a: a change that it does not show comes once in 2^32, and the next one shows it. */
static guint32
digest(GVariant *value)
{
    const guint8 *bytes = g_variant_get_data(value);
    guint32 sum = 0x811c9dc5;

    for (gsize i = 0; i < g_variant_get_size(value); i++)
        sum = (sum ^ bytes[i]) * 0x01000193;
    return sum;
}

/* Adds to @changes what is other than was last told. */
static void
take(Row *row, GVariantDict *changes)
{
    const AditReachStatus status = adit_offer_status(row->offer);

    for (guint i = 0; i < ADIT_OFFER_N_PROPERTIES; i++) {
        g_autoptr(GVariant) value = g_variant_ref_sink(adit_offer_property(row->offer, i));
        const guint32 now = digest(value);

        if (row->told[i] != now)
            g_variant_dict_insert_value(changes, adit_offer_property_name(i), value);
        row->told[i] = now;
    }
    take_time(&row->since, seconds_of(status.since), "Since", changes);
    take_time(&row->until, seconds_of(status.until), "LeaseUntil", changes);
    row->state = status.state;
}

static void
emit(AditReaches *self, const AditOffer *offer, const char *interface, const char *signal,
     GVariant *arguments)
{
    g_autofree char *path = path_of(offer);

    g_dbus_connection_emit_signal(self->bus, NULL, path, interface, signal, arguments, NULL);
}

/* By the root's ObjectManager. */
static void
emit_object(AditReaches *self, const AditOffer *offer, const char *signal, const char *type,
            GVariant *what)
{
    g_autofree char *path = path_of(offer);

    g_dbus_connection_emit_signal(self->bus, NULL, ADIT_PUBLISHER_PATH,
                                  "org.freedesktop.DBus.ObjectManager", signal,
                                  g_variant_new(type, path, what), NULL);
}

static void
tell_new(AditReaches *self, Row *row)
{
    GVariant *object = object_of(row);

    emit_object(self, row->offer, "InterfacesAdded", "(o@a{sa{sv}})",
                g_variant_new_array(NULL, &object, 1));
}

static void
tell_change(AditReaches *self, const Row *row, AditReachState before, GVariant *changes)
{
    g_autofree char *reason = adit_offer_reason(row->offer);

    emit(self, row->offer, "org.freedesktop.DBus.Properties", "PropertiesChanged",
         g_variant_new("(s@a{sv}as)", REACH, changes, NULL));
    if (before != row->state)
        emit(self, row->offer, REACH, "StateChanged",
             g_variant_new("(sss)", adit_reach_state_name(before),
                           adit_reach_state_name(row->state), reason));
}

static void
tell(AditReaches *self, Row *row)
{
    g_auto(GVariantDict) dict = G_VARIANT_DICT_INIT(NULL);
    const AditReachState before = row->state;
    g_autoptr(GVariant) changes = NULL;

    if (!row->stirred)
        return;
    take(row, &dict);
    changes = g_variant_ref_sink(g_variant_dict_end(&dict));
    if (row->is_new)
        tell_new(self, row);
    else if (g_variant_n_children(changes) > 0)
        tell_change(self, row, before, changes);
    row->stirred = row->is_new = FALSE;
}

static void
tell_all(AditReaches *self)
{
    GHashTableIter iter;
    gpointer row;

    g_clear_handle_id(&self->idle, g_source_remove);
    g_hash_table_iter_init(&iter, self->rows);
    while (g_hash_table_iter_next(&iter, NULL, &row))
        tell(self, row);
}

static gboolean
on_idle(gpointer data)
{
    AditReaches *self = data;

    self->idle = 0;
    tell_all(self);
    return G_SOURCE_REMOVE;
}

void
adit_reaches_show(AditReaches *self, const AditOffer *offer)
{
    Row *row = g_hash_table_lookup(self->rows, offer->key);

    if (!row) {
        row = g_new0(Row, 1);
        row->offer = offer;
        row->is_new = TRUE;
        g_hash_table_insert(self->rows, offer->key, row);
    }
    row->stirred = TRUE;
    if (self->bus && self->idle == 0)
        self->idle = g_idle_add(on_idle, self);
}

void
adit_reaches_hide(AditReaches *self, const AditOffer *offer)
{
    static const char *const interfaces[] = { REACH, NULL };
    const Row *row = g_hash_table_lookup(self->rows, offer->key);

    if (!row)
        return;
    if (!row->is_new)
        emit_object(self, offer, "InterfacesRemoved", "(o@as)",
                    g_variant_new_strv(interfaces, -1));
    g_hash_table_remove(self->rows, offer->key);
}

void
adit_reaches_add_to(AditReaches *self, GVariantBuilder *objects)
{
    GHashTableIter iter;
    gpointer row;

    tell_all(self); /* who asks hears of what is in the answer no more */
    g_hash_table_iter_init(&iter, self->rows);
    while (g_hash_table_iter_next(&iter, NULL, &row)) {
        g_autofree char *path = path_of(((const Row *)row)->offer);
        GVariant *object = object_of(row);
        GVariant *entry =
            g_variant_new("{o@a{sa{sv}}}", path, g_variant_new_array(NULL, &object, 1));

        /* As one block instead of a tree, which takes ten times as much. */
        g_variant_get_data(entry);
        g_variant_builder_add_value(objects, entry);
    }
}

/* -- the tree -- */

static char **
on_enumerate(GDBusConnection *bus, const char *sender, const char *path, gpointer data)
{
    AditReaches *self = data;
    g_autoptr(GStrvBuilder) names = g_strv_builder_new();
    GHashTableIter iter;
    gpointer row;

    g_hash_table_iter_init(&iter, self->rows);
    while (g_hash_table_iter_next(&iter, NULL, &row)) {
        g_autofree char *child = path_of(((const Row *)row)->offer);

        g_strv_builder_add(names, child + strlen(FOLDER "/"));
    }
    return g_strv_builder_end(names);
}

static GDBusInterfaceInfo **
on_introspect(GDBusConnection *bus, const char *sender, const char *path, const char *node,
              gpointer data)
{
    AditReaches *self = data;
    GDBusInterfaceInfo **all = g_new0(GDBusInterfaceInfo *, 2);

    if (find_row(self, node))
        all[0] = g_dbus_interface_info_ref(adit_pub_reach_interface_info());
    return all;
}

/* GDBus asks in a later turn of the main loop than that in which it looked for the row. */
static GVariant *
on_get(GDBusConnection *bus, const char *sender, const char *path, const char *interface,
       const char *name, GError **error, gpointer data)
{
    AditReaches *self = data;
    Row *row = find_row(self, path + strlen(FOLDER "/"));
    GVariant *value;

    if (!row) {
        g_set_error(error, G_DBUS_ERROR, G_DBUS_ERROR_UNKNOWN_OBJECT, "%s: is gone", path);
        return NULL;
    }
    tell(self, row); /* one answer is of one moment */
    value = property(row, name);
    if (!value)
        g_set_error(error, G_DBUS_ERROR, G_DBUS_ERROR_UNKNOWN_PROPERTY, "%s: no such property",
                    name);
    return value;
}

static const GDBusInterfaceVTable *
on_dispatch(GDBusConnection *bus, const char *sender, const char *path, const char *interface,
            const char *node, gpointer *ret, gpointer data)
{
    static const GDBusInterfaceVTable answers = { .get_property = on_get };

    *ret = data;
    return find_row(data, node) ? &answers : NULL;
}

static void
clear(gpointer data)
{
    AditReaches *self = data;

    g_hash_table_unref(self->rows);
}

static void
unref(gpointer data)
{
    g_rc_box_release_full(data, clear);
}

/* GDBus goes on to answer from the tree for a moment after it was told that there is none: so
 * the table, empty, lives until it has done with it. */
gboolean
adit_reaches_connect(AditReaches *self, GDBusConnection *bus, GError **error)
{
    static const GDBusSubtreeVTable tree = { .enumerate = on_enumerate,
                                             .introspect = on_introspect,
                                             .dispatch = on_dispatch };

    self->tree = g_dbus_connection_register_subtree(
        bus, FOLDER, &tree, G_DBUS_SUBTREE_FLAGS_DISPATCH_TO_UNENUMERATED_NODES, self, unref,
        error);
    if (self->tree == 0)
        return FALSE;
    g_rc_box_acquire(self);
    self->bus = g_object_ref(bus);
    self->idle = g_idle_add(on_idle, self);
    return TRUE;
}

AditReaches *
adit_reaches_new(void)
{
    AditReaches *self = g_rc_box_new0(AditReaches);

    self->rows = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, g_free);
    return self;
}

void
adit_reaches_free(AditReaches *self)
{
    if (!self)
        return;
    g_clear_handle_id(&self->idle, g_source_remove);
    if (self->bus)
        g_dbus_connection_unregister_subtree(self->bus, self->tree);
    g_clear_object(&self->bus);
    g_hash_table_remove_all(self->rows);
    unref(self);
}
