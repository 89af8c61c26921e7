/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/doctor/doctor.h"

#include <string.h>

typedef struct {
    const AditDoctorReach *r;
    GPtrArray *ret;
} Judge;

void
adit_doctor_reach_free(AditDoctorReach *reach)
{
    if (!reach)
        return;
    g_free(reach->about);
    g_free(reach->inside);
    g_free(reach->drop);
    g_free(reach->state);
    g_free(reach->reason);
    g_free(reach->outside);
    g_free(reach->protocol);
    g_free(reach->before.state);
    g_free(reach->before.drop);
    g_free(reach->after.state);
    g_free(reach->after.drop);
    g_free(reach->uplink);
    g_free(reach->not_dialled);
    g_free(reach);
}

static gboolean
ok(const Judge *j, const char *hop, char *what)
{
    adit_findings_add(j->ret, hop, j->r->about, ADIT_VERDICT_OK, what, NULL, NULL);
    return TRUE;
}

static gboolean
not_tested(const Judge *j, const char *hop, char *what)
{
    adit_findings_add(j->ret, hop, j->r->about, ADIT_VERDICT_NOT_TESTED, what, NULL, NULL);
    return FALSE;
}

static gboolean
broken(const Judge *j, const char *hop, char *what, char *why, char *remedy)
{
    adit_findings_add(j->ret, hop, j->r->about, ADIT_VERDICT_BROKEN, what, why, remedy);
    return FALSE;
}

static const char *
proto_of(const AditDoctorReach *r)
{
    return r->ports.proto == ADIT_PROTO_UDP ? "udp" : "tcp";
}

static gboolean
judge_target(const Judge *j)
{
    const AditDoctorReach *r = j->r;

    switch (r->target) {
    case ADIT_PROBE_ANSWERED:
        return ok(j, "listener", g_strdup_printf("%s answers", r->inside));
    case ADIT_PROBE_NOT_SENT:
        not_tested(j, "listener",
                   g_strdup("that is another machine, and UDP answers nobody who "
                            "does not speak its language"));
        return TRUE;
    case ADIT_PROBE_REFUSED:
        return broken(j, "listener", g_strdup_printf("nothing listens at %s", r->inside),
                      g_strdup("that machine says so"),
                      g_strdup("start the service there, or name another: adit publish --to"));
    case ADIT_PROBE_SILENT:
    case ADIT_PROBE_NO_WAY:
        return broken(j, "listener", g_strdup_printf("%s does not answer", r->inside),
                      g_strdup("that machine is off, elsewhere, or its firewall drops it"),
                      g_strdup("turn it on, or name another: adit publish --to"));
    }
    g_assert_not_reached();
}

static gboolean
judge_listener(const Judge *j)
{
    const AditDoctorReach *r = j->r;
    char *port = NULL;

    if (r->led_on)
        return judge_target(j);
    port = g_strdup_printf("%s port %u", proto_of(r), r->ports.first);
    switch (r->listener) {
    case ADIT_LISTENER_HERE:
        return ok(j, "listener", g_strdup_printf("%s listens", (g_free(port), r->inside)));
    case ADIT_LISTENER_NOBODY:
        return broken(j, "listener", port, g_strdup("nothing listens on it"),
                      g_strdup("start the service"));
    case ADIT_LISTENER_LOOPBACK:
        return broken(
            j, "listener", port,
            g_strdup("it listens on the loopback address only, where no visitor comes"),
            g_strdup("let the service listen on 0.0.0.0 and ::"));
    case ADIT_LISTENER_OTHER:
        return broken(j, "listener", port,
                      g_strdup_printf("it does not listen at %s", r->inside),
                      g_strdup("let the service listen on 0.0.0.0 and ::"));
    }
    g_assert_not_reached();
}

