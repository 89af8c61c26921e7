/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/agent/deed.h"

static const struct {
    const char *text;
    AditDeedKind kind;
    const char *subject;
} good[] = {
    { "copy 203.0.113.7:443\n[2001:db8::2]:443", ADIT_DEED_COPY,
      "203.0.113.7:443\n[2001:db8::2]:443" },
    { "publish 443/tcp nginx", ADIT_DEED_PUBLISH, "443/tcp nginx" },
    { "never 443/tcp", ADIT_DEED_NEVER, "443/tcp" },
    { "quiet", ADIT_DEED_QUIET, NULL },
    { "ask", ADIT_DEED_ASK, NULL },
    { "unpublish 443/tcp", ADIT_DEED_UNPUBLISH, "443/tcp" },
    { "open", ADIT_DEED_OPEN, NULL },
    { "up my home", ADIT_DEED_UP, "my home" },
    { "down home", ADIT_DEED_DOWN, "home" },
    { "default home", ADIT_DEED_DEFAULT, "home" },
    { "drop my home", ADIT_DEED_DROP, "my home" },
    { "remove my home", ADIT_DEED_REMOVE, "my home" },
    { "adopt my VPN", ADIT_DEED_ADOPT, "my VPN" },
    { "page 3", ADIT_DEED_PAGE, "3" },
    { "import 1", ADIT_DEED_IMPORT, "1" },
    { "cancel 1", ADIT_DEED_CANCEL, "1" },
};

static const char *const bad[] = { "",     "publish", "publish ", "open door", "upx home",
                                   "Open", " open",   "quiet ",   "default",   "run rm" };

static void
test_good(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(good); i++) {
        const char *subject = "untouched";
        g_autofree char *text = NULL;
        AditDeedKind kind;

        g_assert_true(adit_deed_parse(good[i].text, &kind, &subject));
        g_assert_cmpint(kind, ==, good[i].kind);
        g_assert_cmpstr(subject, ==, good[i].subject);
        text = adit_deed_print(kind, subject);
        g_assert_cmpstr(text, ==, good[i].text);
    }
    g_assert_cmpuint(G_N_ELEMENTS(good), ==, ADIT_N_DEEDS);
}

static void
test_bad(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        const char *subject = "untouched";
        AditDeedKind kind = ADIT_DEED_PAGE;

        g_assert_false(adit_deed_parse(bad[i], &kind, &subject));
        g_assert_cmpstr(subject, ==, "untouched");
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/agent/deed/good", test_good);
    g_test_add_func("/agent/deed/bad", test_bad);
    return g_test_run();
}
