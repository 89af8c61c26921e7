/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/contract/netns.h"
#include "tests/unit/server/sample.h"
#include "tunnel-server/dataplane.h"
#include "tunnel-server/lease-kernel.h"
#include "tunnel-server/pcp-exchange.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

/* Random requests of several devices as bytes, renewals, deletions, ends, restarts and a
 * meddler in the kernel, beside a model that is too simple to be wrong: who holds which outside
 * port by what was answered. After each stretch the model, the table and the kernel are one. */

#define STEPS 4000
#define STRETCH 50
#define DEVICES 3
#define PORTS 24 /* few, so that they meet */

typedef struct {
    gint64 device;
    AditAddr internal;
    guint16 port;
    guint8 proto, nonce;
} Owner;

typedef struct {
    AditModel *model;
    AditServerSettings *rules;
    AditPcpSite *site;
    AditLeaseTable *table;
    AditNftDev *nft;
    AditPrefix wan[2];
    AditServerFacts facts;
    gint64 now_ms;
    GHashTable *owners; /* "proto address port" -> Owner */
} World;

static char *
key_of(guint8 proto, const AditSockAddr *external)
{
    g_autofree char *at = adit_sockaddr_to_string(external);

    return g_strdup_printf("%u %s", proto, at);
}

static void
world_setup(World *w, gconstpointer data)
{
    static const char *const names[DEVICES] = { "nas", "disk", "phone" };
    g_autoptr(GError) error = NULL;

    w->model = sample_server("10.59.0.0/24", "2a11:1:2::/64");
    for (guint i = 0; i < DEVICES; i++) {
        sample_add_device(w->model, names[i], "", i + 1, &error);
        ((AditDeviceEntry *)g_ptr_array_index(w->model->devices, i))->id = i + 1;
    }
    sample_add_publish(w->model, AF_INET, "2005/both", "nas", 9, &error);
    sample_add_publish(w->model, AF_INET6, "2006/both", "disk", 9, &error);
    g_assert_no_error(error);
    w->wan[0] = sample_prefix("203.0.113.7/24");
    w->wan[1] = sample_prefix("2a11:1:2::1/64");
    w->facts = (AditServerFacts){ .wan = "eth0", .wan_prefixes = w->wan, .n_wan_prefixes = 2 };
    w->rules = adit_settings_defaults(&adit_server_settings);
    w->rules->quota = 20;
    w->rules->recycle = 0;
    adit_model_settle(w->model, &error);
    g_assert_no_error(error);
    w->site = adit_pcp_site_new(w->model, &w->facts, w->rules, NULL);
    w->table = adit_lease_table_new();
    w->nft = adit_nftdev_open(adit_dataplane_blueprint(FALSE), &error);
    g_assert_no_error(error);
    w->now_ms = 1000000;
    w->owners = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
}

static void
world_teardown(World *w, gconstpointer data)
{
    g_assert_true(adit_nftdev_remove(w->nft, NULL));
    adit_nftdev_close(w->nft);
    adit_lease_table_free(w->table);
    adit_pcp_site_free(w->site);
    adit_settings_free(&adit_server_settings, w->rules);
    adit_model_free(w->model);
    g_hash_table_unref(w->owners);
}

static void
plan_one(const AditLease *lease, gpointer data)
{
    World *w = ((gpointer *)data)[0];

    g_assert_true(adit_lease_fits(lease, w->site));
    adit_lease_plan(lease, w->site, w->now_ms, ADIT_LEASE_AS_GRANTED, ((gpointer *)data)[1]);
}

static AditState *
plan_all(World *w)
{
    AditState *want = adit_state_new();
    gpointer data[] = { w, want };

    adit_server_add_ports(want, w->model, &w->facts);
    adit_lease_foreach(w->table, plan_one, data);
    return adit_state_seal(want);
}

/* What adit-server does now and then, and at its start. */
static void
reconcile(World *w)
{
    g_autoptr(AditState) want = plan_all(w);
    g_autoptr(GError) error = NULL;

    adit_nftdev_reconcile(w->nft, want, NULL, &error);
    g_assert_no_error(error);
}

static AditState *
dump(World *w)
{
    AditState *have = adit_state_new();
    g_autoptr(GError) error = NULL;
    gboolean intact;

    adit_nftdev_dump(w->nft, have, &intact, &error);
    g_assert_no_error(error);
    g_assert_true(intact);
    return adit_state_seal(have);
}

