/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/dataplane.h"

#include <string.h>
#include <sys/socket.h>

#include "libadit/core/element.h"

/* "open" of an IPv6 address is "open6". */
static AditElement
element_for(const char *base, guint8 family)
{
    char name[ADIT_SET_NAME_LEN];

    g_snprintf(name, sizeof(name), "%s%c", base, family == AF_INET6 ? '6' : '4');
    return adit_element_make(name);
}

static void
key_external(AditElement *e, guint8 proto, const AditSockAddr *external)
{
    adit_element_key_addr(e, &external->addr);
    adit_element_key_proto(e, proto);
    adit_element_key_port(e, external->port);
}

void
adit_dataplane_add_tunnel(AditState *state, const char *ifname)
{
    AditElement e = adit_element_make("tunnel");

    adit_element_key_ifname(&e, ifname);
    adit_state_add_element(state, &e);
}

/* Another of the list has it all; of equals the first one counts. */
static gboolean
is_covered(const AditPrefix *list, guint n, guint i)
{
    for (guint j = 0; j < n; j++)
        if (j != i && adit_prefix_covers(&list[j], &list[i]) &&
            (j < i || !adit_prefix_covers(&list[i], &list[j])))
            return TRUE;
    return FALSE;
}

static void
add_pair(AditState *state, const AditPrefix *a, const AditPrefix *b)
{
    AditElement e = element_for("same", a->addr.family), last = e;

    adit_element_key_prefix(&e, &last, a);
    adit_element_key_prefix(&e, &last, b);
    adit_element_join(&e, &last);
    adit_state_add_element(state, &e);
}

void
adit_dataplane_add_networks(AditState *state, const AditPrefix *networks, guint n)
{
    for (guint i = 0; i < n; i++)
        for (guint j = 0; j < n; j++)
            if (networks[i].addr.family == networks[j].addr.family &&
                !is_covered(networks, n, i) && !is_covered(networks, n, j))
                add_pair(state, &networks[i], &networks[j]);
}

void
adit_dataplane_add_snat(AditState *state, const char *ifname, const AditPrefix *inside,
                        const AditAddr *outside)
{
    AditElement e = element_for("snat", AF_INET), last = e;

    adit_element_key_ifname(&e, ifname);
    adit_element_key_ifname(&last, ifname);
    adit_element_key_prefix(&e, &last, inside);
    adit_element_join(&e, &last);
    adit_element_data_addr(&e, outside);
    adit_state_add_element(state, &e);
}

void
adit_dataplane_add_snat_host(AditState *state, const char *ifname, const AditAddr *inside,
                             const AditAddr *outside)
{
    AditElement e = adit_element_make("snat4_host");

    adit_element_key_ifname(&e, ifname);
    adit_element_key_addr(&e, inside);
    adit_element_data_addr(&e, outside);
    adit_state_add_element(state, &e);
}

/* An element of one of the sets that are keyed with the external end and hold nothing more. */
static AditElement
element_at(const char *base, guint8 proto, const AditSockAddr *external)
{
    AditElement e = element_for(base, external->addr.family);

    key_external(&e, proto, external);
    return e;
}

/* The rules look for conditions of what is checked only. */
static void
add_checked(AditState *state, guint8 proto, const AditSockAddr *external)
{
    const AditElement checked = element_at("checked", proto, external);

    adit_state_add_element(state, &checked);
}

static void
add_limit(AditState *state, const AditDataplaneMapping *mapping)
{
    AditElement e = element_at("most", mapping->proto, &mapping->external);

    e.limit = mapping->connections;
    adit_state_add_element(state, &e);
    add_checked(state, mapping->proto, &mapping->external);
}

void
adit_dataplane_add_device_limit(AditState *state, const AditAddr *device, guint32 connections)
{
    AditElement e = element_for("most_device", device->family);

    adit_element_key_addr(&e, device);
    e.limit = connections;
    adit_state_add_element(state, &e);
}

