/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pcp-client/saved.h"

#include "libadit/core/error.h"

#include <netinet/in.h>
#include <string.h>

static const char sample[] = "[Server]\n"
                             "Address = 10.59.0.1\n"
                             "Client = 10.59.0.2\n"
                             "\n"
                             "[Mapping]\n"
                             "Protocol = 6\n"
                             "Port = 443\n"
                             "Nonce = 000102030405060708090a0b\n"
                             "External = 203.0.113.7\n"
                             "ExternalPort = 443\n"
                             "Lifetime = 7200\n"
                             "Until = 1790000000\n"
                             "\n"
                             "[Mapping]\n"
                             "Protocol = 6\n"
                             "Port = 443\n"
                             "Nonce = ffffffffffffffffffffffff\n"
                             "Shares = yes\n"
                             "ExternalPort = 80\n"
                             "Lifetime = 60\n"
                             "Until = 5\n"
                             "\n"
                             "[Mapping]\n"
                             "Protocol = 17\n"
                             "Port = 53\n"
                             "Nonce = 0f0f0f0f0f0f0f0f0f0f0f0f\n"
                             "\n"
                             "[Mapping]\n"
                             "Protocol = 17\n"
                             "Port = 54\n"
                             "Nonce = 0e0e0e0e0e0e0e0e0e0e0e0e\n"
                             "Withdrawn = yes\n"
                             "Until = 1790000000\n";

static void
test_round_trip(void)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(AditSaved) saved = adit_saved_parse("x", sample, strlen(sample), &error);
    g_autofree char *text = NULL;

    g_assert_no_error(error);
    text = adit_saved_print(saved);
    g_assert_cmpstr(text, ==, sample);
    g_assert_cmpuint(saved->n_mappings, ==, 4);
}

#define HEAD "[Server]\nAddress=10.0.0.1\nClient=10.0.0.2\n"
#define MAPPING "[Mapping]\nProtocol=6\nPort=443\nNonce=000102030405060708090a0b\n"

typedef struct {
    const char *name, *text, *error;
} BadRow;

static const BadRow bad[] = {
    { "empty", "", "x:1: Server: missing" },
    { "no-server", MAPPING, "x:1: Mapping: not expected here" },
    { "two-servers", HEAD HEAD, "x:4: Server: not expected here" },
    { "no-address", "[Server]\nClient=10.0.0.2\n", "x:1: Server: incomplete" },
    { "not-conf", "hello\n", "x:1: neither [Section] nor Key = Value" },
    { "unknown", HEAD "Colour=red\n", "x:4: Colour: unknown" },
    { "misplaced", HEAD "Port=1\n", "x:4: Port: unknown" },
    { "twice", HEAD "Client=10.0.0.2\n", "x:4: Client: given twice" },
    { "bad-nonce", HEAD "[Mapping]\nNonce=0\n", "x:5: Nonce: not 24 hexadecimal digits" },
    { "no-hex", HEAD "[Mapping]\nNonce=0001020304050607zz0a0b00\n",
      "x:5: Nonce: not 24 hexadecimal digits" },
    { "bad-shares", HEAD MAPPING "Shares=no\n", "x:8: Shares: only \"yes\" stands here" },
    { "bad-withdrawn", HEAD MAPPING "Withdrawn=1\n",
      "x:8: Withdrawn: only \"yes\" stands here" },
    { "no-lifetime", HEAD MAPPING "ExternalPort=443\n", "x:4: Mapping: granted for no time" },
    { "no-nonce", HEAD "[Mapping]\nProtocol=6\nPort=443\n", "x:4: Mapping: incomplete" },
};

static void
test_bad(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;

        g_test_message("%s", bad[i].name);
        g_assert_null(adit_saved_parse("x", bad[i].text, strlen(bad[i].text), &error));
        g_assert_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG);
        g_assert_cmpstr(error->message, ==, bad[i].error);
    }
}

static const char *const out_of_range[] = {
    HEAD "[Mapping]\nPort=0\n",      HEAD "[Mapping]\nPort=65536\n",
    HEAD "[Mapping]\nPort=-1\n",     HEAD "[Mapping]\nProtocol=256\n",
    HEAD "[Mapping]\nExternal=x\n",  HEAD "[Mapping]\nLifetime=86401\n",
    HEAD "[Mapping]\nUntil=later\n", "[Server]\nAddress=10.0.0\n",
};

static void
test_range(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(out_of_range); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_null(adit_saved_parse("x", out_of_range[i], strlen(out_of_range[i]), &error));
        g_assert_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG);
    }
}

static void
test_too_many(void)
{
    g_autoptr(GString) text = g_string_new(HEAD);
    g_autoptr(GError) error = NULL;

    for (guint i = 0; i <= ADIT_SAVED_MAX; i++)
        g_string_append(text, MAPPING);
    g_assert_null(adit_saved_parse("x", text->str, text->len, &error));
    g_assert_true(g_str_has_suffix(error->message, "Mapping: too many"));
}

/* C1: a restarted client asks with its old nonce, for what it had. */
static void
test_take_and_give(void)
{
    static const AditWish wish = { .protocol = IPPROTO_TCP, .internal_port = 443 };
    static const AditWish other = { .protocol = IPPROTO_UDP, .internal_port = 443 };
    static const AditAddr client = { AF_INET, { 10, 0, 0, 2 } };
    g_autoptr(AditMapping) before =
        adit_mapping_new(&wish, NULL, (const guint8 *)"abcdefghijkl");
    g_autoptr(AditMapping) after =
        adit_mapping_new(&wish, NULL, (const guint8 *)"mnopqrstuvwx");
    const AditMappingEvent start = { .type = ADIT_MAPPING_START };
    AditSavedMapping mapping;
    AditSaved saved = { .n_mappings = 1, .mappings = &mapping };
    AditPcpRequest request;

    adit_saved_take(before, 0, 0, &mapping);
    g_assert_cmpuint(mapping.external.port, ==, 0);
    before->grant.external = (AditSockAddr){ { AF_INET, { 203, 0, 113, 7 } }, 8443 };
    before->grant.lifetime = 7200;
    before->grant.until = 8200000;
    adit_saved_take(before, 1000000, 1700000000000, &mapping);
    g_assert_cmpint(mapping.until, ==, 1700007200);
    g_assert_null(adit_saved_find(&saved, &other));
    adit_saved_give(adit_saved_find(&saved, &wish), after);
    adit_mapping_step(after, &start);
    adit_mapping_request(after, &client, &request);
    g_assert_cmpmem(request.body.nonce, ADIT_PCP_NONCE, "abcdefghijkl", ADIT_PCP_NONCE);
    g_assert_cmpuint(request.body.external_port, ==, 8443);
    g_assert_false(adit_mapping_is_held(after)); /* not before the server says so again */
    adit_saved_free(NULL);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/pcp-client/saved/round-trip", test_round_trip);
    g_test_add_func("/pcp-client/saved/bad", test_bad);
    g_test_add_func("/pcp-client/saved/range", test_range);
    g_test_add_func("/pcp-client/saved/too-many", test_too_many);
    g_test_add_func("/pcp-client/C1-nonce-survives", test_take_and_give);
    return g_test_run();
}
