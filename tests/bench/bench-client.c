/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/contract/netns.h"
#include "tests/contract/pcp-site.h"

#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* A PCP client with a thousand mappings, over real sockets, for ten half-lives of its leases:
 * time leaps from deadline to deadline. How much it sends, how often it wakes, and what a
 * process that holds them keeps in memory. */

#define MAPPINGS 1000
#define LIFETIME 7200
#define HALF_LIVES 10
#define TURN_MS 50
#define GRANT_S 60 /* for a thousand at the client's own rate, with ease */

static void
print(const char *name, gdouble value, const char *unit)
{
    printf("{\"name\": \"client/%s\", \"value\": %.3f, \"unit\": \"%s\"}\n", name, value, unit);
    fflush(stdout);
}

static guint
count_held(const AditMapping **mappings)
{
    guint n = 0;

    for (guint i = 0; i < MAPPINGS; i++)
        n += adit_mapping_is_held(mappings[i]);
    return n;
}

/* One turn, at the next deadline unless an answer is on its way: a wake-up. */
static guint
wake(PcpSite *site)
{
    const AditPoolCounts before = adit_client_get_counts(site->client).pool;

    if (before.answers == before.sent)
        pcp_site_leap(site);
    else
        pcp_site_answer(site, 0);
    pcp_site_turn(site, TURN_MS);
    g_array_set_size(site->events, 0);
    return 1;
}

static void
bench_renewal(void)
{
    g_autofree const AditMapping **mappings = g_new0(const AditMapping *, MAPPINGS);
    PcpSite site;
    guint wakes = 0;
    guint64 sent;
    gint64 begin, idle;

    pcp_site_set_up(&site, AF_INET6);
    pcp_site_serve(&site);
    pcp_site_open(&site, "c0", NULL);
    for (guint i = 0; i < MAPPINGS; i++)
        mappings[i] = pcp_site_add(&site, 1000 + i);
    begin = pcp_site_now(&site);
    while (count_held(mappings) < MAPPINGS)
        wake(&site);
    print("all-granted-1000", (pcp_site_now(&site) - begin) / 1000.0, "s");

    /* Up to the first renewal nothing may happen but that the state is written. */
    idle = pcp_site_now(&site) + ADIT_POOL_GAP_MS + 1000;
    while (adit_client_deadline(site.client) <= idle)
        wake(&site);
    print("idle-after-grants-1000",
          (adit_client_deadline(site.client) - pcp_site_now(&site)) / 1000.0, "s");

    begin = pcp_site_now(&site);
    sent = adit_client_get_counts(site.client).pool.sent;
    while (pcp_site_now(&site) < begin + HALF_LIVES * LIFETIME / 2 * 1000LL)
        wakes += wake(&site);
    sent = adit_client_get_counts(site.client).pool.sent - sent;
    g_assert_cmpuint(count_held(mappings), ==, MAPPINGS);
    g_assert_cmpuint(sent, <=, HALF_LIVES * MAPPINGS);
    print("packets-a-half-life-1000", (gdouble)sent / HALF_LIVES, "packets");
    print("wakeups-a-renewal-1000", (gdouble)wakes / sent, "wake-ups");
    pcp_site_tear_down(&site);
}

static gdouble
status_kb(const char *key)
{
    g_autofree char *text = NULL;
    const char *at;

    g_assert_true(g_file_get_contents("/proc/self/status", &text, NULL, NULL));
    at = strstr(text, key);
    return at ? g_ascii_strtod(at + strlen(key), NULL) : 0;
}

/* The process that holds them, by itself: started anew, so that nothing of the server's counts.
 */
static int
hold(void)
{
    g_autofree const AditMapping **mappings = g_new0(const AditMapping *, MAPPINGS);
    PcpSite site = { .family = AF_INET6 };
    gint64 end = g_get_monotonic_time() + GRANT_S * G_USEC_PER_SEC;

    site.events = g_array_new(FALSE, FALSE, sizeof(AditPoolNews));
    pcp_site_open(&site, "c0", NULL);
    for (guint i = 0; i < MAPPINGS; i++)
        mappings[i] = pcp_site_add(&site, 1000 + i);
    while (count_held(mappings) < MAPPINGS && g_get_monotonic_time() < end) {
        pcp_site_turn(&site, TURN_MS);
        g_array_set_size(site.events, 0);
    }
    g_assert_cmpuint(count_held(mappings), ==, MAPPINGS);
    print("resident-1000", status_kb("VmRSS:"), "kB");
    print("resident-own-1000", status_kb("RssAnon:"), "kB");
    return 0;
}

static void
bench_memory(const char *self)
{
    const char *const argv[] = { self, "hold", NULL };
    g_autoptr(GError) error = NULL;
    PcpSite site;
    GPid pid;
    int status = -1;

    pcp_site_set_up(&site, AF_INET6);
    pcp_site_serve(&site);
    if (!g_spawn_async(NULL, (char **)argv, NULL, G_SPAWN_DO_NOT_REAP_CHILD, NULL, NULL, &pid,
                       &error))
        g_error("%s", error->message);
    while (waitpid(pid, &status, WNOHANG) == 0)
        pcp_site_answer(&site, TURN_MS);
    g_assert_cmpint(status, ==, 0);
    pcp_site_tear_down(&site);
}

int
main(int argc, char **argv)
{
    if (argc > 1)
        return hold();
    if (!pcp_site_build())
        return test_netns_skip("network namespace: not to be had");
    bench_memory("/proc/self/exe");
    bench_renewal();
    pcp_site_demolish();
    return 0;
}
