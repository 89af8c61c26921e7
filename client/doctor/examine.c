/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/doctor/examine.h"

#include "client/doctor/examine-local.h"
#include "client/doctor/examine-server.h"
#include "client/names.h"
#include "libadit/core/error.h"
#include "libadit/core/marker.h"
#include "libadit/core/pcp.h"
#include "libadit/sys/foreign.h"
#include "policy-routing/reply-table.h"

#include <string.h>
#include <sys/socket.h>

/* First what answers where all is well, and is done as soon as it has; then, of servers that
 * were not heard, whether their host is there at all. */
#define PUBLISHER_MS 600
#define INSIDE_MS 1700 /* a lost SYN comes again after a second */
#define OUTSIDE_MS 1000
#define MENDED_MS 300
#define QUIET_MOST 32 /* ports that a server is asked about without anybody's wish */
#define MTU_STEP 20
#define MTU_LEAST 1280

typedef struct {
    AditExamination *examination;
    AditDoctorGateway *gateway;
    AditLookup *lookup;
} Asked;

/* Where the outcome of a probe goes. */
typedef struct {
    AditProbeOutcome *outcome;
    AditDoctorGateway *mtu; /* of this one's sizes */
} Slot;

struct _AditExamination {
    AditDaemon *daemon;
    GPtrArray *gateways, *reaches;
    AditPorts ports;
    gboolean has_ports, has_publisher, quiet;
    GPtrArray *asked;     /* Asked */
    GDBusConnection *bus; /* NULL: nobody is asked there */
    GCancellable *cancel;
    guint begin;
    AditProber *prober;
    GArray *slots;
    guint8 announce[ADIT_PCP_MAX];
    gsize announce_len;
    AditExamineDone done;
    gpointer data;
};

static void
free_asked(gpointer data)
{
    Asked *asked = data;

    adit_lookup_free(asked->lookup);
    g_free(asked);
}

void
adit_examination_free(AditExamination *self)
{
    if (!self)
        return;
    g_cancellable_cancel(self->cancel);
    g_object_unref(self->cancel);
    g_clear_object(&self->bus);
    g_clear_handle_id(&self->begin, g_source_remove);
    adit_prober_free(self->prober);
    g_ptr_array_unref(self->asked);
    g_array_unref(self->slots);
    g_clear_pointer(&self->reaches, g_ptr_array_unref);
    g_clear_pointer(&self->gateways, g_ptr_array_unref);
    g_free(self);
}

/* -- the names of servers -- */

/* Of several addresses the one that is asked counts, as long as it is among them. */
static void
on_looked_up(const GArray *addrs, const GError *error, gpointer data)
{
    Asked *asked = data;
    AditDoctorGateway *g = asked->gateway;

    if (!addrs && !g->lookup)
        g->lookup = g_strdup(error->message);
    for (guint i = 0; addrs && i < addrs->len; i++) {
        const AditAddr *addr = &g_array_index(addrs, AditAddr, i);

        if (i == 0 || adit_addr_cmp(addr, &g->endpoint.addr) == 0)
            g->named = *addr;
    }
}

static void
ask_names(AditExamination *self)
{
    for (guint i = 0; i < self->gateways->len; i++) {
        AditDoctorGateway *g = g_ptr_array_index(self->gateways, i);

        for (guint p = 0; p < g->profile->n_peers; p++) {
            const AditEndpoint *endpoint = &g->profile->peers[p].endpoint;
            AditSockAddr number;
            Asked *asked;

            if (!endpoint->host || adit_endpoint_get_sockaddr(endpoint, &number))
                continue;
            asked = g_new0(Asked, 1);
            *asked = (Asked){ self, g, NULL };
            g_ptr_array_add(self->asked, asked);
            asked->lookup = adit_endpoints_ask(self->daemon->endpoints, endpoint->host,
                                               on_looked_up, asked);
            break; /* the server, as it is judged */
        }
    }
}

/* -- probes -- */

static void
add_probe(AditExamination *self, GArray *probes, const AditProbe *probe, Slot slot)
{
    g_array_append_val(probes, *probe);
    g_array_append_val(self->slots, slot);
}

static void
probe_inside(AditExamination *self, GArray *probes, AditDoctorGateway *g)
{
    g_autoptr(AditGateway) gateway = adit_gateway_from_profile(g->name, 1, g->name, g->profile);
    AditProbe probe = { 0 };

    g_strlcpy(probe.link, g->name, sizeof(probe.link));
    for (guint f = 0; f < 2; f++) {
        if (!g->has_pcp[f])
            continue;
        probe.kind = ADIT_PROBE_UDP;
        probe.to = (AditSockAddr){ gateway->servers[f], ADIT_PCP_SERVER_PORT };
        probe.bytes = self->announce;
        probe.len = self->announce_len;
        add_probe(self, probes, &probe, (Slot){ &g->pcp[f], NULL });
    }
    if (!g->has_pcp[0] && !g->has_pcp[1])
        return;
    probe.kind = ADIT_PROBE_ECHO;
    probe.to = (AditSockAddr){ gateway->servers[g->has_pcp[0] ? 0 : 1], 0 };
    add_probe(self, probes, &probe, (Slot){ &g->echo, NULL });
    if (self->quiet)
        return;
    for (probe.size = g->mtu; probe.size > MTU_LEAST; probe.size -= MTU_STEP)
        add_probe(self, probes, &probe, (Slot){ NULL, g });
    probe.size = MTU_LEAST;
    add_probe(self, probes, &probe, (Slot){ NULL, g });
}