static void
commit(World *w)
{
    g_autoptr(GArray) lost = g_array_new(FALSE, FALSE, sizeof(AditSockAddr));
    g_autoptr(GError) error = NULL;

    adit_lease_commit(w->table, w->site, w->nft, w->now_ms, lost, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(lost->len, ==, 0);
    adit_lease_settle(w->table);
}

/* -- the model -- */

static gboolean
is_of(const Owner *owner, const AditPcpHost *host, const AditPcpBody *body)
{
    return owner->device == host->device && adit_addr_cmp(&owner->internal, &host->addr) == 0 &&
           (body->protocol == 0 || owner->proto == body->protocol) &&
           (body->internal_port == 0 || owner->port == body->internal_port) &&
           owner->nonce == body->nonce[0];
}

static void
expect_granted(World *w, const AditPcpHost *host, const AditPcpReply *reply)
{
    const AditSockAddr at = { host->external, reply->body.external_port };
    g_autofree char *key = key_of(reply->body.protocol, &at);
    const Owner *owner = g_hash_table_lookup(w->owners, key);
    Owner next = { host->device, host->addr, reply->body.internal_port, reply->body.protocol,
                   reply->body.nonce[0] };

    g_assert_cmpint(adit_addr_cmp(&reply->body.external, &host->reported), ==, 0);
    g_assert_null(
        adit_pcp_manuals_at(adit_pcp_site_manuals(w->site), reply->body.protocol, &at));
    g_assert_true(!owner || is_of(owner, host, &reply->body)); /* never two */
    g_hash_table_insert(w->owners, g_steal_pointer(&key), g_memdup2(&next, sizeof(next)));
}

static void
expect_deleted(World *w, const AditPcpHost *host, const AditPcpBody *body)
{
    GHashTableIter iter;
    gpointer value;

    g_hash_table_iter_init(&iter, w->owners);
    while (g_hash_table_iter_next(&iter, NULL, &value))
        if (is_of(value, host, body))
            g_hash_table_iter_remove(&iter);
}

static void
compare_one(const AditLease *lease, gpointer data)
{
    World *w = data;
    const AditSockAddr at = adit_lease_external(lease);
    g_autofree char *key = key_of(lease->ends.proto, &at);
    const Owner *owner = g_hash_table_lookup(w->owners, key);

    g_assert_nonnull(owner);
    g_assert_cmpint(owner->device, ==, lease->device);
    g_assert_cmpuint(owner->port, ==, lease->ends.internal_port);
    g_assert_cmpuint(owner->nonce, ==, lease->nonce[0]);
    g_assert_cmpuint(adit_lease_table_count(w->table, lease->device), <=, 20);
}

static void
compare(World *w)
{
    g_autoptr(AditState) want = plan_all(w);
    g_autoptr(AditState) have = dump(w);

    adit_lease_foreach(w->table, compare_one, w);
    g_assert_cmpuint(adit_lease_table_len(w->table), ==, g_hash_table_size(w->owners));
    g_assert_true(adit_state_equal(have, want));
}

/* -- what happens -- */

static AditPcpRequest
random_request(const AditPcpHost *host)
{
    static const guint8 protos[] = { IPPROTO_TCP, IPPROTO_UDP };
    AditPcpRequest request = { .opcode = ADIT_PCP_MAP, .client = host->addr };
    AditPcpBody *body = &request.body;

    request.lifetime = g_test_rand_bit() ? (guint32)g_test_rand_int_range(0, 4000) : 3600;
    if (g_test_rand_int_range(0, 4) == 0)
        request.lifetime = 0;
    body->protocol = protos[g_test_rand_int_range(0, 2)];
    body->internal_port = (guint16)g_test_rand_int_range(2000, 2000 + PORTS);
    body->external_port =
        g_test_rand_bit() ? (guint16)g_test_rand_int_range(2000, 2000 + PORTS) : 0;
    memset(body->nonce, g_test_rand_int_range(0, 8) ? (int)host->device : 9, ADIT_PCP_NONCE);
    if (body->external_port && g_test_rand_int_range(0, 4) == 0)
        request.options.has = ADIT_PCP_HAS_PREFER_FAILURE;
    if (g_test_rand_int_range(0, 6) == 0) {
        request.options.has |= ADIT_PCP_HAS_FILTER;
        request.options.n_filters = 1;
        request.options.filters[0].remote =
            sample_prefix(host->addr.family == AF_INET ? "192.0.2.0/24" : "2001:db8::/32");
    }
    if (request.lifetime == 0 && g_test_rand_int_range(0, 8) == 0)
        body->internal_port = 0;
    return request;
}

/* The reply; the same request again gets the same one. */
static AditPcpReply
exchange_twice(World *w, const AditPcpHost *host, const AditPcpRequest *request)
{
    AditPcpDesk desk = { w->rules, w->site, w->table, w->now_ms, 7, g_test_rand_int() };
    AditPcpExchange once, again;
    guint8 bytes[ADIT_PCP_MAX];
    const gsize len = adit_pcp_request_encode(request, bytes);
    AditPcpReply reply = { 0 };

    g_assert_true(adit_pcp_exchange_begin(&desk, host, bytes, len, &once));
    adit_pcp_exchange_end(&once);
    if (g_test_rand_bit())
        commit(w);
    g_assert_true(adit_pcp_exchange_begin(&desk, host, bytes, len, &again));
    adit_pcp_exchange_end(&again);
    g_assert_cmpmem(once.bytes, once.len, again.bytes, again.len);
    if (once.reply.result == ADIT_PCP_SUCCESS)
        g_assert_true(adit_pcp_reply_decode(once.bytes, once.len, &reply, NULL));
    else
        reply.result = once.bytes[3];
    return reply;
}

static void
step_request(World *w)
{
    const AditPcpHost *host = adit_pcp_site_nth_host(
        w->site, (guint)g_test_rand_int_range(0, (gint)adit_pcp_site_n_hosts(w->site)));
    const AditPcpRequest request = random_request(host);
    const AditPcpReply reply = exchange_twice(w, host, &request);

    if (reply.result == ADIT_PCP_SUCCESS && request.lifetime > 0)
        expect_granted(w, host, &reply);
    else if (reply.result == ADIT_PCP_SUCCESS)
        expect_deleted(w, host, &request.body);
}

static void
step_time(World *w)
{
    const AditLease *lease;

    w->now_ms += g_test_rand_int_range(0, 600000);
    while ((lease = adit_lease_first_to_end(w->table)) && lease->expires_ms <= w->now_ms) {
        const AditSockAddr at = adit_lease_external(lease);
        g_autofree char *key = key_of(lease->ends.proto, &at);

        g_assert_true(g_hash_table_remove(w->owners, key));
        adit_lease_remove(w->table, lease, w->now_ms, 0);
    }
}

/* Killed: all there is is the kernel. */
static void
step_restart(World *w)
{
    g_autoptr(AditState) have = NULL;

    commit(w);
    have = dump(w);
    adit_lease_table_free(w->table);
    w->table = adit_lease_table_new();
    adit_lease_restore(w->table, have, w->site, w->now_ms);
    reconcile(w);
    compare(w);
}

/* Elements vanish, as those of a lease that has run out do: the next batch finds them gone. */
static void
step_meddle(World *w)
{
    g_autoptr(AditState) have = NULL;
    guint n;

    commit(w);
    have = dump(w);
    n = adit_state_len(have, ADIT_KIND_ELEMENT);
    for (guint i = 0; i < 3; i++) {
        const AditOp op = { .verb = ADIT_OP_DELETE,
                            .kind = ADIT_KIND_ELEMENT,
                            .object =
                                adit_state_get(have, ADIT_KIND_ELEMENT,
                                               (guint)g_test_rand_int_range(0, (gint)n)) };

        adit_nftdev_apply(w->nft, &op, 1, NULL, NULL);
    }
    for (guint i = 0; i < 20; i++)
        step_request(w);
    commit(w);
    reconcile(w);
}

static void
test_random(World *w, gconstpointer data)
{
    reconcile(w);
    for (guint i = 1; i <= STEPS; i++) {
        const gint what = g_test_rand_int_range(0, 100);

        if (what < 94)
            step_request(w);
        else if (what < 98)
            step_time(w);
        else if (what < 99)
            step_restart(w);
        else
            step_meddle(w);
        if (i % STRETCH == 0) {
            commit(w);
            compare(w);
        }
    }
}

int
main(int argc, char **argv)
{
    g_autofree char *why = NULL;

    g_test_init(&argc, &argv, NULL);
    if (!test_netns_enter(&why))
        return test_netns_skip(why);
    g_test_add("/leases/random", World, NULL, world_setup, test_random, world_teardown);
    return g_test_run();
}
