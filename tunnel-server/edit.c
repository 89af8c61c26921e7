/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/edit.h"

#include "libadit/core/error.h"

#include <string.h>
#include <sys/socket.h>

static gboolean
missing(GError **error, const char *word, const char *what, const char *list)
{
    g_autofree char *quoted = adit_error_quote(word);

    g_set_error(error, ADIT_ERROR, ADIT_ERROR_NOT_FOUND, "%s: no such %s: see adit-server %s",
                quoted, what, list);
    return FALSE;
}

gboolean
adit_edit_find_subnet(const AditModel *model, const char *word, guint *ret, GError **error)
{
    AditPrefix net;
    gboolean is_net = adit_prefix_parse(word, &net, NULL);

    if (adit_model_find_subnet(model, word, ret))
        return TRUE;
    for (guint i = 0; is_net && i < model->subnets->len; i++) {
        AditPrefix wanted = adit_prefix_network(&net);

        if (adit_prefix_cmp(&adit_model_subnet(model, i)->net4, &wanted) == 0) {
            *ret = i;
            return TRUE;
        }
    }
    return missing(error, word, "subnet", "subnet list");
}

gboolean
adit_edit_find_device(const AditModel *model, const char *name, guint *ret, GError **error)
{
    return adit_model_find_device(model, name, ret) ||
           missing(error, name, "device", "device list");
}

/* A name goes into KEYs, file names and messages. */
gboolean
adit_edit_check_name(const char *name, GError **error)
{
    static const char good[] =
        "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    gsize len = strspn(name, good);

    if (len > 0 && name[len] == '\0' && len <= 63 && *name != '.' && *name != '-')
        return TRUE;
    g_set_error_literal(error, ADIT_ERROR, ADIT_ERROR_CONFIG,
                        "not a name (letters, digits, '-', '_', '.'; at most 63)");
    return FALSE;
}

/* check_name() for a word that the message has to show. */
static gboolean
check_name(const char *name, GError **error)
{
    g_autofree char *quoted = adit_error_quote(name);

    if (adit_edit_check_name(name, error))
        return TRUE;
    g_prefix_error(error, "%s: ", quoted);
    return FALSE;
}

static gboolean
refuse(GError **error, const char *what, const char *why)
{
    g_autofree char *quoted = adit_error_quote(what);

    g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG, "%s: %s", quoted, why);
    return FALSE;
}

static gboolean
parse_prefix(const char *text, AditPrefix *ret, GError **error)
{
    g_autofree char *quoted = adit_error_quote(text);

    if (!adit_prefix_parse(text, ret, error)) {
        g_prefix_error(error, "%s: ", quoted);
        return FALSE;
    }
    *ret = adit_prefix_network(ret);
    return TRUE;
}

/* "home", or "home2" where that is taken. */
static char *
free_subnet_name(const AditModel *model)
{
    g_autofree char *name = g_strdup("home");
    guint at;

    for (guint n = 2; adit_model_find_subnet(model, name, &at); n++) {
        g_free(name);
        name = g_strdup_printf("home%u", n);
    }
    return g_steal_pointer(&name);
}

gboolean
adit_edit_add_subnet(AditModel *model, const char *network, const char *name, GError **error)
{
    AditPrefix net;
    AditSubnet *subnet;

    if (!parse_prefix(network, &net, error) || (*name && !check_name(name, error)))
        return FALSE;
    if (net.addr.family != AF_INET || net.len < 8 || net.len > 30 ||
        !adit_addr_is_private(&net.addr))
        return refuse(error, network, "not a private IPv4 network of /8 to /30");
    subnet = adit_model_add_subnet(model);
    subnet->net4 = net;
    subnet->name = *name ? g_strdup(name) : NULL;
    if (!subnet->name) {
        g_ptr_array_steal_index(model->subnets, model->subnets->len - 1);
        subnet->name = free_subnet_name(model);
        g_ptr_array_add(model->subnets, subnet);
    }
    return TRUE;
}

gboolean
adit_edit_remove_subnet(AditModel *model, const char *word, GError **error)
{
    guint at, n = 0;

    if (!adit_edit_find_subnet(model, word, &at, error))
        return FALSE;
    for (guint i = 0; i < model->devices->len; i++)
        n += adit_model_device(model, i)->subnet == at;
    if (n > 0) {
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_DENIED,
                    "%s: has %u %s: remove them first: adit-server device remove NAME",
                    adit_model_subnet(model, at)->name, n, n == 1 ? "device" : "devices");
        return FALSE;
    }
    adit_model_remove_subnet(model, at);
    return TRUE;
}

static gboolean
is_free_network(const AditModel *model, const AditPrefix *net, const AditNetworkWish *wish)
{
    AditAddr server4, server6;

    for (guint i = 0; i < model->subnets->len; i++)
        if (adit_prefix_overlaps(net, &adit_model_subnet(model, i)->net4))
            return FALSE;
    for (guint i = 0; i < wish->facts->n_wan_prefixes; i++)
        if (adit_prefix_overlaps(net, &wish->facts->wan_prefixes[i]))
            return FALSE;
    if (wish->net6.len == 0 || !adit_prefix_nth(net, 1, &server4))
        return TRUE;
    server6 = adit_prefix_embed(&wish->net6, &server4);
    return !adit_server_facts_holder(wish->facts, &server6);
}

