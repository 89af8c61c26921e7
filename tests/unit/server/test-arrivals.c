/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/arrivals-judge.h"

#include <netinet/in.h>

/* What adit-server probe says of what was counted. */

typedef struct {
    const char *name, *external;
    guint8 proto;
    AditArrived seen; /* came, passed, answered, refused */
    const char *device, *key;
    gboolean off;
    const char *drop;
    AditVerdict verdict;
    const char *what, *remedy;
} Case;

#define V4 "203.0.113.7:443"
#define V6 "[2001:db8::a3b:2]:443"

static const Case cases[] = {
    { "silence",
      V4,
      IPPROTO_TCP,
      { 0 },
      "nas",
      "443/tcp",
      FALSE,
      NULL,
      ADIT_VERDICT_NOT_TESTED,
      "nothing came",
      "" },
    { "silence where it is off",
      V4,
      IPPROTO_TCP,
      { 0 },
      "nas",
      "443/tcp",
      TRUE,
      NULL,
      ADIT_VERDICT_NOT_TESTED,
      "nothing came",
      "" },
    { "nobody's",
      V4,
      IPPROTO_TCP,
      { 2, 2, 0, 2 },
      NULL,
      NULL,
      FALSE,
      NULL,
      ADIT_VERDICT_BROKEN,
      "nothing is published there",
      "adit-server publish DEVICE 443/tcp" },
    { "the machine's own",
      V4,
      IPPROTO_TCP,
      { 1, 1, 1, 0 },
      NULL,
      NULL,
      FALSE,
      NULL,
      ADIT_VERDICT_OK,
      "of this machine itself",
      "" },
    { "off",
      V4,
      IPPROTO_TCP,
      { 1, 1, 0, 1 },
      "nas",
      "443/tcp",
      TRUE,
      NULL,
      ADIT_VERDICT_BROKEN,
      "it is turned off",
      "adit-server forward set-enabled 443/tcp on" },
    { "off in IPv6",
      V6,
      IPPROTO_TCP,
      { 1, 0, 0, 0 },
      "nas",
      "nas:443/tcp",
      TRUE,
      NULL,
      ADIT_VERDICT_BROKEN,
      "it is turned off",
      "adit-server pinhole set-enabled nas:443/tcp on" },
    { "a foreign firewall",
      V4,
      IPPROTO_TCP,
      { 1, 0, 0, 0 },
      "nas",
      "443/tcp",
      FALSE,
      "table ip filter, chain FORWARD drops; run: iptables -I X",
      ADIT_VERDICT_BROKEN,
      "table ip filter, chain FORWARD drops",
      "iptables -I X" },
    { "not allowed",
      V4,
      IPPROTO_TCP,
      { 1, 0, 0, 0 },
      "nas",
      "443/tcp",
      FALSE,
      NULL,
      ADIT_VERDICT_BROKEN,
      "dropped here",
      "adit-server mappings" },
    { "nobody listens",
      V6,
      IPPROTO_TCP,
      { 1, 1, 0, 1 },
      "nas",
      "nas:443/tcp",
      FALSE,
      NULL,
      ADIT_VERDICT_BROKEN,
      "nas refuses it",
      "at nas: adit doctor 443" },
    { "no answer",
      V6,
      IPPROTO_TCP,
      { 3, 3, 0, 0 },
      "nas",
      "nas:443/tcp",
      FALSE,
      NULL,
      ADIT_VERDICT_BROKEN,
      "nas does not answer",
      "at nas: adit doctor 443" },
    { "UDP need not answer",
      V6,
      IPPROTO_UDP,
      { 3, 3, 0, 0 },
      "nas",
      "nas:443/udp",
      FALSE,
      NULL,
      ADIT_VERDICT_NOT_TESTED,
      "UDP need not",
      "" },
    { "answered",
      V4,
      IPPROTO_TCP,
      { 2, 2, 1, 1 },
      "nas",
      "443/tcp",
      FALSE,
      NULL,
      ADIT_VERDICT_OK,
      "answered",
      "" },
};

static void
test_judge(gconstpointer data)
{
    const Case *c = data;
    AditArrival arrival = { .proto = c->proto, .seen = c->seen };
    const AditArrivalSight sight = { &arrival, c->device, c->key, c->off, c->drop };
    g_autoptr(GPtrArray) findings = adit_findings_new();
    const AditFinding *f;

    g_assert_true(adit_sockaddr_parse(c->external, &arrival.external, NULL));
    adit_arrival_judge(&sight, findings);
    g_assert_cmpuint(findings->len, ==, 1);
    f = g_ptr_array_index(findings, 0);
    g_assert_cmpint(f->verdict, ==, c->verdict);
    g_assert_nonnull(strstr(f->what, c->what));
    g_assert_cmpstr(f->remedy, ==, c->remedy);
    g_assert_true((f->verdict == ADIT_VERDICT_BROKEN) == (*f->why != '\0'));
    g_assert_true(g_str_has_prefix(f->about, c->external));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strconcat("/arrivals/", cases[i].name, NULL);

        g_test_add_data_func(path, &cases[i], test_judge);
    }
    return g_test_run();
}
