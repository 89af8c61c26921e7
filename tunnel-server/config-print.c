/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/config.h"

#include "tunnel-server/edit.h"

#include <sodium.h>
#include <string.h>
#include <sys/socket.h>

static void
put_key(GString *out, const char *name, const AditKey *key)
{
    char *text = adit_key_to_string(key);

    if (!adit_key_is_zero(key))
        g_string_append_printf(out, "%s = %s\n", name, text);
    adit_key_string_free(text);
}

static void
put_addr(GString *out, const char *name, const AditAddr *addr)
{
    g_autofree char *text = adit_addr_is_set(addr) ? adit_addr_to_string(addr) : NULL;

    if (text)
        g_string_append_printf(out, "%s = %s\n", name, text);
}

static void
put_text(GString *out, const char *name, const char *text)
{
    if (text)
        g_string_append_printf(out, "%s = %s\n", name, text);
}

static char *
join_prefixes(const AditPrefix *nets, guint n)
{
    GString *out = g_string_new(NULL);

    for (guint i = 0; i < n; i++) {
        g_autofree char *text = adit_prefix_to_string(&nets[i]);

        g_string_append_printf(out, "%s%s", i ? ", " : "", text);
    }
    return g_string_free(out, FALSE);
}

static void
put_prefixes(GString *out, const char *name, const AditPrefix *nets, guint n)
{
    g_autofree char *text = join_prefixes(nets, n);

    if (n > 0)
        g_string_append_printf(out, "%s = %s\n", name, text);
}

static void
put_server(GString *out, const AditModel *model)
{
    g_string_append(out, "[Server]\n");
    put_key(out, "PrivateKey", &model->private_key);
    g_string_append_printf(out, "ListenPort = %u\nMTU = %u\n", model->listen_port, model->mtu);
    put_text(out, "Endpoint", model->endpoint);
    put_text(out, "Wan", model->wan);
}

static void
put_subnet(GString *out, const AditSubnet *subnet)
{
    g_autoptr(GString) dns = g_string_new(NULL);

    g_string_append_printf(out, "\n[Subnet]\nName = %s\n", subnet->name);
    put_prefixes(out, "Network", &subnet->net4, 1);
    put_prefixes(out, "IPv6", &subnet->net6, subnet->net6.len > 0);
    put_text(out, "IPv6Auto", subnet->auto6 ? "yes" : NULL);
    put_addr(out, "Wan", &subnet->wan4);
    for (guint i = 0; i < subnet->n_dns; i++) {
        g_autofree char *text = adit_addr_to_string(&subnet->dns[i]);

        g_string_append_printf(dns, "%s%s", i ? ", " : "", text);
    }
    put_text(out, "DNS", subnet->n_dns ? dns->str : NULL);
    g_string_free(g_steal_pointer(&dns), TRUE);
}

static const char *
kind_name(const AditDeviceEntry *device)
{
    return device->kind == ADIT_DEVICE_SERVER ? "server" : "client";
}

static void
put_device(GString *out, const AditModel *model, const AditDeviceEntry *device)
{
    g_string_append_printf(out, "\n[Device]\nName = %s\nSubnet = %s\n", device->name,
                           adit_model_subnet(model, device->subnet)->name);
    put_addr(out, "Address", &device->addr4);
    put_key(out, "PublicKey", &device->public_key);
    put_key(out, "PresharedKey", &device->preshared_key);
    if (device->invite_until != 0)
        g_string_append_printf(out, "InvitedUntil = %" G_GINT64_FORMAT "\n",
                               device->invite_until);
    g_string_append_printf(out, "Kind = %s\nPublish = %s\n", kind_name(device),
                           device->may_publish ? "yes" : "no");
    put_prefixes(out, "Routes", device->routes, device->n_routes);
    put_addr(out, "Wan", &device->wan4);
}

static void
put_publish(GString *out, const AditModel *model, const AditPublish *publish)
{
    gboolean v4 = publish->family == AF_INET;

    g_string_append_printf(out, "\n[%s]\n%s = ", v4 ? "Forward" : "Pinhole",
                           v4 ? "External" : "Port");
    if (v4 && adit_addr_is_set(&publish->external)) {
        g_autofree char *addr = adit_addr_to_string(&publish->external);

        g_string_append_printf(out, "%s:", addr);
    }
    g_string_append_printf(out, "%u", publish->first);
    if (publish->last != publish->first)
        g_string_append_printf(out, "-%u", publish->last);
    g_string_append_printf(
        out, "\nProtocol = %s\nDevice = %s\n%s = %u\nEnabled = %s\n",
        adit_proto_name(publish->proto), adit_model_device(model, publish->device)->name,
        v4 ? "Port" : "Internal", publish->internal, publish->enabled ? "yes" : "no");
    if (publish->redirect != ADIT_REDIRECT_NONE)
        put_text(out, "Redirect80", adit_redirect_name(publish->redirect));
    if (publish->owner != ADIT_OWNER_OPERATOR)
        put_text(out, "Owner", adit_owner_name(publish->owner));
    put_text(out, "Label", publish->label);
    put_prefixes(out, "AllowFrom", publish->allow_from, publish->n_allow_from);
}