/* "sentence; run: command" of libadit/sys/foreign. */
static gboolean
judge_firewall(const Judge *j)
{
    const char *drop = j->r->drop ? j->r->drop : "";
    const char *run = strstr(drop, "; run: ");

    if (!*drop)
        return ok(j, "firewall", g_strdup("nobody here is known to drop it"));
    return broken(j, "firewall", g_strndup(drop, run ? (gsize)(run - drop) : strlen(drop)),
                  g_strdup("a firewall of this machine is in its way"),
                  g_strdup(run ? run + strlen("; run: ") : ""));
}

static gboolean
is_held(const AditDoctorReach *r)
{
    return g_strcmp0(r->state, "published") == 0 || g_strcmp0(r->state, "renewing") == 0;
}

/* It knows which word of its operator's it was: so the next hop tells. */
static gboolean
is_operators_word(const AditDoctorReach *r)
{
    return g_strcmp0(r->before.state, "off") == 0 || g_strcmp0(r->before.state, "denied") == 0;
}

static gboolean
judge_mapping(const Judge *j, const AditDoctorWay *way, gboolean listener)
{
    const AditDoctorReach *r = j->r;
    g_autofree char *ports = adit_ports_to_string(&r->ports);

    if (!r->state)
        return broken(j, "mapping", g_strdup("it is not published"),
                      g_strdup("the server knows nothing of it"),
                      g_strdup_printf("adit publish %s", ports));
    if (!way->tunnel || !way->pcp)
        return not_tested(j, "mapping", g_strdup("first what is broken above"));
    if (is_held(r))
        return ok(j, "mapping",
                  g_strdup_printf("%s by %s, for %" G_GINT64_FORMAT " min", r->outside,
                                  r->protocol, MAX(r->lease, 0) / 60));
    if (g_str_equal(r->state, "asking"))
        return not_tested(j, "mapping", g_strdup("the server is being asked"));
    if (g_str_equal(r->state, "lost"))
        return not_tested(j, "mapping",
                          g_strdup_printf("lost (%s), and asked for again", r->reason));
    if (!listener)
        return not_tested(j, "mapping", g_strdup("first what is broken above"));
    if (is_operators_word(r)) {
        not_tested(j, "mapping", g_strdup("the server refuses it, and says why"));
        return TRUE;
    }
    return broken(j, "mapping", g_strdup_printf("%s: %s", r->state, r->reason),
                  g_strdup("the server has refused it, or taken it back"),
                  g_strdup_printf("on the server: adit-server status (whom it has refused, and "
                                  "why), or another port: adit publish %s --external any",
                                  ports));
}

/* "443/tcp" at the server is a forward in IPv4, "NAME:443/tcp" a pinhole in IPv6. */
static char *
turn_on(const AditDoctorReach *r)
{
    g_autofree char *ports = adit_ports_to_string(&r->ports);

    return g_strdup_printf("on the server: adit-server %s%s on",
                           r->family ? "pinhole set-enabled NAME:" : "forward set-enabled ",
                           ports);
}

static gboolean
judge_server(const Judge *j, gboolean may)
{
    const AditDoctorSeen *seen = &j->r->before;
    g_autofree char *ports = adit_ports_to_string(&j->r->ports);

    if (!may)
        return not_tested(j, "server", g_strdup("first what is broken above"));
    if (!seen->state) {
        not_tested(j, "server",
                   g_strdup("it does not say: it is none of adit's, or an older one"));
        return TRUE;
    }
    if (g_str_equal(seen->state, "open"))
        return ok(j, "server",
                  g_strdup_printf("open; packets so far: %" G_GUINT64_FORMAT
                                  " in, %" G_GUINT64_FORMAT " out",
                                  seen->packets_in, seen->packets_out));
    if (g_str_equal(seen->state, "off"))
        return broken(j, "server", g_strdup("the server has it turned off"),
                      g_strdup("that is its operator's word"), turn_on(j->r));
    if (g_str_equal(seen->state, "denied"))
        return broken(j, "server", g_strdup("the server has closed it"),
                      g_strdup("its operator does not let this device publish"),
                      g_strdup("on the server: adit-server device set-publish NAME on"));
    return broken(j, "server", g_strdup("the server knows nothing of it"),
                  g_strdup("it has lost or revoked what it had granted"),
                  g_strdup_printf("adit unpublish %s && adit publish %s", ports, ports));
}

