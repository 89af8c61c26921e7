/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "libadit/core/diff.h"
#include "libadit/core/profile.h"

/* The model at the size of a large server: parse, plan and diff of 10,000 devices, each with
 * two allowed addresses, a host route, a proxy neighbour and two elements. One JSON object a
 * line; the value is the median of the rounds. */

#define DEVICES 10000
#define ROUNDS 9
#define LINK "wg0"

typedef enum {
    STEP_PARSE,
    STEP_PLAN, /* with sealing */
    STEP_DIFF_EQUAL,
    STEP_DIFF_CHANGED,
    STEP_TOTAL, /* parse, plan, diff against what differs a little */
    N_STEPS,
} Step;

static const char *const step_names[N_STEPS] = {
    [STEP_PARSE] = "core/parse-10000",
    [STEP_PLAN] = "core/plan-10000",
    [STEP_DIFF_EQUAL] = "core/diff-10000-equal",
    [STEP_DIFF_CHANGED] = "core/diff-10000-changed",
    [STEP_TOTAL] = "core/parse-plan-diff-10000",
};

/* Spreads the keys as random ones are: neither text nor kernel has them in order. */
static AditKey
device_key(guint32 device)
{
    guint64 x = device + 1;
    AditKey key;

    for (guint i = 0; i < sizeof(key.bytes); i += sizeof(x)) {
        x *= G_GUINT64_CONSTANT(6364136223846793005);
        x += G_GUINT64_CONSTANT(1442695040888963407);
        memcpy(key.bytes + i, &x, sizeof(x));
    }
    return key;
}

static char *
make_text(void)
{
    GString *text = g_string_new("[Interface]\nAddress = 10.0.0.1/8\nListenPort = 51820\n");
    AditKey private_key = device_key(DEVICES);
    g_autofree char *own = adit_key_to_string(&private_key);

    g_string_append_printf(text, "PrivateKey = %s\n", own);
    for (guint32 i = 0; i < DEVICES; i++) {
        const AditKey key = device_key(i);
        g_autofree char *peer = adit_key_to_string(&key);

        g_string_append_printf(text,
                               "\n[Peer]\nPublicKey = %s\nPresharedKey = %s\n"
                               "AllowedIPs = 10.1.%u.%u/32, 2001:db8::10:%x/128\n",
                               peer, peer, i >> 8, i & 0xff, i);
    }
    return g_string_free(text, FALSE);
}

static void
plan_element(AditState *state, const char *set, const AditAddr *addr, guint16 port)
{
    AditElement element = { .key_len = 12, .data_len = 8, .timeout_ms = 7200000 };

    g_strlcpy(element.set, set, sizeof(element.set));
    memcpy(element.key, addr->bytes, 4);
    element.key[4] = 6;
    element.key[8] = port >> 8;
    element.key[9] = port & 0xff;
    memcpy(element.data, addr->bytes, 4);
    adit_state_add_element(state, &element);
}

static void
plan_device(AditState *state, const AditProfilePeer *device, guint i)
{
    AditPeer peer = { .link = LINK,
                      .public_key = device->public_key,
                      .preshared_key = device->preshared_key,
                      .allowed = device->allowed,
                      .n_allowed = device->n_allowed };
    AditRoute route = { .dst = device->allowed[1], .table = 254, .metric = 1024, .link = LINK };
    AditNeighbour neighbour = { .link = "eth0", .addr = device->allowed[1].addr };

    adit_state_add_peer(state, &peer);
    adit_state_add_route(state, &route);
    adit_state_add_neighbour(state, &neighbour);
    plan_element(state, "fwd4", &device->allowed[0].addr, 1024 + i);
    plan_element(state, "open4", &device->allowed[0].addr, 1024 + i);
}

/* @skip: this one in so many devices is left out; 0 is none. */
static AditState *
plan(const AditProfile *profile, guint skip)
{
    AditState *state = adit_state_new();
    AditLink link = { .name = LINK, .mtu = 1420, .up = TRUE };
    AditDevice device = { .link = LINK,
                          .private_key = profile->private_key,
                          .listen_port = profile->listen_port };

    adit_state_add_link(state, &link);
    adit_state_add_device(state, &device);
    for (guint i = 0; i < profile->n_peers; i++)
        if (skip == 0 || i % skip != 0)
            plan_device(state, &profile->peers[i], i);
    adit_key_clear(&device.private_key);
    return adit_state_seal(state);
}

/* Processor time: what else the machine does is not ours. */
static double
now_ms(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return now.tv_sec * 1e3 + now.tv_nsec / 1e6;
}

static double
since(double *start)
{
    double now = now_ms(), ms = now - *start;

    *start = now;
    return ms;
}

static void
run_round(const char *text, const AditState *same, const AditState *other, double ms[N_STEPS])
{
    double start = now_ms();
    g_autoptr(GError) error = NULL;
    g_autoptr(AditProfile) profile = adit_profile_parse("bench", text, strlen(text), &error);
    g_autoptr(AditState) want = NULL;
    g_autoptr(AditOps) none = NULL, some = NULL;

    g_assert_no_error(error);
    ms[STEP_PARSE] = since(&start);
    want = plan(profile, 0);
    ms[STEP_PLAN] = since(&start);
    none = adit_diff(same, want);
    ms[STEP_DIFF_EQUAL] = since(&start);
    some = adit_diff(other, want);
    ms[STEP_DIFF_CHANGED] = since(&start);
    ms[STEP_TOTAL] = ms[STEP_PARSE] + ms[STEP_PLAN] + ms[STEP_DIFF_CHANGED];

    g_assert_cmpuint(none->len, ==, 0);
    g_assert_cmpuint(some->len, ==, 5 * DEVICES / 100);
}

static int
compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

int
main(int argc, char **argv)
{
    g_autofree char *text = make_text();
    g_autoptr(GError) error = NULL;
    g_autoptr(AditProfile) profile = adit_profile_parse("bench", text, strlen(text), &error);
    g_autoptr(AditState) same = NULL, other = NULL;
    double rounds[N_STEPS][ROUNDS];

    g_assert_no_error(error);
    same = plan(profile, 0);
    other = plan(profile, 100);
    for (guint i = 0; i < ROUNDS; i++) {
        double ms[N_STEPS];

        run_round(text, same, other, ms);
        for (Step step = 0; step < N_STEPS; step++)
            rounds[step][i] = ms[step];
    }

    for (Step step = 0; step < N_STEPS; step++) {
        qsort(rounds[step], ROUNDS, sizeof(double), compare);
        printf("{\"name\": \"%s\", \"value\": %.3f, \"unit\": \"ms\"}\n", step_names[step],
               rounds[step][ROUNDS / 2]);
    }
    return 0;
}
