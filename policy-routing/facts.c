/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy-routing/facts.h"

#include "libadit/core/number.h"
#include "libadit/sys/routes.h"
#include "libadit/sys/sysctl-memory.h"
#include "libadit/sys/sysctl.h"
#include "policy-routing/source-plan.h"

#include <linux/rtnetlink.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define CONF "/proc/sys/net/ipv4/conf"

/* A host address alone makes no network that others could be on. */
static gboolean
is_network(const AditPrefix *prefix)
{
    return prefix->len < adit_family_bits(prefix->addr.family);
}

static gboolean
is_global6(const AditAddr *addr)
{
    static const guint8 loopback[16] = { [15] = 1 };

    return addr->family == AF_INET6 && !adit_addr_is_link_local(addr) &&
           memcmp(addr->bytes, loopback, sizeof(loopback)) != 0;
}

static gboolean
is_ours(const char *const *ours, const char *link)
{
    return ours && g_strv_contains(ours, link);
}

static int
value_of(const char *text)
{
    guint64 value;

    return adit_number_parse(text, 10, 0, G_MAXINT, &value) ? (int)value : 0;
}

static int
value_before(GHashTable *noted, const char *path)
{
    const char *text = noted ? g_hash_table_lookup(noted, path) : NULL;

    return text ? value_of(text) : -1;
}

static void
read_value(const char *path, const char *link, GHashTable *noted, GArray *ret)
{
    g_autofree char *now = adit_sysctl_read(path, NULL); /* NULL: gone since */
    AditFilterFact fact = { .now = now ? value_of(now) : 0 };

    if (!now)
        return;
    g_strlcpy(fact.link, link, sizeof(fact.link));
    fact.before = value_before(noted, path);
    g_array_append_val(ret, fact);
}

static void
read_filters(GHashTable *noted, GArray *ret)
{
    g_autoptr(GDir) dir = g_dir_open(CONF, 0, NULL); /* none: a machine without IPv4 */
    const char *link;

    while (dir && (link = g_dir_read_name(dir))) {
        g_autofree char *path = g_strdup_printf("net/ipv4/conf/%s/rp_filter", link);

        read_value(path, link, noted, ret);
    }
}

static void
read_own_only(const AditAddress *main, guint n, GHashTable *noted, GArray *ret)
{
    for (guint i = 0; i < n; i++) {
        g_autofree char *path = NULL;

        if (main[i].prefix.len > 0 || main[i].prefix.addr.family != AF_INET6)
            continue;
        path = g_strdup_printf("net/ipv6/conf/%s/use_oif_addrs_only", main[i].link);
        read_value(path, main[i].link, noted, ret);
    }
}

/* Routes come in runs of one link. */
static AditAddress *
without_ours(const GArray *main, const char *const *ours, guint *ret_n)
{
    AditAddress *rows = g_new(AditAddress, main ? main->len : 0);
    const char *last = "";
    gboolean skip = FALSE;

    *ret_n = 0;
    for (guint i = 0; main && i < main->len; i++) {
        const AditAddress *row = &g_array_index(main, AditAddress, i);

        if (strcmp(row->link, last) != 0) {
            last = row->link;
            skip = is_ours(ours, last);
        }
        if (!skip)
            rows[(*ret_n)++] = *row;
    }
    return rows;
}

static void
read_lo6(AditFacts *ret)
{
    g_autofree char *off = adit_sysctl_read("net/ipv6/conf/lo/disable_ipv6", NULL);

    ret->lo6 = g_strcmp0(off, "0") == 0;
    ret->lo6_off = off && !ret->lo6;
}

