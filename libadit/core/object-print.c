/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/state.h"

#include <sys/socket.h>

/* Each object as the command a person would type to make, change or remove it. The nft sentence
 * leaves the table out, a client's or a server's, and shows key and data as bytes in fours:
 * only the blueprint of the table (wire/nft.h) knows what a set holds. User data
 * is left out: it carries PCP nonces, and whoever knows a nonce owns the mapping. */

#define MAIN_TABLE 254

static const char *
pick(AditOpVerb verb, const char *add, const char *change, const char *del)
{
    switch (verb) {
    case ADIT_OP_ADD: return add;
    case ADIT_OP_CHANGE: return change;
    case ADIT_OP_DELETE: return del;
    }
    g_assert_not_reached();
}

static void
append_addr(GString *out, const char *word, const AditAddr *addr)
{
    g_autofree char *text = NULL;

    if (!adit_addr_is_set(addr))
        return;
    text = adit_addr_to_string(addr);
    g_string_append_printf(out, " %s %s", word, text);
}

static void
append_prefix(GString *out, const char *word, const AditPrefix *prefix)
{
    g_autofree char *text = NULL;

    if (!adit_addr_is_set(&prefix->addr))
        return;
    text = adit_prefix_to_string(prefix);
    g_string_append_printf(out, " %s %s", word, text);
}

static void
append_name(GString *out, const char *word, const char *name)
{
    if (name[0] != '\0')
        g_string_append_printf(out, " %s %.*s", word, ADIT_NAME_LEN, name);
}

static char
family_digit(guint8 family)
{
    return family == AF_INET6 ? '6' : '4';
}

static void
print_link(GString *out, AditOpVerb verb, const void *object)
{
    const AditLink *link = object;

    append_name(out, pick(verb, "ip link add", "ip link set", "ip link del"), link->name);
    if (verb == ADIT_OP_DELETE)
        return;
    if (link->mtu != 0)
        g_string_append_printf(out, " mtu %u", link->mtu);
    if (link->up || verb == ADIT_OP_CHANGE)
        g_string_append(out, link->up ? " up" : " down");
    if (verb == ADIT_OP_ADD)
        g_string_append(out, " type wireguard");
}

static void
print_device(GString *out, AditOpVerb verb, const void *object)
{
    const AditDevice *device = object;
    gboolean has_key = verb != ADIT_OP_DELETE && !adit_key_is_zero(&device->private_key);

    append_name(out, "wg set", device->link);
    g_string_append_printf(out, " private-key %s", has_key ? "(hidden)" : "/dev/null");
    if (verb == ADIT_OP_DELETE)
        g_string_append(out, " fwmark 0");
    else if (device->listen_port != 0)
        g_string_append_printf(out, " listen-port %u", device->listen_port);
    if (verb != ADIT_OP_DELETE && (device->fwmark != 0 || verb == ADIT_OP_CHANGE))
        g_string_append_printf(out, " fwmark 0x%x", device->fwmark);
}

static void
print_address(GString *out, AditOpVerb verb, const void *object)
{
    const AditAddress *address = object;

    append_prefix(out, pick(verb, "ip addr add", "ip addr change", "ip addr del"),
                  &address->prefix);
    append_name(out, "dev", address->link);
    if (verb == ADIT_OP_DELETE)
        return;
    if (address->deprecated)
        g_string_append(out, " preferred_lft 0");
    else if (verb == ADIT_OP_CHANGE)
        g_string_append(out, " preferred_lft forever");
    if (address->no_prefix_route)
        g_string_append(out, " noprefixroute");
}

static const char *
route_type(AditRouteType type)
{
    switch (type) {
    case ADIT_ROUTE_UNICAST: return "";
    case ADIT_ROUTE_BLACKHOLE: return " blackhole";
    case ADIT_ROUTE_UNREACHABLE: return " unreachable";
    }
    g_assert_not_reached();
}

static void
print_route(GString *out, AditOpVerb verb, const void *object)
{
    const AditRoute *route = object;

    g_string_append_printf(out, " ip -%c route %s%s", family_digit(route->dst.addr.family),
                           pick(verb, "add", "replace", "del"), route_type(route->type));
    if (adit_prefix_is_default(&route->dst)) {
        g_string_append(out, " default");
    } else {
        g_autofree char *dst = adit_prefix_to_string(&route->dst);

        g_string_append_printf(out, " %s", dst);
    }
    if (route->type == ADIT_ROUTE_UNICAST) {
        append_addr(out, "via", &route->gateway);
        append_name(out, "dev", route->link);
        if (adit_addr_is_set(&route->gateway))
            g_string_append(out, " onlink"); /* looked up by our rules, it may be nowhere */
        append_addr(out, "src", &route->prefsrc);
    }
    g_string_append_printf(out, " table %u", route->table);
    if (route->metric != 0)
        g_string_append_printf(out, " metric %u", route->metric);
    g_string_append_printf(out, " protocol %d", ADIT_RTPROT);
}

static void
append_rule_action(GString *out, const AditRule *rule)
{
    switch (rule->action) {
    case ADIT_RULE_LOOKUP:
        if (rule->table == MAIN_TABLE)
            g_string_append(out, " lookup main");
        else
            g_string_append_printf(out, " lookup %u", rule->table);
        break;
    case ADIT_RULE_BLACKHOLE: g_string_append(out, " blackhole"); break;
    case ADIT_RULE_UNREACHABLE: g_string_append(out, " unreachable"); break;
    }
    if (rule->suppress)
        g_string_append(out, " suppress_prefixlength 0");
}

