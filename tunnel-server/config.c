/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/config.h"

#include "libadit/core/conf.h"
#include "libadit/core/error.h"
#include "libadit/core/number.h"
#include "tunnel-server/edit.h"

#include <string.h>
#include <sys/socket.h>

typedef struct {
    AditModel *model;
    AditSubnet *subnet;
    AditDeviceEntry *device;
    AditPublish *publish;
    gboolean has_server; /* of which there is one */
} Place;

typedef gboolean (*Setter)(Place *at, const char *value, GError **error);

static gboolean
refuse(GError **error, const char *why)
{
    g_set_error_literal(error, ADIT_ERROR, ADIT_ERROR_CONFIG, why);
    return FALSE;
}

static gboolean
parse_number(const char *value, guint64 min, guint64 max, guint64 *ret, GError **error)
{
    if (!adit_number_parse(value, 10, min, max, ret)) {
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG,
                    "not a number from %" G_GUINT64_FORMAT " to %" G_GUINT64_FORMAT, min, max);
        return FALSE;
    }
    return TRUE;
}

static gboolean
parse_ports(const char *value, guint16 *ret_first, guint16 *ret_last, GError **error)
{
    g_auto(GStrv) ends = g_strsplit(value, "-", 2);
    guint64 first, last;

    if (!ends[0] || !parse_number(ends[0], 1, 65535, &first, error))
        return ends[0] ? FALSE : refuse(error, "a port is missing");
    last = first;
    if (ends[1] && !parse_number(ends[1], 1, 65535, &last, error))
        return FALSE;
    if (last < first)
        return refuse(error, "the range ends before it begins");
    *ret_first = (guint16)first;
    *ret_last = (guint16)last;
    return TRUE;
}

static gboolean
parse_bool(const char *value, gboolean *ret, GError **error)
{
    if (!g_str_equal(value, "yes") && !g_str_equal(value, "no"))
        return refuse(error, "neither yes nor no");
    *ret = g_str_equal(value, "yes");
    return TRUE;
}

static gboolean
parse_prefixes(const char *value, AditPrefix **ret, guint *ret_n, GError **error)
{
    g_auto(GStrv) words = g_strsplit_set(value, ", ", -1);
    g_autoptr(GArray) list = g_array_new(FALSE, FALSE, sizeof(AditPrefix));

    for (guint i = 0; words[i]; i++) {
        AditPrefix prefix;

        if (*words[i] == '\0')
            continue;
        if (!adit_prefix_parse(words[i], &prefix, error))
            return FALSE;
        prefix = adit_prefix_network(&prefix);
        g_array_append_val(list, prefix);
    }
    *ret_n = list->len;
    *ret = g_memdup2(list->data, list->len * sizeof(AditPrefix));
    return TRUE;
}

static gboolean
parse_name(const char *value, char **ret, GError **error)
{
    if (!adit_edit_check_name(value, error))
        return FALSE;
    *ret = g_strdup(value);
    return TRUE;
}

static gboolean
set_private_key(Place *at, const char *value, GError **error)
{
    return adit_key_parse(value, &at->model->private_key, error);
}

static gboolean
set_listen_port(Place *at, const char *value, GError **error)
{
    guint64 number;

    if (!parse_number(value, 1, 65535, &number, error))
        return FALSE;
    at->model->listen_port = (guint16)number;
    return TRUE;
}

static gboolean
set_mtu(Place *at, const char *value, GError **error)
{
    guint64 number;

    if (!parse_number(value, 1280, 65535, &number, error))
        return FALSE;
    at->model->mtu = (guint32)number;
    return TRUE;
}

static gboolean
set_endpoint(Place *at, const char *value, GError **error)
{
    g_auto(AditEndpoint) endpoint = { 0 };

    if (!adit_endpoint_parse(value, &endpoint, error))
        return FALSE;
    at->model->endpoint = g_strdup(value);
    return TRUE;
}

static gboolean
set_wan(Place *at, const char *value, GError **error)
{
    if (strlen(value) >= 16 || strpbrk(value, "/ ") || *value == '\0')
        return refuse(error, "not an interface name");
    at->model->wan = g_strdup(value);
    return TRUE;
}

static gboolean
set_subnet_name(Place *at, const char *value, GError **error)
{
    return parse_name(value, &at->subnet->name, error);
}

