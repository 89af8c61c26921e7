/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <glib.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "libadit/sys/conntrack.h"
#include "libadit/sys/nftdev.h"
#include "policy-routing/reply-table.h"
#include "tunnel-server/dataplane.h"

/* For the scenarios: makes the nftables table of this namespace what the lines on standard
 * input say, by the product's own code, and prints what had to change.
 *
 *     nft-apply server        tunnel IF | network NET | snat IF NET ADDR | responder PROTO
 * PORT open PROTO EXTERNAL INTERNAL [MS] | allow PROTO EXTERNAL NET nft-apply client gateway IF
 * SLOT ADDR... | uplink IF [closed4] [closed6] lan IF NET | strict | bypass MARK MASK nft-apply
 * end PROTO EXTERNAL       deletes the flows of a mapping nft-apply text client's lines, as
 * text for nft -f
 */

typedef struct {
    AditState *state;
    AditReplyOptions options;
    AditBypassMark bypass;
} Script;

static AditPrefix
prefix(const char *text)
{
    AditPrefix p;
    g_autoptr(GError) error = NULL;

    if (!adit_prefix_parse(text, &p, &error))
        g_error("%s", error->message);
    return p;
}

static AditSockAddr
sockaddr(const char *text)
{
    AditSockAddr sa;
    g_autoptr(GError) error = NULL;

    if (!adit_sockaddr_parse(text, &sa, &error))
        g_error("%s", error->message);
    return sa;
}

static guint8
proto(const char *text)
{
    return g_str_equal(text, "udp") ? IPPROTO_UDP : IPPROTO_TCP;
}

static void
server_line(AditState *state, char **w, guint n)
{
    if (g_str_equal(w[0], "tunnel")) {
        adit_dataplane_add_tunnel(state, w[1]);
    } else if (g_str_equal(w[0], "network")) {
        const AditPrefix net = prefix(w[1]);

        adit_dataplane_add_networks(state, &net, 1);
    } else if (g_str_equal(w[0], "snat")) {
        const AditPrefix inside = prefix(w[2]), outside = prefix(w[3]);

        adit_dataplane_add_snat(state, w[1], &inside, &outside.addr);
    } else if (g_str_equal(w[0], "responder")) {
        adit_dataplane_add_responder(state, proto(w[1]), atoi(w[2]));
    } else if (g_str_equal(w[0], "open")) {
        const AditDataplaneMapping mapping = { proto(w[1]), sockaddr(w[2]), sockaddr(w[3]),
                                               n > 4 ? strtoul(w[4], NULL, 10) : 0 };

        adit_dataplane_add_mapping(state, &mapping);
    } else if (g_str_equal(w[0], "allow")) {
        const AditSockAddr external = sockaddr(w[2]);
        g_autofree AditPrefix *from = g_new0(AditPrefix, n);

        for (guint i = 3; i < n; i++)
            from[i - 3] = prefix(w[i]);
        adit_dataplane_add_allow(state, proto(w[1]), &external, from, n - 3);
    } else {
        g_error("%s: no such line", w[0]);
    }
}

static void
client_line(Script *script, char **w, guint n)
{
    AditState *state = script->state;

    if (g_str_equal(w[0], "gateway")) {
        g_autofree AditAddr *addresses = g_new0(AditAddr, n);
        AditGateway gateway = { .slot = atoi(w[2]), .addresses = addresses };

        g_strlcpy(gateway.link, w[1], sizeof(gateway.link));
        for (guint i = 3; i < n; i++)
            addresses[gateway.n_addresses++] = prefix(w[i]).addr;
        adit_reply_table_add_gateway(state, &gateway);
    } else if (g_str_equal(w[0], "uplink")) {
        adit_reply_table_add_uplink(state, w[1],
                                    g_strv_contains((const char *const *)w, "closed4"),
                                    g_strv_contains((const char *const *)w, "closed6"));
    } else if (g_str_equal(w[0], "lan")) {
        const AditPrefix net = prefix(w[2]);

        adit_reply_table_add_lan(state, w[1], &net);
    } else if (g_str_equal(w[0], "strict")) {
        script->options.strict = TRUE;
    } else if (g_str_equal(w[0], "bypass")) {
        script->bypass.mark = strtoul(w[1], NULL, 0);
        script->bypass.mask = strtoul(w[2], NULL, 0);
        script->options.bypass = &script->bypass;
        script->options.n_bypass = 1;
    } else {
        g_error("%s: no such line", w[0]);
    }
}