void
adit_dataplane_add_mapping(AditState *state, const AditDataplaneMapping *mapping)
{
    AditElement open = element_at("open", mapping->proto, &mapping->external);
    AditElement back = element_at("back", mapping->proto, &mapping->external);

    g_return_if_fail(mapping->user_len <= sizeof(open.user));
    adit_element_data_addr(&open, &mapping->internal.addr);
    adit_element_data_port(&open, mapping->internal.port);
    open.timeout_ms = back.timeout_ms = mapping->timeout_ms;
    open.expires_ms = back.expires_ms = mapping->expires_ms;
    open.user_len = mapping->user_len;
    if (mapping->user_len > 0)
        memcpy(open.user, mapping->user, mapping->user_len);
    adit_state_add_element(state, &open);
    adit_state_add_element(state, &back);
    if (mapping->connections > 0)
        add_limit(state, mapping);
}

AditDataplaneMapping
adit_dataplane_redirect(const AditDataplaneMapping *of, guint16 port,
                        const AditSockAddr *responder)
{
    AditDataplaneMapping redirect = *of;

    redirect.external.port = port;
    if (responder)
        redirect.internal = *responder;
    return redirect;
}

void
adit_dataplane_add_allow(AditState *state, guint8 proto, const AditSockAddr *external,
                         const AditPrefix *from, guint n)
{
    const guint8 family = external->addr.family;
    const AditElement limited = element_at("limited", proto, external);

    adit_state_add_element(state, &limited);
    add_checked(state, proto, external);
    for (guint i = 0; i < n; i++) {
        AditElement e = element_for("allow", family), last = e;

        if (from[i].addr.family != family || is_covered(from, n, i))
            continue;
        key_external(&e, proto, external);
        key_external(&last, proto, external);
        adit_element_key_prefix(&e, &last, &from[i]);
        adit_element_join(&e, &last);
        adit_state_add_element(state, &e);
    }
}

void
adit_dataplane_add_responder(AditState *state, guint8 proto, guint16 port)
{
    AditElement e = adit_element_make("responder");

    adit_element_key_proto(&e, proto);
    adit_element_key_port(&e, port);
    adit_state_add_element(state, &e);
}

/* The external end that an element of the sets @base4 and @base6 is keyed with. */
static gboolean
read_external(const AditElement *element, const char *base, guint8 *ret_proto,
              AditSockAddr *ret)
{
    const gsize len = strlen(base);
    const char *version = element->set + len;
    AditElementReader key = adit_element_read_key(element);
    AditSockAddr external;
    guint8 proto;

    if (strncmp(element->set, base, len) != 0 ||
        (!g_str_equal(version, "4") && !g_str_equal(version, "6")))
        return FALSE;
    external.addr = adit_element_read_addr(&key, *version == '6' ? AF_INET6 : AF_INET);
    proto = adit_element_read_proto(&key);
    external.port = adit_element_read_port(&key);
    if (!adit_element_read_done(&key))
        return FALSE;
    *ret_proto = proto;
    *ret = external;
    return TRUE;
}

gboolean
adit_dataplane_mapping_from_element(const AditElement *element, AditDataplaneMapping *ret)
{
    AditDataplaneMapping mapping = { 0 };

    if (!read_external(element, "open", &mapping.proto, &mapping.external))
        return FALSE;
    mapping.internal = mapping.external;
    mapping.timeout_ms = element->timeout_ms;
    mapping.expires_ms = element->expires_ms;
    mapping.user = element->user; /* borrowed from @element */
    mapping.user_len = element->user_len;
    *ret = mapping;
    return TRUE;
}

const char *const adit_dataplane_counters[] = { "open4", "back4", "open6", "back6", NULL };

gboolean
adit_dataplane_traffic_from_element(const AditElement *element, guint8 *ret_proto,
                                    AditSockAddr *ret_external, AditTraffic *ret)
{
    if (read_external(element, "open", ret_proto, ret_external)) {
        ret->packets_in += element->packets;
        ret->bytes_in += element->bytes;
        return TRUE;
    }
    if (!read_external(element, "back", ret_proto, ret_external))
        return FALSE;
    ret->packets_out += element->packets;
    ret->bytes_out += element->bytes;
    return TRUE;
}
