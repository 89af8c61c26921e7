/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/error.h"
#include "tunnel-server/web/body.h"

#include <string.h>

static const AditWebMember members[] = { { "name", ADIT_WEB_STRING, TRUE },
                                         { "on", ADIT_WEB_BOOL, FALSE },
                                         { "port", ADIT_WEB_INT, FALSE },
                                         { "nets", ADIT_WEB_STRINGS, FALSE },
                                         { 0 } };

static void
test_good(void)
{
    const char *text = "{\"name\":\"a\\\"{[\",\"on\":true,\"port\":443,\"nets\":[\"x\",\"y\"]}";
    g_autoptr(GError) error = NULL;
    JsonObject *body = adit_web_body_parse(text, strlen(text), members, &error);
    g_autoptr(GVariant) nets = NULL;

    g_assert_no_error(error);
    g_assert_cmpstr(adit_web_body_string(body, "name"), ==, "a\"{[");
    g_assert_true(adit_web_body_bool(body, "on"));
    g_assert_cmpuint(adit_web_body_int(body, "port"), ==, 443);
    nets = g_variant_ref_sink(adit_web_body_strings(body, "nets"));
    g_assert_cmpuint(g_variant_n_children(nets), ==, 2);
    g_assert_cmpstr(adit_web_body_string(body, "none"), ==, "");
    json_object_unref(body);
}

static void
test_bad(void)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        { "", "body: one flat JSON object is wanted" },
        { "[]", "body: one flat JSON object is wanted" },
        { "1", "body: one flat JSON object is wanted" },
        { "{\"name\":\"a\"} x", "body: one flat JSON object is wanted" },
        { "{\"name\":{\"a\":{}}}", "body: one flat JSON object is wanted" },
        { "[[[[[[[[", "body: one flat JSON object is wanted" },
        { "{}", "name: missing" },
        { "{\"name\":1}", "name: not of the type, or longer than wanted" },
        { "{\"name\":null}", "name: not of the type, or longer than wanted" },
        { "{\"name\":\"a\",\"port\":65536}", "port: not of the type, or longer than wanted" },
        { "{\"name\":\"a\",\"port\":-1}", "port: not of the type, or longer than wanted" },
        { "{\"name\":\"a\",\"port\":1.5}", "port: not of the type, or longer than wanted" },
        { "{\"name\":\"a\",\"on\":\"yes\"}", "on: not of the type, or longer than wanted" },
        { "{\"name\":\"a\",\"nets\":[1]}", "nets: not of the type, or longer than wanted" },
        { "{\"name\":\"a\",\"more\":1}", "more: no such member" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_null(
            adit_web_body_parse(cases[i].text, strlen(cases[i].text), members, &error));
        g_assert_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG);
        g_assert_cmpstr(error->message, ==, cases[i].message);
    }
}

static void
test_blame(void)
{
    static const struct {
        const char *sentence, *member;
    } cases[] = {
        { "nas: held by disk", "name" },        { "nas: 443/tcp: held by disk", "port" },
        { "port 443: reserved", "port" },       { "nasty: no", NULL },
        { "nas: nets: no such thing", "nets" }, { "nothing that was asked", NULL },
    };
    const char *text = "{\"name\":\"nas\",\"port\":443,\"nets\":[]}";
    JsonObject *body = adit_web_body_parse(text, strlen(text), members, NULL);

    for (guint i = 0; i < G_N_ELEMENTS(cases); i++)
        g_assert_cmpstr(adit_web_body_blame(body, members, cases[i].sentence), ==,
                        cases[i].member);
    g_assert_cmpstr(adit_web_body_blame(NULL, members, "on: no"), ==, "on");
    json_object_unref(body);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/web/body/good", test_good);
    g_test_add_func("/web/body/bad", test_bad);
    g_test_add_func("/web/body/blame", test_blame);
    return g_test_run();
}
