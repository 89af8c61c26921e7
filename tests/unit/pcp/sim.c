/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pcp-client/pool.h"

#include "libadit/core/bytes.h"
#include "libadit/core/pcp-time.h"

#include <netinet/in.h>
#include <string.h>
#include <time.h>

/* Ten thousand clients of two mappings each, one server, and between them a network that loses,
 * doubles and reorders, in virtual time. The server keeps nothing over a reboot; it tells every
 * client of it by unicast, paced, as often as RFC 6886 has it, and takes in no more requests a
 * second than CAPACITY: what comes beyond is lost.
 *
 * Twice a second every client is compared with the server. A client may think it holds what the
 * server has lost only while the server is down and until the paced notices are through. */

#define CLIENTS 10000
#define PER_CLIENT 2
#define MAPPINGS (CLIENTS * PER_CLIENT)
#define LIFETIME 600
#define GRACE_MS 10000  /* the server keeps a lease that much longer */
#define PACED_MS 2000   /* in which every client gets its first notice */
#define ALLOWED_MS 6000 /* from the boot: pacing, and notices lost or late */
#define BACK_MS 30000
#define DOWN_MS 8000
#define CAPACITY 5000
#define END_MS 700000
#define DEFAULT_SEED 20261121

typedef enum {
    TO_SERVER,
    TO_CLIENT,
    NOTICE, /* to the client's other port */
    TIMER,
    ANNOUNCE, /* the server is to send one */
    CRASH,
    BOOT,
    COMPARE,
} Kind;

typedef struct {
    gint64 at;
    Kind kind;
    guint32 client;
    guint16 len; /* of a packet; of ANNOUNCE: how many went before */
    guint8 *bytes;
} Event;

typedef struct {
    AditPool *pool;
    AditAddr addr;
    gint64 timer_at;
} Client;

typedef struct {
    guint8 nonce[ADIT_PCP_NONCE];
    gint64 until; /* 0: none */
} Lease;

typedef struct {
    double loss, twice, late; /* of a packet */
    const gint64 *crashes;    /* ends with 0 */
} Plan;

typedef struct {
    const Plan *plan;
    GRand *rand;
    GArray *heap; /* Event, the earliest first */
    gint64 now;
    Client *clients;
    Lease *leases;
    gboolean up;
    gint64 booted_at;
    gint64 second; /* the one @in_second counts in */
    guint in_second, peak, over;
    guint stale; /* "granted" beyond what is allowed: must stay 0 */
    gint64 back_at, worst_back;
    guint64 requests, packets;
} Sim;

static const AditAddr server = { AF_INET, { 10, 0, 0, 1 } };
static const AditAddr wan = { AF_INET, { 203, 0, 113, 7 } };

static Event *
heap_at(Sim *sim, guint i)
{
    return &g_array_index(sim->heap, Event, i);
}

static void
heap_push(Sim *sim, Event event)
{
    guint i = sim->heap->len;

    g_array_append_val(sim->heap, event);
    for (; i > 0 && heap_at(sim, (i - 1) / 2)->at > event.at; i = (i - 1) / 2)
        *heap_at(sim, i) = *heap_at(sim, (i - 1) / 2);
    *heap_at(sim, i) = event;
}

static Event
heap_pop(Sim *sim)
{
    Event first = *heap_at(sim, 0), last = *heap_at(sim, sim->heap->len - 1);
    guint n = sim->heap->len - 1, i = 0;

    g_array_set_size(sim->heap, n);
    while (2 * i + 1 < n) {
        guint child = 2 * i + 1;

        if (child + 1 < n && heap_at(sim, child + 1)->at < heap_at(sim, child)->at)
            child++;
        if (heap_at(sim, child)->at >= last.at)
            break;
        *heap_at(sim, i) = *heap_at(sim, child);
        i = child;
    }
    if (n > 0)
        *heap_at(sim, i) = last;
    return first;
}

