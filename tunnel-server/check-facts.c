/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/check-facts.h"

#include "libadit/sys/sysctl.h"
#include "tunnel-server/facts.h"
#include "tunnel-server/neighbours.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>

#define ASK_MS 1000

struct _AditCheckRun {
    AditAdmin *admin;
    AditCheckFacts facts;
    AditProber *prober;
    AditCheckDone done;
    gpointer data;
};

static gint64
read_number(const char *path)
{
    g_autofree char *text = adit_sysctl_read(path, NULL);

    return text ? g_ascii_strtoll(text, NULL, 10) : -1;
}

static char *
read_of_wan(const char *format, const char *wan)
{
    g_autofree char *path = g_strconcat("net/ipv6/conf/", wan, "/", format, NULL);

    return adit_sysctl_read(path, NULL);
}

static void
see_settings(AditCheckFacts *f)
{
    f->forward4 = adit_sysctl_read("net/ipv4/ip_forward", NULL);
    f->forward6 = adit_sysctl_read("net/ipv6/conf/all/forwarding", NULL);
    f->accept_ra = read_of_wan("accept_ra", f->wan);
    f->proxy_ndp = read_of_wan("proxy_ndp", f->wan);
    f->flows = read_number("net/netfilter/nf_conntrack_count");
    f->flows_max = read_number("net/netfilter/nf_conntrack_max");
}

/* Of this process: what it has open, and may have. */
static void
see_files(AditCheckFacts *f)
{
    g_autoptr(GDir) dir = g_dir_open("/proc/self/fd", 0, NULL);
    struct rlimit limit;

    if (!dir || getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    while (g_dir_read_name(dir))
        f->files++;
    f->files_max = (gint64)MIN(limit.rlim_cur, (rlim_t)G_MAXINT64);
}

static void
miss(AditCheckFacts *f, const AditAddr *addr, const AditServerFacts *site)
{
    g_autofree char *text = NULL;

    if (!adit_addr_is_set(addr))
        return;
    for (guint i = 0; i < site->n_wan_prefixes; i++)
        if (adit_addr_cmp(&site->wan_prefixes[i].addr, addr) == 0)
            return;
    text = adit_addr_to_string(addr);
    if (!g_ptr_array_find_with_equal_func(f->missing, text, g_str_equal, NULL))
        g_ptr_array_add(f->missing, g_steal_pointer(&text));
}

static void
see_wan(AditCheckFacts *f, const AditModel *model, const AditServerFacts *site)
{
    g_strlcpy(f->wan, site->wan, sizeof(f->wan));
    f->wan4 = adit_server_facts_wan4(site);
    f->has_way4 = adit_server_facts_has_ipv4();
    f->has_way6 = adit_server_facts_has_ipv6();
    for (guint i = 0; i < model->subnets->len; i++)
        miss(f, &adit_model_subnet(model, i)->wan4, site);
    for (guint i = 0; i < model->devices->len; i++)
        miss(f, &adit_model_device(model, i)->wan4, site);
}

static void
see_devices(AditCheckFacts *f, AditAdmin *admin)
{
    g_autoptr(AditWgDump) dump = adit_admin_peers(admin);
    gint64 last = 0;

    f->port = adit_admin_model(admin)->listen_port;
    f->n_devices = adit_admin_model(admin)->devices->len;
    f->silent = dump && adit_neighbours_is_silent(adit_admin_model(admin), dump);
    for (guint i = 0; dump && i < dump->peers->len; i++)
        last =
            MAX(last,
                ((const AditWgPeer *)g_ptr_array_index(dump->peers, i))->status.handshake_sec);
    f->handshake_age = last ? MAX(g_get_real_time() / G_USEC_PER_SEC - last, 0) : -1;
}

static void
see_prefixes(AditCheckFacts *f, const AditModel *model, const AditServerFacts *site)
{
    f->prefixes = g_ptr_array_new_with_free_func((GDestroyNotify)adit_check_prefix_free);
    for (guint i = 0; i < model->subnets->len; i++) {
        const AditSubnet *subnet = adit_model_subnet(model, i);
        AditCheckPrefix *prefix;

        if (!adit_addr_is_set(&subnet->server6))
            continue;
        prefix = g_new0(AditCheckPrefix, 1);
        prefix->subnet = g_strdup(subnet->name);
        prefix->prefix = subnet->net6;
        prefix->on_link = adit_server_facts_is_on_link(site, &subnet->server6);
        g_ptr_array_add(f->prefixes, prefix);
    }
    f->wants6 = f->prefixes->len > 0;
}

static void
on_asked(const GArray *probes, gpointer data)
{
    AditCheckRun *run = data;
    g_autoptr(GPtrArray) findings = NULL;

    for (guint i = 0; i < run->facts.prefixes->len && probes->len > 0; i++) {
        AditCheckPrefix *prefix = g_ptr_array_index(run->facts.prefixes, i);

        prefix->plain = g_array_index(probes, AditProbe, 0).outcome;
        prefix->echo = g_array_index(probes, AditProbe, i + 1).outcome;
    }
    findings = adit_check_judge(&run->facts);
    run->done(findings, run->data);
}

/* From an address of each prefix that the router has never heard of, or else from our own; the
 * first from the WAN's, to know whether it answers at all. */
static GArray *
make_probes(const AditModel *model, const AditCheckFacts *f)
{
    GArray *probes = g_array_new(FALSE, TRUE, sizeof(AditProbe));
    AditProbe probe = { .kind = ADIT_PROBE_ECHO };

    if (!f->wants6 || !adit_server_facts_find_router6(&probe.to.addr))
        return probes;
    g_strlcpy(probe.link, f->wan, sizeof(probe.link));
    g_array_append_val(probes, probe);
    for (guint i = 0; i < model->subnets->len; i++) {
        const AditSubnet *subnet = adit_model_subnet(model, i);

        probe.from = adit_addr_is_set(&subnet->vacant6) ? subnet->vacant6 : subnet->server6;
        if (adit_addr_is_set(&probe.from))
            g_array_append_val(probes, probe);
    }
    return probes;
}

AditCheckRun *
adit_check_run_new(AditAdmin *admin, AditCheckDone done, gpointer data)
{
    AditCheckRun *run = g_new0(AditCheckRun, 1);
    const AditModel *model = adit_admin_model(admin);
    const AditServerFacts *site = adit_admin_facts(admin);
    g_autoptr(GError) error = NULL;
    AditCheckFacts *f = &run->facts;

    run->done = done;
    run->data = data;
    f->missing = g_ptr_array_new_with_free_func(g_free);
    f->drift = g_ptr_array_new_with_free_func(g_free);
    f->foreign = g_ptr_array_new_with_free_func(g_free);
    see_wan(f, model, site);
    see_settings(f);
    see_files(f);
    see_devices(f, admin);
    see_prefixes(f, model, site);
    adit_neighbours_foreign(admin, f->foreign);
    if (!adit_admin_find_drift(admin, f->drift, &error))
        g_ptr_array_add(f->drift, g_strdup(error->message));
    run->admin = admin;
    adit_admin_hold_vacant(admin);
    run->prober = adit_prober_new(make_probes(model, f), ASK_MS, on_asked, run);
    return run;
}

void
adit_check_run_free(AditCheckRun *run)
{
    if (!run)
        return;
    adit_prober_free(run->prober);
    adit_admin_release_vacant(run->admin);
    adit_check_facts_clear(&run->facts);
    g_free(run);
}
