/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/client/doctor-fixture.h"

#include <string.h>

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

void
swap(char **text, const char *with)
{
    g_free(*text);
    *text = g_strdup(with);
}

void
silent(AditDoctorGateway *g, gint64 silence)
{
    g->silence = silence;
    g->echo = g->pcp[0] = g->pcp[1] = ADIT_PROBE_SILENT;
    g->passes = 0;
    g->host = ADIT_PROBE_ANSWERED;
    g->udp = ADIT_PROBE_SILENT;
}

World
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

void
world_clear(World *w)
{
    adit_doctor_gateway_free(w->g);
    adit_doctor_reach_free(w->r);
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
    world_clear(&w);
}

void
add_cases(const Case *cases, guint n)
{
    for (guint i = 0; i < n; i++) {
        g_autofree char *path = g_strconcat("/client/doctor/", cases[i].name, NULL);

        g_test_add_data_func(path, &cases[i], test_case);
    }
}
