/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/care.h"

#include "client/daemon-private.h"
#include "client/nap.h"
#include "libadit/sys/notify.h"
#include "libadit/sys/udp.h"

#include <string.h>
#include <sys/socket.h>
#include <syslog.h>

#define DISCARD 9 /* a port that nobody answers from */
#define NAP_MS 1000

/* WireGuard learns where its peer is from the last packet that came of it. After a change of
 * uplink the server would go on sending to the old place until a keepalive, up to 25 s: one
 * packet at once tells it. The same after a sleep, in which a carrier's NAT has forgotten us.
 */

struct _AditCare {
    AditDaemon *daemon;
    guint timer;
    char *ways;    /* the ways out when they were last looked at; NULL: never */
    gint64 asleep; /* for how long in all this machine had slept then, in ms */
    AditNap *nap;
};

/* The machine may come back with all its links and routes as they were: no event of them tells.
 */
static void
on_nap(gpointer data)
{
    AditCare *self = data;

    if (self->ways && !self->daemon->observes)
        adit_care_roam(self, adit_router_facts(self->daemon->router));
}

AditCare *
adit_care_new(AditDaemon *daemon)
{
    AditCare *self = g_new0(AditCare, 1);

    self->daemon = daemon;
    self->nap = adit_nap_watch(on_nap, self);
    return self;
}

void
adit_care_free(AditCare *self)
{
    if (!self)
        return;
    g_clear_handle_id(&self->timer, g_source_remove);
    adit_nap_free(self->nap);
    g_free(self->ways);
    g_free(self);
}

/* An empty datagram to the server inside: whatever becomes of it, it has gone outside. */
static void
poke(const AditEntry *entry)
{
    g_autoptr(AditGateway) gateway =
        adit_gateway_from_profile(entry->name, entry->slot, entry->name, entry->profile);

    for (guint f = 0; f < 2; f++) {
        const AditUdpConfig config = { .family = f ? AF_INET6 : AF_INET,
                                       .device = entry->name,
                                       .peer = { gateway->servers[f], DISCARD } };
        g_autoptr(AditUdp) udp = NULL;
        AditUdpPacket packet = { .bytes = (const guint8 *)"" };

        if (!adit_addr_is_set(&gateway->servers[f]))
            continue;
        udp = adit_udp_open(&config, NULL);
        if (udp && adit_udp_send(udp, &packet, 1) == 1)
            return;
    }
}

static gboolean
leads_to(const AditAddress *ways, guint n, const AditAddr *to)
{
    for (guint i = 0; i < n; i++)
        if (adit_prefix_contains(&ways[i].prefix, to))
            return TRUE;
    return FALSE;
}

/* Whether any way leads to where the server of a link was last. Without one WireGuard begins
 * all the same, fails, and says its next word 5 s later only: network managers have IPv6 a
 * moment before IPv4, and visitors would wait for that long after each sleep. */
static gboolean
has_way(const AditFacts *facts, const AditWgDump *dump)
{
    gboolean known = FALSE;

    for (guint i = 0; dump && i < dump->peers->len; i++) {
        const AditWgPeer *peer = g_ptr_array_index(dump->peers, i);
        const AditAddr *to = &peer->status.endpoint.addr;

        if (!adit_addr_is_set(to))
            continue;
        if (leads_to(facts->main, facts->n_main, to) ||
            leads_to(facts->on_link, facts->n_on_link, to))
            return TRUE;
        known = TRUE;
    }
    return !known;
}

/* A userspace WireGuard holds on to the address it sent from, and the kernel tells it of no
 * route that a link took along: the same endpoint, told anew, makes it forget. To the kernel's
 * own it is no change. */
static void
renew_source(AditCare *self, const char *link, const AditWgDump *dump)
{
    for (guint i = 0; dump && i < dump->peers->len; i++) {
        const AditWgPeer *from = g_ptr_array_index(dump->peers, i);
        AditPeer before = from->peer, peer = from->peer;
        const AditPeerChange change = { ADIT_OP_CHANGE, &peer, &before };
        const AditWgSet set = { .link = link, .peers = &change, .n_peers = 1 };

        peer.endpoint = from->status.endpoint;
        memset(&before.endpoint, 0, sizeof(before.endpoint));
        if (adit_addr_is_set(&peer.endpoint.addr))
            adit_wgdev_set(self->daemon->wgdev, &set, NULL);
    }
}

static void
try_again(AditCare *self, AditEntry *entry, const AditHealthCare *care, gint64 now)
{
    entry->tries++;
    entry->retry = now + care->wait * (gint64)G_USEC_PER_SEC;
    adit_endpoints_retry(self->daemon->endpoints, entry->profile, care->next);
}

