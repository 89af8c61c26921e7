/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/diff.h"
#include "tests/unit/server/sample.h"
#include "tunnel-server/lease-plan.h"
#include "tunnel-server/plan.h"

#include <netinet/in.h>
#include <string.h>

/* From one model to another: what a step leaves out is no part of the difference. Each case is
 * the same question, asked of the whole plans and of the step's. */

#define DEVICES 6
#define NOW 1000000

/* The same port at another address, where an edit brings both together. */
static void
add_twin(AditModel *model, guint at, const char *external)
{
    AditPublish *twin = adit_model_add_publish(model);
    AditPublish *of = g_ptr_array_index(model->publishes, at);

    of->proto = twin->proto = ADIT_PROTO_BOTH;
    twin->id = model->publishes->len;
    twin->family = of->family;
    twin->device = DEVICES - 1;
    twin->first = twin->last = twin->internal = of->first;
    twin->external = sample_prefix(external).addr;
}

/* Every device has a forward, a pinhole of 443, and a forward of 443 from an address of its
 * own; one of both has a redirect. */
static AditModel *
site(void)
{
    AditModel *model = adit_model_new();
    AditSubnet *subnet = adit_model_add_subnet(model);

    subnet->name = g_strdup("home");
    subnet->net4 = sample_prefix("10.59.0.0/24");
    subnet->net6 = sample_prefix("2a11:1:2::/64");
    model->per_mapping = 100;
    model->per_device = 1000;
    for (guint i = 0; i < DEVICES; i++) {
        AditDeviceEntry *device = adit_model_add_device(model);

        device->id = i + 1;
        device->name = g_strdup_printf("d%u", i);
        g_assert_true(adit_prefix_nth(&subnet->net4, 2 + i, &device->addr4));
        device->public_key.bytes[0] = (guint8)(i + 1);
    }
    for (guint i = 0; i < 3 * DEVICES; i++) {
        AditPublish *publish = adit_model_add_publish(model);

        publish->id = i + 1;
        publish->family = i % 3 == 1 ? AF_INET6 : AF_INET;
        publish->device = i / 3;
        publish->first = publish->last = i % 3 == 0 ? (guint16)(1000 + i) : 443;
        publish->internal = publish->first;
        if (i % 3 == 2)
            publish->external = sample_prefix("198.51.100.0").addr;
        if (i % 3 == 2)
            publish->external.bytes[3] = (guint8)(i + 1);
        if (i % 3 > 0)
            publish->redirect = i % 2 ? ADIT_REDIRECT_HTTPS : ADIT_REDIRECT_PORT;
    }
    add_twin(model, 0, "198.51.100.200");
    add_twin(model, 3, "198.51.100.201");
    return model;
}

static void
set_route(AditDeviceEntry *device, const char *text)
{
    g_free(device->routes);
    device->n_routes = 1;
    device->routes = g_new0(AditPrefix, 1);
    device->routes[0] = sample_prefix(text);
}

static void
add_device(AditModel *model, const AditDeviceEntry *like)
{
    AditAddr addr = like->addr4;
    AditDeviceEntry *more = adit_model_add_device(model);

    more->name = g_strdup("more");
    more->addr4 = addr;
    more->addr4.bytes[3] ^= 0x40;
    more->public_key.bytes[5] = 1;
}

static void
edit_device(AditModel *model, guint what, guint at)
{
    AditSubnet *subnet = g_ptr_array_index(model->subnets, 0);
    AditDeviceEntry *device = g_ptr_array_index(model->devices, at % model->devices->len);

    switch (what) {
    case 0: device->public_key.bytes[1] ^= 1; return;
    case 1: device->preshared_key.bytes[1] ^= 1; return;
    case 2: device->next_key.bytes[2] ^= 1; return;
    case 3: device->addr4.bytes[3] ^= 0x80; return;
    case 4: set_route(device, "192.168.7.0/24"); return;
    case 5: adit_model_remove_device(model, at % model->devices->len); return;
    case 6: add_device(model, device); return;
    case 7: subnet->net6 = sample_prefix("2a11:9:9::/64"); return; /* of all devices */
    case 8: subnet->old6 = sample_prefix("2a11:8:8::/64"); return; /* served beside it */
    case 9: set_route(device, "2a11:8:8::a3b:3/128"); return;      /* another's, of old */
    case 10: device->wan4 = sample_prefix("198.51.100.200").addr; return;
    case 11: subnet->wan4 = sample_prefix("198.51.100.201").addr; return;
    case 12: device->may_publish = !device->may_publish; return;
    case 13:
        subnet->net4 = sample_prefix("10.58.0.0/15");
        return; /* another server's address */
    default: g_assert_not_reached();
    }
}