static void
print_rule(GString *out, AditOpVerb verb, const void *object)
{
    const AditRule *rule = object;

    g_string_append_printf(out, " ip -%c rule %s pref %u", family_digit(rule->family),
                           pick(verb, "add", "add", "del"), rule->priority);
    append_prefix(out, "from", &rule->src);
    append_prefix(out, "to", &rule->dst);
    if (rule->mask != 0)
        g_string_append_printf(out, " fwmark 0x%x/0x%x", rule->mark, rule->mask);
    if (rule->service)
        g_string_append_printf(out, " ipproto udp sport 1-%d", ADIT_SERVICE_PORTS);
    append_name(out, "iif", rule->iif);
    append_name(out, "oif", rule->oif);
    append_rule_action(out, rule);
    g_string_append_printf(out, " protocol %d", ADIT_RTPROT);
}

static void
append_allowed(GString *out, const AditPeer *peer)
{
    g_string_append(out, peer->n_allowed > 0 ? " allowed-ips " : " allowed-ips \"\"");
    for (guint i = 0; i < peer->n_allowed; i++) {
        g_autofree char *text = adit_prefix_to_string(&peer->allowed[i]);

        g_string_append_printf(out, "%s%s", i > 0 ? "," : "", text);
    }
}

static void
print_peer(GString *out, AditOpVerb verb, const void *object)
{
    const AditPeer *peer = object;
    g_autofree char *key = adit_key_to_string(&peer->public_key);

    append_name(out, "wg set", peer->link);
    g_string_append_printf(out, " peer %s", key);
    if (verb == ADIT_OP_DELETE) {
        g_string_append(out, " remove");
        return;
    }

    if (!adit_key_is_zero(&peer->preshared_key))
        g_string_append(out, " preshared-key (hidden)");
    else if (verb == ADIT_OP_CHANGE)
        g_string_append(out, " preshared-key /dev/null");
    if (adit_addr_is_set(&peer->endpoint.addr)) {
        g_autofree char *endpoint = adit_sockaddr_to_string(&peer->endpoint);

        g_string_append_printf(out, " endpoint %s", endpoint);
    }
    if (peer->keepalive != 0 || verb == ADIT_OP_CHANGE)
        g_string_append_printf(out, " persistent-keepalive %u", peer->keepalive);
    append_allowed(out, peer);
}

static void
append_hex(GString *out, const guint8 *bytes, guint len)
{
    for (guint i = 0; i < len; i++)
        g_string_append_printf(out, "%s%02x", i % 4 != 0 ? "" : i == 0 ? " " : " . ", bytes[i]);
}

static void
print_element(GString *out, AditOpVerb verb, const void *object)
{
    const AditElement *element = object;

    g_string_append_printf(out, " nft %s element %.*s {", pick(verb, "add", "add", "delete"),
                           ADIT_SET_NAME_LEN, element->set);
    append_hex(out, element->key, element->key_len);
    if (element->timeout_ms % 1000 != 0 && verb != ADIT_OP_DELETE)
        g_string_append_printf(out, " timeout %" G_GUINT64_FORMAT "ms", element->timeout_ms);
    else if (element->timeout_ms != 0 && verb != ADIT_OP_DELETE)
        g_string_append_printf(out, " timeout %" G_GUINT64_FORMAT "s",
                               element->timeout_ms / 1000);
    if (element->data_len > 0) {
        g_string_append(out, " :");
        append_hex(out, element->data, element->data_len);
    }
    g_string_append(out, " }");
}

static void
print_sysctl(GString *out, AditOpVerb verb, const void *object)
{
    const AditSysctl *sysctl = object;

    g_string_append_printf(out, " sysctl %s=%s", sysctl->path, sysctl->value);
}

static void
print_neighbour(GString *out, AditOpVerb verb, const void *object)
{
    const AditNeighbour *neighbour = object;
    g_autofree char *addr = adit_addr_to_string(&neighbour->addr);

    g_string_append_printf(out, " ip -%c neigh %s proxy %s",
                           family_digit(neighbour->addr.family),
                           pick(verb, "add", "replace", "del"), addr);
    append_name(out, "dev", neighbour->link);
}

char *
adit_object_to_command(AditKind kind, AditOpVerb verb, const void *object)
{
    static void (*const print[ADIT_N_KINDS])(GString *, AditOpVerb, const void *) = {
        [ADIT_KIND_LINK] = print_link,           [ADIT_KIND_DEVICE] = print_device,
        [ADIT_KIND_ADDRESS] = print_address,     [ADIT_KIND_ROUTE] = print_route,
        [ADIT_KIND_RULE] = print_rule,           [ADIT_KIND_PEER] = print_peer,
        [ADIT_KIND_ELEMENT] = print_element,     [ADIT_KIND_SYSCTL] = print_sysctl,
        [ADIT_KIND_NEIGHBOUR] = print_neighbour,
    };
    GString *out = g_string_new(NULL);

    print[kind](out, verb, object);
    g_string_erase(out, 0, 1); /* every word brings the blank before it */
    return g_string_free(out, FALSE);
}

char *
adit_object_to_string(AditKind kind, const void *object)
{
    return adit_object_to_command(kind, ADIT_OP_ADD, object);
}
