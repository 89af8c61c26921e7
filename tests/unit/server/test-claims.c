/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/claims.h"

#include "libadit/core/error.h"
#include "tests/unit/server/sample.h"

#define MANY 5000

static AditAddr
addr_of(const char *text)
{
    return sample_prefix(text).addr;
}

/* Each of these is another thing; in the words of a collision. */
static guint
things(AditThing *ret, const char **ret_words)
{
    static const AditKey keys[] = { { { 1 } }, { { 2 } } };
    const AditAddr four = addr_of("10.59.0.2/32"), six = addr_of("2a11::2/128");
    const AditAddr none = { 0 };
    const AditPrefix wide = sample_prefix("10.59.0.0/16"),
                     narrow = sample_prefix("10.59.0.0/24");
    const struct {
        AditThing thing;
        const char *words;
    } rows[] = {
        { adit_thing_name(ADIT_THING_SUBNET, "home"), "subnet home" },
        { adit_thing_name(ADIT_THING_DEVICE, "home"), "device home" },
        { adit_thing_name(ADIT_THING_DEVICE, "nas"), "device nas" },
        { adit_thing_key(&keys[0]), "AQAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=" },
        { adit_thing_key(&keys[1]), "AgAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=" },
        { adit_thing_addr(&four), "10.59.0.2" },
        { adit_thing_addr(&six), "2a11::2" },
        { adit_thing_route(&wide), "route 10.59.0.0/16" },
        { adit_thing_route(&narrow), "route 10.59.0.0/24" },
        { adit_thing_port(&none, 443, ADIT_PROTO_TCP), "port 443/tcp" },
        { adit_thing_port(&none, 443, ADIT_PROTO_UDP), "port 443/udp" },
        { adit_thing_port(&none, 444, ADIT_PROTO_TCP), "port 444/tcp" },
        { adit_thing_port(&none, 443 + 64, ADIT_PROTO_TCP), "port 507/tcp" },
        { adit_thing_port(&none, 65535, ADIT_PROTO_TCP), "port 65535/tcp" },
        { adit_thing_port(&four, 443, ADIT_PROTO_TCP), "port 10.59.0.2:443/tcp" },
        { adit_thing_port(&six, 443, ADIT_PROTO_TCP), "port [2a11::2]:443/tcp" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        ret[i] = rows[i].thing;
        ret_words[i] = rows[i].words;
    }
    return G_N_ELEMENTS(rows);
}

static void
test_words(void)
{
    g_autoptr(AditClaims) claims = adit_claims_new(0);
    AditThing all[32];
    const char *words[32];
    const guint n = things(all, words);

    for (guint i = 0; i < n; i++) {
        g_autoptr(GError) error = NULL;

        g_assert_true(adit_claims_take(claims, &all[i], "first", &error));
        g_assert_no_error(error);
    }
    for (guint i = 0; i < n; i++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *wanted = g_strdup_printf("second: %s: held by first", words[i]);

        g_assert_false(adit_claims_take(claims, &all[i], "second", &error));
        g_assert_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG);
        g_assert_cmpstr(error->message, ==, wanted);
        g_assert_false(adit_claims_take(claims, &all[i], "third", NULL));
    }
}

/* Through every growth nothing is lost, and nothing is there that was not taken. */
static void
test_many(void)
{
    g_autoptr(AditClaims) claims = adit_claims_new(0);
    g_autofree AditKey *keys = g_new0(AditKey, MANY);
    const AditPrefix net = sample_prefix("10.0.0.0/8");

    for (guint i = 0; i < MANY; i++) {
        AditAddr addr;
        AditThing at, key;

        keys[i].bytes[30] = (guint8)i;
        keys[i].bytes[31] = (guint8)(i >> 8);
        g_assert_true(adit_prefix_nth(&net, i, &addr));
        at = adit_thing_addr(&addr);
        key = adit_thing_key(&keys[i]);
        g_assert_true(adit_claims_take(claims, &at, "a", NULL));
        g_assert_true(adit_claims_take(claims, &key, "k", NULL));
    }
    for (guint i = 0; i < MANY; i++) {
        const AditKey same = keys[i];
        const AditThing key = adit_thing_key(&same);

        g_assert_false(adit_claims_take(claims, &key, "another", NULL));
    }
}

/* Each port of an address is its own, and so are those of the next one, and of no address. */
static void
test_ports(void)
{
    const AditAddr at[] = { { 0 }, addr_of("203.0.113.7/32"), addr_of("2a11::2/128") };
    g_autoptr(AditClaims) claims = adit_claims_new(3);

    for (guint round = 0; round < 2; round++)
        for (guint a = 0; a < G_N_ELEMENTS(at); a++)
            for (guint port = 1; port <= G_MAXUINT16; port += 7) {
                const AditThing thing = adit_thing_port(&at[a], (guint16)port, ADIT_PROTO_UDP);

                g_assert_cmpint(adit_claims_take(claims, &thing, "it", NULL), ==, round == 0);
            }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/claims/words", test_words);
    g_test_add_func("/claims/ports", test_ports);
    g_test_add_func("/claims/many", test_many);
    return g_test_run();
}
