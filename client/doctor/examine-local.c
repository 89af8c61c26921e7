/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/doctor/examine-local.h"

#include "client/daemon-publish.h"
#include "libadit/core/marker.h"
#include "libadit/sys/addresses.h"
#include "libadit/sys/conntrack.h"
#include "libadit/sys/udp.h"
#include "policy-routing/mend.h"
#include "policy-routing/rival.h"

#include <glib/gstdio.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <net/if.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define CLOCK_SLACK 60 /* seconds */

gboolean
adit_examine_way(const AditSockAddr *to, AditAddr *ret_from, char ret[ADIT_NAME_LEN])
{
    const AditUdpConfig config = { .family = to->addr.family,
                                   .mark = ADIT_MARK_OUTER,
                                   .peer = *to };
    g_autoptr(AditUdp) udp = adit_udp_open(&config, NULL); /* sends nothing */
    g_autoptr(GArray) own = udp ? adit_addresses_read(NULL) : NULL;

    if (!own)
        return FALSE;
    *ret_from = adit_udp_get_local(udp);
    *ret = '\0';
    for (guint i = 0; i < own->len; i++) {
        const AditAddress *row = &g_array_index(own, AditAddress, i);

        if (adit_addr_cmp(&row->prefix.addr, ret_from) == 0)
            g_strlcpy(ret, row->link, ADIT_NAME_LEN);
    }
    return TRUE;
}

static void
see_link(AditDoctorGateway *g)
{
    struct ifreq request = { 0 };
    const int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

    if (fd < 0)
        return;
    g_strlcpy(request.ifr_name, g->name, sizeof(request.ifr_name));
    if (ioctl(fd, SIOCGIFFLAGS, &request) == 0)
        g->link_up = (request.ifr_flags & IFF_UP) != 0;
    if (ioctl(fd, SIOCGIFMTU, &request) == 0)
        g->mtu = (guint32)request.ifr_mtu;
    close(fd);
}

static gboolean
has_address(const GArray *own, const char *link, const AditAddr *addr)
{
    for (guint i = 0; i < own->len; i++) {
        const AditAddress *row = &g_array_index(own, AditAddress, i);

        if (strcmp(row->link, link) == 0 && adit_addr_cmp(&row->prefix.addr, addr) == 0)
            return TRUE;
    }
    return FALSE;
}

static void
see_addresses(AditDoctorGateway *g)
{
    g_autoptr(GArray) own = adit_addresses_read(NULL);

    for (guint i = 0; own && !g->missing && i < g->profile->n_addresses; i++) {
        const AditAddr *addr = &g->profile->addresses[i].addr;

        if (has_address(own, g->name, addr))
            continue;
        g->missing = adit_addr_to_string(addr);
        g->is_off = !adit_mend_can_have(g->name, addr->family);
    }
}

static gint64
written_at(const char *folder, const char *name, const char *suffix)
{
    g_autofree char *file = g_strconcat(name, suffix, NULL);
    g_autofree char *path = g_build_filename(folder, "gateways", file, NULL);
    GStatBuf status;

    return g_stat(path, &status) == 0 ? status.st_mtime : 0;
}

/* What this machine has written, and a handshake it has had, were before now. */
static void
see_clock(AditDoctorGateway *g, const AditPlaces *places, gint64 handshake)
{
    const gint64 now = g_get_real_time() / G_USEC_PER_SEC;
    const gint64 known = MAX(handshake, MAX(written_at(places->config, g->name, ".conf"),
                                            written_at(places->state, g->name, "")));

    g->clock_behind = known > now + CLOCK_SLACK ? known - now : 0;
}

/* Of the link as it is now: a port of its own, each time it is made. */
static gboolean
is_answer(const AditFlow *flow, gpointer data)
{
    return (flow->status & IPS_SEEN_REPLY) != 0 &&
           flow->original.sport == *(const guint16 *)data;
}

static void
see_answers(AditDoctorGateway *g, guint16 port)
{
    const AditFlowFilter filter = { .family = g->endpoint.addr.family,
                                    .proto = IPPROTO_UDP,
                                    .dst = g->endpoint };
    g_autoptr(AditNl) nl = adit_nl_open(NETLINK_NETFILTER, NULL);
    g_autoptr(GArray) flows =
        nl ? adit_conntrack_list(nl, &filter, is_answer, &port, NULL) : NULL;

    g->answered = flows && flows->len > 0;
}