#define DEVICE_EDITS 14
#define PUBLISH_EDITS 8
#define EDITS 27

static void
add_port_80(AditModel *model, guint at)
{
    AditPublish *more = adit_model_add_publish(model);
    const AditPublish *like = adit_model_publish(model, at % (model->publishes->len - 1));

    more->family = like->family;
    more->device = like->device;
    more->external = like->external;
    more->first = more->last = more->internal = 80;
}

static void
edit_publish(AditModel *model, guint what, guint at)
{
    AditPublish *publish;

    at %= model->publishes->len;
    publish = g_ptr_array_index(adit_model_own_publishes(model), at);
    switch (what) {
    case 14: publish->enabled = !publish->enabled; return;
    case 15: publish->internal ^= 1; return;
    case 16: g_ptr_array_remove_index(model->publishes, at); return;
    case 17: add_port_80(model, at); return; /* to which a redirect gives way */
    case 18:
        g_free(publish->allow_from);
        publish->n_allow_from = 1;
        publish->allow_from = g_new0(AditPrefix, 1);
        publish->allow_from[0] =
            sample_prefix(publish->family == AF_INET ? "192.0.2.0/24" : "2001:db8::/32");
        return;
    case 19: publish->redirect = ADIT_REDIRECT_NONE; return;
    case 20: publish->proto = ADIT_PROTO_BOTH; return;
    case 21: publish->last++; return;
    default: g_assert_not_reached();
    }
}

/* What publications look at besides. */
static void
edit_server(AditModel *model, guint what, guint at)
{
    const AditPublish *publish = adit_model_publish(model, at % model->publishes->len);
    AditSubnet *subnet = g_ptr_array_index(model->subnets, 0);

    switch (what) {
    case 22: model->per_mapping ^= 7; return;
    case 23: model->per_device ^= 7; return;
    case 24: model->listen_port = publish->first; return;
    case 25: /* one that a forward names is the WAN's now */
        g_free(model->taken);
        model->taken = g_memdup2(&publish->external, sizeof(publish->external));
        model->n_taken = 1;
        return;
    case 26: memset(&subnet->net6, 0, sizeof(subnet->net6)); return;
    default: g_assert_not_reached();
    }
}

static void
edit(AditModel *model, guint what, guint at)
{
    if (what < DEVICE_EDITS || model->publishes->len == 0)
        edit_device(model, what % DEVICE_EDITS, at);
    else if (what < DEVICE_EDITS + PUBLISH_EDITS)
        edit_publish(model, what, at);
    else
        edit_server(model, what, at);
}

/* What devices have opened: at all addresses, ports that edits give to others, redirects. */
static AditLeaseTable *
leases(const AditModel *model)
{
    AditLeaseTable *table = adit_lease_table_new();

    for (guint i = 0; i < model->devices->len; i++) {
        const AditDeviceEntry *device = adit_model_device(model, i);
        AditLease lease = { .device = device->id,
                            .since_ms = NOW,
                            .expires_ms = NOW + 3600000 };

        lease.ends.internal = device->addr4;
        lease.ends.external = sample_prefix("203.0.113.7").addr;
        lease.ends.internal_port = lease.ends.external_port = (guint16)(1000 + 3 * i + i % 3);
        lease.ends.proto = i % 2 ? IPPROTO_TCP : IPPROTO_UDP;
        adit_lease_add(table, &lease);
        lease.ends.internal = lease.ends.external = device->addr6;
        lease.ends.internal_port = lease.ends.external_port = 444;
        lease.ends.proto = IPPROTO_TCP;
        if (i % 2) {
            lease.redirect.mode = i % 3 ? ADIT_PCP_REDIRECT_HTTPS : ADIT_PCP_REDIRECT_PORT;
            lease.redirect.status = ADIT_PCP_REDIRECT_ACTIVE;
            lease.redirect.external_port = 80; /* which an edit takes, or gives back */
        }
        adit_lease_add(table, &lease);
    }
    return table;
}