/* 10.59.x.0/24: few homes have it, so that a tunnel seldom hides a LAN. In a block of sixteen
 * addresses the server of every /24 has ::1, that of 10.59.x.8/29 has ::9. */
gboolean
adit_edit_suggest_network(const AditModel *model, const AditNetworkWish *wish, AditPrefix *ret)
{
    for (guint8 len = 24; len <= 30; len++)
        for (guint n = 0; n < 256U << (len - 24); n++) {
            const guint low = n % (1U << (len - 24)) << (32 - len);
            const guint8 bytes[4] = { 10, 59, (guint8)(wish->dice + (n >> (len - 24))),
                                      (guint8)low };
            AditAddr addr = adit_addr_from_bytes(AF_INET, bytes);
            AditPrefix net = adit_prefix_make(&addr, len);

            if (is_free_network(model, &net, wish)) {
                *ret = net;
                return TRUE;
            }
        }
    return FALSE;
}

static const char *
why_no_gua(const AditPrefix *net)
{
    if (net->addr.family != AF_INET6)
        return "not an IPv6 prefix";
    if (adit_addr_is_unspecified(&net->addr))
        return "the unspecified address is nobody's";
    if (adit_addr_is_loopback(&net->addr))
        return "loopback addresses stay on one machine";
    if (adit_addr_is_multicast(&net->addr))
        return "multicast addresses are groups, not machines";
    if (adit_addr_is_link_local(&net->addr))
        return "link-local addresses stay on one link";
    if (!adit_addr_is_global(&net->addr))
        return "not a public IPv6 prefix (2000::/3)";
    if (net->len < 16 || net->len > 124)
        return "a prefix of /16 to /124 is wanted";
    return NULL;
}

gboolean
adit_edit_set_ipv6(AditModel *model, const char *word, const char *prefix, AditPrefix *ret,
                   GError **error)
{
    AditPrefix net = { 0 };
    AditSubnet *subnet;
    const char *why;
    guint at;

    if (!adit_edit_find_subnet(model, word, &at, error))
        return FALSE;
    if (*prefix) {
        if (!strchr(prefix, '/'))
            return refuse(error, prefix, "its length is missing (as in 2001:db8:1::/64)");
        if (!parse_prefix(prefix, &net, error))
            return FALSE;
        why = why_no_gua(&net);
        if (why)
            return refuse(error, prefix, why);
    }
    subnet = g_ptr_array_index(model->subnets, at);
    subnet->net6 = net;
    subnet->auto6 = FALSE;
    *ret = net;
    return TRUE;
}

/* Who wants a network now has it. */
static void
give_way(AditModel *model, const AditPrefix *net)
{
    for (guint i = 0; i < model->subnets->len; i++) {
        AditSubnet *subnet = g_ptr_array_index(model->subnets, i);

        if (subnet->old6.len > 0 && adit_prefix_overlaps(&subnet->old6, net))
            memset(&subnet->old6, 0, sizeof(subnet->old6));
    }
}

void
adit_edit_keep_old(AditModel *model, guint at, const AditPrefix *before, gint64 until_s)
{
    AditSubnet *subnet = g_ptr_array_index(model->subnets, at);

    if (adit_prefix_cmp(&subnet->net6, before) == 0)
        return;
    /* Who takes IPv6 away wants it closed. */
    subnet->old6 = subnet->net6.len > 0 ? *before : subnet->net6;
    subnet->old6_until = until_s;
    if (subnet->net6.len > 0)
        give_way(model, &subnet->net6);
}

static gboolean
parse_wan(const char *addr, AditAddr *ret, GError **error)
{
    AditAddr wan = { 0 };

    if (*addr && (!adit_addr_parse(addr, &wan, NULL) || wan.family != AF_INET))
        return refuse(error, addr, "not an IPv4 address");
    *ret = wan;
    return TRUE;
}

gboolean
adit_edit_set_wan(AditModel *model, const char *word, const char *addr, GError **error)
{
    AditSubnet *subnet;
    guint at;

    if (!adit_edit_find_subnet(model, word, &at, error))
        return FALSE;
    subnet = g_ptr_array_index(model->subnets, at);
    return parse_wan(addr, &subnet->wan4, error);
}

gboolean
adit_edit_set_device_wan(AditModel *model, const char *name, const char *addr, GError **error)
{
    AditDeviceEntry *device;
    guint at;

    if (!adit_edit_find_device(model, name, &at, error))
        return FALSE;
    device = g_ptr_array_index(model->devices, at);
    return parse_wan(addr, &device->wan4, error);
}

gboolean
adit_edit_set_dns(AditModel *model, const char *word, const char *const *servers,
                  GError **error)
{
    g_autoptr(GArray) list = g_array_new(FALSE, FALSE, sizeof(AditAddr));
    AditSubnet *subnet;
    guint at;

    if (!adit_edit_find_subnet(model, word, &at, error))
        return FALSE;
    for (guint i = 0; servers[i]; i++) {
        AditAddr addr;

        if (!adit_addr_parse(servers[i], &addr, NULL))
            return refuse(error, servers[i], "not an IP address");
        g_array_append_val(list, addr);
    }
    subnet = g_ptr_array_index(model->subnets, at);
    g_free(subnet->dns);
    subnet->n_dns = list->len;
    subnet->dns = g_memdup2(list->data, list->len * sizeof(AditAddr));
    return TRUE;
}
