/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/policy/verdicts.h"

#include "policy-routing/numbers.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

static const struct {
    const char *link, *prefix;
} on_link[] = {
    { "eth0", "192.168.1.17/24" }, { "eth0", "fd00:1::17/64" }, { "eth0", "2001:db8:1::17/64" },
    { "br0", "172.18.0.1/24" },    { "br0", "fd18::1/64" },     { "eth0", "10.59.0.77/24" },
}, main_routes[] = {
    { "eth0", "192.168.1.0/24" },   { "eth0", "fd00:1::/64" }, { "eth0", "2001:db8:1::/64" },
    { "br0", "172.18.0.0/24" },     { "br0", "fd18::/64" },    { "eth0", "172.16.9.0/24" },
    { "eth0", "2001:db8:9::/48" },  { "eth0", "0.0.0.0/0" },   { "eth0", "::/0" },
    { "eth0", "10.59.0.0/24" }, /* clash */
};

AditAddr
verdicts_addr(const char *text)
{
    g_autoptr(GError) error = NULL;
    AditAddr ret;

    if (!adit_addr_parse(text, &ret, &error))
        g_error("%s", error->message);
    return ret;
}

AditPrefix
verdicts_prefix(const char *text)
{
    g_autoptr(GError) error = NULL;
    AditPrefix ret;

    if (!adit_prefix_parse(text, &ret, &error))
        g_error("%s", error->message);
    return ret;
}

static int
slot_of(const char *word)
{
    g_assert_true(g_str_has_prefix(word, "gw") && g_ascii_isdigit(word[2]));
    return word[2] - '1';
}

static VerdictScenario *
parse_scenario(const char *words)
{
    VerdictScenario *s = g_new0(VerdictScenario, 1);
    g_auto(GStrv) list = g_strsplit(words, " ", -1);

    s->words = g_strdup(words);
    s->selected[0] = s->selected[1] = -1;
    for (guint i = 0; list[i]; i++) {
        const char *word = list[i], *value = strchr(word, '=');

        if (value && *word == 's' && !g_str_has_prefix(word, "selected6"))
            s->selected[0] = slot_of(value + 1);
        if (value && *word == 's' && !g_str_has_prefix(word, "selected4"))
            s->selected[1] = slot_of(value + 1);
        if (g_str_has_prefix(word, "gw")) {
            s->enrolled[slot_of(word)] = TRUE;
            s->down[slot_of(word)] = g_str_has_suffix(word, ":down");
            s->v4[slot_of(word)] = g_str_has_suffix(word, ":v4");
        }
        s->strict |= g_str_equal(word, "strict");
        s->clash |= g_str_equal(word, "clash");
        s->offline |= g_str_equal(word, "offline");
        s->tailscale |= g_str_equal(word, "tailscale");
        s->bare |= g_str_equal(word, "bare");
        s->names |= g_str_equal(word, "names");
    }
    return s;
}

static guint32
parse_mark(const char *word)
{
    if (g_str_equal(word, "outer"))
        return ADIT_MARK_OUTER;
    if (g_str_has_prefix(word, "gw"))
        return (guint32)(slot_of(word) + 1) << ADIT_MARK_SHIFT;
    return (guint32)g_ascii_strtoull(word, NULL, 0);
}

static void
parse_word(VerdictRow *row, const char *word)
{
    const char *value = strchr(word, '=') + 1;
    const gboolean v6 = row->dst.family == AF_INET6;
    g_autofree char *own = NULL;

    switch (*word) {
    case 'f': /* from */
        own = g_strdup_printf(v6 ? "2001:db8:%d::2" : "10.%d.0.2", 59 + slot_of(value));
        row->src = verdicts_addr(own);
        break;
    case 'm': row->mark = parse_mark(value); break;
    case 'o': g_strlcpy(row->link, value, sizeof(row->link)); break;
    case 'u': /* udp */
        row->sport = (guint16)atoi(value);
        row->dport = (guint16)atoi(strchr(value, ':') + 1);
        break;
    default: g_error("verdicts: %s: not understood", word);
    }
}

static void
parse_row(const VerdictScenario *scenario, guint line, char *text, GArray *rows)
{
    VerdictRow row = { .scenario = scenario, .line = line };
    g_auto(GStrv) words = g_strsplit_set(text, " ", -1);
    g_autoptr(GPtrArray) some = g_ptr_array_new();

    for (guint i = 0; words[i]; i++)
        if (*words[i])
            g_ptr_array_add(some, words[i]);
    row.belt = g_str_equal(some->pdata[0], "belt");
    if (row.belt)
        g_ptr_array_remove_index(some, 0);
    row.dst = verdicts_addr(some->pdata[0]);
    for (guint i = 1; i + 1 < some->len; i++)
        parse_word(&row, some->pdata[i]);
    row.verdict = g_strdup(some->pdata[some->len - 1]);
    g_array_append_val(rows, row);
}

