/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/json.h"

#include <sys/socket.h>

/* A name from a fixed array that may be full to the brim. */
static void
add_name(JsonBuilder *builder, const char *name, const char *value)
{
    g_autofree char *text = value[0] != '\0' ? g_strndup(value, ADIT_NAME_LEN) : NULL;

    adit_json_string(builder, name, text);
}

static void
add_family(JsonBuilder *builder, guint8 family)
{
    adit_json_string(builder, "family", family == AF_INET6 ? "ipv6" : "ipv4");
}

static void
add_link(JsonBuilder *builder, const void *object)
{
    const AditLink *link = object;

    add_name(builder, "name", link->name);
    adit_json_int(builder, "mtu", link->mtu);
    adit_json_bool(builder, "up", link->up);
}

static void
add_device(JsonBuilder *builder, const void *object)
{
    const AditDevice *device = object;

    add_name(builder, "link", device->link);
    adit_json_own_key(builder, &device->private_key);
    adit_json_int(builder, "listen-port", device->listen_port);
    adit_json_int(builder, "fwmark", device->fwmark);
}

static void
add_address(JsonBuilder *builder, const void *object)
{
    const AditAddress *address = object;

    add_name(builder, "link", address->link);
    adit_json_prefix(builder, "address", &address->prefix);
    adit_json_bool(builder, "deprecated", address->deprecated);
    adit_json_bool(builder, "no-prefix-route", address->no_prefix_route);
}

static const char *
route_type(AditRouteType type)
{
    switch (type) {
    case ADIT_ROUTE_UNICAST: return "unicast";
    case ADIT_ROUTE_BLACKHOLE: return "blackhole";
    case ADIT_ROUTE_UNREACHABLE: return "unreachable";
    }
    g_assert_not_reached();
}

static void
add_route(JsonBuilder *builder, const void *object)
{
    const AditRoute *route = object;

    adit_json_prefix(builder, "destination", &route->dst);
    adit_json_int(builder, "table", route->table);
    adit_json_int(builder, "metric", route->metric);
    adit_json_string(builder, "type", route_type(route->type));
    add_name(builder, "link", route->link);
    adit_json_addr(builder, "gateway", &route->gateway);
    adit_json_addr(builder, "source", &route->prefsrc);
}

static const char *
rule_action(AditRuleAction action)
{
    switch (action) {
    case ADIT_RULE_LOOKUP: return "lookup";
    case ADIT_RULE_BLACKHOLE: return "blackhole";
    case ADIT_RULE_UNREACHABLE: return "unreachable";
    }
    g_assert_not_reached();
}

static void
add_rule(JsonBuilder *builder, const void *object)
{
    const AditRule *rule = object;

    add_family(builder, rule->family);
    adit_json_int(builder, "priority", rule->priority);
    adit_json_string(builder, "action", rule_action(rule->action));
    adit_json_int(builder, "table", rule->table);
    adit_json_int(builder, "mark", rule->mark);
    adit_json_int(builder, "mask", rule->mask);
    adit_json_prefix(builder, "from", &rule->src);
    adit_json_prefix(builder, "to", &rule->dst);
    add_name(builder, "in-link", rule->iif);
    add_name(builder, "out-link", rule->oif);
    adit_json_bool(builder, "suppress-default", rule->suppress);
    adit_json_bool(builder, "udp-service", rule->service);
}

static void
add_peer(JsonBuilder *builder, const void *object)
{
    const AditPeer *peer = object;
    g_autofree char *endpoint = adit_addr_is_set(&peer->endpoint.addr)
                                    ? adit_sockaddr_to_string(&peer->endpoint)
                                    : NULL;

    add_name(builder, "link", peer->link);
    adit_json_public_key(builder, "public-key", &peer->public_key);
    adit_json_secret(builder, "preshared-key", &peer->preshared_key);
    adit_json_string(builder, "endpoint", endpoint);
    adit_json_int(builder, "persistent-keepalive", peer->keepalive);
    adit_json_prefixes(builder, "allowed-ips", peer->allowed, peer->n_allowed);
}

