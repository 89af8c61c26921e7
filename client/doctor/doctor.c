/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/doctor/doctor.h"

#include "client/health.h"

#include <string.h>
#include <sys/socket.h>

/* What is broken on the way hides what lies behind it: that is not tested then, so that one
 * fault makes one line red. */

const AditHop adit_doctor_hops[] = {
    { "daemon", 10, "Do aditd and adit-publisher run?" },
    { "profile", 11, "Is the profile sound?" },
    { "link", 12, "Is its link up, with its addresses?" },
    { "endpoint", 13, "Has the server's name an address, and is that host there?" },
    { "handshake", 14, "Does its WireGuard answer?" },
    { "mtu", 15, "Do packets of the link's size pass?" },
    { "rules", 16, "Are rules, routes, guard and reverse-path values as planned?" },
    { "pcp", 17, "Does the server's PCP answer?" },
    { "listener", 18, "Does the service listen where visitors arrive?" },
    { "firewall", 19, "Do this machine's own firewalls let them in?" },
    { "mapping", 20, "Has the server granted the port, and for how long?" },
    { "server", 21, "Has the server a rule for it, and what went through it?" },
    { "server-firewall", 22, "Do the server's own firewalls let it pass?" },
    { "outside", 23, "Is it reached from the Internet?" },
    { 0 },
};

#define LOOKUP 4    /* seconds: two rounds of questions to one name server */
#define JUST_NOW 20 /* seconds: what shook hands then is there still */

typedef struct {
    const AditDoctorGateway *g;
    GPtrArray *ret;
} Judge;

void
adit_doctor_gateway_free(AditDoctorGateway *gateway)
{
    if (!gateway)
        return;
    g_free(gateway->name);
    adit_profile_free(gateway->profile);
    g_free(gateway->missing);
    g_free(gateway->lookup);
    g_clear_pointer(&gateway->drift, g_ptr_array_unref);
    g_free(gateway->rival);
    g_free(gateway->clash);
    g_free(gateway);
}

static void
ok(const Judge *j, const char *hop, char *what)
{
    adit_findings_add(j->ret, hop, j->g->name, ADIT_VERDICT_OK, what, NULL, NULL);
}

static void
not_tested(const Judge *j, const char *hop, char *what)
{
    adit_findings_add(j->ret, hop, j->g->name, ADIT_VERDICT_NOT_TESTED, what, NULL, NULL);
}

static gboolean
broken(const Judge *j, const char *hop, char *what, char *why, char *remedy)
{
    adit_findings_add(j->ret, hop, j->g->name, ADIT_VERDICT_BROKEN, what, why, remedy);
    return FALSE;
}

/* The peer of a gateway is its server: there is one, but for hand-made profiles. */
static const AditProfilePeer *
server_of(const AditDoctorGateway *g)
{
    for (guint i = 0; i < g->profile->n_peers; i++)
        if (g->profile->peers[i].endpoint.host)
            return &g->profile->peers[i];
    return NULL;
}

/* Whether the tunnel takes packets from everywhere: 0/1 and 128/1 are the two halves. */
static gboolean
takes_visitors(const AditProfilePeer *peer, guint8 family)
{
    guint halves = 0;

    for (guint i = 0; i < peer->n_allowed; i++) {
        const AditPrefix *allowed = &peer->allowed[i];

        if (allowed->addr.family != family)
            continue;
        if (allowed->len == 0 || (family == AF_INET6 && allowed->len <= 3))
            return TRUE;
        halves += allowed->len == 1;
    }
    return halves == 2;
}

static gboolean
judge_visitors(const Judge *j, const AditProfilePeer *server)
{
    for (guint f = 0; j->g->publishes && f < 2; f++) {
        const guint8 family = f ? AF_INET6 : AF_INET;

        if (!adit_profile_carries(j->g->profile, family) || takes_visitors(server, family))
            continue;
        return broken(j, "profile",
                      g_strdup_printf("AllowedIPs leaves visitors of IPv%c out", f ? '6' : '4'),
                      g_strdup("WireGuard drops what comes from an address that is not among "
                               "them"),
                      g_strdup_printf("adit update %s FILE, with a profile of a device of the "
                                      "kind server (adit-server device add --kind server)",
                                      j->g->name));
    }
    return TRUE;
}

/* "adit export x | sed ... > x.conf && adit update x x.conf" */
static char *
edit_profile(const char *name, const char *section, const char *key, guint value)
{
    return g_strdup_printf("(umask 077; adit export %s | sed '/^%s *=/d; s/^\\[%s\\]$/&\\n%s = "
                           "%u/' >%s.conf; adit update %s %s.conf)",
                           name, key, section, key, value, name, name, name);
}