static void
tell_journal(const AditEntry *entry, AditHealth health, const char *problem)
{
    const char *word = adit_health_to_string(health);
    g_autofree char *text = problem ? g_strdup_printf("%s: %s: %s", entry->name, word, problem)
                                    : g_strdup_printf("%s: %s", entry->name, word);

    adit_journal(health == ADIT_HEALTH_BROKEN ? LOG_WARNING : LOG_NOTICE, text, "ADIT_GATEWAY",
                 entry->name, "ADIT_STATE", word, "ADIT_REASON", problem, NULL);
}

/* Seconds until this one is worth a look; 0: it is not. Sets *@ret_news if its health is
 * another than was told. */
static guint
look_at(AditCare *self, AditEntry *entry, gint64 now, gboolean *ret_news)
{
    AditHealthFacts facts;
    AditHealthCare care;
    AditHealth health;
    const char *problem;

    adit_daemon_see(self->daemon, entry, &facts);
    health = adit_health_judge(&facts, &problem);
    if (health != entry->health)
        tell_journal(entry, health, problem);
    *ret_news |= health != entry->health;
    entry->health = health;
    care = adit_health_care(&facts, entry->tries);
    if (!care.overdue) {
        entry->tries = 0;
        entry->retry = 0;
        if (care.wait > 0 && facts.silence < 0 && !facts.keeps)
            poke(entry); /* else it would be silent for want of something to say */
    } else if (now >= entry->retry) {
        try_again(self, entry, &care, now);
    } else {
        care.wait = (guint)((entry->retry - now) / G_USEC_PER_SEC) + 1;
    }
    return health == ADIT_HEALTH_CONNECTING ? 1 : care.wait;
}

static gboolean
on_time(gpointer data)
{
    AditCare *self = data;

    self->timer = 0;
    if (adit_care_look(self))
        adit_daemon_tell(self->daemon);
    return G_SOURCE_REMOVE;
}

/* What `systemctl status aditd` says. */
static void
tell_manager(const GPtrArray *entries)
{
    guint up = 0, broken = 0;

    for (guint i = 0; i < entries->len; i++) {
        const AditEntry *entry = g_ptr_array_index(entries, i);

        up += entry->health == ADIT_HEALTH_UP;
        broken += entry->health == ADIT_HEALTH_BROKEN;
    }
    adit_notify_status("gateways: %u, %u up, %u broken", entries->len, up, broken);
}

gboolean
adit_care_look(AditCare *self)
{
    const gint64 now = g_get_monotonic_time();
    const GPtrArray *entries = self->daemon->entries;
    gboolean news = FALSE;
    guint next = 0;

    for (guint i = 0; i < entries->len; i++) {
        const guint wait = look_at(self, g_ptr_array_index(entries, i), now, &news);

        if (wait > 0)
            next = next ? MIN(next, wait) : wait;
    }
    if (news)
        tell_manager(entries);
    g_clear_handle_id(&self->timer, g_source_remove);
    if (next > 0)
        self->timer = g_timeout_add(next * 1000, on_time, self);
    return news;
}

/* Links with a default route, and the addresses there. */
static char *
describe_ways(const AditFacts *facts)
{
    GString *text = g_string_new(NULL);

    for (guint i = 0; i < facts->n_main; i++) {
        if (!adit_prefix_is_default(&facts->main[i].prefix))
            continue;
        g_string_append_printf(text, "%u %s\n", facts->main[i].prefix.addr.family,
                               facts->main[i].link);
        for (guint a = 0; a < facts->n_on_link; a++) {
            g_autofree char *address = adit_prefix_to_string(&facts->on_link[a].prefix);

            if (strcmp(facts->on_link[a].link, facts->main[i].link) == 0)
                g_string_append_printf(text, " %s\n", address);
        }
    }
    return g_string_free(text, FALSE);
}

static gboolean
has_slept(AditCare *self)
{
    const gint64 before = self->asleep;

    self->asleep = adit_nap_total();
    return self->asleep - before > NAP_MS;
}

void
adit_care_roam(AditCare *self, const AditFacts *facts)
{
    g_autofree char *ways = describe_ways(facts);
    const GPtrArray *entries = self->daemon->entries;
    const gboolean first = self->ways == NULL, slept = has_slept(self);

    if (g_strcmp0(ways, self->ways) == 0 && !slept)
        return;
    g_free(self->ways);
    self->ways = g_steal_pointer(&ways);
    for (guint i = 0; i < entries->len && !first && *self->ways; i++) {
        AditEntry *entry = g_ptr_array_index(entries, i);
        g_autoptr(AditWgDump) dump = NULL;

        if (!entry->up)
            continue;
        entry->tries = 0;
        entry->retry = 0;
        adit_endpoints_retry(self->daemon->endpoints, entry->profile, FALSE);
        dump = adit_wgdev_get(self->daemon->wgdev, entry->name, NULL);
        if (!has_way(facts, dump))
            continue;
        renew_source(self, entry->name, dump);
        poke(entry);
    }
}
