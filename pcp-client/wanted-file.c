/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/conf.h"
#include "libadit/core/error.h"
#include "libadit/core/ifname.h"
#include "pcp-client/publication.h"

#include <string.h>
#include <sys/socket.h>

/* The grammar of publish.conf is the table of keys below. */

typedef struct {
    AditPublication *publication; /* of the section we are in */
    AditShare *share;
} Section;

static gboolean
fail(GError **error, const char *why)
{
    g_set_error_literal(error, ADIT_ERROR, ADIT_ERROR_CONFIG, why);
    return FALSE;
}

/* The index of @value among @words, which end with NULL. */
static gboolean
choose(const char *value, const char *const *words, int *ret, GError **error)
{
    g_autofree char *all = NULL;

    for (int i = 0; words[i]; i++)
        if (g_str_equal(words[i], value)) {
            *ret = i;
            return TRUE;
        }
    all = g_strjoinv(", ", (char **)words);
    g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG, "none of %s", all);
    return FALSE;
}

static const char *const switches[] = { "no", "yes", NULL };
static const char *const redirects[] = { "no", "https", "port", NULL };
static const char *const whens[] = { "always", "listening", NULL };
static const char *const families[] = { "both", "ipv4", "ipv6", NULL };

static gboolean
set_port(Section *at, const char *value, GError **error)
{
    AditPorts ports;

    if (!adit_ports_parse(value, &ports, error))
        return FALSE;
    at->publication->ports = ports;
    at->publication->external = ports.first;
    return TRUE;
}

static gboolean
set_external(Section *at, const char *value, GError **error)
{
    at->publication->external = 0;
    return g_str_equal(value, "any") || adit_port_parse(value, &at->publication->external) ||
           fail(error, "neither a port (1 to 65535) nor any");
}

static gboolean
set_gateway(Section *at, const char *value, GError **error)
{
    if (!adit_ifname_is_valid(value))
        return fail(error, "not the name of a gateway");
    at->publication->gateway = g_strdup(value);
    return TRUE;
}

/* ADDR, ADDR:PORT, [ADDR]:PORT */
static gboolean
set_target(AditPublication *p, const char *text, GError **error)
{
    AditSockAddr to = { 0 };
    guint f;

    if (!adit_addr_parse(text, &to.addr, NULL) && !adit_sockaddr_parse(text, &to, NULL))
        return fail(error, "not ADDRESS or ADDRESS:PORT");
    f = to.addr.family == AF_INET6;
    if (adit_addr_is_set(&p->to[f].addr))
        return fail(error, "two addresses of one family");
    p->to[f] = to;
    return TRUE;
}

static gboolean
set_to(Section *at, const char *value, GError **error)
{
    g_auto(GStrv) words = g_strsplit(value, ",", -1);

    for (guint i = 0; words[i]; i++)
        if (!set_target(at->publication, g_strstrip(words[i]), error))
            return FALSE;
    return TRUE;
}

static gboolean
set_keep_source(Section *at, const char *value, GError **error)
{
    int yes;

    if (!choose(value, switches, &yes, error))
        return FALSE;
    if (at->publication)
        at->publication->keep_source = yes;
    else
        at->share->keep_source = yes;
    return TRUE;
}

static gboolean
set_family(Section *at, const char *value, GError **error)
{
    int which;

    if (!choose(value, families, &which, error))
        return FALSE;
    at->publication->families[0] = which != 2;
    at->publication->families[1] = which != 1;
    return TRUE;
}

static gboolean
set_redirect(Section *at, const char *value, GError **error)
{
    int which;

    if (!choose(value, redirects, &which, error))
        return FALSE;
    at->publication->redirect = (AditRedirectWish)which;
    return TRUE;
}

static gboolean
set_when(Section *at, const char *value, GError **error)
{
    int which;

    if (!choose(value, whens, &which, error))
        return FALSE;
    at->publication->when = (AditPublishWhen)which;
    return TRUE;
}

static gboolean
set_label(Section *at, const char *value, GError **error)
{
    if (strlen(value) > ADIT_PUBLICATION_LABEL_MAX)
        return fail(error, "longer than 64 bytes");
    if (strchr(value, '#'))
        return fail(error, "# begins a comment");
    at->publication->label = *value ? g_strdup(value) : NULL;
    return TRUE;
}