static void
post(Sim *sim, Kind kind, guint32 client, const guint8 *bytes, gsize len)
{
    guint copies = g_rand_double(sim->rand) < sim->plan->twice ? 2 : 1;

    sim->packets++;
    for (guint i = 0; i < copies; i++) {
        Event event = { .kind = kind, .client = client, .len = len };
        gboolean late = g_rand_double(sim->rand) < sim->plan->late;

        if (g_rand_double(sim->rand) < sim->plan->loss)
            continue;
        event.at = sim->now + (late ? g_rand_int_range(sim->rand, 500, 3000)
                                    : g_rand_int_range(sim->rand, 5, 60));
        event.bytes = g_memdup2(bytes, len);
        heap_push(sim, event);
    }
}

/* After every call into a client: send what it says, and set its clock. */
static void
run_client(Sim *sim, guint32 c)
{
    Client *client = &sim->clients[c];
    guint8 bytes[ADIT_PCP_MAX];
    AditPoolNews news;
    gint64 deadline;
    gsize len;

    while ((len = adit_pool_pop_packet(client->pool, bytes)) > 0)
        post(sim, TO_SERVER, c, bytes, len);
    while (adit_pool_pop_news(client->pool, &news)) {
        if (news.what == ADIT_MAPPING_NEWS_GRANTED)
            sim->back_at = sim->now;
    }
    deadline = adit_pool_deadline(client->pool);
    if (deadline < client->timer_at) {
        client->timer_at = deadline;
        heap_push(sim, (Event){ .at = deadline, .kind = TIMER, .client = c });
    }
}

static void
on_timer(Sim *sim, const Event *event)
{
    Client *client = &sim->clients[event->client];

    if (event->at != client->timer_at)
        return; /* an earlier one has taken its place */
    client->timer_at = ADIT_NEVER;
    adit_pool_dispatch(client->pool, sim->now, g_rand_int(sim->rand));
    run_client(sim, event->client);
}

static void
on_packet(Sim *sim, const Event *event)
{
    const AditPoolMessage message = { .now = sim->now,
                                      .dice = g_rand_int(sim->rand),
                                      .from = { server, ADIT_PCP_SERVER_PORT },
                                      .bytes = event->bytes,
                                      .len = event->len,
                                      .notice = event->kind == NOTICE };

    adit_pool_receive(sim->clients[event->client].pool, &message);
    run_client(sim, event->client);
}

static Lease *
lease_of(Sim *sim, guint32 client, const AditPcpBody *body)
{
    return &sim->leases[client * PER_CLIENT + (body->protocol == IPPROTO_UDP)];
}

static void
serve_map(Sim *sim, guint32 client, const AditPcpRequest *request, AditPcpReply *reply)
{
    Lease *lease = lease_of(sim, client, &request->body);

    if (lease->until > sim->now &&
        memcmp(lease->nonce, request->body.nonce, ADIT_PCP_NONCE) != 0) {
        reply->result = ADIT_PCP_NOT_AUTHORIZED;
        reply->lifetime = (lease->until - sim->now) / 1000;
        return;
    }
    memcpy(lease->nonce, request->body.nonce, ADIT_PCP_NONCE);
    lease->until = sim->now + request->lifetime * 1000 + GRACE_MS;
    reply->lifetime = request->lifetime;
    reply->body.external = wan;
    reply->body.external_port = 1024 + client;
}

static gboolean
within_capacity(Sim *sim)
{
    if (sim->now / 1000 != sim->second) {
        sim->second = sim->now / 1000;
        sim->in_second = 0;
    }
    sim->requests++;
    sim->in_second++;
    sim->peak = MAX(sim->peak, sim->in_second);
    if (sim->in_second <= CAPACITY)
        return TRUE;
    sim->over++;
    return FALSE;
}