static gboolean
judge_profile(const Judge *j)
{
    const AditProfilePeer *server = server_of(j->g);

    if (!server)
        return broken(j, "profile", g_strdup("no peer has an Endpoint"),
                      g_strdup("nobody can be asked for the tunnel"),
                      g_strdup_printf("adit update %s FILE", j->g->name));
    if (!judge_visitors(j, server))
        return FALSE;
    if (j->g->publishes && j->g->natted && server->keepalive == 0)
        return broken(j, "profile",
                      g_strdup("no PersistentKeepalive, and a NAT before this "
                               "machine"),
                      g_strdup("the NAT forgets the tunnel after a silence, and visitors find "
                               "nobody"),
                      edit_profile(j->g->name, "Peer", "PersistentKeepalive", 25));
    ok(j, "profile", g_strdup_printf("slot and keys are in order, made by %s", j->g->backend));
    return TRUE;
}

/* A guard that is closed stays so: the way out is told with what is broken. */
static char *
with_guard(const AditDoctorGateway *g, char *why)
{
    g_autofree char *before = why;

    return g->selected
               ? g_strdup_printf("%s; other traffic waits for it as well, and leaves by "
                                 "`adit default none` alone",
                                 before)
               : g_steal_pointer(&before);
}

static gboolean
judge_link(const Judge *j)
{
    const AditDoctorGateway *g = j->g;

    if (!g->wanted)
        return broken(j, "link", g_strdup("the tunnel is down"),
                      with_guard(g, g_strdup("somebody said `adit down`")),
                      g_strdup_printf("adit up %s", g->name));
    if (!g->has_link)
        return broken(j, "link", g_strdup("there is no link"),
                      with_guard(g, g_strdup_printf("%s has not made it", g->backend)),
                      g_strdup_printf("adit up %s", g->name));
    if (!g->link_up)
        return broken(j, "link", g_strdup("the link is there, but down"),
                      with_guard(g, g_strdup("somebody has set it down")),
                      g_strdup_printf("adit up %s", g->name));
    if (g->missing)
        return broken(
            j, "link", g_strdup_printf("the link has not its address %s", g->missing),
            g_strdup(g->is_off ? "IPv6 is off there" : "somebody has taken it away"),
            g->is_off ? g_strdup_printf("sysctl -w net.ipv6.conf.%s.disable_ipv6=0", g->name)
                      : g_strdup_printf("adit down %s && adit up %s", g->name, g->name));
    ok(j, "link", g_strdup_printf("up, packets of %u", g->mtu));
    return TRUE;
}

gboolean
adit_doctor_is_heard(const AditDoctorGateway *g)
{
    return g->echo == ADIT_PROBE_ANSWERED || g->pcp[0] == ADIT_PROBE_ANSWERED ||
           g->pcp[1] == ADIT_PROBE_ANSWERED;
}

static gboolean
may_judge_silence(const AditDoctorGateway *g)
{
    return g->is_ours || g->silence < 0 || g->silence > ADIT_HEALTH_STALE;
}

static gboolean
judge_moved(const Judge *j, const char *where)
{
    const AditProfilePeer *server = server_of(j->g);
    g_autofree char *named = NULL;

    if (!adit_addr_is_set(&j->g->named) ||
        adit_addr_cmp(&j->g->named, &j->g->endpoint.addr) == 0)
        return TRUE;
    named = adit_addr_to_string(&j->g->named);
    return broken(j, "endpoint",
                  g_strdup_printf("%s stands for %s now, and the tunnel asks %s",
                                  server->endpoint.host, named, where),
                  g_strdup("the server has moved, or its DNS record is wrong"),
                  g_strdup("systemctl restart aditd"));
}

/* Of a server that is not heard. */
static gboolean
judge_host(const Judge *j, const char *where)
{
    const AditDoctorGateway *g = j->g;

    if (!judge_moved(j, where))
        return FALSE;
    if (g->udp == ADIT_PROBE_REFUSED)
        return broken(
            j, "endpoint", g_strdup_printf("nothing listens at %s: that host says so", where),
            with_guard(g, g_strdup("adit-server does not run there, or Endpoint names "
                                   "another host or port")),
            g_strdup("on the server: systemctl start adit-server"));
    if (g->udp == ADIT_PROBE_NO_WAY || g->host == ADIT_PROBE_NO_WAY)
        return broken(j, "endpoint",
                      g_strdup_printf("a router on the way to %s turns packets back", where),
                      with_guard(g, g_strdup("no such host, or a firewall that forbids it")),
                      g_strdup_printf("adit update %s FILE, if Endpoint is wrong", g->name));
    if (g->host == ADIT_PROBE_SILENT)
        return broken(j, "endpoint", g_strdup_printf("%s does not answer at all", where),
                      with_guard(g, g_strdup("Endpoint names another host, or the server is "
                                             "off, or everything to it is blocked")),
                      g_strdup_printf("adit update %s FILE, if Endpoint is wrong", g->name));
    if (g->host == ADIT_PROBE_ANSWERED)
        ok(j, "endpoint", g_strdup_printf("%s is there", where));
    else
        not_tested(j, "endpoint",
                   g_strdup("programs may not ping here (net.ipv4.ping_group_range)"));
    return TRUE;
}