Verdicts *
verdicts_load(void)
{
    g_autofree char *text = NULL;
    g_autoptr(GError) error = NULL;
    Verdicts *v = g_new0(Verdicts, 1);
    g_auto(GStrv) lines = NULL;

    v->scenarios = g_ptr_array_new();
    v->rows = g_array_new(FALSE, TRUE, sizeof(VerdictRow));
    if (!g_file_get_contents(ADIT_TEST_DATA "/verdicts.txt", &text, NULL, &error))
        g_error("%s", error->message);
    lines = g_strsplit(text, "\n", -1);
    for (guint i = 0; lines[i]; i++) {
        if (*lines[i] == '\0' || *lines[i] == '#')
            continue;
        if (*lines[i] == '[') {
            lines[i][strlen(lines[i]) - 1] = '\0';
            g_ptr_array_add(v->scenarios, parse_scenario(lines[i] + 1));
        } else {
            parse_row(v->scenarios->pdata[v->scenarios->len - 1], i + 1, lines[i], v->rows);
        }
    }
    g_assert_cmpuint(v->rows->len, >, 100);
    return v;
}

void
verdicts_free(Verdicts *v)
{
    for (guint i = 0; i < v->rows->len; i++)
        g_free(g_array_index(v->rows, VerdictRow, i).verdict);
    for (guint i = 0; i < v->scenarios->len; i++) {
        g_free(((VerdictScenario *)v->scenarios->pdata[i])->words);
        g_free(v->scenarios->pdata[i]);
    }
    g_array_unref(v->rows);
    g_ptr_array_unref(v->scenarios);
    g_free(v);
}

static void
add_family(AditGateway *g, int slot, guint8 family)
{
    const gboolean v6 = family == AF_INET6;
    g_autofree char *net = g_strdup_printf(v6 ? "2001:db8:%d::/64" : "10.%d.0.0/24", 59 + slot);
    AditPrefix subnet = verdicts_prefix(net);

    g_assert_true(adit_prefix_nth(&subnet, 1, &g->servers[v6]));
    g_assert_true(adit_prefix_nth(&subnet, 2, &g->addresses[g->n_addresses++]));
    g->subnets[g->n_subnets++] = subnet;
    g->routes[g->n_routes++] = subnet;
    g->routes[g->n_routes++] = verdicts_prefix(v6 ? "2000::/3" : "0.0.0.0/1");
    if (!v6)
        g->routes[g->n_routes++] = verdicts_prefix("128.0.0.0/1");
}

GPtrArray *
verdicts_gateways(const VerdictScenario *s)
{
    GPtrArray *gateways = g_ptr_array_new_with_free_func((GDestroyNotify)adit_gateway_free);

    for (int i = 0; i < VERDICT_SLOTS; i++) {
        AditGateway *g;

        if (!s->enrolled[i])
            continue;
        g = g_new0(AditGateway, 1);
        g->name = g_strdup_printf("gw%d", i + 1);
        g_strlcpy(g->link, g->name, sizeof(g->link));
        g->slot = (guint)i + 1;
        g->link_up = !s->down[i];
        g->addresses = g_new0(AditAddr, 2);
        g->subnets = g_new0(AditPrefix, 2);
        g->routes = g_new0(AditPrefix, 8);
        add_family(g, i, AF_INET);
        if (!s->v4[i])
            add_family(g, i, AF_INET6);
        if (s->names) {
            g->dns = g_memdup2(g->servers, sizeof(AditAddr));
            g->n_dns = 1;
            g->dns_told = TRUE;
        }
        for (guint f = 0; f < 2; f++)
            g->selected[f] = s->selected[f] == i;
        g_ptr_array_add(gateways, g);
    }
    return gateways;
}

static GArray *
collect(const char *link, const char *text, GArray *ret)
{
    AditAddress row = { .prefix = verdicts_prefix(text) };

    g_strlcpy(row.link, link, sizeof(row.link));
    g_array_append_val(ret, row);
    return ret;
}

void
verdicts_facts(const VerdictScenario *s, AditFacts *ret)
{
    GArray *nets = g_array_new(FALSE, TRUE, sizeof(AditAddress));
    GArray *routes = g_array_new(FALSE, TRUE, sizeof(AditAddress));

    for (guint i = 0; i < G_N_ELEMENTS(on_link); i++)
        if (s->clash || i + 1 < G_N_ELEMENTS(on_link))
            collect(on_link[i].link, on_link[i].prefix, nets);
    for (guint i = 0; i < G_N_ELEMENTS(main_routes); i++)
        if ((s->clash || i + 1 < G_N_ELEMENTS(main_routes)) &&
            !(s->offline && g_str_has_suffix(main_routes[i].prefix, "/0")))
            collect(main_routes[i].link, main_routes[i].prefix, routes);
    ret->n_on_link = nets->len;
    ret->on_link = (AditAddress *)(gpointer)g_array_free(nets, FALSE);
    ret->n_main = routes->len;
    ret->main = (AditAddress *)(gpointer)g_array_free(routes, FALSE);
}
