/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/doctor/doctor.h"

#include <string.h>

/* A machine where all is well, one thing of it otherwise in each row: which hops are broken,
 * and what is said to do. */

static const char profile[] = "[Interface]\n"
                              "PrivateKey = yAnz5TF+lXXJte14tji3zlMNq+hd2rYUIgJBgB3fBmk=\n"
                              "Address = 10.59.0.2/24, 2001:db8::2/128\n"
                              "Table = 20101\n"
                              "FwMark = 0x3f000000\n"
                              "[Peer]\n"
                              "PublicKey = xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=\n"
                              "AllowedIPs = 10.59.0.1/32, 0.0.0.0/1, 128.0.0.0/1, 2000::/3\n"
                              "Endpoint = vps.example.org:51820\n"
                              "PersistentKeepalive = 25\n";

typedef struct {
    AditDoctorGateway *g;
    AditDoctorReach *r;
    gboolean no_publisher, no_gateway;
} World;

typedef struct {
    const char *name;
    void (*change)(World *w);
    const char *broken; /* hops, by blanks */
    const char *remedy; /* words of it */
} Case;

static void
swap(char **text, const char *with)
{
    g_free(*text);
    *text = g_strdup(with);
}

static void
silent(AditDoctorGateway *g, gint64 silence)
{
    g->silence = silence;
    g->echo = g->pcp[0] = g->pcp[1] = ADIT_PROBE_SILENT;
    g->passes = 0;
    g->host = ADIT_PROBE_ANSWERED;
    g->udp = ADIT_PROBE_SILENT;
}

static void
nothing(World *w)
{
}

static void
no_publisher(World *w)
{
    w->no_publisher = TRUE;
}

static void
no_gateway(World *w)
{
    w->no_gateway = TRUE;
}

static void
no_endpoint(World *w)
{
    adit_endpoint_clear(&w->g->profile->peers[0].endpoint);
}

static void
no_keepalive(World *w)
{
    w->g->profile->peers[0].keepalive = 0;
}

static void
no_keepalive_needed(World *w)
{
    no_keepalive(w);
    w->g->natted = FALSE;
}

static void
half_of_the_world(World *w)
{
    w->g->profile->peers[0].n_allowed = 2;
}

static void
down(World *w)
{
    w->g->wanted = FALSE;
}

static void
closed(World *w)
{
    w->g->wanted = FALSE;
    w->g->selected = TRUE;
}

static void
no_link(World *w)
{
    w->g->has_link = FALSE;
}

static void
link_down(World *w)
{
    w->g->link_up = FALSE;
}

static void
no_address4(World *w)
{
    w->g->missing = g_strdup("10.59.0.2");
}

static void
no_address6(World *w)
{
    w->g->missing = g_strdup("2001:db8::2");
}

static void
unresolved(World *w)
{
    memset(&w->g->endpoint, 0, sizeof(w->g->endpoint));
    w->g->lookup = g_strdup("DNS: no answer");
}

static void
looking_up(World *w)
{
    memset(&w->g->endpoint, 0, sizeof(w->g->endpoint));
}

static void
no_way(World *w)
{
    w->g->has_way = FALSE;
}

static void
moved(World *w)
{
    silent(w->g, 300);
    adit_addr_parse("198.51.100.9", &w->g->named, NULL);
}

static void
moved_but_heard(World *w)
{
    adit_addr_parse("198.51.100.9", &w->g->named, NULL);
}

static void
refused(World *w)
{
    silent(w->g, -1);
    w->g->udp = ADIT_PROBE_REFUSED;
}

static void
turned_back(World *w)
{
    silent(w->g, -1);
    w->g->udp = ADIT_PROBE_NO_WAY;
}

static void
nobody(World *w)
{
    silent(w->g, -1);
    w->g->host = ADIT_PROBE_SILENT;
}

static void
may_not_ping(World *w)
{
    silent(w->g, -1);
    w->g->host = ADIT_PROBE_NOT_SENT;
}

static void
never(World *w)
{
    silent(w->g, -1);
}

static void
stale(World *w)
{
    silent(w->g, 191);
}

static void
lately(World *w)
{
    silent(w->g, 60);
}

static void
a_moment_ago(World *w)
{
    silent(w->g, 3);
}

static void
wrong_psk(World *w)
{
    silent(w->g, -1);
    w->g->answered = TRUE;
}

static void
clock_back(World *w)
{
    silent(w->g, -1);
    w->g->clock_behind = 86400;
}

static void
clock_back_but_heard(World *w)
{
    w->g->clock_behind = 86400;
}

static void
foreign_and_silent(World *w)
{
    silent(w->g, 60);
    w->g->is_ours = FALSE;
}