typedef struct {
    const AditPcpSite *had, *want;
    AditState *all_had, *all_want, *some_had, *some_want;
} Plans;

static void
plan_one(const AditLease *lease, const AditPcpSite *at, AditState *ret)
{
    if (adit_lease_fits(lease, at))
        adit_lease_plan(lease, at, NOW, ADIT_LEASE_AS_GRANTED, ret);
}

static void
plan_lease(const AditLease *lease, gpointer data)
{
    Plans *plans = data;

    plan_one(lease, plans->had, plans->all_had);
    plan_one(lease, plans->want, plans->all_want);
    if (adit_lease_is_alike(lease, plans->had, plans->want))
        return;
    plan_one(lease, plans->had, plans->some_had);
    plan_one(lease, plans->want, plans->some_want);
}

static guint
compare(AditState *all_had, AditState *all_want, AditState *some_had, AditState *some_want)
{
    g_autoptr(AditOps) all = adit_diff(all_had, all_want);
    g_autoptr(AditOps) some = adit_diff(some_had, some_want);
    g_autofree char *all_words = adit_ops_to_string(all);
    g_autofree char *some_words = adit_ops_to_string(some);

    g_assert_cmpstr(some_words, ==, all_words);
    for (guint i = 0; i < all->len; i++) /* which have words for all but contents of elements */
        g_assert_true(
            all->op[i].kind != ADIT_KIND_ELEMENT ||
            adit_object_satisfies(ADIT_KIND_ELEMENT, some->op[i].object, all->op[i].object));
    return some->len;
}

static guint
compare_rest(const AditModel *had, const AditModel *want, const AditServerFacts *facts)
{
    g_autoptr(AditState) all_had = adit_server_plan_rest(had, facts);
    g_autoptr(AditState) all_want = adit_server_plan_rest(want, facts);
    g_autoptr(AditState) some_had = NULL, some_want = NULL;

    adit_server_plan_step(had, want, facts, &some_had, &some_want);
    return compare(all_had, all_want, some_had, some_want);
}

static guint
compare_ports(const AditModel *had, const AditModel *want, const AditServerFacts *facts)
{
    AditServerSettings *rules = adit_settings_defaults(&adit_server_settings);
    g_autoptr(AditPcpSite) site_had = adit_pcp_site_new(had, facts, rules, NULL);
    g_autoptr(AditPcpSite) site_want = adit_pcp_site_new(want, facts, rules, NULL);
    g_autoptr(AditLeaseTable) table = leases(had);
    g_autoptr(AditState) all_had = adit_state_new(), all_want = adit_state_new();
    g_autoptr(AditState) some_had = adit_state_new(), some_want = adit_state_new();
    Plans plans = { site_had, site_want, all_had, all_want, some_had, some_want };

    adit_lease_foreach(table, plan_lease, &plans);
    adit_server_add_ports(all_had, had, facts);
    adit_server_add_ports(all_want, want, facts);
    adit_server_add_ports_step(some_had, some_want, had, want, facts);
    adit_settings_free(&adit_server_settings, rules);
    return compare(adit_state_seal(all_had), adit_state_seal(all_want),
                   adit_state_seal(some_had), adit_state_seal(some_want));
}

/* What is shared with the model before says what is made anew. */
static void
compare_manuals(const AditModel *had, const AditModel *want, const AditServerFacts *facts)
{
    AditServerSettings *rules = adit_settings_defaults(&adit_server_settings);
    g_autoptr(AditPcpSite) before = adit_pcp_site_new(had, facts, rules, NULL);
    g_autoptr(AditPcpSite) next = adit_pcp_site_new(want, facts, rules, before);
    g_autoptr(AditPcpSite) anew = adit_pcp_site_new(want, facts, rules, NULL);

    g_assert_true(
        adit_pcp_manuals_equal(adit_pcp_site_manuals(next), adit_pcp_site_manuals(anew)));
    adit_settings_free(&adit_server_settings, rules);
}

