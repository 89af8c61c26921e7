/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/finding.h"

#include "libadit/core/json.h"

static const AditHop hops[] = { { "first", 10, "?" }, { "second", 11, "?" }, { 0 } };

static GPtrArray *
make(void)
{
    GPtrArray *findings = adit_findings_new();

    adit_findings_add(findings, "first", "home", ADIT_VERDICT_OK, g_strdup("well"), NULL, NULL);
    adit_findings_add(findings, "second", "home", ADIT_VERDICT_BROKEN, g_strdup("what"),
                      g_strdup("why"), g_strdup("do"));
    adit_findings_add(findings, "third", "", ADIT_VERDICT_NOT_TESTED, g_strdup("no"), NULL,
                      NULL);
    return findings;
}

static void
test_broken(void)
{
    g_autoptr(GPtrArray) findings = make();
    g_autoptr(GPtrArray) none = adit_findings_new();

    g_assert_cmpstr(adit_findings_broken(findings)->hop, ==, "second");
    g_assert_cmpint(adit_findings_exit_code(findings, hops), ==, 11);
    g_assert_null(adit_findings_broken(none));
    g_assert_cmpint(adit_findings_exit_code(none, hops), ==, 0);
    adit_findings_add(none, "stranger", "", ADIT_VERDICT_BROKEN, NULL, NULL, NULL);
    g_assert_cmpint(adit_findings_exit_code(none, hops), ==, 1);
}

static void
test_bus(void)
{
    g_autoptr(GPtrArray) before = make();
    g_autoptr(GVariant) variant = g_variant_ref_sink(adit_findings_to_variant(before));
    g_autoptr(GPtrArray) after = adit_findings_from_variant(variant);

    g_assert_cmpstr(g_variant_get_type_string(variant), ==, ADIT_FINDINGS_TYPE);
    g_assert_cmpuint(after->len, ==, before->len);
    for (guint i = 0; i < after->len; i++) {
        const AditFinding *a = g_ptr_array_index(before, i), *b = g_ptr_array_index(after, i);

        g_assert_cmpstr(a->hop, ==, b->hop);
        g_assert_cmpstr(a->about, ==, b->about);
        g_assert_cmpint(a->verdict, ==, b->verdict);
        g_assert_cmpstr(a->what, ==, b->what);
        g_assert_cmpstr(a->why, ==, b->why);
        g_assert_cmpstr(a->remedy, ==, b->remedy);
    }
}

static void
test_unknown_verdict(void)
{
    g_autoptr(GVariant) variant =
        g_variant_ref_sink(g_variant_new_parsed("[('first', '', 'fine', 'what', '', '')]"));
    g_autoptr(GPtrArray) findings = adit_findings_from_variant(variant);

    g_assert_cmpint(((AditFinding *)g_ptr_array_index(findings, 0))->verdict, ==,
                    ADIT_VERDICT_NOT_TESTED);
}

static void
test_json(void)
{
    g_autoptr(GPtrArray) findings = make();
    g_autoptr(JsonBuilder) json = json_builder_new();
    g_autofree char *text = NULL;

    adit_findings_add_json(json, findings);
    text = adit_json_to_text(json);
    g_assert_nonnull(g_strstr_len(text, -1, "\"broken\" : \"second\""));
    g_assert_nonnull(g_strstr_len(text, -1, "\"verdict\" : \"not tested\""));
    g_assert_nonnull(g_strstr_len(text, -1, "\"remedy\" : \"do\""));
    g_assert_nonnull(g_strstr_len(text, -1, "\"remedy\" : null"));
}

static void
test_drift(void)
{
    g_autofree char *setting = adit_drift_remedy("~ sysctl net/ipv4/ip_forward=1", "reload");
    g_autofree char *rule = adit_drift_remedy("+ ip -4 rule add pref 1740", "reload");

    g_assert_cmpstr(setting, ==, "sysctl -w net/ipv4/ip_forward=1");
    g_assert_cmpstr(rule, ==, "reload");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/core/finding/broken", test_broken);
    g_test_add_func("/core/finding/bus", test_bus);
    g_test_add_func("/core/finding/unknown-verdict", test_unknown_verdict);
    g_test_add_func("/core/finding/json", test_json);
    g_test_add_func("/core/finding/drift", test_drift);
    return g_test_run();
}