static void
foreign_without_pcp(World *w)
{
    foreign_and_silent(w);
    w->g->publishes = FALSE;
    swap(&w->r->state, "waiting");
}

static void
black_hole(World *w)
{
    w->g->passes = 1360;
}

static void
drift(World *w)
{
    g_ptr_array_add(w->g->drift, g_strdup("+ ip -4 rule add pref 1740"));
}

static void
drift_of_a_setting(World *w)
{
    g_ptr_array_add(w->g->drift, g_strdup("~ sysctl net/ipv4/conf/all/rp_filter=0"));
}

static void
rival(World *w)
{
    w->g->rival = g_strdup("rule 5270 sends everything away");
}

static void
clash(World *w)
{
    w->g->clash = g_strdup("10.59.0.0/24 is the network of eth0, too");
}

static void
no_pcp(World *w)
{
    w->g->pcp[0] = w->g->pcp[1] = ADIT_PROBE_SILENT;
}

static void
no_pcp6(World *w)
{
    w->g->pcp[1] = ADIT_PROBE_SILENT;
}

static void
no_listener(World *w)
{
    w->r->listener = ADIT_LISTENER_NOBODY;
}

static void
loopback(World *w)
{
    w->r->listener = ADIT_LISTENER_LOOPBACK;
}

static void
elsewhere(World *w)
{
    w->r->listener = ADIT_LISTENER_OTHER;
}

static void
target_refuses(World *w)
{
    w->r->led_on = TRUE;
    w->r->target = ADIT_PROBE_REFUSED;
}

static void
target_off(World *w)
{
    w->r->led_on = TRUE;
    w->r->target = ADIT_PROBE_SILENT;
}

static void
target_udp(World *w)
{
    w->r->led_on = TRUE;
}

static void
dropped(World *w)
{
    w->r->drop = g_strdup("table ip filter, chain INPUT drops; run: ufw allow 443");
}

static void
unpublished(World *w)
{
    g_clear_pointer(&w->r->state, g_free);
}

static void
port_refused(World *w)
{
    swap(&w->r->state, "refused");
}

static void
port_refused_off(World *w)
{
    port_refused(w);
    swap(&w->r->before.state, "off");
}

static void
port_refused_off6(World *w)
{
    port_refused_off(w);
    w->r->family = 1;
}

static void
port_asked(World *w)
{
    swap(&w->r->state, "asking");
}

static void
port_lost(World *w)
{
    swap(&w->r->state, "lost");
}

static void
not_outside(World *w)
{
    w->r->dialled = ADIT_PROBE_SILENT;
}

static void
turned_away(World *w)
{
    w->r->dialled = ADIT_PROBE_REFUSED;
}

static void
not_dialled(World *w)
{
    g_clear_pointer(&w->r->uplink, g_free);
}

static void
server_off(World *w)
{
    swap(&w->r->before.state, "off");
}

static void
server_denies(World *w)
{
    swap(&w->r->before.state, "denied");
}

static void
server_forgot(World *w)
{
    swap(&w->r->before.state, "none");
}

static void
server_silent(World *w)
{
    g_clear_pointer(&w->r->before.state, g_free);
}

static void
server_drops(World *w)
{
    swap(&w->r->before.drop, "table inet filter, chain forward");
}

static void
two(World *w)
{
    no_listener(w);
    never(w);
}