/* Where the tunnel's packets go: where the server was last heard from, else as configured. */
static void
see_peer(AditDaemon *daemon, const AditWgDump *dump, AditDoctorGateway *g)
{
    g_autofree AditSockAddr *endpoints = adit_endpoints_of(daemon->endpoints, g->profile);
    gint64 last = 0;

    for (guint i = 0; i < g->profile->n_peers; i++) {
        const AditWgPeer *peer =
            dump ? adit_wg_dump_find(dump, &g->profile->peers[i].public_key) : NULL;

        if (!g->profile->peers[i].endpoint.host || adit_addr_is_set(&g->endpoint.addr))
            continue;
        g->endpoint = peer && adit_addr_is_set(&peer->status.endpoint.addr)
                          ? peer->status.endpoint
                          : endpoints[i];
        last = peer ? peer->status.handshake_sec : 0;
    }
    g->silence = last ? g_get_real_time() / G_USEC_PER_SEC - last : -1;
    see_clock(g, daemon->places, last);
}

static gboolean
is_published_by(AditDaemon *daemon, const char *name)
{
    const AditWanted *wanted = adit_wanted_store_get(daemon->wanted);

    for (guint i = 0; i < wanted->publications->len; i++) {
        const AditPublication *p = g_ptr_array_index(wanted->publications, i);

        if (!p->gateway || g_str_equal(p->gateway, name))
            return TRUE;
    }
    return FALSE;
}

static AditDoctorGateway *
see_gateway(AditDaemon *daemon, const AditEntry *entry)
{
    AditDoctorGateway *g = g_new0(AditDoctorGateway, 1);
    g_autoptr(AditGateway) gateway =
        adit_gateway_from_profile(entry->name, entry->slot, entry->name, entry->profile);
    g_autoptr(AditWgDump) dump = adit_wgdev_get(daemon->wgdev, entry->name, NULL);
    AditAddr from = { 0 };
    char link[ADIT_NAME_LEN];

    g->name = g_strdup(entry->name);
    g->profile = adit_profile_copy(entry->profile);
    g->backend = entry->backend == ADIT_BACKEND_DIRECT ? "aditd"
                                                       : adit_backend_to_string(entry->backend);
    g->wanted = entry->up;
    g->selected = entry->selected[0] || entry->selected[1];
    g->publishes = is_published_by(daemon, entry->name);
    g->is_ours = entry->profile->table_mode == ADIT_TABLE_NUMBER &&
                 entry->profile->fwmark == ADIT_MARK_OUTER;
    g->up_for = (g_get_monotonic_time() - entry->since) / G_USEC_PER_SEC;
    g->has_link = dump != NULL;
    see_link(g);
    see_addresses(g);
    see_peer(daemon, dump, g);
    if (adit_addr_is_set(&g->endpoint.addr)) {
        g->has_way = adit_examine_way(&g->endpoint, &from, link);
        g->natted = g->has_way && adit_addr_is_private(&from);
        see_answers(g, dump ? dump->device.listen_port : 0);
    }
    for (guint f = 0; f < 2; f++)
        g->has_pcp[f] = adit_addr_is_set(&gateway->servers[f]);
    g->clash = adit_daemon_describe_clash(daemon, entry);
    return g;
}

/* Rules are the machine's: what is wrong with them is told once. */
void
adit_examine_rules(AditDaemon *daemon, AditDoctorGateway *first)
{
    g_autoptr(GError) error = NULL;
    gboolean selected[2] = { FALSE, FALSE };

    for (guint i = 0; i < daemon->entries->len; i++)
        for (guint f = 0; f < 2; f++)
            selected[f] |=
                ((const AditEntry *)g_ptr_array_index(daemon->entries, i))->selected[f];
    g_clear_pointer(&first->rival, g_free);
    g_clear_pointer(&first->drift, g_ptr_array_unref);
    first->rival = adit_rival_describe(selected);
    first->drift = g_ptr_array_new_with_free_func(g_free);
    if (!adit_daemon_find_drift(daemon, first->drift, &error))
        g_ptr_array_add(first->drift, g_strdup(error->message));
}

GPtrArray *
adit_examine_gateways(AditDaemon *daemon, const char *name)
{
    GPtrArray *gateways =
        g_ptr_array_new_with_free_func((GDestroyNotify)adit_doctor_gateway_free);

    for (guint i = 0; i < daemon->entries->len; i++) {
        const AditEntry *entry = g_ptr_array_index(daemon->entries, i);

        if (!name || g_str_equal(entry->name, name))
            g_ptr_array_add(gateways, see_gateway(daemon, entry));
    }
    if (gateways->len > 0)
        adit_examine_rules(daemon, g_ptr_array_index(gateways, 0));
    return gateways;
}