char *
adit_config_to_string(const AditModel *model)
{
    GString *out = g_string_new(NULL);
    char *text;

    put_server(out, model);
    for (guint i = 0; i < model->subnets->len; i++)
        put_subnet(out, adit_model_subnet(model, i));
    for (guint i = 0; i < model->devices->len; i++)
        put_device(out, model, adit_model_device(model, i));
    for (guint i = 0; i < model->publishes->len; i++)
        put_publish(out, model, adit_model_publish(model, i));
    text = g_memdup2(out->str, out->len + 1);
    sodium_memzero(out->str, out->len);
    g_string_free(out, TRUE);
    return text;
}

/* -- the difference -- */

static char *
describe_server(const AditModel *model)
{
    AditKey public_key;
    g_autofree char *key = NULL;

    adit_key_public(&model->private_key, &public_key);
    key = adit_key_to_string(&public_key);
    return g_strdup_printf("server %s port %u mtu %u%s%s%s%s", key, model->listen_port,
                           model->mtu, model->endpoint ? " endpoint " : "",
                           model->endpoint ? model->endpoint : "", model->wan ? " wan " : "",
                           model->wan ? model->wan : "");
}

/* "[Subnet]\nName = home\nNetwork = ..." in one line. Of a secret only so much is told that two
 * can be seen to differ. */
static char *
one_line(GString *block)
{
    g_auto(GStrv) rows = g_strsplit(block->str, "\n", -1);
    GString *line = g_string_new(NULL);

    for (guint i = 0; rows[i]; i++) {
        char *equals = strstr(rows[i], " = ");

        if (*rows[i] == '[') {
            g_autofree char *word = g_ascii_strdown(rows[i] + 1, (gssize)strlen(rows[i]) - 2);

            g_string_append(line, word);
        } else if (equals && g_str_has_prefix(rows[i], "PresharedKey")) {
            g_autofree char *mark =
                g_compute_checksum_for_string(G_CHECKSUM_SHA256, equals + 3, -1);

            g_string_append_printf(line, " PresharedKey (hidden, %.8s)", mark);
        } else if (equals) {
            *equals = '\0';
            g_string_append_printf(line, " %s %s", rows[i], equals + 3);
        }
    }
    sodium_memzero(block->str, block->len);
    g_string_free(block, TRUE);
    return g_string_free(line, FALSE);
}

static void
add_line(GPtrArray *lines, GString *block)
{
    g_ptr_array_add(lines, one_line(block));
}

static GPtrArray *
describe(const AditModel *model)
{
    GPtrArray *lines = g_ptr_array_new_with_free_func(g_free);

    if (!adit_key_is_zero(&model->private_key))
        g_ptr_array_add(lines, describe_server(model));
    for (guint i = 0; i < model->subnets->len; i++) {
        GString *block = g_string_new(NULL);

        put_subnet(block, adit_model_subnet(model, i));
        add_line(lines, block);
    }
    for (guint i = 0; i < model->devices->len; i++) {
        GString *block = g_string_new(NULL);

        put_device(block, model, adit_model_device(model, i));
        add_line(lines, block);
    }
    for (guint i = 0; i < model->publishes->len; i++) {
        GString *block = g_string_new(NULL);

        put_publish(block, model, adit_model_publish(model, i));
        add_line(lines, block);
    }
    return lines;
}

/* Lines of @a that @b has not. */
static void
put_missing(GString *out, char sign, const GPtrArray *a, const GPtrArray *b)
{
    g_autoptr(GHashTable) known = g_hash_table_new(g_str_hash, g_str_equal);

    for (guint i = 0; i < b->len; i++)
        g_hash_table_add(known, g_ptr_array_index(b, i));
    for (guint i = 0; i < a->len; i++)
        if (!g_hash_table_contains(known, g_ptr_array_index(a, i)))
            g_string_append_printf(out, "%c %s\n", sign, (char *)g_ptr_array_index(a, i));
}

char *
adit_config_difference(const AditModel *now, const AditModel *next)
{
    g_autoptr(GPtrArray) a = describe(now);
    g_autoptr(GPtrArray) b = describe(next);
    GString *out = g_string_new(NULL);

    put_missing(out, '-', a, b);
    put_missing(out, '+', b, a);
    return g_string_free(out, FALSE);
}