static const Case cases[] = {
    { "well", nothing, "", "" },
    { "no-publisher", no_publisher, "daemon", "systemctl restart adit-publisher" },
    { "no-gateway", no_gateway, "profile", "adit import FILE" },
    { "no-endpoint", no_endpoint, "profile", "adit update home FILE" },
    { "no-keepalive", no_keepalive, "profile", "PersistentKeepalive = 25" },
    { "no-keepalive-needed", no_keepalive_needed, "", "" },
    { "half-of-the-world", half_of_the_world, "profile", "adit update home FILE" },
    { "down", down, "link", "adit up home" },
    { "closed", closed, "link", "adit up home" },
    { "no-link", no_link, "link", "adit up home" },
    { "link-down", link_down, "link", "adit up home" },
    { "no-address4", no_address4, "link", "adit down home && adit up home" },
    { "no-address6", no_address6, "link", "disable_ipv6=0" },
    { "unresolved", unresolved, "endpoint", "/etc/resolv.conf" },
    { "looking-up", looking_up, "", "" },
    { "no-way", no_way, "endpoint", "connect this machine" },
    { "moved", moved, "endpoint", "systemctl restart aditd" },
    { "moved-but-heard", moved_but_heard, "", "" },
    { "refused", refused, "endpoint", "systemctl start adit-server" },
    { "turned-back", turned_back, "endpoint", "adit update home FILE" },
    { "nobody", nobody, "endpoint", "adit update home FILE" },
    { "may-not-ping", may_not_ping, "handshake", "adit-server check" },
    { "never", never, "handshake", "adit-server check" },
    { "stale", stale, "handshake", "adit-server check" },
    { "lately", lately, "handshake", "adit-server check" },
    { "a-moment-ago", a_moment_ago, "pcp", "with the device's own profile" },
    { "wrong-psk", wrong_psk, "handshake", "adit-server device rekey" },
    { "clock-back", clock_back, "handshake", "timedatectl" },
    { "clock-back-but-heard", clock_back_but_heard, "", "" },
    { "foreign-and-silent", foreign_and_silent, "pcp", "adit update home FILE" },
    { "foreign-without-pcp", foreign_without_pcp, "", "" },
    { "black-hole", black_hole, "mtu", "MTU = 1360" },
    { "drift", drift, "rules", "systemctl reload aditd" },
    { "drift-of-a-setting", drift_of_a_setting, "rules",
      "sysctl -w net/ipv4/conf/all/rp_filter=0" },
    { "rival", rival, "rules", "turn that off" },
    { "clash", clash, "rules", "adit-server subnet add" },
    { "no-pcp", no_pcp, "pcp", "adit-server check" },
    { "no-pcp6", no_pcp6, "pcp", "adit-server check" },
    { "no-listener", no_listener, "listener", "start the service" },
    { "loopback", loopback, "listener", "0.0.0.0 and ::" },
    { "elsewhere", elsewhere, "listener", "0.0.0.0 and ::" },
    { "target-refuses", target_refuses, "listener", "start the service there" },
    { "target-off", target_off, "listener", "turn it on" },
    { "target-udp", target_udp, "", "" },
    { "dropped", dropped, "firewall", "ufw allow 443" },
    { "unpublished", unpublished, "mapping", "adit publish 443/tcp" },
    { "port-refused", port_refused, "mapping", "adit-server status" },
    { "port-refused-off", port_refused_off, "server", "forward set-enabled 443/tcp on" },
    { "port-refused-off6", port_refused_off6, "server", "pinhole set-enabled NAME:443/tcp on" },
    { "port-asked", port_asked, "", "" },
    { "port-lost", port_lost, "", "" },
    { "not-outside", not_outside, "outside", "adit-server check" },
    { "turned-away", turned_away, "outside", "adit-server check" },
    { "not-dialled", not_dialled, "", "" },
    { "server-off", server_off, "server", "adit-server forward set-enabled 443/tcp on" },
    { "server-denies", server_denies, "server", "adit-server device set-publish" },
    { "server-forgot", server_forgot, "server",
      "adit unpublish 443/tcp && adit publish 443/tcp" },
    { "server-silent", server_silent, "", "" },
    { "server-drops", server_drops, "server-firewall", "adit-server check" },
    { "two", two, "handshake listener", "adit-server check" },
};

static World
make_world(void)
{
    World w = { g_new0(AditDoctorGateway, 1), g_new0(AditDoctorReach, 1), FALSE, FALSE };

    *w.g = (AditDoctorGateway){ .name = g_strdup("home"),
                                .profile =
                                    adit_profile_parse("home", profile, strlen(profile), NULL),
                                .backend = "aditd",
                                .wanted = TRUE,
                                .publishes = TRUE,
                                .is_ours = TRUE,
                                .natted = TRUE,
                                .has_link = TRUE,
                                .link_up = TRUE,
                                .mtu = 1420,
                                .has_way = TRUE,
                                .silence = 60,
                                .echo = ADIT_PROBE_ANSWERED,
                                .passes = 1420,
                                .has_pcp = { TRUE, TRUE },
                                .pcp = { ADIT_PROBE_ANSWERED, ADIT_PROBE_ANSWERED },
                                .drift = g_ptr_array_new_with_free_func(g_free) };
    g_assert_nonnull(w.g->profile);
    adit_sockaddr_parse("198.51.100.7:51820", &w.g->endpoint, NULL);
    *w.r = (AditDoctorReach){ .about = g_strdup("443/tcp at home by IPv4"),
                              .gateway = w.g,
                              .ports = { 443, 443, ADIT_PROTO_TCP },
                              .inside = g_strdup("10.59.0.2:443"),
                              .state = g_strdup("published"),
                              .reason = g_strdup(""),
                              .outside = g_strdup("198.51.100.7:443"),
                              .protocol = g_strdup("PCP"),
                              .lease = 3600,
                              .before = { g_strdup("open"), 5, 4, g_strdup("") },
                              .dialled = ADIT_PROBE_ANSWERED,
                              .uplink = g_strdup("eth0") };
    return w;
}