static void
on_request(Sim *sim, const Event *event)
{
    AditPcpRequest request;
    AditPcpReply reply;
    guint8 bytes[ADIT_PCP_MAX];
    gsize len;

    if (!sim->up || !within_capacity(sim))
        return;
    g_assert_cmpint(adit_pcp_request_decode(event->bytes, event->len,
                                            &sim->clients[event->client].addr,
                                            &adit_pcp_offer_all, &request),
                    ==, ADIT_PCP_SUCCESS);
    adit_pcp_reply_init(&request, &reply);
    reply.epoch = (sim->now - sim->booted_at) / 1000;
    if (request.opcode == ADIT_PCP_MAP)
        serve_map(sim, event->client, &request, &reply);
    len = adit_pcp_reply_encode(&reply, bytes);
    post(sim, TO_CLIENT, event->client, bytes, len);
}

static void
on_announce(Sim *sim, const Event *event)
{
    AditPcpReply reply = { .version = ADIT_PCP_VERSION, .opcode = ADIT_PCP_ANNOUNCE };
    guint8 bytes[ADIT_PCP_MAX];
    guint32 gap = adit_pcp_announce_gap_ms(event->len + 1);
    gsize len;

    if (!sim->up)
        return;
    reply.epoch = (sim->now - sim->booted_at) / 1000;
    len = adit_pcp_reply_encode(&reply, bytes);
    post(sim, NOTICE, event->client, bytes, len);
    if (gap > 0)
        heap_push(sim, (Event){ .at = sim->now + gap,
                                .kind = ANNOUNCE,
                                .client = event->client,
                                .len = event->len + 1 });
}

static void
on_crash(Sim *sim)
{
    sim->up = FALSE;
    memset(sim->leases, 0, MAPPINGS * sizeof(*sim->leases));
    heap_push(sim, (Event){ .at = sim->now + DOWN_MS, .kind = BOOT });
}

static void
on_boot(Sim *sim)
{
    sim->up = TRUE;
    sim->booted_at = sim->now;
    sim->back_at = sim->now;
    for (guint c = 0; c < CLIENTS; c++)
        heap_push(sim, (Event){ .at = sim->now + (gint64)c * PACED_MS / CLIENTS,
                                .kind = ANNOUNCE,
                                .client = c });
}

static void
on_compare(Sim *sim)
{
    gboolean excused = !sim->up || sim->now < sim->booted_at + ALLOWED_MS;
    gint64 since_boot = sim->now - sim->booted_at;
    guint held = 0;

    for (guint i = 0; i < MAPPINGS; i++) {
        AditPool *pool = sim->clients[i / PER_CLIENT].pool;

        if (!adit_mapping_is_held(adit_pool_get(pool, i % PER_CLIENT)))
            continue;
        held++;
        sim->stale += !excused && sim->leases[i].until <= sim->now;
    }
    if (sim->up && since_boot >= BACK_MS && since_boot < BACK_MS + 500) {
        g_test_message("%" G_GINT64_FORMAT " s: %u of %u held 30 s after a boot, the last "
                       "after %" G_GINT64_FORMAT " ms",
                       sim->now / 1000, held, MAPPINGS, sim->back_at - sim->booted_at);
        g_assert_cmpuint(held, ==, MAPPINGS);
        sim->worst_back = MAX(sim->worst_back, sim->back_at - sim->booted_at);
    }
    heap_push(sim, (Event){ .at = sim->now + 500, .kind = COMPARE });
}

static void
handle(Sim *sim, const Event *event)
{
    switch (event->kind) {
    case TO_SERVER: on_request(sim, event); break;
    case TO_CLIENT:
    case NOTICE: on_packet(sim, event); break;
    case TIMER: on_timer(sim, event); break;
    case ANNOUNCE: on_announce(sim, event); break;
    case CRASH: on_crash(sim); break;
    case BOOT: on_boot(sim); break;
    case COMPARE: on_compare(sim); break;
    }
}

