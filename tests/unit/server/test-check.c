/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/check.h"

#include <string.h>

/* A VPS that lacks nothing, one thing of it otherwise in each row. */

typedef struct {
    const char *name;
    void (*change)(AditCheckFacts *f);
    const char *broken; /* hops, by blanks */
    const char *remedy;
} Case;

static AditCheckPrefix *
prefix_of(AditCheckFacts *f)
{
    return g_ptr_array_index(f->prefixes, 0);
}

static void
swap(char **text, const char *with)
{
    g_free(*text);
    *text = g_strdup(with);
}

static void
nothing(AditCheckFacts *f)
{
}

static void
no_ipv6(AditCheckFacts *f)
{
    f->wants6 = f->has_way6 = FALSE;
    g_ptr_array_set_size(f->prefixes, 0);
    swap(&f->forward6, "0");
    swap(&f->accept_ra, "1");
    swap(&f->proxy_ndp, "0");
}

static void
no_way4(AditCheckFacts *f)
{
    f->has_way4 = FALSE;
}

static void
no_way6(AditCheckFacts *f)
{
    f->has_way6 = FALSE;
}

static void
no_address(AditCheckFacts *f)
{
    memset(&f->wan4, 0, sizeof(f->wan4));
}

static void
missing(AditCheckFacts *f)
{
    g_ptr_array_add(f->missing, g_strdup("198.51.100.8"));
}

static void
no_forward4(AditCheckFacts *f)
{
    swap(&f->forward4, "0");
    g_ptr_array_add(f->drift, g_strdup("~ sysctl net/ipv4/ip_forward=1"));
}

static void
no_forward6(AditCheckFacts *f)
{
    swap(&f->forward6, "0");
    g_ptr_array_add(f->drift, g_strdup("~ sysctl net/ipv6/conf/all/forwarding=1"));
}

static void
deaf(AditCheckFacts *f)
{
    swap(&f->accept_ra, "1");
    g_ptr_array_add(f->drift, g_strdup("~ sysctl net/ipv6/conf/eth0/accept_ra=2"));
}

static void
no_ndp(AditCheckFacts *f)
{
    swap(&f->proxy_ndp, "0");
    g_ptr_array_add(f->drift, g_strdup("~ sysctl net/ipv6/conf/eth0/proxy_ndp=1"));
}

static void
no_ndp_needed(AditCheckFacts *f)
{
    prefix_of(f)->on_link = FALSE;
    swap(&f->proxy_ndp, "0");
}

static void
drift(AditCheckFacts *f)
{
    g_ptr_array_add(f->drift, g_strdup("+ ip addr add 10.59.0.1/24 dev adit0"));
}

static void
drift_of_a_setting(AditCheckFacts *f)
{
    g_ptr_array_add(f->drift, g_strdup("~ sysctl net/ipv6/neigh/eth0/proxy_delay=0"));
}

static void
unrouted(AditCheckFacts *f)
{
    prefix_of(f)->on_link = FALSE;
    prefix_of(f)->echo = ADIT_PROBE_SILENT;
}

static void
unanswered(AditCheckFacts *f)
{
    prefix_of(f)->echo = ADIT_PROBE_SILENT;
}

static void
silent_router(AditCheckFacts *f)
{
    prefix_of(f)->echo = prefix_of(f)->plain = ADIT_PROBE_SILENT;
}

static void
may_not_ping(AditCheckFacts *f)
{
    prefix_of(f)->echo = prefix_of(f)->plain = ADIT_PROBE_NOT_SENT;
}

static void
foreign(AditCheckFacts *f)
{
    g_ptr_array_add(f->foreign,
                    g_strdup("chain FORWARD drops; run: ufw route allow in on adit0"));
}

static void
silent(AditCheckFacts *f)
{
    f->silent = TRUE;
    f->handshake_age = -1;
}

static void
unknown_keys(AditCheckFacts *f)
{
    f->handshake_age = -1;
}

static void
nobody_yet(AditCheckFacts *f)
{
    silent(f);
    f->n_devices = 0;
}

static void
flows_full(AditCheckFacts *f)
{
    f->flows = 59000;
}

static void
flows_unknown(AditCheckFacts *f)
{
    f->flows = f->flows_max = -1;
}

static void
files_full(AditCheckFacts *f)
{
    f->files = 1000;
}