/* Settled after @had, which is: as if it were settled for itself. */
static gboolean
settle_after(AditModel *want, const AditModel *had, const AditServerFacts *facts)
{
    g_autoptr(AditModel) alone = adit_model_copy(want);
    g_autoptr(GError) why = NULL, why_alone = NULL;
    const gboolean ok = adit_model_settle_after(want, had, &why);

    g_assert_true(adit_model_settle(alone, &why_alone) == ok);
    if (!ok) {
        g_assert_cmpstr(why->message, ==, why_alone->message);
        return FALSE;
    }
    g_assert_cmpuint(compare_rest(alone, want, facts), ==, 0);
    g_assert_cmpuint(compare_ports(alone, want, facts), ==, 0);
    return TRUE;
}

/* FALSE: one of both cannot be: two have, say, the same route. @after: @want is a copy of @had
 * and was edited. */
static gboolean
compare_step(AditModel *had, AditModel *want, gboolean after, guint *ret_n)
{
    AditPrefix wan[] = { sample_prefix("203.0.113.7/24"), sample_prefix("2a11:1:2::1/64") };
    const AditServerFacts facts = { .wan = "eth0", .wan_prefixes = wan, .n_wan_prefixes = 2 };

    if (!after && !adit_model_settle(had, NULL))
        return FALSE;
    if (!(after ? settle_after(want, had, &facts) : adit_model_settle(want, NULL)))
        return FALSE;
    compare_manuals(had, want, &facts);
    *ret_n = compare_rest(had, want, &facts) + compare_ports(had, want, &facts);
    return TRUE;
}

/* Each edit at each place; all but those of words change something. */
static void
test_single(void)
{
    guint compared = 0, changing = 0;

    for (guint what = 0; what < EDITS; what++)
        for (guint at = 0; at < 3 * DEVICES; at++) {
            g_autoptr(AditModel) had = site(), want = site();
            guint n = 0;

            edit(want, what, at);
            if (!compare_step(had, want, FALSE, &n))
                continue;
            compared++;
            changing += n > 0;
        }
    g_assert_cmpuint(compared, >, EDITS * 3 * DEVICES * 3 / 4);
    g_assert_cmpuint(changing, >, compared * 3 / 4);
}

/* Any edits, of any model. */
static void
test_random(void)
{
    guint compared = 0, kept = 0;

    for (guint turn = 0; turn < 4000; turn++) {
        g_autoptr(AditModel) had = site(), want = NULL;
        guint n;

        for (guint i = (guint)g_test_rand_int_range(0, 4); i > 0; i--)
            edit(had, (guint)g_test_rand_int_range(0, EDITS),
                 (guint)g_test_rand_int_range(0, 64));
        if (turn % 2 && !adit_model_settle(had, NULL))
            continue;
        want = adit_model_copy(had);
        for (guint i = (guint)g_test_rand_int_range(0, 4); i > 0; i--)
            edit(want, (guint)g_test_rand_int_range(0, EDITS),
                 (guint)g_test_rand_int_range(0, 64));
        compared += compare_step(had, want, turn % 2, &n);
        kept += want->publishes == had->publishes;
    }
    g_assert_cmpuint(kept, >, 100); /* by those who were settled after another */
    g_assert_cmpuint(compared, >, 1500);
}

/* One of many costs one. */
static void
test_is_small(void)
{
    const AditServerFacts facts = { .wan = "eth0" };
    g_autoptr(AditModel) had = site(), want = site();
    g_autoptr(AditState) before = NULL, after = NULL;
    g_autoptr(AditState) ports_before = adit_state_new(), ports_after = adit_state_new();
    g_autoptr(AditState) all = NULL;

    edit(want, 5, 3);
    g_assert_true(adit_model_settle(had, NULL) && adit_model_settle(want, NULL));
    adit_server_plan_step(had, want, &facts, &before, &after);
    g_assert_cmpuint(adit_state_len(before, ADIT_KIND_PEER), ==, 1);
    g_assert_cmpuint(adit_state_len(after, ADIT_KIND_PEER), ==, 0);
    adit_server_add_ports_step(ports_before, ports_after, had, want, &facts);
    all = adit_server_plan_ports(had, &facts);
    g_assert_cmpuint(adit_state_len(adit_state_seal(ports_before), ADIT_KIND_ELEMENT), <,
                     adit_state_len(all, ADIT_KIND_ELEMENT) / 3);
    g_assert_cmpuint(adit_state_len(adit_state_seal(ports_after), ADIT_KIND_ELEMENT), <, 10);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/step/single", test_single);
    g_test_add_func("/step/random", test_random);
    g_test_add_func("/step/is-small", test_is_small);
    return g_test_run();
}
