/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/error.h"
#include "libadit/core/settings.h"

#include <string.h>

typedef struct {
    gint64 quota;
    gboolean compat;
    char *endpoint;
    int backend;
    gint64 lifetime;
    AditPrefixList deny;
    AditPortList reserved;
} Settings;

static const char *const backends[] = { "auto", "networkmanager", "direct", NULL };

static const AditSetting rows[] = {
    { "server", "quota", ADIT_SETTING_INT, G_STRUCT_OFFSET(Settings, quota), "64", 0, 4096 },
    { "server", "compat", ADIT_SETTING_BOOL, G_STRUCT_OFFSET(Settings, compat), "yes" },
    { "server", "endpoint", ADIT_SETTING_STRING, G_STRUCT_OFFSET(Settings, endpoint), "" },
    { "client", "backend", ADIT_SETTING_ENUM, G_STRUCT_OFFSET(Settings, backend), "auto",
      .words = backends },
    { "client", "lifetime", ADIT_SETTING_DURATION, G_STRUCT_OFFSET(Settings, lifetime), "2h",
      120, 86400 },
    { "client", "deny", ADIT_SETTING_PREFIXES, G_STRUCT_OFFSET(Settings, deny), "10.0.0.0/8" },
    { "client", "reserved", ADIT_SETTING_PORTS, G_STRUCT_OFFSET(Settings, reserved),
      "22, 8000-8100" },
};

static const AditSettingTable table = { rows, G_N_ELEMENTS(rows), sizeof(Settings) };

static Settings *
parse(const char *text, GError **error)
{
    return adit_settings_parse(&table, "adit.conf", text, strlen(text), error);
}

static void
assert_prints(gconstpointer settings, const char *want)
{
    g_autofree char *text = adit_settings_to_string(&table, settings);

    g_assert_cmpstr(text, ==, want);
}

#define DEFAULTS                                                                               \
    "[server]\nquota = 64\ncompat = yes\nendpoint = \n\n"                                      \
    "[client]\nbackend = auto\nlifetime = 2h\ndeny = 10.0.0.0/8\nreserved = 22, 8000-8100\n"

static void
test_defaults(void)
{
    Settings *s = adit_settings_defaults(&table);
    Settings *empty = parse("", NULL);

    g_assert_cmpint(s->quota, ==, 64);
    g_assert_true(s->compat);
    g_assert_cmpstr(s->endpoint, ==, "");
    g_assert_cmpint(s->backend, ==, 0);
    g_assert_cmpint(s->lifetime, ==, 7200);
    g_assert_cmpuint(s->deny.len, ==, 1);
    g_assert_cmpuint(s->reserved.len, ==, 2);
    assert_prints(s, DEFAULTS);
    assert_prints(empty, DEFAULTS);
    adit_settings_free(&table, s);
    adit_settings_free(&table, empty);
    adit_settings_free(&table, NULL);
}

static const char full[] = "# ours\r\n"
                           "[client]\r\n"
                           "backend=direct\r\n"
                           "lifetime = 90min # a comment\r\n"
                           "deny = 192.0.2.0/24, 2001:db8::/32\r\n"
                           "\r\n"
                           "[server]\r\n"
                           "quota = 4096\r\n"
                           "compat = off\r\n"
                           "endpoint = vpn.example:51820\r\n"
                           "[client]\r\n"
                           "reserved =\r\n";

static void
test_full(void)
{
    g_autoptr(GError) error = NULL;
    Settings *s = parse(full, &error);
    g_autofree char *text = NULL;
    Settings *again;

    g_assert_no_error(error);
    g_assert_cmpint(s->backend, ==, 2);
    g_assert_cmpint(s->lifetime, ==, 5400);
    g_assert_cmpint(s->quota, ==, 4096);
    g_assert_false(s->compat);
    g_assert_cmpstr(s->endpoint, ==, "vpn.example:51820");
    g_assert_cmpuint(s->deny.len, ==, 2);
    g_assert_cmpuint(s->reserved.len, ==, 0);

    text = adit_settings_to_string(&table, s);
    again = parse(text, &error);
    g_assert_no_error(error);
    assert_prints(again, text);
    adit_settings_free(&table, s);
    adit_settings_free(&table, again);
}

