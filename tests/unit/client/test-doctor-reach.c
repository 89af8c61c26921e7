/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/client/doctor-fixture.h"

/* The hops of a port, behind those of its gateway. */

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
    silent(w->g, -1);
}

static const Case cases[] = {
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
        world_clear(&w);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/client/doctor/not-dialled-but-how", test_not_dialled);
    add_cases(cases, G_N_ELEMENTS(cases));
    return g_test_run();
}