/* Past the tunnel, by the uplink: a NAT there makes a stranger of us. Without one the packet
 * comes back from this machine's own address, which IPv4 refuses to believe. */
static char *
see_way4(AditProbe *probe, char link[ADIT_NAME_LEN])
{
    AditAddr from;

    if (!adit_examine_way(&probe->to, &from, link))
        return g_strdup("no uplink leads there");
    return adit_addr_is_private(&from)
               ? NULL
               : g_strdup_printf("%s has a public address itself: what it sends there comes "
                                 "back as its own",
                                 link);
}

/* The address is this machine's own, so that only a socket of the uplink sends the packet away;
 * it is answered when it has come back through the tunnel. */
static char *
see_way6(AditProbe *probe, char link[ADIT_NAME_LEN])
{
    const guint8 bytes[16] = { 0x20, 0x01, 0x0d, 0xb8 }; /* of documentation: nothing is sent */
    const AditSockAddr anywhere = { adit_addr_from_bytes(AF_INET6, bytes), probe->to.port };

    g_autofree char *checker = NULL;

    if (!adit_examine_way(&anywhere, &probe->from, link) || !adit_addr_is_global(&probe->from))
        return g_strdup("the uplink has no IPv6: try it from elsewhere");
    checker = adit_foreign_checks_senders(ADIT_REPLY_TABLE);
    if (checker)
        return g_strdup_printf("%s takes what comes back to its own sender for forged, and "
                               "lets visitors in: try it from elsewhere",
                               checker);
    g_strlcpy(probe->link, link, sizeof(probe->link));
    return NULL;
}

static void
probe_outside(AditExamination *self, GArray *probes, AditDoctorReach *r)
{
    AditProbe probe = { .kind = ADIT_PROBE_TCP, .mark = ADIT_MARK_OUTER };
    char link[ADIT_NAME_LEN];

    if (!r->outside || !adit_examine_first(r->outside, &probe.to))
        return;
    if (self->quiet)
        r->not_dialled = g_strdup("adit doctor dials it");
    else if (r->ports.proto == ADIT_PROTO_UDP)
        r->not_dialled = g_strdup("UDP answers nobody who does not speak its language");
    else
        r->not_dialled = r->family ? see_way6(&probe, link) : see_way4(&probe, link);
    if (r->not_dialled || adit_catalog_find(self->daemon->entries, link))
        return;
    r->uplink = g_strdup(link);
    add_probe(self, probes, &probe, (Slot){ &r->dialled, NULL });
}

static void
probe_target(AditExamination *self, GArray *probes, AditDoctorReach *r)
{
    AditProbe probe = { .kind = ADIT_PROBE_TCP };

    if (r->led_on && r->ports.proto == ADIT_PROTO_TCP &&
        adit_examine_first(r->inside, &probe.to))
        add_probe(self, probes, &probe, (Slot){ &r->target, NULL });
}

static void
take_outcomes(AditExamination *self, const GArray *probes)
{
    for (guint i = 0; i < probes->len; i++) {
        const AditProbe *probe = &g_array_index(probes, AditProbe, i);
        const Slot *slot = &g_array_index(self->slots, Slot, i);

        if (slot->outcome)
            *slot->outcome = probe->outcome;
        else if (probe->outcome == ADIT_PROBE_ANSWERED)
            slot->mtu->passes = MAX(slot->mtu->passes, probe->size);
    }
    g_array_set_size(self->slots, 0);
    g_clear_pointer(&self->prober, adit_prober_free);
}

static gboolean
on_judge(gpointer data)
{
    AditExamination *self = data;
    const AditDoctorFacts facts = { self->gateways, self->reaches, self->has_publisher };
    g_autoptr(GPtrArray) findings = NULL;

    self->begin = 0;
    if (self->gateways->len > 0)
        adit_examine_rules(self->daemon, g_ptr_array_index(self->gateways, 0));
    findings = adit_doctor_judge(&facts);
    self->done(self, findings, self->data);
    return G_SOURCE_REMOVE;
}

/* What somebody has just changed aditd is about to put back. */
static void
finish(AditExamination *self)
{
    const AditDoctorGateway *first =
        self->gateways->len > 0 ? g_ptr_array_index(self->gateways, 0) : NULL;

    if (first && first->drift->len > 0)
        self->begin = g_timeout_add(MENDED_MS, on_judge, self);
    else
        on_judge(self);
}

static void
on_hosts(const GArray *probes, gpointer data)
{
    take_outcomes(data, probes);
    finish(data);
}