static gboolean
set_network(Place *at, const char *value, GError **error)
{
    AditPrefix prefix;

    if (!adit_prefix_parse(value, &prefix, error))
        return FALSE;
    if (prefix.addr.family != AF_INET || prefix.len < 8 || prefix.len > 30 ||
        !adit_addr_is_private(&prefix.addr))
        return refuse(error, "not a private IPv4 network of /8 to /30");
    at->subnet->net4 = adit_prefix_network(&prefix);
    return TRUE;
}

static gboolean
set_ipv6(Place *at, const char *value, GError **error)
{
    AditPrefix prefix;

    if (!adit_prefix_parse(value, &prefix, error))
        return FALSE;
    if (prefix.addr.family != AF_INET6 || prefix.len < 16 || prefix.len > 124 ||
        !adit_addr_is_global(&prefix.addr))
        return refuse(error, "not a public IPv6 prefix of /16 to /124");
    at->subnet->net6 = adit_prefix_network(&prefix);
    return TRUE;
}

static gboolean
set_ipv6_auto(Place *at, const char *value, GError **error)
{
    return parse_bool(value, &at->subnet->auto6, error);
}

static gboolean
parse_wan(const char *value, AditAddr *ret, GError **error)
{
    if (!adit_addr_parse(value, ret, error))
        return FALSE;
    return ret->family == AF_INET || refuse(error, "not an IPv4 address");
}

static gboolean
set_subnet_wan(Place *at, const char *value, GError **error)
{
    return parse_wan(value, &at->subnet->wan4, error);
}

static gboolean
set_device_wan(Place *at, const char *value, GError **error)
{
    return parse_wan(value, &at->device->wan4, error);
}

static gboolean
set_dns(Place *at, const char *value, GError **error)
{
    g_auto(GStrv) words = g_strsplit_set(value, ", ", -1);
    g_autoptr(GArray) list = g_array_new(FALSE, FALSE, sizeof(AditAddr));

    for (guint i = 0; words[i]; i++) {
        AditAddr addr;

        if (*words[i] == '\0')
            continue;
        if (!adit_addr_parse(words[i], &addr, error))
            return FALSE;
        g_array_append_val(list, addr);
    }
    at->subnet->n_dns = list->len;
    at->subnet->dns = g_memdup2(list->data, list->len * sizeof(AditAddr));
    return TRUE;
}

static gboolean
set_device_name(Place *at, const char *value, GError **error)
{
    return parse_name(value, &at->device->name, error);
}

static gboolean
set_device_subnet(Place *at, const char *value, GError **error)
{
    return adit_model_find_subnet(at->model, value, &at->device->subnet) ||
           refuse(error, "no such subnet above");
}

static gboolean
set_address(Place *at, const char *value, GError **error)
{
    if (!adit_addr_parse(value, &at->device->addr4, error))
        return FALSE;
    return at->device->addr4.family == AF_INET || refuse(error, "not an IPv4 address");
}

static gboolean
set_public_key(Place *at, const char *value, GError **error)
{
    return adit_key_parse(value, &at->device->public_key, error);
}

static gboolean
set_preshared_key(Place *at, const char *value, GError **error)
{
    return adit_key_parse(value, &at->device->preshared_key, error);
}

static gboolean
set_invited_until(Place *at, const char *value, GError **error)
{
    guint64 until;

    if (!parse_number(value, 1, G_MAXINT64, &until, error))
        return FALSE;
    at->device->invite_until = (gint64)until;
    return TRUE;
}

static gboolean
set_kind(Place *at, const char *value, GError **error)
{
    if (!g_str_equal(value, "server") && !g_str_equal(value, "client"))
        return refuse(error, "neither server nor client");
    at->device->kind = g_str_equal(value, "server") ? ADIT_DEVICE_SERVER : ADIT_DEVICE_CLIENT;
    return TRUE;
}

static gboolean
set_may_publish(Place *at, const char *value, GError **error)
{
    return parse_bool(value, &at->device->may_publish, error);
}

static gboolean
set_routes(Place *at, const char *value, GError **error)
{
    return parse_prefixes(value, &at->device->routes, &at->device->n_routes, error);
}