static const Case cases[] = {
    { "well", nothing, "", "" },
    { "no-ipv6", no_ipv6, "", "" },
    { "no-way4", no_way4, "wan", "ip route add default" },
    { "no-way6", no_way6, "wan", "ip -6 route add default" },
    { "no-address", no_address, "wan", "adit-server setup --wan" },
    { "missing", missing, "wan", "ip address add 198.51.100.8 dev eth0" },
    { "no-forward4", no_forward4, "forwarding", "sysctl -w net.ipv4.ip_forward=1" },
    { "no-forward6", no_forward6, "forwarding", "sysctl -w net.ipv6.conf.all.forwarding=1" },
    { "deaf", deaf, "accept-ra", "sysctl -w net.ipv6.conf.eth0.accept_ra=2" },
    { "no-ndp", no_ndp, "ndp", "sysctl -w net.ipv6.conf.eth0.proxy_ndp=1" },
    { "no-ndp-needed", no_ndp_needed, "", "" },
    { "drift", drift, "kernel", "systemctl reload adit-server" },
    { "drift-of-a-setting", drift_of_a_setting, "kernel",
      "sysctl -w net/ipv6/neigh/eth0/proxy_delay=0" },
    { "unrouted", unrouted, "prefix", "have the provider route it" },
    { "unanswered", unanswered, "prefix", "ask the provider" },
    { "silent-router", silent_router, "", "" },
    { "may-not-ping", may_not_ping, "", "" },
    { "foreign", foreign, "firewall", "ufw route allow in on adit0" },
    { "silent", silent, "udp", "security group" },
    { "unknown-keys", unknown_keys, "udp", "adit-server device rekey" },
    { "nobody-yet", nobody_yet, "", "" },
    { "flows-full", flows_full, "conntrack", "nf_conntrack_max=131072" },
    { "flows-unknown", flows_unknown, "", "" },
    { "files-full", files_full, "files", "LimitNOFILE" },
};

static void
fill(AditCheckFacts *f)
{
    AditCheckPrefix *prefix = g_new0(AditCheckPrefix, 1);

    *f = (AditCheckFacts){ .wan = "eth0",
                           .has_way4 = TRUE,
                           .has_way6 = TRUE,
                           .missing = g_ptr_array_new_with_free_func(g_free),
                           .wants6 = TRUE,
                           .forward4 = g_strdup("1"),
                           .forward6 = g_strdup("1"),
                           .accept_ra = g_strdup("2"),
                           .proxy_ndp = g_strdup("1"),
                           .prefixes = g_ptr_array_new_with_free_func(
                               (GDestroyNotify)adit_check_prefix_free),
                           .drift = g_ptr_array_new_with_free_func(g_free),
                           .foreign = g_ptr_array_new_with_free_func(g_free),
                           .port = 51820,
                           .n_devices = 1,
                           .handshake_age = 30,
                           .flows = 10,
                           .flows_max = 65536,
                           .files = 30,
                           .files_max = 1024 };
    adit_addr_parse("198.51.100.7", &f->wan4, NULL);
    prefix->subnet = g_strdup("default");
    adit_prefix_parse("2001:db8::/64", &prefix->prefix, NULL);
    prefix->on_link = TRUE;
    prefix->echo = prefix->plain = ADIT_PROBE_ANSWERED;
    g_ptr_array_add(f->prefixes, prefix);
}

static void
test_case(gconstpointer data)
{
    const Case *c = data;
    g_autoptr(GPtrArray) findings = NULL;
    g_autoptr(GString) broken = g_string_new(NULL);
    AditCheckFacts f;

    fill(&f);
    c->change(&f);
    findings = adit_check_judge(&f);
    for (guint i = 0; i < findings->len; i++) {
        const AditFinding *finding = g_ptr_array_index(findings, i);

        if (finding->verdict == ADIT_VERDICT_BROKEN)
            g_string_append_printf(broken, "%s%s", broken->len ? " " : "", finding->hop);
        g_assert_cmpint(finding->verdict == ADIT_VERDICT_BROKEN, ==, *finding->remedy != '\0');
    }
    g_assert_cmpstr(broken->str, ==, c->broken);
    if (*c->broken)
        g_assert_nonnull(strstr(adit_findings_broken(findings)->remedy, c->remedy));
    g_assert_cmpuint(findings->len, ==, 10);
    adit_check_facts_clear(&f);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autofree char *path = g_strconcat("/server/check/", cases[i].name, NULL);

        g_test_add_data_func(path, &cases[i], test_case);
    }
    return g_test_run();
}