static void
probe_host(AditExamination *self, GArray *probes, AditDoctorGateway *g)
{
    static const guint8 nothing[4] = { 0 }; /* WireGuard is silent about it */
    AditProbe probe = { .kind = ADIT_PROBE_ECHO,
                        .to = g->endpoint,
                        .mark = ADIT_MARK_OUTER,
                        .bytes = nothing,
                        .len = sizeof(nothing) };

    add_probe(self, probes, &probe, (Slot){ &g->host, NULL });
    probe.kind = ADIT_PROBE_UDP;
    add_probe(self, probes, &probe, (Slot){ &g->udp, NULL });
}

/* The server has been asked what it saw. */
static void
on_after(gpointer data)
{
    AditExamination *self = data;
    GArray *probes = g_array_new(FALSE, TRUE, sizeof(AditProbe));

    for (guint i = 0; i < self->gateways->len; i++) {
        AditDoctorGateway *g = g_ptr_array_index(self->gateways, i);

        if (g->wanted && g->has_way && !adit_doctor_is_heard(g))
            probe_host(self, probes, g);
    }
    if (probes->len > 0) {
        self->prober = adit_prober_new(probes, OUTSIDE_MS, on_hosts, self);
        return;
    }
    g_array_unref(probes);
    finish(self);
}

static void
on_inside(const GArray *results, gpointer data)
{
    AditExamination *self = data;

    take_outcomes(self, results);
    adit_examine_ask(self->bus, self->reaches, TRUE, G_MAXUINT, self->cancel, on_after, self);
}

/* -- the publisher's part -- */

static void
on_before(gpointer data)
{
    AditExamination *self = data;
    GArray *probes = g_array_new(FALSE, TRUE, sizeof(AditProbe));

    for (guint i = 0; i < self->gateways->len; i++) {
        AditDoctorGateway *g = g_ptr_array_index(self->gateways, i);

        if (g->wanted && g->has_link)
            probe_inside(self, probes, g);
    }
    for (guint i = 0; i < self->reaches->len; i++) {
        probe_outside(self, probes, g_ptr_array_index(self->reaches, i));
        probe_target(self, probes, g_ptr_array_index(self->reaches, i));
    }
    self->prober = adit_prober_new(probes, INSIDE_MS, on_inside, self);
}

static void
go_on(AditExamination *self, GVariant *managed)
{
    self->has_publisher = managed != NULL;
    self->reaches = adit_examine_reaches(self->daemon, self->gateways, managed,
                                         self->has_ports ? &self->ports : NULL);
    adit_examine_ask(managed ? self->bus : NULL, self->reaches, FALSE,
                     self->quiet ? QUIET_MOST : G_MAXUINT, self->cancel, on_before, self);
}

static void
on_managed(GObject *bus, GAsyncResult *result, gpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) answer =
        g_dbus_connection_call_finish(G_DBUS_CONNECTION(bus), result, &error);
    g_autoptr(GVariant) managed = NULL;

    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        return;
    if (answer)
        managed = g_variant_get_child_value(answer, 0);
    go_on(data, managed);
}

static gboolean
on_alone(gpointer data)
{
    AditExamination *self = data;

    self->begin = 0;
    go_on(self, NULL);
    return G_SOURCE_REMOVE;
}

static gboolean
read_word(AditExamination *self, const char *word, GError **error)
{
    const gboolean is_gateway = *word && adit_catalog_find(self->daemon->entries, word);

    self->has_ports = *word && !is_gateway;
    if (self->has_ports && !adit_ports_parse(word, &self->ports, NULL)) {
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_NOT_FOUND, "%s: no gateway and no port",
                    word);
        return FALSE;
    }
    self->gateways = adit_examine_gateways(self->daemon, is_gateway ? word : NULL);
    return TRUE;
}

AditExamination *
adit_examine(AditDaemon *daemon, GDBusConnection *bus, const char *word, gboolean quiet,
             AditExamineDone done, gpointer data, GError **error)
{
    g_autoptr(AditExamination) self = g_new0(AditExamination, 1);
    const AditPcpRequest announce = { .opcode = ADIT_PCP_ANNOUNCE };

    self->daemon = daemon;
    self->quiet = quiet;
    self->done = done;
    self->data = data;
    self->asked = g_ptr_array_new_with_free_func(free_asked);
    self->slots = g_array_new(FALSE, FALSE, sizeof(Slot));
    self->cancel = g_cancellable_new();
    self->announce_len = adit_pcp_request_encode(&announce, self->announce);
    if (!read_word(self, word, error))
        return NULL;
    ask_names(self);
    self->bus = bus ? g_object_ref(bus) : NULL;
    if (bus)
        g_dbus_connection_call(
            bus, ADIT_PUBLISHER_BUS, ADIT_PUBLISHER_PATH, "org.freedesktop.DBus.ObjectManager",
            "GetManagedObjects", NULL, G_VARIANT_TYPE("(a{oa{sa{sv}}})"),
            G_DBUS_CALL_FLAGS_NO_AUTO_START, PUBLISHER_MS, self->cancel, on_managed, self);
    else
        self->begin = g_idle_add(on_alone, self);
    return g_steal_pointer(&self);
}