static gboolean
set_network(Section *at, const char *value, GError **error)
{
    if (!adit_prefix_parse(value, &at->share->network, error))
        return FALSE;
    if (adit_prefix_has_host_bits(&at->share->network))
        return fail(error, "has bits beyond its length: not a network");
    if (adit_prefix_is_default(&at->share->network))
        return fail(error, "everything is no network behind this machine");
    return TRUE;
}

typedef struct {
    const char *section, *name;
    gboolean (*set)(Section *at, const char *value, GError **error);
    gboolean needed; /* and first, because others follow from it */
} Key;

static const Key keys[] = {
    { "Publish", "Port", set_port, TRUE },
    { "Publish", "External", set_external },
    { "Publish", "Gateway", set_gateway },
    { "Publish", "To", set_to },
    { "Publish", "KeepSource", set_keep_source },
    { "Publish", "Family", set_family },
    { "Publish", "Redirect", set_redirect },
    { "Publish", "When", set_when },
    { "Publish", "Label", set_label },
    { "Share", "Network", set_network, TRUE },
    { "Share", "KeepSource", set_keep_source },
};

/* The pair of @key in the section at @head; NULL. */
static const AditConfToken *
find_pair(const AditConf *conf, guint head, const char *key)
{
    for (guint i = head + 1; i < conf->n_tokens && conf->tokens[i].key; i++)
        if (g_str_equal(conf->tokens[i].key, key))
            return &conf->tokens[i];
    return NULL;
}

static gboolean
fail_at(const char *name, const AditConfToken *token, const char *why, GError **error)
{
    g_autofree char *value = token->key ? adit_error_quote(token->value) : NULL;

    g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG, "%s:%u: %s%s%s: %s", name, token->line,
                token->key ? token->key : token->section, value ? ": " : "", value ? value : "",
                why);
    return FALSE;
}

static gboolean
is_known(const AditConfToken *token)
{
    for (guint k = 0; k < G_N_ELEMENTS(keys); k++)
        if (g_str_equal(keys[k].section, token->section) &&
            (!token->key || g_str_equal(keys[k].name, token->key)))
            return TRUE;
    return FALSE;
}

static gboolean
check_keys(const char *name, const AditConf *conf, guint head, GError **error)
{
    if (!is_known(&conf->tokens[head]))
        return fail_at(name, &conf->tokens[head], "neither Publish nor Share", error);
    for (guint i = head + 1; i < conf->n_tokens && conf->tokens[i].key; i++) {
        if (!is_known(&conf->tokens[i]))
            return fail_at(name, &conf->tokens[i], "no such key", error);
        if (find_pair(conf, head, conf->tokens[i].key) != &conf->tokens[i])
            return fail_at(name, &conf->tokens[i], "given twice", error);
    }
    return TRUE;
}

static gboolean
fill(Section *at, const char *name, const AditConf *conf, guint head, GError **error)
{
    for (guint k = 0; k < G_N_ELEMENTS(keys); k++) {
        const AditConfToken *pair = find_pair(conf, head, keys[k].name);
        g_autoptr(GError) why = NULL;

        if (!g_str_equal(keys[k].section, conf->tokens[head].section))
            continue;
        if (!pair && keys[k].needed) {
            g_autofree char *missing = g_strdup_printf("%s is missing", keys[k].name);

            return fail_at(name, &conf->tokens[head], missing, error);
        }
        if (pair && !keys[k].set(at, pair->value, &why))
            return fail_at(name, pair, why->message, error);
    }
    return TRUE;
}

