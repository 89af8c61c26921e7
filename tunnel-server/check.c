/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/check.h"

#include <string.h>

const AditHop adit_check_hops[] = {
    { "settings", 10, "Is server.conf in order?" },
    { "daemon", 11, "Does adit-server run, set up and up?" },
    { "wan", 12, "Has the WAN its addresses and a way out?" },
    { "forwarding", 13, "Does this machine forward packets?" },
    { "accept-ra", 14, "Does it still hear its router while it forwards?" },
    { "kernel", 15, "Are tunnel, rules and addresses as planned?" },
    { "ndp", 16, "Does it answer for the devices' IPv6 addresses?" },
    { "prefix", 17, "Does what is for the devices' IPv6 prefix arrive here?" },
    { "firewall", 18, "Do other firewalls of this machine let it pass?" },
    { "udp", 19, "Has any device ever reached WireGuard's UDP port?" },
    { "conntrack", 20, "Is there room in the table of flows?" },
    { "files", 21, "May the daemon open as many files as it needs?" },
    { "clock", 22, "Is the clock right?" },
    { 0 },
};

#define FULL_PERCENT 90

void
adit_check_prefix_free(AditCheckPrefix *prefix)
{
    if (!prefix)
        return;
    g_free(prefix->subnet);
    g_free(prefix);
}

void
adit_check_facts_clear(AditCheckFacts *facts)
{
    g_clear_pointer(&facts->missing, g_ptr_array_unref);
    g_clear_pointer(&facts->prefixes, g_ptr_array_unref);
    g_clear_pointer(&facts->drift, g_ptr_array_unref);
    g_clear_pointer(&facts->foreign, g_ptr_array_unref);
    g_clear_pointer(&facts->forward4, g_free);
    g_clear_pointer(&facts->forward6, g_free);
    g_clear_pointer(&facts->accept_ra, g_free);
    g_clear_pointer(&facts->proxy_ndp, g_free);
}

static void
ok(GPtrArray *ret, const char *hop, char *what)
{
    adit_findings_add(ret, hop, "", ADIT_VERDICT_OK, what, NULL, NULL);
}

static void
not_tested(GPtrArray *ret, const char *hop, char *what)
{
    adit_findings_add(ret, hop, "", ADIT_VERDICT_NOT_TESTED, what, NULL, NULL);
}

static void
broken(GPtrArray *ret, const char *hop, char *what, char *why, char *remedy)
{
    adit_findings_add(ret, hop, "", ADIT_VERDICT_BROKEN, what, why, remedy);
}

static void
judge_wan(const AditCheckFacts *f, GPtrArray *ret)
{
    g_autofree char *address =
        adit_addr_is_set(&f->wan4) ? adit_addr_to_string(&f->wan4) : NULL;

    if (!f->has_way4)
        broken(ret, "wan", g_strdup("no default route of IPv4"),
               g_strdup("nothing that a device sends leaves this machine"),
               g_strdup_printf("ip route add default via ROUTER dev %s", f->wan));
    else if (!address)
        broken(ret, "wan", g_strdup_printf("%s has no IPv4 address", f->wan),
               g_strdup("forwards stand nowhere"),
               g_strdup("adit-server setup --wan IFACE, if it is another interface"));
    else if (f->missing->len > 0)
        broken(ret, "wan",
               g_strdup_printf("%s is not an address of %s",
                               (const char *)g_ptr_array_index(f->missing, 0), f->wan),
               g_strdup("a subnet or a device is to have it outside"),
               g_strdup_printf("ip address add %s dev %s",
                               (const char *)g_ptr_array_index(f->missing, 0), f->wan));
    else if (f->wants6 && !f->has_way6)
        broken(ret, "wan", g_strdup("no default route of IPv6"),
               g_strdup("devices have IPv6 addresses, and nobody is answered"),
               g_strdup_printf("ip -6 route add default via ROUTER dev %s", f->wan));
    else
        ok(ret, "wan", g_strdup_printf("%s, %s", f->wan, address));
}

static gboolean
is(const char *value, const char *wanted)
{
    return g_strcmp0(value, wanted) == 0;
}

