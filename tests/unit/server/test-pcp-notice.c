/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/server/sample.h"
#include "tunnel-server/pcp-ask.h"
#include "tunnel-server/pcp-notice.h"

#include <string.h>

/* The server's half of "ask, there is news" against a device as client/publisher has one (a
 * question is repeated with its nonce until it is answered or given up, a notice meanwhile has
 * it asked once more, a second answer finds nobody), over a way that loses, doubles and
 * reorders. Whatever happens, the device knows the last state in the end. */

#define TRIES 6
#define FIRST_MS 250
#define PAUSE_MS 2000
#define WILD_MS 12000
#define CALM_MS 130000 /* the last round of a notice is sent within that */
#define DEVICE "10.59.0.2"

typedef enum { NOTICE, QUESTION, ANSWER } What;

typedef struct {
    What what;
    guint nonce, version;
    gint64 at; /* when it arrives */
} Packet;

typedef struct {
    GRand *dice;
    gint64 now;
    GArray *way; /* Packet */
    /* the server */
    AditModel *model;
    AditServerSettings *rules;
    AditPcpSite *site;
    AditPcpNotice *notice;
    AditAddr peer;
    guint version;
    /* the device */
    guint knows, nonce, last_nonce, tries; /* nonce 0: no question is out */
    gboolean again;
    gint64 timer;
} World;

static AditPcpSite *
make_site(World *w)
{
    AditDeviceEntry *device = g_ptr_array_index(w->model->devices, 0);
    static const AditServerFacts facts = { .wan = "eth0" };

    memset(device->public_key.bytes, 1 + w->version % 250, ADIT_KEY_LEN);
    return adit_pcp_site_new(w->model, &facts, w->rules, NULL);
}

static void
begin(World *w, guint32 seed)
{
    GError *error = NULL;
    AditPrefix prefix;

    *w = (World){ .dice = g_rand_new_with_seed(seed), .timer = G_MAXINT64 };
    w->way = g_array_new(FALSE, FALSE, sizeof(Packet));
    w->model = sample_server("10.59.0.0/24", "2a11:1:2::/64");
    sample_add_device(w->model, "nas", "", 1, &error);
    g_assert_no_error(error);
    g_assert_true(adit_model_settle(w->model, &error));
    ((AditDeviceEntry *)g_ptr_array_index(w->model->devices, 0))->id = 1;
    w->rules = adit_settings_defaults(&adit_server_settings);
    w->site = make_site(w);
    w->notice = adit_pcp_notice_new();
    g_assert_true(adit_prefix_parse(DEVICE "/32", &prefix, NULL));
    w->peer = prefix.addr;
}

static void
end(World *w)
{
    g_rand_free(w->dice);
    g_array_unref(w->way);
    adit_pcp_notice_free(w->notice);
    adit_pcp_site_free(w->site);
    adit_model_free(w->model);
    adit_settings_free(&adit_server_settings, w->rules);
}

static void
change(World *w)
{
    g_autoptr(AditPcpSite) before = w->site;

    w->version++;
    w->site = make_site(w);
    g_assert_true(adit_pcp_notice_compare(w->notice, before, w->site, w->now));
}

static gboolean
happens(World *w, guint percent)
{
    return w->now < WILD_MS && (guint)g_rand_int_range(w->dice, 0, 100) < percent;
}

static void
put(World *w, What what, guint nonce, guint version)
{
    const guint copies = happens(w, 30) ? 0 : happens(w, 20) ? 2 : 1;

    for (guint i = 0; i < copies; i++) {
        const gint64 late = happens(w, 30) ? g_rand_int_range(w->dice, 1, 3000) : 20;
        const Packet packet = { what, nonce, version, w->now + late };

        g_array_append_val(w->way, packet);
    }
}

/* -- the device -- */

static void
ask(World *w)
{
    w->again = w->nonce != 0;
    if (w->nonce != 0)
        return;
    w->nonce = ++w->last_nonce;
    w->tries = 0;
    w->timer = w->now;
}

static void
on_timer(World *w)
{
    if (w->nonce == 0) {
        ask(w);
    } else if (w->tries == TRIES) {
        w->nonce = 0;
        w->timer = w->now + PAUSE_MS;
        if (w->again)
            ask(w);
    } else {
        put(w, QUESTION, w->nonce, 0);
        w->timer = w->now + (FIRST_MS << MIN(w->tries, 3));
        w->tries++;
    }
}

static void
hear_answer(World *w, const Packet *packet)
{
    if (packet->nonce != w->nonce)
        return; /* its socket is closed */
    w->knows = packet->version;
    w->nonce = 0;
    w->timer = G_MAXINT64; /* a quarter of an hour */
    if (w->again)
        ask(w);
}

