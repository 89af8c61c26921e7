/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/client/doctor-fixture.h"

/* The hops of a gateway. */

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
ipv6_off(World *w)
{
    no_address6(w);
    w->g->is_off = TRUE;
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
    { "no-address6", no_address6, "link", "adit down home && adit up home" },
    { "ipv6-off", ipv6_off, "link", "sysctl -w net.ipv6.conf.home.disable_ipv6=0" },
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
};

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
    add_cases(cases, G_N_ELEMENTS(cases));
    return g_test_run();
}