static const struct {
    const char *text, *why;
} bad[] = {
    { "[server]\nquotas = 3\n", "adit.conf:2: [server] quotas: unknown key" },
    { "[client]\nquota = 3\n", "adit.conf:2: [client] quota: unknown key" },
    { "[sever]\n", "adit.conf:1: [sever]: unknown section" },
    { "[server]\nquota = 1\n[client]\n[server]\nquota = 2\n",
      "adit.conf:5: [server] quota: given before in line 2" },
    { "[server]\nquota = x\n", "adit.conf:2: [server] quota: x: not a number" },
    { "[server]\n\nquota = 4097\n",
      "adit.conf:3: [server] quota: 4097: not between 0 and 4096" },
    { "[client]\nbackend = foo\n",
      "adit.conf:2: [client] backend: foo: not one of auto, networkmanager, direct" },
};

static void
test_bad(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_null(parse(bad[i].text, &error));
        g_assert_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG);
        g_assert_cmpstr(error->message, ==, bad[i].why);
    }
}

/* What is no settings file at all is told by core/conf. */
static void
test_not_a_file(void)
{
    g_autoptr(GError) error = NULL;

    g_assert_null(parse("quota = 3\n", &error));
    g_assert_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG);
    g_assert_true(g_str_has_prefix(error->message, "adit.conf:1: "));
}

static void
assert_set_fails(Settings *s, const char *assignment, const char *why)
{
    g_autoptr(GError) error = NULL;

    g_assert_false(adit_settings_set(&table, s, assignment, &error));
    g_assert_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG);
    g_assert_cmpstr(error->message, ==, why);
}

static void
test_set(void)
{
    Settings *s = adit_settings_defaults(&table);

    g_assert_true(adit_settings_set(&table, s, "server.quota=7", NULL));
    g_assert_cmpint(s->quota, ==, 7);
    g_assert_true(adit_settings_set(&table, s, "server.endpoint=a=b", NULL));
    g_assert_cmpstr(s->endpoint, ==, "a=b");
    g_assert_true(adit_settings_set(&table, s, "client.reserved=1-65535", NULL));
    g_assert_cmpuint(s->reserved.len, ==, 1);
    g_assert_true(adit_settings_set(&table, s, "client.deny=", NULL));
    g_assert_cmpuint(s->deny.len, ==, 0);

    assert_set_fails(s, "", ": not section.key=value");
    assert_set_fails(s, "quota=7", "quota=7: not section.key=value");
    assert_set_fails(s, "server.quota", "server.quota: not section.key=value");
    assert_set_fails(s, "server.x=7", "server.x=7: unknown key");
    assert_set_fails(s, "server.quota=-1", "[server] quota: -1: not between 0 and 4096");
    assert_set_fails(s, "client.reserved=0",
                     "[client] reserved: 0: not a port or a range of ports");
    g_assert_cmpint(s->quota, ==, 7);
    g_assert_cmpuint(s->reserved.len, ==, 1);
    adit_settings_free(&table, s);
}

static void
test_contains(void)
{
    Settings *s = adit_settings_defaults(&table);
    AditAddr inside, outside;

    g_assert_true(adit_addr_parse("10.1.2.3", &inside, NULL));
    g_assert_true(adit_addr_parse("2001:db8::1", &outside, NULL));
    g_assert_true(adit_prefix_list_contains(&s->deny, &inside));
    g_assert_false(adit_prefix_list_contains(&s->deny, &outside));
    g_assert_true(adit_port_list_contains(&s->reserved, 22));
    g_assert_true(adit_port_list_contains(&s->reserved, 8000));
    g_assert_true(adit_port_list_contains(&s->reserved, 8100));
    g_assert_false(adit_port_list_contains(&s->reserved, 8101));
    g_assert_false(adit_port_list_contains(&s->reserved, 21));
    adit_settings_free(&table, s);
}

/* A default that does not parse is our own mistake. */
static void
test_bad_default(void)
{
    static const AditSetting wrong[] = { { "a", "b", ADIT_SETTING_BOOL, 0, "perhaps" } };
    static const AditSettingTable wrong_table = { wrong, 1, sizeof(gboolean) };

    if (g_test_subprocess()) {
        adit_settings_defaults(&wrong_table);
        return;
    }
    g_test_trap_subprocess(NULL, 0, 0);
    g_test_trap_assert_failed();
    g_test_trap_assert_stderr("*[a] b: default: perhaps: not yes or no*");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/settings/defaults", test_defaults);
    g_test_add_func("/settings/full", test_full);
    g_test_add_func("/settings/bad", test_bad);
    g_test_add_func("/settings/not-a-file", test_not_a_file);
    g_test_add_func("/settings/set", test_set);
    g_test_add_func("/settings/contains", test_contains);
    g_test_add_func("/settings/bad-default", test_bad_default);
    return g_test_run();
}