static gboolean
judge_server_firewall(const Judge *j, gboolean may)
{
    const AditDoctorSeen *seen = &j->r->before;

    if (!may)
        return not_tested(j, "server-firewall", g_strdup("first what is broken above"));
    if (!seen->state) {
        not_tested(j, "server-firewall",
                   g_strdup("the server does not say: it is none of adit's, or an older one"));
        return TRUE;
    }
    if (!seen->drop || !*seen->drop)
        return ok(j, "server-firewall", g_strdup("nobody there is known to drop it"));
    return broken(j, "server-firewall",
                  g_strdup_printf("%s of the server drops what is forwarded", seen->drop),
                  g_strdup("a firewall there has not been told of the tunnel"),
                  g_strdup("on the server: adit-server check (it has the line that mends it)"));
}

/* What the server saw of the connection says where it ended. */
static char *
where_lost(const AditDoctorReach *r)
{
    const guint64 came = r->after.packets_in - r->before.packets_in;

    if (!r->before.state || !r->after.state)
        return g_strdup("a firewall of the server or of its provider drops it");
    if (came == 0)
        return g_strdup(
            "nothing of it came to the server's rule: the provider's firewall drops "
            "it, or does not lead the address there");
    return g_strdup_printf("%" G_GUINT64_FORMAT
                           " packets of it came to the server's rule, and were not answered",
                           came);
}

/* Then somebody else has to try it, and an adit-server tells what became of that. */
static char *
not_dialled(const AditDoctorReach *r)
{
    const char *why = r->not_dialled ? r->not_dialled : "it was not dialled";
    const char *port = r->outside ? strrchr(r->outside, ':') : NULL;

    if (!r->before.state || !port)
        return g_strdup(why);
    return g_strdup_printf("%s; try it from elsewhere, and on the server: adit-server probe "
                           "%.*s/%s",
                           why, (int)strcspn(port + 1, "-"), port + 1, proto_of(r));
}

static void
judge_outside(const Judge *j, gboolean may)
{
    const AditDoctorReach *r = j->r;

    if (!may) {
        not_tested(j, "outside", g_strdup("first what is broken above"));
        return;
    }
    if (!r->uplink) {
        not_tested(j, "outside", not_dialled(r));
        return;
    }
    switch (r->dialled) {
    case ADIT_PROBE_ANSWERED:
        ok(j, "outside",
           g_strdup_printf("%s answers over %s and the Internet", r->outside, r->uplink));
        break;
    case ADIT_PROBE_NOT_SENT:
        not_tested(j, "outside", g_strdup("a connection could not be begun"));
        break;
    case ADIT_PROBE_REFUSED:
        broken(j, "outside", g_strdup_printf("%s refuses over %s", r->outside, r->uplink),
               g_strdup("somebody before the service does: the provider or a firewall"),
               g_strdup("on the server: adit-server check"));
        break;
    case ADIT_PROBE_SILENT:
    case ADIT_PROBE_NO_WAY:
        broken(j, "outside",
               g_strdup_printf("%s does not answer over %s", r->outside, r->uplink),
               where_lost(r), g_strdup("on the server: adit-server check"));
        break;
    }
}

void
adit_doctor_judge_reach(const AditDoctorReach *reach, const AditDoctorWay *way, GPtrArray *ret)
{
    const Judge j = { reach, ret };
    const gboolean listener = judge_listener(&j);
    const gboolean firewall = judge_firewall(&j);
    const gboolean mapping = judge_mapping(&j, way, listener);
    const gboolean server = judge_server(&j, mapping);
    const gboolean passes = judge_server_firewall(&j, mapping && server);

    judge_outside(&j, listener && firewall && passes && way->rules);
}
