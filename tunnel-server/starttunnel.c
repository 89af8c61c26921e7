/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/starttunnel.h"

#include "libadit/core/error.h"
#include "libadit/core/inet.h"
#include "libadit/core/key.h"

#include <json-glib/json-glib.h>
#include <string.h>

/* Everything is read leniently but for what the result rests on: keys, addresses and ports.
 * adit_config_parse() has the last word about the text. */

#define MAX_DEPTH 32

typedef struct {
    const char *file;
    GString *out;
    GPtrArray *notes;
    GHashTable *names;   /* taken */
    GHashTable *devices; /* "10.59.3.2" and "2001:db8::a3b:302" -> name */
    guint automatic, skipped;
    gboolean many_wans;
    GError **error;
} Convert;

static gboolean
fail(Convert *c, const char *where, const char *why)
{
    g_autofree char *quoted = adit_error_quote(where);

    g_set_error(c->error, ADIT_ERROR, ADIT_ERROR_CONFIG, "%s: %s: %s", c->file, quoted, why);
    return FALSE;
}

/* json-glib descends once a bracket. */
static gboolean
is_deep(const char *bytes, gsize len)
{
    gboolean quoted = FALSE;
    guint depth = 0;

    for (gsize i = 0; i < len; i++) {
        if (quoted && bytes[i] == '\\')
            i++;
        else if (bytes[i] == '"')
            quoted = !quoted;
        else if (!quoted && (bytes[i] == '{' || bytes[i] == '[') && ++depth > MAX_DEPTH)
            return TRUE;
        else if (!quoted && (bytes[i] == '}' || bytes[i] == ']') && depth > 0)
            depth--;
    }
    return FALSE;
}

static JsonObject *
get_object(JsonObject *in, const char *name)
{
    JsonNode *node = in ? json_object_get_member(in, name) : NULL;

    return node && JSON_NODE_HOLDS_OBJECT(node) ? json_node_get_object(node) : NULL;
}

static const char *
get_text(JsonObject *in, const char *name)
{
    JsonNode *node = json_object_get_member(in, name);

    return node && json_node_get_value_type(node) == G_TYPE_STRING ? json_node_get_string(node)
                                                                   : NULL;
}

static gboolean
get_bool(JsonObject *in, const char *name, gboolean otherwise)
{
    JsonNode *node = json_object_get_member(in, name);

    return node && json_node_get_value_type(node) == G_TYPE_BOOLEAN
               ? json_node_get_boolean(node)
               : otherwise;
}

static gint64
get_int(JsonObject *in, const char *name, gint64 otherwise)
{
    JsonNode *node = json_object_get_member(in, name);

    return node && json_node_get_value_type(node) == G_TYPE_INT64 ? json_node_get_int(node)
                                                                  : otherwise;
}

/* In the order of their names, so that the same database makes the same file. */
static GList *
members(JsonObject *object)
{
    return object ? g_list_sort(json_object_get_members(object), (GCompareFunc)strcmp) : NULL;
}