/* -- the server -- */

static void
hear_question(World *w, const Packet *packet)
{
    guint8 nonce[ADIT_PCP_NONCE] = { 0 };

    memcpy(nonce, &packet->nonce, sizeof(packet->nonce));
    adit_pcp_notice_asked(w->notice, &w->peer, nonce);
    put(w, ANSWER, packet->nonce, w->version);
}

static guint
tell(World *w)
{
    AditPcpTarget targets[4];
    const guint n = adit_pcp_notice_next(w->notice, w->now, targets, G_N_ELEMENTS(targets));

    for (guint i = 0; i < n; i++)
        put(w, NOTICE, 0, 0);
    return n;
}

/* -- both, and the way between them -- */

static void
arrive(World *w)
{
    for (guint i = 0; i < w->way->len;) {
        const Packet packet = g_array_index(w->way, Packet, i);

        if (packet.at > w->now) {
            i++;
            continue;
        }
        g_array_remove_index(w->way, i);
        switch (packet.what) {
        case NOTICE: ask(w); break;
        case QUESTION: hear_question(w, &packet); break;
        case ANSWER: hear_answer(w, &packet); break;
        }
    }
}

static void
run_until(World *w, gint64 until)
{
    for (; w->now < until; w->now += 5) {
        arrive(w);
        if (w->timer <= w->now)
            on_timer(w);
        if (adit_pcp_notice_deadline(w->notice) <= w->now)
            tell(w);
    }
}

static void
test_chaos(void)
{
    for (guint round = 0; round < 300; round++) {
        const guint32 seed = g_test_rand_int();
        World w;

        begin(&w, seed);
        ask(&w);
        for (guint i = g_rand_int_range(w.dice, 1, 5); i > 0; i--) {
            run_until(&w, w.now + g_rand_int_range(w.dice, 5, 2500));
            if (happens(&w, 50))
                ask(&w); /* by itself, or for aditd */
            change(&w);
        }
        run_until(&w, WILD_MS + CALM_MS);
        if (w.knows != w.version)
            g_error("seed %u: the device knows %u of %u", seed, w.knows, w.version);
        end(&w);
    }
}

/* What was seen on a busy machine: the answer took so long that the question was repeated; then
 * the operator changed something, and only then the server read the repetition. */
static void
test_repeated(void)
{
    const Packet question = { .what = QUESTION, .nonce = 7 }, other = { .nonce = 8 };
    World w;

    begin(&w, 1);
    w.now = WILD_MS; /* nothing is lost */
    hear_question(&w, &question);
    change(&w);
    hear_question(&w, &question);
    g_assert_cmpuint(tell(&w), ==, 1);
    hear_question(&w, &question);
    w.now += 250;
    g_assert_cmpuint(tell(&w), ==, 1); /* once more, for that proved nothing */
    hear_question(&w, &other);
    w.now += 500;
    g_assert_cmpuint(tell(&w), ==, 0);
    g_assert_cmpint(adit_pcp_notice_deadline(w.notice), ==, G_MAXINT64);
    end(&w);
}

/* Between a change and its notice: it hears the news, but perhaps not all that a notice says
 * (that it may publish now). */
static void
test_asked_before_told(void)
{
    const Packet question = { .what = QUESTION, .nonce = 7 };
    World w;

    begin(&w, 1);
    w.now = WILD_MS;
    change(&w);
    hear_question(&w, &question);
    g_assert_cmpuint(tell(&w), ==, 1);
    w.now += 250;
    g_assert_cmpuint(tell(&w), ==, 1);
    end(&w);
}

/* Several questions are out at once: those of aditd are its publisher's as well. */
static void
test_two_questions(void)
{
    const Packet one = { .nonce = 7 }, two = { .nonce = 8 };
    World w;

    begin(&w, 1);
    w.now = WILD_MS;
    hear_question(&w, &one);
    hear_question(&w, &two);
    change(&w);
    g_assert_cmpuint(tell(&w), ==, 1);
    hear_question(&w, &one);
    hear_question(&w, &two);
    w.now += 250;
    g_assert_cmpuint(tell(&w), ==, 1);
    end(&w);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/pcp-notice/chaos", test_chaos);
    g_test_add_func("/pcp-notice/repeated", test_repeated);
    g_test_add_func("/pcp-notice/asked-before-told", test_asked_before_told);
    g_test_add_func("/pcp-notice/two-questions", test_two_questions);
    return g_test_run();
}
