/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/error.h"
#include "libadit/core/key.h"

#include <string.h>

#define ZERO "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="
#define ONES "//////////////////////////////////////////8="

static void
test_text(void)
{
    static const char *const rows[] = {
        ZERO,
        ONES,
        "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=",
        "+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/+/8=",
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        AditKey key;
        char *text;

        adit_key_parse(rows[i], &key, &error);
        g_assert_no_error(error);
        text = adit_key_to_string(&key);
        g_assert_cmpstr(text, ==, rows[i]);
        g_assert_cmpint(adit_key_is_zero(&key), ==, i == 0);
        adit_key_string_free(text);
    }
}

static void
test_bad(void)
{
    static const char *const rows[] = {
        "",
        "A",
        "=",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",   /* no padding */
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==", /* 45 */
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",  /* 33 bytes */
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==",  /* 31 bytes */
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAB=",  /* stray bits */
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAD=",
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA==A",
        "AAAAAAAAAAAAAAAAAAAAA AAAAAAAAAAAAAAAAAAAAA=",
        "AAAAAAAAAAAAAAAAAAAAA\nAAAAAAAAAAAAAAAAAAAAA=",
        " AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_-_8=", /* the URL alphabet */
        "\303\251AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
        "0000000000000000000000000000000000000000000000000000000000000000",
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;
        AditKey key, untouched;

        memset(&key, 0xa5, sizeof(key));
        untouched = key;
        g_assert_false(adit_key_parse(rows[i], &key, &error));
        g_assert_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG);
        g_assert_cmpstr(error->message, ==,
                        "not a key: 44 characters of canonical base64 are wanted");
        g_assert_cmpmem(&key, sizeof(key), &untouched, sizeof(key));
        g_assert_false(adit_key_parse(rows[i], &key, NULL));
    }
}

/* Whatever byte stands wherever: what is taken prints to itself. */
static void
test_canonical(void)
{
    guint taken = 0;

    for (guint i = 0; i < ADIT_KEY_TEXT_LEN * 256; i++) {
        char text[] = "AQIDBAUGBwgJCgsMDQ4PEBESExQVFhcYGRobHB0eHyA=";
        g_auto(AditKey) key = { 0 };
        char *again;

        text[i / 256] = i % 256;
        if (!adit_key_parse(text, &key, NULL))
            continue;
        again = adit_key_to_string(&key);
        g_assert_cmpstr(again, ==, text);
        adit_key_string_free(again);
        taken++;
    }
    /* 42 places of 64 characters, one of 16 without stray bits, and the '='. */
    g_assert_cmpuint(taken, ==, 42 * 64 + 16 + 1);
}

/* RFC 7748 section 6.1 (Bob), and pairs that wg(8) made. */
static void
test_public(void)
{
    static const struct {
        const char *private_key, *public_key;
    } rows[] = {
        { "XasIfmJKikt54X+Lg4AO5m87sSkmGLb9HC+LJ/+I4Os=",
          "3p7bfXt9wbTTW2HC7OQ1Nz+DQ8hbeGdNrfx+FG+IK08=" },
        { "CFUoeiJzugDG9bOuaG2ZyqZ6IJUV+rrTXGLNER+Jj0g=",
          "YNaj7Bdyi6FGVtzJKMDGDpUmezm6MSUMq1bPzdWz2kA=" },
        { "YOsOj9WoqOa9W9RyNuPO10T2mv91PAxjy7h3VfvmiGA=",
          "/rIOEdd2fvj14wGlv46mCUuO5TkH4XzOA87apq5cij0=" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        AditKey private_key, public_key, wanted;

        g_assert_true(adit_key_parse(rows[i].private_key, &private_key, NULL));
        g_assert_true(adit_key_parse(rows[i].public_key, &wanted, NULL));
        adit_key_public(&private_key, &public_key);
        g_assert_true(adit_key_equal(&public_key, &wanted));
    }
}

static void
test_clamp(void)
{
    AditKey key, wanted;
    AditKey public, public_clamped;

    memset(key.bytes, 0xff, ADIT_KEY_LEN);
    wanted = key;
    wanted.bytes[0] = 0xf8;
    wanted.bytes[31] = 0x7f;
    adit_key_public(&key, &public);
    adit_key_clamp(&key);
    g_assert_cmpmem(&key, sizeof(key), &wanted, sizeof(wanted));
    adit_key_public(&key, &public_clamped);
    g_assert_true(adit_key_equal(&public, &public_clamped));

    memset(key.bytes, 0, ADIT_KEY_LEN);
    adit_key_clamp(&key);
    g_assert_cmpuint(key.bytes[0], ==, 0);
    g_assert_cmpuint(key.bytes[31], ==, 64);
}

static void
test_compare(void)
{
    g_auto(AditKey) a = { 0 }, b = { 0 };

    g_assert_true(adit_key_equal(&a, &b));
    g_assert_cmpint(adit_key_cmp(&a, &b), ==, 0);
    b.bytes[31] = 1;
    g_assert_false(adit_key_equal(&a, &b));
    g_assert_false(adit_key_is_zero(&b));
    g_assert_cmpint(adit_key_cmp(&a, &b), <, 0);
    a.bytes[0] = 0x80;
    g_assert_cmpint(adit_key_cmp(&a, &b), >, 0);
}

static void
test_wiped(void)
{
    AditKey key;

    memset(&key, 0xa5, sizeof(key));
    adit_key_clear(&key);
    g_assert_true(adit_key_is_zero(&key));
    adit_key_string_free(NULL);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/key/text", test_text);
    g_test_add_func("/key/bad", test_bad);
    g_test_add_func("/key/canonical", test_canonical);
    g_test_add_func("/key/public", test_public);
    g_test_add_func("/key/clamp", test_clamp);
    g_test_add_func("/key/compare", test_compare);
    g_test_add_func("/key/wiped", test_wiped);
    return g_test_run();
}