/* Theirs is any text, ours a word that nobody else has. */
static char *
make_name(Convert *c, const char *text, const char *otherwise)
{
    g_autofree char *word = g_strndup(text && *text ? text : otherwise, 50);
    char *name;

    g_strcanon(word, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.", '-');
    while (*word == '-' || *word == '.')
        memmove(word, word + 1, strlen(word));
    name = g_strdup(*word ? word : otherwise);
    for (guint n = 2; g_hash_table_contains(c->names, name); n++) {
        g_free(name);
        name = g_strdup_printf("%s-%u", *word ? word : otherwise, n);
    }
    g_hash_table_add(c->names, g_strdup(name));
    return name;
}

static void
put(Convert *c, const char *name, const char *value)
{
    if (value && *value)
        g_string_append_printf(c->out, "%s = %s\n", name, value);
}

/* A line of a file ends with the line. */
static void
put_label(Convert *c, const char *label)
{
    g_autofree char *line = g_strdup(label ? label : "");

    g_strdelimit(line, "\r\n\t", ' ');
    put(c, "Label", g_strstrip(line));
}

static gboolean
put_public_key(Convert *c, const char *where, const char *text)
{
    g_auto(AditKey) key = { 0 };
    AditKey public_key;
    g_autofree char *out = NULL;

    if (!text || !adit_key_parse(text, &key, NULL))
        return fail(c, where, "its key is none of WireGuard");
    adit_key_public(&key, &public_key);
    out = adit_key_to_string(&public_key);
    put(c, "PublicKey", out);
    return TRUE;
}

static gboolean
put_device(Convert *c, const char *address, JsonObject *client, const char *subnet,
           const AditPrefix *net6)
{
    g_autofree char *name = make_name(c, get_text(client, "name"), address);
    const char *kind = get_text(client, "kind");
    AditAddr addr4;

    if (!adit_addr_parse(address, &addr4, NULL))
        return fail(c, address, "not an address of a device");
    g_string_append_printf(c->out, "\n[Device]\nName = %s\nSubnet = %s\nAddress = %s\n", name,
                           subnet, address);
    if (!put_public_key(c, address, get_text(client, "key")))
        return FALSE;
    put(c, "PresharedKey", get_text(client, "psk"));
    put(c, "Kind", g_strcmp0(kind, "client") == 0 ? "client" : "server");
    put(c, "Publish",
        get_bool(client, "allowAutoPortForward", g_strcmp0(kind, "client") != 0) ? "yes"
                                                                                 : "no");
    put(c, "Wan", get_text(client, "wanIp"));
    g_hash_table_insert(c->devices, g_strdup(address), g_strdup(name));
    if (net6->len > 0) {
        const AditAddr gua = adit_prefix_embed(net6, &addr4);

        g_hash_table_insert(c->devices, adit_addr_to_string(&gua), g_strdup(name));
    }
    return TRUE;
}

static gboolean
put_subnet(Convert *c, const char *key, JsonObject *subnet)
{
    g_autofree char *name = make_name(c, get_text(subnet, "name"), "subnet");
    const char *prefix = get_text(subnet, "ipv6");
    JsonObject *clients = get_object(subnet, "clients");
    g_autoptr(GList) addresses = members(clients);
    g_autofree char *network = NULL;
    AditPrefix net, net6 = { 0 };

    if (!adit_prefix_parse(key, &net, NULL) ||
        (prefix && !adit_prefix_parse(prefix, &net6, NULL)))
        return fail(c, key, "not a network");
    net = adit_prefix_network(&net);
    network = adit_prefix_to_string(&net);
    g_string_append_printf(c->out, "\n[Subnet]\nName = %s\nNetwork = %s\n", name, network);
    if (prefix) {
        net6 = adit_prefix_network(&net6);
        g_free(network);
        network = adit_prefix_to_string(&net6);
        put(c, "IPv6", network);
    }
    put(c, "Wan", get_text(subnet, "wanIp"));
    for (const GList *l = addresses; l; l = l->next) {
        JsonObject *client = get_object(clients, l->data);

        if (!client)
            return fail(c, l->data, "not a device");
        if (!put_device(c, l->data, client, name, &net6))
            return FALSE;
    }
    return TRUE;
}

static void
put_ports(Convert *c, const char *key, guint16 port, JsonObject *of)
{
    const gint64 count = CLAMP(get_int(of, "count", 1), 1, 65536 - port);

    if (count > 1)
        g_string_append_printf(c->out, "%s%u-%u\n", key, port, (guint)(port + count - 1));
    else
        g_string_append_printf(c->out, "%s%u\n", key, port);
    put(c, "Protocol", "both"); /* theirs are always */
}

static void
put_rest(Convert *c, JsonObject *of)
{
    put_label(c, get_text(of, "label"));
    put(c, "Enabled", get_bool(of, "enabled", TRUE) ? NULL : "no");
}

/* What devices opened themselves they open again. */
static gboolean
is_automatic(Convert *c, JsonObject *of)
{
    const gboolean automatic = get_bool(of, "auto", FALSE);

    c->automatic += automatic;
    return automatic;
}

static gboolean
put_forward(Convert *c, const char *key, JsonObject *forward)
{
    const char *kind = get_text(forward, "kind"), *target = get_text(forward, "target");
    g_autofree char *address = NULL, *wan = NULL, *head = NULL;
    const char *device;
    AditSockAddr at, to;

    if (is_automatic(c, forward))
        return TRUE;
    if (kind && !g_str_equal(kind, "dnat")) {
        g_ptr_array_add(c->notes,
                        g_strdup_printf("%s: shared by names (%s): left out, one device "
                                        "has a port here",
                                        key, kind));
        return TRUE;
    }
    if (!adit_sockaddr_parse(key, &at, NULL) || !target ||
        !adit_sockaddr_parse(target, &to, NULL))
        return fail(c, key, "not a forward");
    address = adit_addr_to_string(&to.addr);
    device = g_hash_table_lookup(c->devices, address);
    if (!device) {
        c->skipped++;
        return TRUE;
    }
    wan = adit_addr_to_string(&at.addr);
    head = g_strdup_printf("External = %s%s", c->many_wans ? wan : "", c->many_wans ? ":" : "");
    g_string_append(c->out, "\n[Forward]\n");
    put_ports(c, head, at.port, forward);
    put(c, "Device", device);
    if (to.port != at.port)
        g_string_append_printf(c->out, "Port = %u\n", to.port);
    put_rest(c, forward);
    return TRUE;
}

static gboolean
put_pinhole(Convert *c, const char *key, JsonObject *pinhole)
{
    g_autofree char *address = NULL;
    const char *device;
    gint64 internal;
    AditSockAddr at;

    if (is_automatic(c, pinhole))
        return TRUE;
    if (!adit_sockaddr_parse(key, &at, NULL))
        return fail(c, key, "not a pinhole");
    address = adit_addr_to_string(&at.addr);
    device = g_hash_table_lookup(c->devices, address);
    if (!device) {
        c->skipped++;
        return TRUE;
    }
    internal = get_int(pinhole, "internalPort", at.port);
    g_string_append(c->out, "\n[Pinhole]\n");
    put_ports(c, "Port = ", at.port, pinhole);
    put(c, "Device", device);
    if (internal != at.port)
        g_string_append_printf(c->out, "Internal = %u\n", (guint)(internal & 0xffff));
    put_rest(c, pinhole);
    return TRUE;
}

typedef gboolean (*PutFunc)(Convert *c, const char *key, JsonObject *object);

static gboolean
put_all(Convert *c, JsonObject *all, PutFunc func)
{
    g_autoptr(GList) keys = members(all);

    for (const GList *l = keys; l; l = l->next) {
        JsonObject *one = get_object(all, l->data);

        if (!one)
            return fail(c, l->data, "of another version than 1.1 to 1.3");
        if (!func(c, l->data, one))
            return FALSE;
    }
    return TRUE;
}

/* With one address the ports need not name it: on the next server it is another. */
static gboolean
has_many_wans(JsonObject *forwards)
{
    g_autoptr(GList) keys = members(forwards);
    const AditAddr *first = NULL;
    AditSockAddr at[2];

    for (const GList *l = keys; l; l = l->next) {
        if (!adit_sockaddr_parse(l->data, &at[first != NULL], NULL))
            continue;
        if (first && adit_addr_cmp(first, &at[1].addr) != 0)
            return TRUE;
        first = &at[0].addr;
    }
    return FALSE;
}

static void
note_rest(Convert *c, JsonObject *database)
{
    JsonNode *records = json_object_get_member(database, "dnsRecords");

    if (records && JSON_NODE_HOLDS_ARRAY(records) &&
        json_array_get_length(json_node_get_array(records)) > 0)
        g_ptr_array_add(c->notes, g_strdup("its DNS records: left out, there is no name server "
                                           "in here"));
    if (c->automatic > 0)
        g_ptr_array_add(c->notes,
                        g_strdup_printf("%u automatic mappings: left out, the devices "
                                        "open them again",
                                        c->automatic));
    if (c->skipped > 0)
        g_ptr_array_add(
            c->notes,
            g_strdup_printf("%u mappings to no device of its own: left out", c->skipped));
}

static gboolean
convert(Convert *c, JsonObject *database)
{
    JsonObject *wg = get_object(database, "wg");
    JsonObject *forwards = get_object(database, "portForwards");
    g_auto(AditKey) key = { 0 };
    const char *text = wg ? get_text(wg, "key") : NULL;

    if (!text || !adit_key_parse(text, &key, NULL))
        return fail(c, "wg.key", "missing: not a database of StartTunnel");
    g_string_append_printf(c->out, "[Server]\nPrivateKey = %s\nListenPort = %u\n", text,
                           (guint)CLAMP(get_int(wg, "port", 51820), 1, 65535));
    c->many_wans = has_many_wans(forwards);
    if (!put_all(c, get_object(wg, "subnets"), put_subnet) ||
        !put_all(c, forwards, put_forward) ||
        !put_all(c, get_object(database, "pinholes6"), put_pinhole))
        return FALSE;
    note_rest(c, database);
    return TRUE;
}

/* A dump says its number beside the database itself. */
static JsonObject *
find_database(JsonNode *root)
{
    JsonObject *object =
        root && JSON_NODE_HOLDS_OBJECT(root) ? json_node_get_object(root) : NULL;

    return object && get_object(object, "value") && !get_object(object, "wg")
               ? get_object(object, "value")
               : object;
}

char *
adit_starttunnel_convert(const char *name, const char *bytes, gsize len, GPtrArray *notes,
                         GError **error)
{
    g_autoptr(JsonParser) parser = json_parser_new_immutable();
    g_autoptr(GHashTable) names = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_autoptr(GHashTable) devices =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    Convert c = {
        .file = name, .notes = notes, .names = names, .devices = devices, .error = error
    };
    JsonObject *database = NULL;
    GError *reason = NULL;

    if (memchr(bytes, '\0', len) || is_deep(bytes, len) ||
        !json_parser_load_from_data(parser, bytes, (gssize)len, &reason)) {
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG, "%s: not JSON%s%s", name,
                    reason ? ": " : "", reason ? reason->message : "");
        g_clear_error(&reason);
        return NULL;
    }
    database = find_database(json_parser_get_root(parser));
    c.out = g_string_new(NULL);
    if (database ? convert(&c, database) : fail(&c, "the top", "not an object"))
        return g_string_free(c.out, FALSE);
    adit_key_string_free(g_string_free(c.out, FALSE));
    return NULL;
}