static gboolean
judge_endpoint(const Judge *j)
{
    const AditDoctorGateway *g = j->g;
    const AditProfilePeer *server = server_of(g);
    g_autofree char *where = NULL;

    if (!adit_addr_is_set(&g->endpoint.addr) && !g->lookup && g->up_for < LOOKUP) {
        not_tested(j, "endpoint",
                   g_strdup_printf("%s is being looked up", server->endpoint.host));
        return FALSE;
    }
    if (!adit_addr_is_set(&g->endpoint.addr))
        return broken(j, "endpoint",
                      g_strdup_printf("%s has no address", server->endpoint.host),
                      with_guard(g, g_strdup(g->lookup ? g->lookup : "no name server answers")),
                      g_strdup_printf("mend the name servers of this machine's uplink "
                                      "(/etc/resolv.conf), or: adit update %s FILE",
                                      g->name));
    where = adit_sockaddr_to_string(&g->endpoint);
    if (!g->has_way)
        return broken(
            j, "endpoint", g_strdup_printf("this machine knows no way to %s", where),
            with_guard(g, g_strdup_printf("no default route of IPv%c by an uplink",
                                          g->endpoint.addr.family == AF_INET ? '4' : '6')),
            g_strdup("connect this machine to its network"));
    if (!adit_doctor_is_heard(g) && may_judge_silence(g))
        return judge_host(j, where);
    ok(j, "endpoint", g_strdup(where));
    return TRUE;
}

static char *
ask_server(const AditDoctorGateway *g, const char *verb)
{
    return g_strdup_printf("on the server: adit-server %s", verb);
}

static gboolean
judge_handshake(const Judge *j)
{
    const AditDoctorGateway *g = j->g;
    const gboolean stale = g->silence > (g->is_ours ? JUST_NOW : ADIT_HEALTH_STALE);

    if (adit_doctor_is_heard(g) || (g->silence >= 0 && !stale)) {
        ok(j, "handshake",
           g->silence < 0 ? g_strdup("the server answers")
                          : g_strdup_printf("%" G_GINT64_FORMAT " s ago", g->silence));
        return TRUE;
    }
    if (g->clock_behind > 0)
        return broken(j, "handshake",
                      g_strdup_printf("the clock of this machine is behind by %" G_GINT64_FORMAT
                                      " s at least",
                                      g->clock_behind),
                      with_guard(g, g_strdup("a server takes no handshake that is older than "
                                             "the last one")),
                      g_strdup("timedatectl set-ntp true"));
    if (g->silence < 0 && g->answered)
        return broken(j, "handshake",
                      g_strdup("the server answers, but this machine cannot read it"),
                      with_guard(g, g_strdup("the preshared key is not the server's")),
                      g_strdup_printf("adit update %s FILE, with a new profile: on the server: "
                                      "adit-server device rekey NAME",
                                      g->name));
    if (g->silence < 0)
        return broken(
            j, "handshake", g_strdup("the server has never answered"),
            with_guard(g, g_strdup("UDP is blocked on the way, or the server does not "
                                   "know this device's key")),
            ask_server(g, "check"));
    return broken(j, "handshake",
                  g_strdup_printf("nothing comes back; the last handshake was %" G_GINT64_FORMAT
                                  " s ago",
                                  g->silence),
                  with_guard(g, g_strdup("UDP is blocked on the way, the server is off, or it "
                                         "does not know this device any more")),
                  ask_server(g, "check"));
}

static void
judge_mtu(const Judge *j)
{
    const AditDoctorGateway *g = j->g;

    if (g->echo != ADIT_PROBE_ANSWERED || g->passes == 0)
        not_tested(j, "mtu", g_strdup("the server answers no ping inside the tunnel"));
    else if (g->passes >= g->mtu)
        ok(j, "mtu", g_strdup_printf("%u pass", g->mtu));
    else
        broken(j, "mtu",
               g_strdup_printf("packets of %u are lost, of %u they pass", g->mtu, g->passes),
               g_strdup("a link on the way takes smaller ones only and does not say so"),
               edit_profile(g->name, "Interface", "MTU", g->passes));
}