/* PORT[-PORT] or ADDR:PORT[-PORT]. */
static gboolean
set_external(Place *at, const char *value, GError **error)
{
    const char *colon = strrchr(value, ':');

    if (colon) {
        g_autofree char *addr = g_strndup(value, (gsize)(colon - value));

        if (!adit_addr_parse(addr, &at->publish->external, error))
            return FALSE;
        if (at->publish->external.family != AF_INET)
            return refuse(error, "not an IPv4 address (IPv6 takes a [Pinhole])");
    }
    return parse_ports(colon ? colon + 1 : value, &at->publish->first, &at->publish->last,
                       error);
}

static gboolean
set_ports(Place *at, const char *value, GError **error)
{
    return parse_ports(value, &at->publish->first, &at->publish->last, error);
}

static gboolean
set_protocol(Place *at, const char *value, GError **error)
{
    return adit_proto_parse(value, &at->publish->proto) ||
           refuse(error, "neither tcp, udp nor both");
}

static gboolean
set_publish_device(Place *at, const char *value, GError **error)
{
    return adit_model_find_device(at->model, value, &at->publish->device) ||
           refuse(error, "no such device above");
}

static gboolean
set_internal(Place *at, const char *value, GError **error)
{
    guint64 number;

    if (!parse_number(value, 1, 65535, &number, error))
        return FALSE;
    at->publish->internal = (guint16)number;
    return TRUE;
}

static gboolean
set_label(Place *at, const char *value, GError **error)
{
    if (strlen(value) > 255)
        return refuse(error, "longer than 255 bytes");
    at->publish->label = *value ? g_strdup(value) : NULL;
    return TRUE;
}

static gboolean
set_allow_from(Place *at, const char *value, GError **error)
{
    return parse_prefixes(value, &at->publish->allow_from, &at->publish->n_allow_from, error);
}

static gboolean
set_redirect(Place *at, const char *value, GError **error)
{
    return adit_redirect_parse(value, &at->publish->redirect) ||
           refuse(error, "neither no, https nor port");
}

static gboolean
set_owner(Place *at, const char *value, GError **error)
{
    return adit_owner_parse(value, &at->publish->owner) ||
           refuse(error, "neither operator, device nor held");
}

static gboolean
set_enabled(Place *at, const char *value, GError **error)
{
    return parse_bool(value, &at->publish->enabled, error);
}

typedef struct {
    const char *section;
    const char *key;
    Setter set;
    gboolean required;
} Key;

static const Key keys[] = {
    { "Server", "PrivateKey", set_private_key, TRUE },
    { "Server", "ListenPort", set_listen_port },
    { "Server", "Endpoint", set_endpoint },
    { "Server", "Wan", set_wan },
    { "Server", "MTU", set_mtu },
    { "Subnet", "Name", set_subnet_name, TRUE },
    { "Subnet", "Network", set_network, TRUE },
    { "Subnet", "IPv6", set_ipv6 },
    { "Subnet", "IPv6Auto", set_ipv6_auto },
    { "Subnet", "Wan", set_subnet_wan },
    { "Subnet", "DNS", set_dns },
    { "Device", "Name", set_device_name, TRUE },
    { "Device", "Subnet", set_device_subnet, TRUE },
    { "Device", "Address", set_address, TRUE },
    { "Device", "PublicKey", set_public_key, TRUE },
    { "Device", "PresharedKey", set_preshared_key },
    { "Device", "InvitedUntil", set_invited_until },
    { "Device", "Kind", set_kind },
    { "Device", "Publish", set_may_publish },
    { "Device", "Routes", set_routes },
    { "Device", "Wan", set_device_wan },
    { "Forward", "External", set_external, TRUE },
    { "Forward", "Protocol", set_protocol },
    { "Forward", "Device", set_publish_device, TRUE },
    { "Forward", "Port", set_internal },
    { "Forward", "Label", set_label },
    { "Forward", "AllowFrom", set_allow_from },
    { "Forward", "Redirect80", set_redirect },
    { "Forward", "Enabled", set_enabled },
    { "Forward", "Owner", set_owner },
    { "Pinhole", "Port", set_ports, TRUE },
    { "Pinhole", "Protocol", set_protocol },
    { "Pinhole", "Device", set_publish_device, TRUE },
    { "Pinhole", "Internal", set_internal },
    { "Pinhole", "Label", set_label },
    { "Pinhole", "AllowFrom", set_allow_from },
    { "Pinhole", "Redirect80", set_redirect },
    { "Pinhole", "Enabled", set_enabled },
    { "Pinhole", "Owner", set_owner },
};