static void
read_script(Script *script, gboolean server)
{
    char line[1024];

    script->state = adit_state_new();
    while (fgets(line, sizeof(line), stdin) != NULL) {
        g_auto(GStrv) words = g_strsplit_set(g_strstrip(line), " ", -1);
        const guint n = g_strv_length(words);

        if (n == 0 || *words[0] == '\0')
            continue;
        if (server)
            server_line(script->state, words, n);
        else
            client_line(script, words, n);
    }
    adit_state_seal(script->state);
}

static gboolean
apply(const AditNftBlueprint *bp, const AditState *want, GError **error)
{
    g_autoptr(AditNftDev) dev = adit_nftdev_open(bp, error);
    AditNftResult result;

    if (dev == NULL || !adit_nftdev_reconcile(dev, want, &result, error))
        return FALSE;
    printf("%s +%u ~%u -%u\n", result.rebuilt ? "rebuilt" : "kept", result.added,
           result.changed, result.deleted);
    return TRUE;
}

static void
put_end(AditMsg *m, const AditFlow *flow, gpointer data)
{
    adit_flow_put_end(m, flow, ADIT_DATAPLANE_CT_ENDED);
}

static gboolean
end_flows(const char *protocol, const char *external, GError **error)
{
    g_autoptr(AditNl) nl = adit_nl_open(NETLINK_NETFILTER, error);
    const AditFlowFilter filter = {
        .mark = ADIT_DATAPLANE_CT_MAPPED,
        .mask = ADIT_DATAPLANE_CT_MAPPED | ADIT_DATAPLANE_CT_ENDED,
        .proto = proto(protocol),
        .dst = sockaddr(external),
    };
    guint n;

    if (nl == NULL || !adit_conntrack_change(nl, &filter, NULL, put_end, NULL, &n, error))
        return FALSE;
    printf("%u\n", n);
    return TRUE;
}

static void
print_text(const AditNftBlueprint *bp, const AditState *want)
{
    g_autofree char *text = adit_nft_to_text(bp);

    fputs(text, stdout);
    for (guint i = 0; i < adit_state_len(want, ADIT_KIND_ELEMENT); i++) {
        g_autofree char *line =
            adit_nft_element_to_text(bp, adit_state_get(want, ADIT_KIND_ELEMENT, i));

        fputs(line, stdout);
    }
}

static gboolean
run(const char *what, int argc, char **argv, GError **error)
{
    Script script = { 0 };
    AditNftBlueprint *client;
    gboolean ok = TRUE;

    if (g_str_equal(what, "end") && argc == 4)
        return end_flows(argv[2], argv[3], error);
    read_script(&script, g_str_equal(what, "server"));
    client = adit_reply_table_new(&script.options);
    if (g_str_equal(what, "server"))
        ok = apply(adit_dataplane_blueprint(FALSE), script.state, error);
    else if (g_str_equal(what, "client"))
        ok = apply(client, script.state, error);
    else
        print_text(client, script.state);
    adit_reply_table_free(client);
    adit_state_free(script.state);
    return ok;
}

int
main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;

    if (argc >= 2 && run(argv[1], argc, argv, &error))
        return 0;
    fprintf(stderr, "nft-apply: %s\n", error != NULL ? error->message : "what?");
    return 1;
}
