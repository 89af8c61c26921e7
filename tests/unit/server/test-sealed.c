/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/error.h"
#include "tunnel-server/sealed.h"

#include <string.h>

#define TEXT "[Server]\nPrivateKey = secret\n"

static char *
make(gsize *len)
{
    const AditSealedDice dice = { "salt", "nonce" };
    g_autoptr(GError) error = NULL;
    char *sealed = adit_sealed_close(TEXT, strlen(TEXT), "a passphrase", &dice, len, &error);

    g_assert_no_error(error);
    return sealed;
}

static void
test_round(void)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *sealed = NULL, *open = NULL;
    gsize len, back;

    sealed = make(&len);
    g_assert_true(adit_sealed_is(sealed, len));
    g_assert_false(adit_sealed_is(TEXT, strlen(TEXT)));
    g_assert_null(memmem(sealed, len, "secret", 6));
    open = adit_sealed_open(sealed, len, "a passphrase", &back, &error);
    g_assert_no_error(error);
    g_assert_cmpmem(open, back, TEXT, strlen(TEXT));
}

/* Another word, a changed or missing octet, a price nobody should pay: each is refused. */
static void
test_bad(void)
{
    g_autofree char *sealed = NULL;
    const AditSealedDice dice = { "", "" };
    g_autoptr(GError) error = NULL;
    gsize len, back;

    sealed = make(&len);
    g_assert_null(adit_sealed_open(sealed, len, "another", &back, &error));
    g_assert_error(error, ADIT_ERROR, ADIT_ERROR_DENIED);
    g_clear_error(&error);
    sealed[len - 1] ^= 1;
    g_assert_null(adit_sealed_open(sealed, len, "a passphrase", &back, &error));
    g_assert_error(error, ADIT_ERROR, ADIT_ERROR_DENIED);
    g_clear_error(&error);
    g_assert_null(adit_sealed_open(sealed, 80, "a passphrase", &back, &error));
    g_assert_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG);
    g_clear_error(&error);
    memset(sealed + strlen("adit-server export, sealed 1\n") + 40, 0xff, 8);
    g_assert_null(adit_sealed_open(sealed, len, "a passphrase", &back, &error));
    g_assert_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG);
    g_clear_error(&error);
    g_assert_null(adit_sealed_close(TEXT, 5, "short", &dice, &back, &error));
    g_assert_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/sealed/round", test_round);
    g_test_add_func("/sealed/bad", test_bad);
    return g_test_run();
}