static gboolean
open_section(Place *at, const char *section, GError **error)
{
    if (g_str_equal(section, "Server")) {
        if (at->has_server)
            return refuse(error, "given twice");
        at->has_server = TRUE;
        return TRUE;
    }
    if (g_str_equal(section, "Subnet")) {
        at->subnet = adit_model_add_subnet(at->model);
        return TRUE;
    }
    if (g_str_equal(section, "Device")) {
        at->device = adit_model_add_device(at->model);
        return TRUE;
    }
    if (g_str_equal(section, "Forward") || g_str_equal(section, "Pinhole")) {
        at->publish = adit_model_add_publish(at->model);
        at->publish->family = *section == 'F' ? AF_INET : AF_INET6;
        return TRUE;
    }
    return refuse(error, "unknown section");
}

static const Key *
find_key(const AditConfToken *token)
{
    for (guint i = 0; i < G_N_ELEMENTS(keys); i++)
        if (g_str_equal(keys[i].section, token->section) &&
            g_str_equal(keys[i].key, token->key))
            return &keys[i];
    return NULL;
}

/* One section: tokens[first] is its header. Every key once, the required ones present. */
static gboolean
read_section(Place *at, const char *name, const AditConf *conf, guint first, GError **error)
{
    const AditConfToken *header = &conf->tokens[first];
    guint64 seen = 0;

    if (!open_section(at, header->section, error)) {
        g_prefix_error(error, "%s:%u: [%s]: ", name, header->line, header->section);
        return FALSE;
    }
    for (guint i = first + 1; i < conf->n_tokens && conf->tokens[i].key; i++) {
        const AditConfToken *token = &conf->tokens[i];
        const Key *key = find_key(token);
        guint64 bit = key ? G_GUINT64_CONSTANT(1) << (key - keys) : 0;

        if (!key || seen & bit) {
            g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG, "%s:%u: %s: %s in [%s]", name,
                        token->line, token->key, key ? "given twice" : "unknown key",
                        token->section);
            return FALSE;
        }
        if (!key->set(at, token->value, error)) {
            g_prefix_error(error, "%s:%u: %s: ", name, token->line, token->key);
            return FALSE;
        }
        seen |= bit;
    }
    for (guint i = 0; i < G_N_ELEMENTS(keys); i++)
        if (keys[i].required && g_str_equal(keys[i].section, header->section) &&
            !(seen & G_GUINT64_CONSTANT(1) << i)) {
            g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG, "%s:%u: [%s]: %s is missing",
                        name, header->line, header->section, keys[i].key);
            return FALSE;
        }
    return TRUE;
}

static gboolean
finish(AditModel *model, const char *name, GError **error)
{
    for (guint i = 0; i < model->publishes->len; i++) {
        AditPublish *publish = g_ptr_array_index(adit_model_own_publishes(model), i);

        if (publish->internal == 0)
            publish->internal = publish->first;
        if (publish->internal + (publish->last - publish->first) > 65535) {
            g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG,
                        "%s: port %u: the range passes 65535 on the device", name,
                        publish->first);
            return FALSE;
        }
    }
    if (adit_key_is_zero(&model->private_key)) {
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG, "%s: [Server]: missing", name);
        return FALSE;
    }
    if (!adit_model_settle(model, error)) {
        g_prefix_error(error, "%s: ", name);
        return FALSE;
    }
    return TRUE;
}

AditModel *
adit_config_parse(const char *name, const char *bytes, gsize len, GError **error)
{
    g_autoptr(AditConf) conf = adit_conf_parse(name, bytes, len, error);
    g_autoptr(AditModel) model = adit_model_new();
    Place at = { .model = model };

    if (!conf)
        return NULL;
    for (guint i = 0; i < conf->n_tokens; i++)
        if (!conf->tokens[i].key && !read_section(&at, name, conf, i, error))
            return NULL;
    if (!finish(model, name, error))
        return NULL;
    return g_steal_pointer(&model);
}