static void
judge_forwarding(const AditCheckFacts *f, GPtrArray *ret)
{
    if (!is(f->forward4, "1"))
        broken(ret, "forwarding", g_strdup("IPv4 is not forwarded"),
               g_strdup("somebody has turned it off, and adit-server could not turn it on"),
               g_strdup("sysctl -w net.ipv4.ip_forward=1"));
    else if (f->wants6 && !is(f->forward6, "1"))
        broken(ret, "forwarding", g_strdup("IPv6 is not forwarded"),
               g_strdup("somebody has turned it off, and adit-server could not turn it on"),
               g_strdup("sysctl -w net.ipv6.conf.all.forwarding=1"));
    else
        ok(ret, "forwarding", g_strdup(f->wants6 ? "IPv4 and IPv6" : "IPv4"));
}

static void
judge_accept_ra(const AditCheckFacts *f, GPtrArray *ret)
{
    if (!f->wants6)
        not_tested(ret, "accept-ra", g_strdup("no subnet has IPv6"));
    else if (is(f->accept_ra, "2"))
        ok(ret, "accept-ra", g_strdup_printf("%s hears its router", f->wan));
    else
        broken(ret, "accept-ra", g_strdup_printf("%s hears no router advertisement", f->wan),
               g_strdup("a machine that forwards takes them with accept_ra=2 alone; its IPv6 "
                        "default route runs out"),
               g_strdup_printf("sysctl -w net.ipv6.conf.%s.accept_ra=2", f->wan));
}

/* What has a hop of its own. */
static gboolean
is_told(const char *drift)
{
    static const char *const settings[] = { "/ip_forward=", "/all/forwarding=", "/accept_ra=",
                                            "/proxy_ndp=" };

    for (guint i = 0; i < G_N_ELEMENTS(settings); i++)
        if (strstr(drift, settings[i]))
            return TRUE;
    return FALSE;
}

static void
judge_kernel(const AditCheckFacts *f, GPtrArray *ret)
{
    const char *first = NULL;
    guint n = 0;

    for (guint i = 0; i < f->drift->len; i++) {
        const char *drift = g_ptr_array_index(f->drift, i);

        if (is_told(drift))
            continue;
        first = first ? first : drift;
        n++;
    }
    if (!first)
        ok(ret, "kernel", g_strdup("as planned"));
    else
        broken(ret, "kernel", g_strdup_printf("not as planned (%u): %s", n, first),
               g_strdup("somebody has changed it, and adit-server could not put it back"),
               adit_drift_remedy(first, "systemctl reload adit-server"));
}

static void
judge_ndp(const AditCheckFacts *f, GPtrArray *ret)
{
    gboolean on_link = FALSE;

    for (guint i = 0; i < f->prefixes->len; i++)
        on_link |= ((const AditCheckPrefix *)g_ptr_array_index(f->prefixes, i))->on_link;
    if (!f->wants6)
        not_tested(ret, "ndp", g_strdup("no subnet has IPv6"));
    else if (!on_link)
        ok(ret, "ndp", g_strdup("not needed: no prefix lies in a network of the WAN"));
    else if (is(f->proxy_ndp, "1"))
        ok(ret, "ndp", g_strdup_printf("%s answers for the devices", f->wan));
    else
        broken(
            ret, "ndp", g_strdup_printf("%s does not answer for the devices", f->wan),
            g_strdup("somebody has turned proxy_ndp off, and adit-server could not turn it on"),
            g_strdup_printf("sysctl -w net.ipv6.conf.%s.proxy_ndp=1", f->wan));
}