static void
add_client(Sim *sim, guint c)
{
    static const guint8 protocols[PER_CLIENT] = { IPPROTO_TCP, IPPROTO_UDP };
    Client *client = &sim->clients[c];
    gint64 start = g_rand_int_range(sim->rand, 0, 10000);

    client->addr = (AditAddr){ AF_INET, { 10, 1 + c / 65536, c / 256 % 256, c % 256 } };
    client->timer_at = ADIT_NEVER;
    client->pool = adit_pool_new(&server, &client->addr);
    for (guint i = 0; i < PER_CLIENT; i++) {
        AditWish wish = { protocols[i], 443, 443, FALSE, FALSE, LIFETIME };
        guint8 nonce[ADIT_PCP_NONCE] = { i };

        adit_put_be32(nonce + 4, c);
        adit_put_be32(nonce + 8, g_rand_int(sim->rand));
        adit_pool_start(client->pool, adit_pool_add(client->pool, &wish, NULL, nonce), start,
                        NULL);
    }
    run_client(sim, c);
}

static void
run(const Plan *plan, guint32 seed, Sim *sim)
{
    *sim = (Sim){ .plan = plan, .up = TRUE };
    sim->rand = g_rand_new_with_seed(seed);
    sim->heap = g_array_new(FALSE, FALSE, sizeof(Event));
    sim->clients = g_new0(Client, CLIENTS);
    sim->leases = g_new0(Lease, MAPPINGS);
    for (guint c = 0; c < CLIENTS; c++)
        add_client(sim, c);
    for (const gint64 *at = plan->crashes; *at != 0; at++)
        heap_push(sim, (Event){ .at = *at, .kind = CRASH });
    heap_push(sim, (Event){ .at = 40000, .kind = COMPARE });

    while (heap_at(sim, 0)->at < END_MS) {
        Event event = heap_pop(sim);

        sim->now = event.at;
        handle(sim, &event);
        g_free(event.bytes);
    }
}

static void
finish(Sim *sim)
{
    for (guint i = 0; i < sim->heap->len; i++)
        g_free(heap_at(sim, i)->bytes);
    for (guint c = 0; c < CLIENTS; c++)
        adit_pool_free(sim->clients[c].pool);
    g_free(sim->clients);
    g_free(sim->leases);
    g_array_unref(sim->heap);
    g_rand_free(sim->rand);
}

static guint32
get_seed(void)
{
    const char *text = g_getenv("ADIT_TEST_SEED");

    return text ? (guint32)g_ascii_strtoull(text, NULL, 10) : DEFAULT_SEED;
}

/* The rate a server must bear: two reboots, and one while the clients still come back from the
 * one before. */
static void
test_reboots(void)
{
    static const gint64 crashes[] = { 200000, 420000, 435000, 0 };
    static const Plan plan = { .loss = 0.01, .twice = 0.02, .late = 0.01, .crashes = crashes };
    guint32 seed = get_seed();
    clock_t start = clock();
    Sim sim;

    g_test_message("seed %u", seed);
    run(&plan, seed, &sim);
    g_test_message("%" G_GUINT64_FORMAT " requests, %" G_GUINT64_FORMAT
                   " packets, peak %u requests/s, %u over capacity, worst %" G_GINT64_FORMAT
                   " ms, stale %u, %.1f s of CPU",
                   sim.requests, sim.packets, sim.peak, sim.over, sim.worst_back, sim.stale,
                   (double)(clock() - start) / CLOCKS_PER_SEC);
    g_assert_cmpuint(sim.stale, ==, 0);
    g_assert_cmpint(sim.worst_back, >, 0);
    g_assert_cmpint(sim.worst_back, <=, BACK_MS);
    g_assert_cmpuint(sim.peak, <=, CAPACITY);
    finish(&sim);
}

static void
ignore(const char *domain, GLogLevelFlags level, const char *message, gpointer data)
{
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_log_set_handler("adit", G_LOG_LEVEL_DEBUG, ignore, NULL);
    g_test_add_func("/pcp-client/sim/reboots", test_reboots);
    return g_test_run();
}
