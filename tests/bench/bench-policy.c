/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <glib/gstdio.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>

#include "policy-routing/router.h"
#include "tests/contract/netns.h"

/* A gateway up, down, enrolled and removed, beside nine others, in a machine with few routes in
 * main and in one with ten thousand; and the plan of all ten by a process for each object, as a
 * script does it. Wall-clock, the median of some rounds. */

#define GATEWAYS 10
#define ROUTES 10000
#define ROUNDS 15

typedef struct {
    AditKernel *kernel;
    AditRouter *router;
    GPtrArray *gateways;
} Bench;

static void
print(const char *name, gdouble value, const char *unit)
{
    printf("{\"name\": \"policy/%s\", \"value\": %.3f, \"unit\": \"%s\"}\n", name, value, unit);
    fflush(stdout);
}

static AditGateway *
make_gateway(guint n)
{
    g_autofree char *text = g_strdup_printf(
        "[Interface]\nPrivateKey = AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"
        "Address = 10.%u.0.2/24, 2001:db8:%u::2/128\n"
        "[Peer]\nPublicKey = ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=\n"
        "AllowedIPs = 10.%u.0.1/32, 2001:db8:%u::1/128, 10.%u.0.0/24, 0.0.0.0/1, 128.0.0.0/1, "
        "2000::/3\n",
        100 + n, 100 + n, 100 + n, 100 + n, 100 + n);
    g_autofree char *name = g_strdup_printf("gw%u", n);
    g_autoptr(GError) error = NULL;
    g_autoptr(AditProfile) profile = adit_profile_parse("bench", text, strlen(text), &error);
    AditGateway *gateway;

    if (!profile)
        g_error("%s", error->message);
    gateway = adit_gateway_from_profile(name, n, name, profile);
    gateway->link_up = TRUE;
    gateway->selected[0] = gateway->selected[1] = n == 1;
    return gateway;
}

static void
make_machine(void)
{
    g_autoptr(GString) lines = g_string_new("link set lo up\n"
                                            "link add eth0 type veth peer name eth0p\n"
                                            "link add other type veth peer name otherp\n"
                                            "link set eth0 up\nlink set eth0p up\n"
                                            "link set other up\nlink set otherp up\n"
                                            "addr add 192.168.1.17/24 dev eth0\n"
                                            "route add default via 192.168.1.1\n");

    for (guint n = 1; n <= GATEWAYS; n++)
        g_string_append_printf(lines,
                               "link add gw%u type veth peer name gw%up\n"
                               "link set gw%u up\nlink set gw%up up\n"
                               "addr add 10.%u.0.2/32 dev gw%u\n"
                               "addr add 2001:db8:%u::2/128 dev gw%u nodad\n",
                               n, n, n, n, 100 + n, n, 100 + n, n);
    test_netns_ip_batch("-batch -", lines->str);
}

static void
crowd_main(void)
{
    g_autoptr(GString) lines = g_string_new(NULL);

    for (guint i = 0; i < ROUTES; i++)
        g_string_append_printf(lines, "route add 11.%u.%u.0/24 dev other\n", i / 250, i % 250);
    test_netns_ip_batch("-batch -", lines->str);
}

/* In memory: what a disk takes to flush is not what is measured. */
static char *
make_folder(void)
{
    g_autofree char *template = g_strdup("/dev/shm/adit-bench-XXXXXX");

    return g_mkdtemp(template) ? g_steal_pointer(&template)
                               : g_dir_make_tmp("adit-bench-XXXXXX", NULL);
}

static gboolean
look(gpointer data)
{
    return TRUE;
}

static gdouble
apply(Bench *bench, guint n, AditReconcileResult *ret)
{
    static const AditPolicy policy = { 0 };
    const AditRouterWish wish = { .gateways =
                                      (const AditGateway *const *)bench->gateways->pdata,
                                  .n_gateways = n,
                                  .policy = &policy };
    const gint64 start = g_get_monotonic_time();
    g_autoptr(GError) error = NULL;

    if (!adit_router_apply(bench->router, &wish, ret, &error))
        g_error("%s", error->message);
    return (g_get_monotonic_time() - start) / 1000.0;
}

static int
by_value(gconstpointer a, gconstpointer b)
{
    const gdouble x = *(const gdouble *)a, y = *(const gdouble *)b;

    return (x > y) - (x < y);
}

static gdouble
median(gdouble *values, guint n)
{
    qsort(values, n, sizeof(*values), by_value);
    return values[n / 2];
}

