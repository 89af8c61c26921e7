/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/error.h"
#include "tunnel-server/edit.h"

#include <string.h>
#include <sys/socket.h>

/* Every address somebody has; borrowed from @model. */
static GHashTable *
taken_addresses(const AditModel *model)
{
    GHashTable *taken = g_hash_table_new(adit_addr_hash, adit_addr_equal);

    for (guint i = 0; i < model->n_taken; i++)
        g_hash_table_add(taken, &model->taken[i]);
    g_hash_table_add(taken, (gpointer)&model->router6);
    for (guint i = 0; i < model->subnets->len; i++) {
        const AditSubnet *subnet = adit_model_subnet(model, i);

        g_hash_table_add(taken, (gpointer)&subnet->server4);
        g_hash_table_add(taken, (gpointer)&subnet->server6);
        g_hash_table_add(taken, (gpointer)&subnet->vacant6);
    }
    for (guint i = 0; i < model->devices->len; i++) {
        const AditDeviceEntry *device = adit_model_device(model, i);

        g_hash_table_add(taken, (gpointer)&device->addr4);
        g_hash_table_add(taken, (gpointer)&device->addr6);
    }
    return taken;
}

/* How far to look: past everything taken, and once around the host bits of a small IPv6 block,
 * which repeat. What is not free by then is free nowhere. */
static guint64
look_until(const AditSubnet *subnet, guint n_taken)
{
    guint64 size = G_GUINT64_CONSTANT(1) << (32 - subnet->net4.len);
    guint bits = subnet->net6.len ? 128 - subnet->net6.len : 0;
    guint64 around = bits == 0 || bits >= 32 ? 0 : G_GUINT64_CONSTANT(1) << MIN(bits, 24);

    return MIN(size - 1, n_taken + around + 16);
}

gboolean
adit_edit_suggest_address(const AditModel *model, guint index, AditAddr *ret)
{
    const AditSubnet *subnet = adit_model_subnet(model, index);
    g_autoptr(GHashTable) taken = taken_addresses(model);
    guint64 end = look_until(subnet, g_hash_table_size(taken));

    for (guint64 n = 2; n < end; n++) {
        AditAddr addr4, addr6 = { 0 };

        if (!adit_prefix_nth(&subnet->net4, n, &addr4))
            return FALSE;
        if (subnet->net6.len > 0)
            addr6 = adit_prefix_embed(&subnet->net6, &addr4);
        /* The first address of a block belongs to its routers (RFC 4291, 2.6.1). */
        if (g_hash_table_contains(taken, &addr4) ||
            (adit_addr_is_set(&addr6) && (g_hash_table_contains(taken, &addr6) ||
                                          adit_addr_cmp(&addr6, &subnet->net6.addr) == 0)))
            continue;
        *ret = addr4;
        return TRUE;
    }
    return FALSE;
}

gboolean
adit_edit_set_routes(AditDeviceEntry *device, const char *const *routes, GError **error)
{
    g_autoptr(GArray) list = g_array_new(FALSE, FALSE, sizeof(AditPrefix));

    for (guint i = 0; routes && routes[i]; i++) {
        AditPrefix net;

        if (!adit_prefix_parse(routes[i], &net, error)) {
            g_autofree char *quoted = adit_error_quote(routes[i]);

            g_prefix_error(error, "%s: ", quoted);
            return FALSE;
        }
        net = adit_prefix_network(&net);
        g_array_append_val(list, net);
    }
    g_free(device->routes);
    device->n_routes = list->len;
    device->routes = g_memdup2(list->data, list->len * sizeof(AditPrefix));
    return TRUE;
}

static gboolean
choose_subnet(const AditModel *model, const char *word, guint *ret, GError **error)
{
    if (*word)
        return adit_edit_find_subnet(model, word, ret, error);
    if (model->subnets->len == 0) {
        g_set_error_literal(error, ADIT_ERROR, ADIT_ERROR_NOT_FOUND,
                            "no subnet yet: adit-server setup");
        return FALSE;
    }
    if (model->subnets->len > 1) {
        g_set_error_literal(error, ADIT_ERROR, ADIT_ERROR_CONFIG,
                            "there are several subnets: choose one by --subnet");
        return FALSE;
    }
    *ret = 0;
    return TRUE;
}

static gboolean
choose_address(const AditModel *model, guint subnet, const char *text, AditAddr *ret,
               GError **error)
{
    if (!*text) {
        if (adit_edit_suggest_address(model, subnet, ret))
            return TRUE;
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_DENIED, "%s: no address left%s",
                    adit_model_subnet(model, subnet)->name,
                    adit_model_subnet(model, subnet)->net6.len
                        ? " of which the IPv6 twin is free: take a larger prefix"
                        : "");
        return FALSE;
    }
    if (adit_addr_parse(text, ret, NULL) && ret->family == AF_INET)
        return TRUE;
    g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG, "%s: not an IPv4 address", text);
    return FALSE;
}

gboolean
adit_edit_add_device(AditModel *model, const AditDeviceWish *wish, GError **error)
{
    AditDeviceEntry *device;
    AditAddr address;
    guint subnet;

    if (!adit_edit_check_name(wish->name, error)) {
        g_autofree char *quoted = adit_error_quote(wish->name);

        g_prefix_error(error, "%s: ", quoted);
        return FALSE;
    }
    if (!choose_subnet(model, wish->subnet, &subnet, error) ||
        !choose_address(model, subnet, wish->address, &address, error))
        return FALSE;
    device = adit_model_add_device(model);
    device->name = g_strdup(wish->name);
    device->subnet = subnet;
    device->addr4 = address;
    device->kind = wish->kind;
    device->public_key = wish->public_key;
    device->preshared_key = wish->preshared_key;
    device->invite_until = wish->invite_until;
    return adit_edit_set_routes(device, wish->routes, error);
}
