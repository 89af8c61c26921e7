/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/error.h"
#include "tunnel-server/web/access.h"

#include <string.h>

static AditWebAccess *
again(const AditWebAccess *access)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *text = adit_web_access_to_string(access);
    AditWebAccess *read = adit_web_access_parse("access", text, strlen(text), &error);

    g_assert_no_error(error);
    return read;
}

static void
test_password(void)
{
    g_autoptr(AditWebAccess) access = adit_web_access_new(), read = NULL;
    g_autoptr(GError) error = NULL;

    g_assert_false(adit_web_access_set_password(access, "short", &error));
    g_assert_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG);
    g_assert_null(access->password);
    g_assert_true(adit_web_access_set_password(access, "long enough", NULL));
    read = again(access);
    g_assert_true(g_str_has_prefix(read->password, "$argon2id$"));
    g_assert_true(adit_web_password_matches(read->password, "long enough"));
    g_assert_false(adit_web_password_matches(read->password, "long enougH"));
    g_assert_false(adit_web_password_matches(read->password, ""));
    g_assert_false(adit_web_password_matches("rubbish", "long enough"));
}

static void
test_tokens(void)
{
    g_autoptr(AditWebAccess) access = adit_web_access_new(), read = NULL;
    g_autofree char *text = adit_web_access_add_token(access, "a-1", ADIT_WEB_METRICS, NULL);
    g_autofree char *more =
        adit_web_access_add_token(access, "b", adit_web_scope_parse("write"), NULL);
    g_autoptr(GError) error = NULL;

    read = again(access);
    g_assert_cmpuint(read->tokens->len, ==, 2);
    g_assert_cmpstr(adit_web_access_find_token(read, text)->name, ==, "a-1");
    g_assert_cmpint(adit_web_access_find_token(read, text)->scope, ==, ADIT_WEB_METRICS);
    g_assert_true(adit_web_access_find_token(read, more)->scope & ADIT_WEB_WRITE);
    g_assert_null(adit_web_access_find_token(read, "adit_"));
    g_assert_null(adit_web_access_find_token(
        read, ((AditWebToken *)g_ptr_array_index(read->tokens, 0))->hash));
    g_assert_null(adit_web_access_add_token(read, "b", ADIT_WEB_METRICS, &error));
    g_assert_error(error, ADIT_ERROR, ADIT_ERROR_DENIED);
    g_clear_error(&error);
    g_assert_true(adit_web_access_remove_token(read, "b", NULL));
    g_assert_null(adit_web_access_find_token(read, more));
    g_assert_false(adit_web_access_has_token(read, "b"));
    g_assert_false(adit_web_access_remove_token(read, "b", &error));
    g_assert_error(error, ADIT_ERROR, ADIT_ERROR_NOT_FOUND);
}

static void
test_names(void)
{
    static const char *const bad[] = { "",  "a b", "a\nb",
                                       "ä", "a=b", "0123456789012345678901234567890123" };
    g_autoptr(AditWebAccess) access = adit_web_access_new();

    for (guint i = 0; i < G_N_ELEMENTS(bad); i++)
        g_assert_null(adit_web_access_add_token(access, bad[i], ADIT_WEB_READ, NULL));
    g_assert_cmpint(adit_web_scope_parse("admin"), ==, 0);
}

static void
test_bad_file(void)
{
    static const char *const bad[] = {
        "[Else]\nA = b\n",
        "[Password]\nHash = a\nHash = b\n",
        "[Password]\nSalt = a\n",
        "[Token]\nName = a\nScope = read\n",
        "[Token]\nName = a\nScope = root\nHash = b\n",
        "[Token]\nName = a\nName = b\nScope = read\nHash = b\n",
    };

    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_null(adit_web_access_parse("access", bad[i], strlen(bad[i]), &error));
        g_assert_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/web/access/password", test_password);
    g_test_add_func("/web/access/tokens", test_tokens);
    g_test_add_func("/web/access/names", test_names);
    g_test_add_func("/web/access/bad-file", test_bad_file);
    return g_test_run();
}