gboolean
adit_facts_read(const char *const *ours, const GArray *main, const char *memory, AditFacts *ret,
                GError **error)
{
    g_autoptr(GArray) on_link = adit_addresses_read(error);
    g_autoptr(GArray) filters = g_array_new(FALSE, TRUE, sizeof(AditFilterFact));
    g_autoptr(GArray) own_only = g_array_new(FALSE, TRUE, sizeof(AditFilterFact));
    g_autoptr(GHashTable) noted = memory ? adit_sysctl_noted(memory, error) : NULL;
    AditFacts facts = { 0 };

    if (!on_link || (memory && !noted))
        return FALSE;
    read_filters(noted, filters);
    for (guint i = on_link->len; i-- > 0;) {
        const AditAddress *own = &g_array_index(on_link, AditAddress, i);

        facts.global6 |= is_global6(&own->prefix.addr) && !is_ours(ours, own->link) &&
                         !adit_source_is_spare(&own->prefix.addr);
        if (!is_network(&own->prefix) || is_ours(ours, own->link))
            g_array_remove_index(on_link, i);
    }
    facts.main = without_ours(main, ours, &facts.n_main);
    read_lo6(&facts);
    read_own_only(facts.main, facts.n_main, noted, own_only);
    facts.n_own_only = own_only->len;
    facts.own_only =
        (AditFilterFact *)(gpointer)g_array_free(g_steal_pointer(&own_only), FALSE);
    facts.n_on_link = on_link->len;
    facts.on_link = (AditAddress *)g_array_free(g_steal_pointer(&on_link), FALSE);
    facts.n_filters = filters->len;
    facts.filters = (AditFilterFact *)g_array_free(g_steal_pointer(&filters), FALSE);
    *ret = facts;
    return TRUE;
}

GArray *
adit_facts_read_main(AditNl *nl, GError **error)
{
    static const guint8 families[] = { AF_INET, AF_INET6 };
    g_autoptr(GArray) all = g_array_new(FALSE, TRUE, sizeof(AditAddress));

    for (guint f = 0; f < G_N_ELEMENTS(families); f++) {
        g_autoptr(GArray) some = adit_routes_read(nl, families[f], RT_TABLE_MAIN, error);

        if (!some)
            return NULL;
        for (guint i = 0; i < some->len; i++) {
            const AditAddress *row = &g_array_index(some, AditAddress, i);

            if (!adit_addr_is_link_local(&row->prefix.addr))
                g_array_append_val(all, *row);
        }
    }
    g_debug("main leads %u ways", all->len);
    return g_steal_pointer(&all);
}

/* Each family's first address is the source of its routes. */
static gboolean
has_address(const GArray *own, const AditGateway *gateway, guint8 family)
{
    for (guint a = 0; a < gateway->n_addresses; a++) {
        if (gateway->addresses[a].family != family)
            continue;
        for (guint i = 0; i < own->len; i++) {
            const AditAddress *row = &g_array_index(own, AditAddress, i);

            if (strcmp(row->link, gateway->link) == 0 &&
                adit_addr_cmp(&row->prefix.addr, &gateway->addresses[a]) == 0)
                return TRUE;
        }
        return FALSE;
    }
    return TRUE;
}

gboolean
adit_facts_is_ready(const AditGateway *gateway, guint8 family, const GArray *own)
{
    struct ifreq request = { 0 };
    int fd;
    gboolean up;

    if (!has_address(own, gateway, family))
        return FALSE;
    fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    g_strlcpy(request.ifr_name, gateway->link, sizeof(request.ifr_name));
    up = fd >= 0 && ioctl(fd, SIOCGIFFLAGS, &request) == 0 && (request.ifr_flags & IFF_UP) != 0;
    if (fd >= 0)
        close(fd);
    return up;
}

void
adit_facts_clear(AditFacts *facts)
{
    g_clear_pointer(&facts->on_link, g_free);
    g_clear_pointer(&facts->filters, g_free);
    g_clear_pointer(&facts->main, g_free);
    g_clear_pointer(&facts->own_only, g_free);
    facts->past_uplinks = NULL;
    facts->n_on_link = facts->n_filters = facts->n_main = facts->n_own_only = 0;
}