static gboolean
judge_rules(const Judge *j)
{
    const AditDoctorGateway *g = j->g;

    if (g->drift && g->drift->len > 0)
        return broken(
            j, "rules",
            g_strdup_printf("not as planned (%u): %s", g->drift->len,
                            (const char *)g_ptr_array_index(g->drift, 0)),
            g_strdup("somebody has changed it, and aditd could not put it back"),
            adit_drift_remedy(g_ptr_array_index(g->drift, 0), "systemctl reload aditd"));
    if (g->rival)
        return broken(j, "rules", g_strdup(g->rival),
                      g_strdup("answers to visitors leave by it, or other traffic does"),
                      g_strdup("turn that off (tailscale: tailscale set --exit-node=)"));
    if (g->clash)
        return broken(
            j, "rules", g_strdup(g->clash), g_strdup("a number can lead to one place only"),
            g_strdup("on the server: adit-server subnet add NET, and a device there"));
    ok(j, "rules", g_strdup("as planned"));
    return TRUE;
}

static gboolean
judge_pcp(const Judge *j)
{
    const AditDoctorGateway *g = j->g;
    const gboolean expected = g->is_ours || g->publishes;
    gboolean any = FALSE;

    for (guint f = 0; f < 2; f++) {
        any |= g->has_pcp[f] && g->pcp[f] == ADIT_PROBE_ANSWERED;
        if (!g->has_pcp[f] || g->pcp[f] == ADIT_PROBE_ANSWERED || !expected)
            continue;
        return broken(
            j, "pcp",
            g_strdup_printf("PCP of the server does not answer by IPv%c", f ? '6' : '4'),
            g_strdup(g->echo == ADIT_PROBE_ANSWERED
                         ? "it is turned off, or the server's firewall drops UDP "
                           "5351 from the tunnel"
                         : "Address of the profile is not the one that the server "
                           "gave, or everything from the tunnel is dropped there"),
            g->echo == ADIT_PROBE_ANSWERED
                ? ask_server(g, "check")
                : g_strdup_printf("adit update %s FILE, with the device's own profile",
                                  g->name));
    }
    if (any)
        ok(j, "pcp", g_strdup("answers"));
    else
        not_tested(j, "pcp",
                   g_strdup("the profile is not of an adit-server, and nothing is "
                            "published by it"));
    return any;
}

static AditDoctorWay
judge_gateway(const AditDoctorGateway *g, GPtrArray *ret)
{
    static const char *const hops[] = { "profile", "link", "endpoint", "handshake", "mtu" };
    const Judge j = { g, ret };
    const guint begin = ret->len;
    AditDoctorWay way = { 0 };

    way.tunnel =
        judge_profile(&j) && judge_link(&j) && judge_endpoint(&j) && judge_handshake(&j);
    if (way.tunnel)
        judge_mtu(&j);
    for (guint i = ret->len - begin; i < G_N_ELEMENTS(hops); i++)
        not_tested(&j, hops[i], g_strdup("first what is broken above"));
    way.rules = judge_rules(&j);
    if (way.tunnel)
        way.pcp = judge_pcp(&j);
    else
        not_tested(&j, "pcp", g_strdup("first what is broken above"));
    return way;
}

static void
judge_daemon(const AditDoctorFacts *facts, GPtrArray *ret)
{
    if (facts->has_publisher)
        adit_findings_add(ret, "daemon", "", ADIT_VERDICT_OK,
                          g_strdup("aditd and adit-publisher run"), NULL, NULL);
    else
        adit_findings_add(ret, "daemon", "", ADIT_VERDICT_BROKEN,
                          g_strdup("adit-publisher does not run"),
                          g_strdup("nothing is asked of the server without it"),
                          g_strdup("systemctl restart adit-publisher"));
}

GPtrArray *
adit_doctor_judge(const AditDoctorFacts *facts)
{
    GPtrArray *ret = adit_findings_new();
    gboolean rules = TRUE;

    judge_daemon(facts, ret);
    if (facts->gateways->len == 0)
        adit_findings_add(
            ret, "profile", "", ADIT_VERDICT_BROKEN, g_strdup("there is no gateway yet"),
            g_strdup("nobody lends this machine an address"), g_strdup("adit import FILE"));
    for (guint i = 0; i < facts->gateways->len; i++) {
        const AditDoctorGateway *g = g_ptr_array_index(facts->gateways, i);
        AditDoctorWay way = judge_gateway(g, ret);

        rules &= way.rules; /* they are the machine's */
        way.rules = rules;
        way.pcp &= facts->has_publisher;
        for (guint r = 0; r < facts->reaches->len; r++) {
            const AditDoctorReach *reach = g_ptr_array_index(facts->reaches, r);

            if (reach->gateway == g)
                adit_doctor_judge_reach(reach, &way, ret);
        }
    }
    return ret;
}