static void
measure(Bench *bench, const char *crowd)
{
    AditGateway *last = bench->gateways->pdata[GATEWAYS - 1];
    gdouble up[ROUNDS], down[ROUNDS], enrol[ROUNDS], gone[ROUNDS], equal[ROUNDS];
    AditReconcileResult result;

    apply(bench, GATEWAYS, &result);
    for (guint i = 0; i < ROUNDS; i++) {
        last->link_up = FALSE;
        down[i] = apply(bench, GATEWAYS, &result);
        g_assert_cmpuint(result.deleted, >, 0);
        last->link_up = TRUE;
        up[i] = apply(bench, GATEWAYS, &result);
        g_assert_cmpuint(result.added, >, 0);
        equal[i] = apply(bench, GATEWAYS, &result);
        g_assert_cmpuint(result.rounds, ==, 0);
        gone[i] = apply(bench, GATEWAYS - 1, &result);
        enrol[i] = apply(bench, GATEWAYS, &result);
        g_assert_cmpuint(result.added, >, 20);
    }
    const struct {
        const char *what;
        gdouble *values;
    } rows[] = { { "up", up },
                 { "down", down },
                 { "equal", equal },
                 { "enrolled", enrol },
                 { "removed", gone } };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *name = g_strdup_printf("%s-%s", rows[i].what, crowd);

        print(name, median(rows[i].values, ROUNDS), "ms");
    }
}

static const char *const files[] = { "guard.ip4", "guard.ip6", "guard.nft" };

/* The whole plan as the boot guard has it: a process for each rule, route and element, and one
 * for the structure of the table. */
static char *
make_script(const char *folder, guint *ret_processes)
{
    GString *script = g_string_new("{\n");
    GString *elements = g_string_new(NULL);

    *ret_processes = 1;
    for (guint f = 0; f < G_N_ELEMENTS(files); f++) {
        g_autofree char *path = g_build_filename(folder, files[f], NULL);
        g_autofree char *text = NULL;
        g_auto(GStrv) lines = NULL;

        g_assert_true(g_file_get_contents(path, &text, NULL, NULL));
        lines = g_strsplit(text, "\n", -1);
        if (f == 2)
            g_string_append(script, "nft -f - <<'END'\n");
        for (guint i = 0; lines[i]; i++) {
            if (f == 2 && !g_str_has_prefix(lines[i], "add element")) {
                g_string_append_printf(script, "%s\n", lines[i]);
                continue;
            }
            if (*lines[i] == '#' || *lines[i] == '\0')
                continue;
            (*ret_processes)++;
            if (f == 2)
                g_string_append_printf(elements, "nft '%s'\n", lines[i]);
            else
                g_string_append_printf(script, "ip -%c %s\n", f ? '6' : '4', lines[i]);
        }
    }
    g_string_append_printf(script, "END\n%s}\n", elements->str);
    g_string_free(elements, TRUE);
    return g_string_free(script, FALSE);
}

static gdouble
run_script(const char *script)
{
    const char *const argv[] = { "sh", "-ec", script, NULL };
    const gint64 start = g_get_monotonic_time();
    g_autoptr(GError) error = NULL;
    int status;

    if (!g_spawn_sync(NULL, (char **)argv, NULL, G_SPAWN_SEARCH_PATH, NULL, NULL, NULL, NULL,
                      &status, &error) ||
        !g_spawn_check_wait_status(status, &error))
        g_error("%s", error->message);
    return (g_get_monotonic_time() - start) / 1000.0;
}

/* All gateways into a kernel that has nothing of ours, both ways. */
static void
compare(Bench *bench, const char *folder)
{
    g_autofree char *script = NULL;
    gdouble ours[ROUNDS], theirs;
    AditReconcileResult result;
    guint processes;

    for (guint i = 0; i < ROUNDS; i++) {
        apply(bench, 0, &result);
        ours[i] = apply(bench, GATEWAYS, &result);
    }
    script = make_script(folder, &processes);
    apply(bench, 0, &result);
    theirs = run_script(script);
    print("whole-plan", median(ours, ROUNDS), "ms");
    print("whole-plan-by-processes", theirs, "ms");
    print("processes", processes, "");
    print("times-faster", theirs / median(ours, ROUNDS), "x");
}

int
main(int argc, char **argv)
{
    g_autofree char *why = NULL, *folder = NULL;
    Bench bench = { 0 };
    AditReconcileResult result;

    if (!test_netns_enter(&why))
        return test_netns_skip(why);
    make_machine();
    folder = make_folder();
    bench.kernel = adit_kernel_open(NULL);
    bench.router = adit_router_open(bench.kernel, folder, folder, look, NULL, NULL);
    bench.gateways = g_ptr_array_new_with_free_func((GDestroyNotify)adit_gateway_free);
    for (guint n = 1; n <= GATEWAYS; n++)
        g_ptr_array_add(bench.gateways, make_gateway(n));
    measure(&bench, "few-routes");
    crowd_main();
    measure(&bench, "10000-routes");
    compare(&bench, folder);
    apply(&bench, 0, &result); /* adopts what the script made, and removes it */
    adit_router_free(bench.router);
    adit_kernel_free(bench.kernel);
    g_ptr_array_unref(bench.gateways);
    g_rmdir(folder);
    return 0;
}
