/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/json.h"

#include <string.h>

#include "tests/golden.h"
#include "tests/unit/core/sample.h"

static void
assert_hides(const char *json, const AditKey *secret)
{
    g_autofree char *text = adit_key_to_string(secret);

    g_assert_null(strstr(json, text));
    g_assert_nonnull(strstr(json, "(hidden)"));
}

static void
assert_parses(const char *json)
{
    g_autoptr(JsonParser) parser = json_parser_new();
    g_autoptr(GError) error = NULL;

    json_parser_load_from_data(parser, json, -1, &error);
    g_assert_no_error(error);
    g_assert_true(g_str_has_suffix(json, "\n"));
}

static void
test_state(void)
{
    g_autoptr(AditState) state = sample_state();
    g_autofree char *json = adit_json_state(state);
    const AditKey private_key = sample_key(1), preshared_key = sample_key(8);

    golden_check("json/state.json", json);
    assert_parses(json);
    assert_hides(json, &private_key);
    assert_hides(json, &preshared_key);
}

static void
test_state_empty(void)
{
    g_autoptr(AditState) state = adit_state_seal(adit_state_new());
    g_autofree char *json = adit_json_state(state);

    golden_check("json/state-empty.json", json);
}

/* Every enumerator and every unset value has its word. */
static void
test_state_rest(void)
{
    const char *none[] = { NULL };
    g_autoptr(AditState) state = adit_state_new();
    g_autofree char *json = NULL;
    AditRoute route = sample_route("::/0", 20101, ADIT_ROUTE_UNREACHABLE, "");
    AditRule rule = sample_rule(0, 1741, ADIT_RULE_UNREACHABLE, 0);
    AditPeer peer = sample_peer("wg0", 3, none);

    adit_state_add_route(state, &route);
    rule.family = route.dst.addr.family;
    rule.src = sample_prefix("fd00::/8");
    memset(rule.iif, 'i', sizeof(rule.iif)); /* no NUL */
    adit_state_add_rule(state, &rule);
    adit_state_add_device(state, &(AditDevice){ .link = "wg0" });
    adit_state_add_peer(state, &peer);
    adit_object_clear(ADIT_KIND_PEER, &peer);
    json = adit_json_state(adit_state_seal(state));
    golden_check("json/state-rest.json", json);
}

static void
test_ops(void)
{
    g_autoptr(AditState) have = adit_state_new(), want = adit_state_new();
    AditLink link = sample_link("wg0");
    AditDevice device = sample_device("wg0");
    AditNeighbour neighbour = sample_neighbour("eth0", "2001:db8::2");
    g_autoptr(AditOps) ops = NULL;
    g_autofree char *json = NULL;

    adit_state_add_link(have, &link);
    adit_state_add_neighbour(have, &neighbour);
    link.mtu = 1280;
    adit_state_add_link(want, &link);
    adit_state_add_device(want, &device);
    adit_state_seal(have);
    adit_state_seal(want);

    ops = adit_diff(have, want);
    json = adit_json_ops(ops);
    golden_check("json/ops.json", json);
    assert_parses(json);
    assert_hides(json, &device.private_key);
}

static void
test_profile(void)
{
    AditPrefix addresses[] = { sample_prefix("10.59.0.2/24"),
                               sample_prefix("2001:db8::2/128") };
    AditAddr dns[] = { sample_addr("10.59.0.1") };
    char *search[] = { (char *)"home.example", (char *)"a \"quoted\" \\ name", NULL };
    AditHook hooks[] = { { 4, (char *)"PostUp", (char *)"echo \"hello\" > /tmp/x" } };
    AditPrefix allowed[] = { sample_prefix("0.0.0.0/0"), sample_prefix("::/0") };
    AditProfilePeer peers[] = {
        { .public_key = sample_key(5),
          .preshared_key = sample_key(6),
          .endpoint = { (char *)"vpn.example", 51820 },
          .allowed = allowed,
          .n_allowed = G_N_ELEMENTS(allowed),
          .keepalive = 25 },
        { .public_key = sample_key(7) },
    };
    AditProfile profile = { .private_key = sample_key(1),
                            .addresses = addresses,
                            .n_addresses = G_N_ELEMENTS(addresses),
                            .dns = dns,
                            .n_dns = G_N_ELEMENTS(dns),
                            .search = search,
                            .mtu = 1420,
                            .fwmark = 0x3f000000,
                            .table_mode = ADIT_TABLE_NUMBER,
                            .table = 20101,
                            .hooks = hooks,
                            .n_hooks = G_N_ELEMENTS(hooks),
                            .peers = peers,
                            .n_peers = G_N_ELEMENTS(peers) };
    g_autofree char *json = adit_json_profile(&profile);

    golden_check("json/profile.json", json);
    assert_parses(json);
    assert_hides(json, &profile.private_key);
    assert_hides(json, &peers[0].preshared_key);
}

static void
test_profile_table(void)
{
    char *search[] = { NULL };
    AditProfile profile = { .search = search, .table_mode = ADIT_TABLE_AUTO };
    g_autofree char *automatic = adit_json_profile(&profile), *off = NULL;

    profile.table_mode = ADIT_TABLE_OFF;
    off = adit_json_profile(&profile);
    g_assert_nonnull(strstr(automatic, "\"table\" : \"auto\""));
    g_assert_nonnull(strstr(off, "\"table\" : \"off\""));
    g_assert_nonnull(strstr(off, "\"private-key\" : null"));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/json/state", test_state);
    g_test_add_func("/json/state/empty", test_state_empty);
    g_test_add_func("/json/state/rest", test_state_rest);
    g_test_add_func("/json/ops", test_ops);
    g_test_add_func("/json/profile", test_profile);
    g_test_add_func("/json/profile/table", test_profile_table);
    return g_test_run();
}