/* The router's answer comes to an address of the prefix, as a visitor's packet would. */
static void
judge_one_prefix(const AditCheckFacts *f, const AditCheckPrefix *p, GPtrArray *ret)
{
    g_autofree char *text = adit_prefix_to_string(&p->prefix);

    if (p->echo == ADIT_PROBE_ANSWERED)
        ok(ret, "prefix",
           g_strdup_printf("%s arrives here (%s)", text,
                           p->on_link ? "by neighbour discovery" : "routed"));
    else if (p->plain != ADIT_PROBE_ANSWERED)
        not_tested(ret, "prefix",
                   g_strdup_printf("%s: the router answers no ping of this machine", text));
    else
        broken(ret, "prefix", g_strdup_printf("%s does not arrive here", text),
               g_strdup(p->on_link
                            ? "the router asks for its addresses, and something keeps the "
                              "answers from it; or the provider allows no other address "
                              "of the network"
                            : "the provider does not route it to this machine"),
               g_strdup(p->on_link ? "ask the provider to route a prefix, or to allow several "
                                     "addresses (docs/providers.md)"
                                   : "have the provider route it to this machine "
                                     "(docs/providers.md), or: adit-server subnet set-ipv6"));
}

static void
judge_prefixes(const AditCheckFacts *f, GPtrArray *ret)
{
    if (f->prefixes->len == 0)
        not_tested(ret, "prefix", g_strdup("no subnet has IPv6"));
    for (guint i = 0; i < f->prefixes->len; i++)
        judge_one_prefix(f, g_ptr_array_index(f->prefixes, i), ret);
}

static void
judge_firewall(const AditCheckFacts *f, GPtrArray *ret)
{
    if (f->foreign->len == 0)
        ok(ret, "firewall", g_strdup("nobody here is known to drop anything of ours"));
    for (guint i = 0; i < f->foreign->len; i++) {
        const char *text = g_ptr_array_index(f->foreign, i);
        const char *run = strstr(text, "; run: ");

        broken(ret, "firewall", g_strndup(text, run ? (gsize)(run - text) : strlen(text)),
               g_strdup("a firewall of this machine has not been told of the tunnel"),
               g_strdup(run ? run + strlen("; run: ") : "accept it there"));
    }
}

static void
judge_udp(const AditCheckFacts *f, GPtrArray *ret)
{
    if (f->n_devices == 0)
        not_tested(ret, "udp", g_strdup("there is no device yet: adit-server device add NAME"));
    else if (f->silent)
        broken(ret, "udp", g_strdup_printf("no packet has ever come to UDP port %u", f->port),
               g_strdup("no device was ever on, or the provider's firewall drops it"),
               g_strdup_printf("open it in the provider's firewall (security group): inbound, "
                               "UDP, port %u, from anywhere",
                               f->port));
    else if (f->handshake_age < 0)
        broken(ret, "udp",
               g_strdup_printf("packets come to UDP port %u, and no handshake", f->port),
               g_strdup("the devices' keys are others than those known here"),
               g_strdup("adit-server device rekey NAME, and the new profile to the device"));
    else
        ok(ret, "udp",
           g_strdup_printf("a device was heard %" G_GINT64_FORMAT " s ago", f->handshake_age));
}

static void
judge_limit(GPtrArray *ret, const char *hop, gint64 used, gint64 max, const char *remedy)
{
    char *what = g_strdup_printf("%" G_GINT64_FORMAT " of %" G_GINT64_FORMAT, used, max);

    if (max <= 0)
        not_tested(ret, hop, (g_free(what), g_strdup("the limit cannot be read")));
    else if (used * 100 >= max * FULL_PERCENT)
        broken(ret, hop, what, g_strdup("beyond it new visitors are turned away"),
               g_strdup(remedy));
    else
        ok(ret, hop, what);
}

GPtrArray *
adit_check_judge(const AditCheckFacts *f)
{
    GPtrArray *ret = adit_findings_new();
    g_autofree char *more = g_strdup_printf(
        "sysctl -w net.netfilter.nf_conntrack_max=%" G_GINT64_FORMAT, 2 * f->flows_max);

    judge_wan(f, ret);
    judge_forwarding(f, ret);
    judge_accept_ra(f, ret);
    judge_kernel(f, ret);
    judge_ndp(f, ret);
    judge_prefixes(f, ret);
    judge_firewall(f, ret);
    judge_udp(f, ret);
    judge_limit(ret, "conntrack", f->flows, f->flows_max, more);
    judge_limit(ret, "files", f->files, f->files_max,
                "systemctl edit adit-server: [Service] LimitNOFILE=65536");
    return ret;
}