/* Every hop of the gateway and of the port has one word, whatever is broken. */
static void
check_complete(const GPtrArray *findings)
{
    static const char *const all[] = { "daemon",          "profile",  "link",    "endpoint",
                                       "handshake",       "mtu",      "rules",   "pcp",
                                       "listener",        "firewall", "mapping", "server",
                                       "server-firewall", "outside" };

    for (guint i = 0; i < G_N_ELEMENTS(all); i++) {
        guint n = 0;

        for (guint k = 0; k < findings->len; k++)
            n +=
                g_str_equal(((const AditFinding *)g_ptr_array_index(findings, k))->hop, all[i]);
        g_assert_cmpuint(n, ==, 1);
    }
}

static void
test_case(gconstpointer data)
{
    const Case *c = data;
    World w = make_world();
    g_autoptr(GPtrArray) gateways = g_ptr_array_new();
    g_autoptr(GPtrArray) reaches = g_ptr_array_new();
    g_autoptr(GPtrArray) findings = NULL;
    g_autoptr(GString) broken = g_string_new(NULL);

    c->change(&w);
    if (!w.no_gateway)
        g_ptr_array_add(gateways, w.g);
    g_ptr_array_add(reaches, w.r);
    findings = adit_doctor_judge(&(AditDoctorFacts){ gateways, reaches, !w.no_publisher });
    for (guint i = 0; i < findings->len; i++) {
        const AditFinding *f = g_ptr_array_index(findings, i);

        if (f->verdict == ADIT_VERDICT_BROKEN)
            g_string_append_printf(broken, "%s%s", broken->len ? " " : "", f->hop);
        g_assert_cmpint(f->verdict == ADIT_VERDICT_BROKEN, ==, *f->remedy != '\0');
        g_assert_cmpint(*f->what, !=, '\0');
    }
    g_assert_cmpstr(broken->str, ==, c->broken);
    if (*c->broken)
        g_assert_nonnull(strstr(adit_findings_broken(findings)->remedy, c->remedy));
    if (!w.no_gateway)
        check_complete(findings);
    adit_doctor_gateway_free(w.g);
    adit_doctor_reach_free(w.r);
}

/* What cannot be dialled from here is not green, and somebody else can try it. */
static void
test_not_dialled(void)
{
    static const struct {
        const char *outside, *seen, *what;
    } rows[] = {
        { "198.51.100.7:8443", "open",
          "why; try it from elsewhere, and on the server: adit-server probe 8443/udp" },
        { "[2001:db8::7]:4000-4099", "open",
          "why; try it from elsewhere, and on the server: adit-server probe 4000/udp" },
        { "198.51.100.7:8443", NULL, "why" }, /* no adit-server */
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        World w = make_world();
        g_autoptr(GPtrArray) findings = adit_findings_new();
        const AditDoctorWay way = { .tunnel = TRUE, .pcp = TRUE, .rules = TRUE };
        const AditFinding *last;

        w.r->ports.proto = ADIT_PROTO_UDP;
        swap(&w.r->outside, rows[i].outside);
        swap(&w.r->before.state, rows[i].seen);
        w.r->not_dialled = g_strdup("why");
        not_dialled(&w);
        adit_doctor_judge_reach(w.r, &way, findings);
        last = g_ptr_array_index(findings, findings->len - 1);
        g_assert_cmpstr(last->hop, ==, "outside");
        g_assert_cmpint(last->verdict, ==, ADIT_VERDICT_NOT_TESTED);
        g_assert_cmpstr(last->what, ==, rows[i].what);
        adit_doctor_gateway_free(w.g);
        adit_doctor_reach_free(w.r);
    }
}

/* No two hops share an exit code, and none has one that means something else. */
static void
test_exit_codes(void)
{
    for (const AditHop *hop = adit_doctor_hops; hop->name; hop++) {
        g_autoptr(GPtrArray) findings = adit_findings_new();

        adit_findings_add(findings, "first", "", ADIT_VERDICT_NOT_TESTED, NULL, NULL, NULL);
        g_assert_cmpint(adit_findings_exit_code(findings, adit_doctor_hops), ==, 0);
        adit_findings_add(findings, hop->name, "", ADIT_VERDICT_BROKEN, NULL, NULL, NULL);
        g_assert_cmpint(adit_findings_exit_code(findings, adit_doctor_hops), ==,
                        hop->exit_code);
        g_assert_cmpint(hop->exit_code, ==, 10 + (hop - adit_doctor_hops));
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/client/doctor/exit-codes", test_exit_codes);
    g_test_add_func("/client/doctor/not-dialled-but-how", test_not_dialled);
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strconcat("/client/doctor/", cases[i].name, NULL);

        g_test_add_data_func(path, &cases[i], test_case);
    }
    return g_test_run();
}
