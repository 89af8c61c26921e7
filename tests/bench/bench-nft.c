/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "libadit/sys/nftdev.h"
#include "tunnel-server/dataplane.h"

/* Elements of a map in the kernel: ours in one transaction against `nft -f` with the same ones,
 * taking turns in one run, so that what slows the machine slows both. One JSON object a line;
 * times are medians. Needs root, for a network namespace of its own. */

#define ROUNDS 7
#define SINGLES 500

static int
cmp_double(const void *a, const void *b)
{
    const double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double
median(double *values, guint n)
{
    qsort(values, n, sizeof(*values), cmp_double);
    return values[n / 2];
}

static void
report(const char *name, guint n, double value, const char *unit)
{
    printf("{\"name\": \"nft/%s-%u\", \"value\": %.4g, \"unit\": \"%s\"}\n", name, n, value,
           unit);
    fflush(stdout);
}

static void
must(gboolean ok, GError *error)
{
    if (!ok) {
        fprintf(stderr, "bench-nft: %s\n", error->message);
        exit(1);
    }
}

/* Forwards: one element in open4 each. */
static AditState *
make_forwards(guint n)
{
    AditState *state = adit_state_new();

    for (guint i = 0; i < n; i++) {
        const guint8 wan[] = { 203, 0, 113, i / 60000 }, device[] = { 10, 59, i >> 8, i };
        AditDataplaneMapping m = { IPPROTO_TCP };
        g_autoptr(AditState) one = adit_state_new();

        m.external = (AditSockAddr){ adit_addr_from_bytes(AF_INET, wan), 1 + i % 60000 };
        m.internal = (AditSockAddr){ adit_addr_from_bytes(AF_INET, device), 443 };
        adit_dataplane_add_mapping(one, &m);
        adit_state_seal(one);
        for (guint k = 0; k < adit_state_len(one, ADIT_KIND_ELEMENT); k++) {
            const AditElement *e = adit_state_get(one, ADIT_KIND_ELEMENT, k);

            if (g_str_equal(e->set, "open4"))
                adit_state_add_element(state, e);
        }
    }
    return adit_state_seal(state);
}

/* The same for nft(8), in one command. */
static char *
make_text(const AditState *forwards)
{
    const guint n = adit_state_len(forwards, ADIT_KIND_ELEMENT);
    g_autofree char *path = g_strdup_printf("/run/adit-bench-%d.nft", getpid());
    FILE *file = fopen(path, "w");

    if (file == NULL) {
        perror(path);
        exit(1);
    }
    fputs("add element inet adit_server open4 {\n", file);
    for (guint i = 0; i < n; i++) {
        g_autofree char *line = adit_nft_element_to_text(
            adit_dataplane_blueprint(FALSE), adit_state_get(forwards, ADIT_KIND_ELEMENT, i));
        char *body = strchr(line, '{') + 1;

        *strchr(body, '}') = '\0';
        fprintf(file, "%s,\n", body);
    }
    fputs("}\n", file);
    fclose(file);
    return g_steal_pointer(&path);
}

static double
since(gint64 begin)
{
    return (g_get_monotonic_time() - begin) / 1000.0;
}

static double
run_nft(const char *path)
{
    const gint64 begin = g_get_monotonic_time();
    const pid_t pid = fork();
    int status = 0;

    if (pid == 0) {
        execlp("nft", "nft", "-f", path, NULL);
        _exit(127);
    }
    if (pid < 0 || waitpid(pid, &status, 0) < 0 || status != 0) {
        fprintf(stderr, "bench-nft: nft -f: status %d\n", status);
        exit(1);
    }
    return since(begin);
}

static void
empty(AditNftDev *dev)
{
    g_autoptr(AditState) none = adit_state_seal(adit_state_new());
    g_autoptr(GError) error = NULL;

    must(adit_nftdev_remove(dev, &error) && adit_nftdev_reconcile(dev, none, NULL, &error),
         error);
}

static double
run_ours(AditNftDev *dev, const AditState *want)
{
    g_autoptr(AditState) none = adit_state_seal(adit_state_new());
    g_autoptr(AditOps) ops = adit_diff(none, want);
    g_autoptr(GError) error = NULL;
    const gint64 begin = g_get_monotonic_time();

    must(adit_nftdev_apply(dev, ops->op, ops->len, NULL, &error), error);
    return since(begin);
}

static void
bench_install(AditNftDev *dev, guint n)
{
    g_autoptr(AditState) want = make_forwards(n);
    g_autofree char *path = make_text(want);
    double ours[ROUNDS], theirs[ROUNDS], ratio[ROUNDS];

    for (guint i = 0; i < ROUNDS; i++) {
        empty(dev);
        ours[i] = run_ours(dev, want);
        empty(dev);
        theirs[i] = run_nft(path);
        ratio[i] = theirs[i] / ours[i];
    }
    (void)unlink(path);
    report("install", n, median(ours, ROUNDS), "ms");
    report("install-nft-f", n, median(theirs, ROUNDS), "ms");
    report("install-times-faster", n, median(ratio, ROUNDS), "times");
}

/* All is there already: nothing is sent. */
static void
bench_equal(AditNftDev *dev, guint n)
{
    g_autoptr(AditState) want = make_forwards(n);
    double times[ROUNDS];
    guint sent = 0;

    empty(dev);
    run_ours(dev, want);
    for (guint i = 0; i < ROUNDS; i++) {
        const gint64 begin = g_get_monotonic_time();
        g_autoptr(GError) error = NULL;
        AditNftResult r;

        must(adit_nftdev_reconcile(dev, want, &r, &error), error);
        times[i] = since(begin);
        sent += r.rebuilt + r.added + r.changed + r.deleted;
    }
    report("dump-diff-equal", n, median(times, ROUNDS), "ms");
    report("dump-diff-equal-sent", n, sent, "operations");
    g_assert_cmpuint(sent, ==, 0);
}

/* One more forward, beside @n that are there, and gone again. */
static void
bench_one(AditNftDev *dev, guint n)
{
    g_autoptr(AditState) present = make_forwards(n), more = make_forwards(n + 1);
    g_autoptr(AditOps) add = adit_diff(present, more), gone = adit_diff(more, present);
    g_autoptr(GError) error = NULL;
    double adds[SINGLES];

    g_assert(add->len == 1 && gone->len == 1);
    empty(dev);
    run_ours(dev, present);
    for (guint i = 0; i < SINGLES; i++) {
        const gint64 begin = g_get_monotonic_time();

        must(adit_nftdev_apply(dev, add->op, 1, NULL, &error), error);
        adds[i] = since(begin) * 1000;
        must(adit_nftdev_apply(dev, gone->op, 1, NULL, &error), error);
    }
    report("one-more", n, median(adds, SINGLES), "us");
}

int
main(void)
{
    g_autoptr(AditNftDev) dev = NULL;
    g_autoptr(GError) error = NULL;

    if (unshare(CLONE_NEWNET) < 0) {
        fprintf(stderr, "bench-nft: network namespace: %s\n", g_strerror(errno));
        return 77;
    }
    dev = adit_nftdev_open(adit_dataplane_blueprint(FALSE), &error);
    must(dev != NULL, error);
    bench_install(dev, 10000);
    bench_install(dev, 50000);
    bench_equal(dev, 10000);
    bench_equal(dev, 50000);
    bench_one(dev, 10);
    bench_one(dev, 10000);
    bench_one(dev, 50000);
    return 0;
}