static void
add_hex(JsonBuilder *builder, const char *name, const guint8 *bytes, guint len)
{
    char text[2 * ADIT_ELEMENT_KEY_MAX + 1] = "";

    for (guint i = 0; i < len; i++)
        g_snprintf(text + 2 * i, 3, "%02x", bytes[i]);
    adit_json_string(builder, name, len > 0 ? text : NULL);
}

/* User data stays out, as in object-print.c: a PCP nonce is a credential. */
static void
add_element(JsonBuilder *builder, const void *object)
{
    const AditElement *element = object;

    add_name(builder, "set", element->set);
    add_hex(builder, "key", element->key, element->key_len);
    add_hex(builder, "data", element->data, element->data_len);
    adit_json_int(builder, "timeout-ms", element->timeout_ms);
    adit_json_int(builder, "expires-ms", element->expires_ms);
    adit_json_int(builder, "packets", element->packets);
    adit_json_int(builder, "bytes", element->bytes);
}

static void
add_sysctl(JsonBuilder *builder, const void *object)
{
    const AditSysctl *sysctl = object;

    adit_json_string(builder, "path", sysctl->path);
    adit_json_string(builder, "value", sysctl->value);
}

static void
add_neighbour(JsonBuilder *builder, const void *object)
{
    const AditNeighbour *neighbour = object;

    add_name(builder, "link", neighbour->link);
    adit_json_addr(builder, "address", &neighbour->addr);
}

static const struct {
    const char *plural;
    void (*add)(JsonBuilder *builder, const void *object);
} kinds[ADIT_N_KINDS] = {
    [ADIT_KIND_LINK] = { "links", add_link },
    [ADIT_KIND_DEVICE] = { "devices", add_device },
    [ADIT_KIND_ADDRESS] = { "addresses", add_address },
    [ADIT_KIND_ROUTE] = { "routes", add_route },
    [ADIT_KIND_RULE] = { "rules", add_rule },
    [ADIT_KIND_PEER] = { "peers", add_peer },
    [ADIT_KIND_ELEMENT] = { "elements", add_element },
    [ADIT_KIND_SYSCTL] = { "sysctls", add_sysctl },
    [ADIT_KIND_NEIGHBOUR] = { "neighbours", add_neighbour },
};

static void
add_object(JsonBuilder *builder, AditKind kind, const void *object)
{
    json_builder_begin_object(builder);
    kinds[kind].add(builder, object);
    json_builder_end_object(builder);
}

void
adit_json_add_state(JsonBuilder *builder, const AditState *state)
{
    json_builder_begin_object(builder);
    for (AditKind kind = 0; kind < ADIT_N_KINDS; kind++) {
        json_builder_set_member_name(builder, kinds[kind].plural);
        json_builder_begin_array(builder);
        for (guint i = 0; i < adit_state_len(state, kind); i++)
            add_object(builder, kind, adit_state_get(state, kind, i));
        json_builder_end_array(builder);
    }
    json_builder_end_object(builder);
}

static const char *
verb_name(AditOpVerb verb)
{
    switch (verb) {
    case ADIT_OP_ADD: return "add";
    case ADIT_OP_CHANGE: return "change";
    case ADIT_OP_DELETE: return "delete";
    }
    g_assert_not_reached();
}

void
adit_json_add_ops(JsonBuilder *builder, const AditOps *ops)
{
    json_builder_begin_array(builder);
    for (guint i = 0; i < ops->len; i++) {
        const AditOp *op = &ops->op[i];
        g_autofree char *command = adit_object_to_command(op->kind, op->verb, op->object);

        json_builder_begin_object(builder);
        adit_json_string(builder, "verb", verb_name(op->verb));
        adit_json_string(builder, "kind", adit_kind_name(op->kind));
        adit_json_string(builder, "command", command);
        json_builder_set_member_name(builder, "object");
        add_object(builder, op->kind, op->object);
        if (op->before) {
            json_builder_set_member_name(builder, "before");
            add_object(builder, op->kind, op->before);
        }
        json_builder_end_object(builder);
    }
    json_builder_end_array(builder);
}

char *
adit_json_state(const AditState *state)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();

    adit_json_add_state(builder, state);
    return adit_json_to_text(builder);
}

char *
adit_json_ops(const AditOps *ops)
{
    g_autoptr(JsonBuilder) builder = json_builder_new();

    adit_json_add_ops(builder, ops);
    return adit_json_to_text(builder);
}
