/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/daemon-publish.h"
#include "client/doctor/examine-local.h"
#include "client/drops.h"
#include "client/names.h"
#include "libadit/sys/listening.h"

#include <net/if.h>
#include <string.h>
#include <sys/socket.h>

#define REACH ADIT_PUBLISHER_BUS ".Reach"

typedef struct {
    AditDaemon *daemon;
    const GPtrArray *gateways;
    const AditPorts *ports; /* NULL: all */
    GArray *listening;      /* NULL: it cannot be read */
    GPtrArray *ret;
} See;

static AditDoctorGateway *
find_gateway(const See *see, const char *name)
{
    for (guint i = 0; i < see->gateways->len; i++) {
        AditDoctorGateway *g = g_ptr_array_index(see->gateways, i);

        if (g_str_equal(g->name, name))
            return g;
    }
    return NULL;
}

static AditAddr
own_address(const AditDoctorGateway *g, guint family)
{
    const AditAddr none = { 0 };

    for (guint i = 0; i < g->profile->n_addresses; i++)
        if ((g->profile->addresses[i].addr.family == AF_INET6) == family)
            return g->profile->addresses[i].addr;
    return none;
}

static AditDoctorReach *
reach_new(const AditDoctorGateway *g, guint family, const AditPorts *ports)
{
    AditDoctorReach *reach = g_new0(AditDoctorReach, 1);
    g_autofree char *text = adit_ports_to_string(ports);

    reach->gateway = g;
    reach->family = family;
    reach->ports = *ports;
    reach->about = g_strdup_printf("%s at %s by IPv%c", text, g->name, family ? '6' : '4');
    return reach;
}

gboolean
adit_examine_first(const char *text, AditSockAddr *ret)
{
    const char *colon = strrchr(text, ':'), *dash = colon ? strchr(colon, '-') : NULL;
    g_autofree char *first = dash ? g_strndup(text, (gsize)(dash - text)) : g_strdup(text);

    return adit_sockaddr_parse(first, ret, NULL);
}

/* What the machine says about it. */
static void
see_here(const See *see, AditDoctorReach *reach)
{
    const AditAddr own = own_address(reach->gateway, reach->family);
    const AditSockAddr there = { own, reach->ports.first };
    AditSockAddr inside;

    if (!reach->inside || !adit_examine_first(reach->inside, &inside)) {
        g_free(reach->inside);
        reach->inside = adit_sockaddr_to_string(&there);
    } else {
        reach->led_on = adit_addr_cmp(&inside.addr, &own) != 0;
    }
    reach->listener = see->listening ? adit_listener_find(see->listening, &reach->ports, &own,
                                                          if_nametoindex(reach->gateway->name))
                                     : ADIT_LISTENER_HERE;
    reach->drop = adit_drops_find(see->daemon, reach->gateway->name, reach->family ? 6 : 4,
                                  &reach->ports);
    g_ptr_array_add(see->ret, reach);
}

static char *
text_of(GVariant *properties, const char *name)
{
    char *text = NULL;

    g_variant_lookup(properties, name, "s", &text);
    return text;
}

static void
see_object(const See *see, GVariant *properties)
{
    g_autofree char *name = text_of(properties, "Gateway"),
                    *text = text_of(properties, "Ports");
    AditDoctorGateway *g = name ? find_gateway(see, name) : NULL;
    AditDoctorReach *reach;
    AditPorts ports;
    gint64 until = 0;
    guint8 family = 4;

    g_variant_lookup(properties, "Family", "y", &family);
    g_variant_lookup(properties, "LeaseUntil", "x", &until);
    if (!g || !text || !adit_ports_parse(text, &ports, NULL) ||
        (see->ports && !adit_ports_overlap(&ports, see->ports)))
        return;
    reach = reach_new(g, family == 6, &ports);
    reach->inside = text_of(properties, "Inside");
    reach->outside = text_of(properties, "Outside");
    reach->state = text_of(properties, "State");
    reach->reason = text_of(properties, "Reason");
    reach->protocol = text_of(properties, "Protocol");
    reach->lease = until ? until - g_get_real_time() / G_USEC_PER_SEC : 0;
    g->publishes = TRUE;
    see_here(see, reach);
}

static void
see_objects(const See *see, GVariant *managed)
{
    GVariantIter iter;
    GVariant *interfaces;

    g_variant_iter_init(&iter, managed);
    while (g_variant_iter_next(&iter, "{o@a{sa{sv}}}", NULL, &interfaces)) {
        g_autoptr(GVariant) properties =
            g_variant_lookup_value(interfaces, REACH, G_VARIANT_TYPE_VARDICT);

        if (properties)
            see_object(see, properties);
        g_variant_unref(interfaces);
    }
}

/* Without adit-publisher: what is wanted, as it waits for it. */
static void
see_wanted(const See *see)
{
    const AditWanted *wanted = adit_wanted_store_get(see->daemon->wanted);

    for (guint i = 0; i < wanted->publications->len; i++) {
        const AditPublication *p = g_ptr_array_index(wanted->publications, i);

        if (see->ports && !adit_ports_overlap(&p->ports, see->ports))
            continue;
        for (guint k = 0; k < 2 * see->gateways->len; k++) {
            const AditDoctorGateway *g = g_ptr_array_index(see->gateways, k / 2);
            AditDoctorReach *reach;

            if (!p->families[k % 2] || (p->gateway && !g_str_equal(p->gateway, g->name)) ||
                !adit_profile_carries(g->profile, k % 2 ? AF_INET6 : AF_INET))
                continue;
            reach = reach_new(g, k % 2, &p->ports);
            reach->state = g_strdup("waiting");
            if (adit_addr_is_set(&p->to[k % 2].addr))
                reach->inside = adit_sockaddr_to_string(&p->to[k % 2]);
            see_here(see, reach);
        }
    }
}

/* Of TCP, unless the user says otherwise. */
static void
see_unwanted(const See *see)
{
    AditPorts ports = *see->ports;

    if (ports.proto == ADIT_PROTO_BOTH)
        ports.proto = ADIT_PROTO_TCP;
    for (guint k = 0; k < 2 * see->gateways->len; k++) {
        const AditDoctorGateway *g = g_ptr_array_index(see->gateways, k / 2);

        if (adit_profile_carries(g->profile, k % 2 ? AF_INET6 : AF_INET))
            see_here(see, reach_new(g, k % 2, &ports));
    }
}

static gint
by_ports(gconstpointer a, gconstpointer b)
{
    const AditDoctorReach *x = *(AditDoctorReach *const *)a, *y = *(AditDoctorReach *const *)b;
    const int ports = (int)x->ports.first - (int)y->ports.first;
    const int proto = (int)x->ports.proto - (int)y->ports.proto;

    return ports ? ports : proto ? proto : (int)x->family - (int)y->family;
}

GPtrArray *
adit_examine_reaches(AditDaemon *daemon, const GPtrArray *gateways, GVariant *managed,
                     const AditPorts *ports)
{
    g_autoptr(GArray) listening = adit_listening_dump(NULL);
    See see = { daemon, gateways, ports, listening, NULL };

    see.ret = g_ptr_array_new_with_free_func((GDestroyNotify)adit_doctor_reach_free);
    if (managed)
        see_objects(&see, managed);
    else
        see_wanted(&see);
    if (ports && see.ret->len == 0)
        see_unwanted(&see);
    g_ptr_array_sort(see.ret, by_ports);
    return see.ret;
}