/* Both protocols are two publications: each has its own fate. */
static gboolean
add_publication(AditWanted *wanted, const AditPublication *p, GError **error)
{
    for (guint proto = ADIT_PROTO_TCP; proto <= ADIT_PROTO_UDP; proto <<= 1) {
        AditPublication *one;

        if (!(p->ports.proto & proto))
            continue;
        one = adit_publication_copy(p);
        one->ports.proto = (AditProto)proto;
        if (!adit_wanted_put(wanted, one, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean
read_publication(AditWanted *wanted, const char *name, const AditConf *conf, guint head,
                 gboolean sourced, GError **error)
{
    static const AditPorts nothing = { 0 };
    g_autoptr(AditPublication) p = adit_publication_new(&nothing);
    Section at = { .publication = p };
    g_autoptr(GError) why = NULL;

    if (!fill(&at, name, conf, head, error))
        return FALSE;
    if (sourced)
        p->source = g_strdup_printf("%s:%u", name, conf->tokens[head].line);
    return (adit_publication_settle(p, &why) && add_publication(wanted, p, &why)) ||
           fail_at(name, &conf->tokens[head], why->message, error);
}

static gboolean
read_share(AditWanted *wanted, const char *name, const AditConf *conf, guint head,
           gboolean sourced, GError **error)
{
    static const AditPrefix nothing = { 0 };
    g_autoptr(AditShare) share = adit_share_new(&nothing, FALSE);
    Section at = { .share = share };
    g_autoptr(GError) why = NULL;

    if (!fill(&at, name, conf, head, error))
        return FALSE;
    if (sourced)
        share->source = g_strdup_printf("%s:%u", name, conf->tokens[head].line);
    return adit_wanted_put_share(wanted, g_steal_pointer(&share), &why) ||
           fail_at(name, &conf->tokens[head], why->message, error);
}

AditWanted *
adit_wanted_parse(const char *name, const char *text, gsize len, gboolean sourced,
                  GError **error)
{
    g_autoptr(AditConf) conf = adit_conf_parse(name, text, len, error);
    g_autoptr(AditWanted) wanted = adit_wanted_new();

    for (guint i = 0; conf && i < conf->n_tokens; i++) {
        const AditConfToken *head = &conf->tokens[i];

        if (head->key)
            continue;
        if (wanted->publications->len >= ADIT_PUBLICATIONS_MAX)
            return fail_at(name, head, "more than 4096 publications", error), NULL;
        if (!check_keys(name, conf, i, error) ||
            !(g_str_equal(head->section, "Publish")
                  ? read_publication(wanted, name, conf, i, sourced, error)
                  : read_share(wanted, name, conf, i, sourced, error)))
            return NULL;
    }
    return conf ? g_steal_pointer(&wanted) : NULL;
}

static void
print_targets(GString *text, const AditPublication *p)
{
    const char *between = "To = ";

    for (guint f = 0; f < 2; f++) {
        g_autofree char *to = NULL;

        if (!adit_addr_is_set(&p->to[f].addr))
            continue;
        to = adit_sockaddr_to_string(&p->to[f]);
        g_string_append_printf(text, "%s%s", between, to);
        between = ", ";
    }
    g_string_append(text, p->keep_source ? "\nKeepSource = yes\n" : "\n");
}

char *
adit_publication_print(const AditPublication *p)
{
    GString *text = g_string_new("[Publish]\n");
    g_autofree char *ports = adit_ports_to_string(&p->ports);

    g_string_append_printf(text, "Port = %s\n", ports);
    if (p->external == 0)
        g_string_append(text, "External = any\n");
    else if (p->external != p->ports.first)
        g_string_append_printf(text, "External = %u\n", p->external);
    if (p->gateway)
        g_string_append_printf(text, "Gateway = %s\n", p->gateway);
    if (adit_publication_leads_on(p))
        print_targets(text, p);
    else if (p->families[0] != p->families[1])
        g_string_append_printf(text, "Family = %s\n", families[p->families[0] ? 1 : 2]);
    if (p->redirect != ADIT_REDIRECT_HTTPS)
        g_string_append_printf(text, "Redirect = %s\n", redirects[p->redirect]);
    if (p->when != ADIT_WHEN_ALWAYS)
        g_string_append_printf(text, "When = %s\n", whens[p->when]);
    if (p->label)
        g_string_append_printf(text, "Label = %s\n", p->label);
    return g_string_free(text, FALSE);
}

char *
adit_wanted_print(const AditWanted *wanted)
{
    GString *text = g_string_new(NULL);

    for (guint i = 0; i < wanted->publications->len; i++) {
        g_autofree char *one =
            adit_publication_print(g_ptr_array_index(wanted->publications, i));

        g_string_append_printf(text, "%s%s", text->len > 0 ? "\n" : "", one);
    }
    for (guint i = 0; i < wanted->shares->len; i++) {
        const AditShare *share = g_ptr_array_index(wanted->shares, i);
        g_autofree char *network = adit_prefix_to_string(&share->network);

        g_string_append_printf(text, "%s[Share]\nNetwork = %s\n%s", text->len > 0 ? "\n" : "",
                               network, share->keep_source ? "KeepSource = yes\n" : "");
    }
    return g_string_free(text, FALSE);
}
