/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/finding.h"

#include "libadit/core/json.h"

#include <string.h>

const char *
adit_verdict_to_string(AditVerdict verdict)
{
    switch (verdict) {
    case ADIT_VERDICT_OK: return "ok";
    case ADIT_VERDICT_BROKEN: return "broken";
    case ADIT_VERDICT_NOT_TESTED: return "not tested";
    }
    g_assert_not_reached();
}

static AditVerdict
verdict_of(const char *text)
{
    for (AditVerdict verdict = 0; verdict < ADIT_N_VERDICTS; verdict++)
        if (g_str_equal(adit_verdict_to_string(verdict), text))
            return verdict;
    return ADIT_VERDICT_NOT_TESTED;
}

void
adit_finding_free(AditFinding *finding)
{
    if (!finding)
        return;
    g_free(finding->hop);
    g_free(finding->about);
    g_free(finding->what);
    g_free(finding->why);
    g_free(finding->remedy);
    g_free(finding);
}

GPtrArray *
adit_findings_new(void)
{
    return g_ptr_array_new_with_free_func((GDestroyNotify)adit_finding_free);
}

static char *
or_empty(char *text)
{
    return text ? text : g_strdup("");
}

void
adit_findings_add(GPtrArray *findings, const char *hop, const char *about, AditVerdict verdict,
                  char *what, char *why, char *remedy)
{
    AditFinding *finding = g_new0(AditFinding, 1);

    *finding = (AditFinding){ .hop = g_strdup(hop),
                              .about = g_strdup(about),
                              .verdict = verdict,
                              .what = or_empty(what),
                              .why = or_empty(why),
                              .remedy = or_empty(remedy) };
    g_ptr_array_add(findings, finding);
}

const AditFinding *
adit_findings_broken(const GPtrArray *findings)
{
    for (guint i = 0; i < findings->len; i++) {
        const AditFinding *finding = g_ptr_array_index(findings, i);

        if (finding->verdict == ADIT_VERDICT_BROKEN)
            return finding;
    }
    return NULL;
}

int
adit_findings_exit_code(const GPtrArray *findings, const AditHop *hops)
{
    const AditFinding *broken = adit_findings_broken(findings);

    for (; broken && hops->name; hops++)
        if (g_str_equal(hops->name, broken->hop))
            return hops->exit_code;
    return broken ? 1 : 0;
}

GVariant *
adit_findings_to_variant(const GPtrArray *findings)
{
    GVariantBuilder builder = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE(ADIT_FINDINGS_TYPE));

    for (guint i = 0; i < findings->len; i++) {
        const AditFinding *f = g_ptr_array_index(findings, i);

        g_variant_builder_add(&builder, "(ssssss)", f->hop, f->about,
                              adit_verdict_to_string(f->verdict), f->what, f->why, f->remedy);
    }
    return g_variant_builder_end(&builder);
}

GPtrArray *
adit_findings_from_variant(GVariant *variant)
{
    GPtrArray *findings = adit_findings_new();
    const char *hop, *about, *verdict, *what, *why, *remedy;
    GVariantIter iter;

    g_variant_iter_init(&iter, variant);
    while (g_variant_iter_next(&iter, "(&s&s&s&s&s&s)", &hop, &about, &verdict, &what, &why,
                               &remedy))
        adit_findings_add(findings, hop, about, verdict_of(verdict), g_strdup(what),
                          g_strdup(why), g_strdup(remedy));
    return findings;
}

static void
add_one(JsonBuilder *json, const AditFinding *f)
{
    json_builder_begin_object(json);
    adit_json_string(json, "hop", f->hop);
    adit_json_string(json, "about", f->about);
    adit_json_string(json, "verdict", adit_verdict_to_string(f->verdict));
    adit_json_string(json, "what", f->what);
    adit_json_string(json, "why", *f->why ? f->why : NULL);
    adit_json_string(json, "remedy", *f->remedy ? f->remedy : NULL);
    json_builder_end_object(json);
}

void
adit_findings_add_json(JsonBuilder *json, const GPtrArray *findings)
{
    const AditFinding *broken = adit_findings_broken(findings);

    json_builder_begin_object(json);
    adit_json_string(json, "broken", broken ? broken->hop : NULL);
    json_builder_begin_array(json_builder_set_member_name(json, "findings"));
    for (guint i = 0; i < findings->len; i++)
        add_one(json, g_ptr_array_index(findings, i));
    json_builder_end_array(json);
    json_builder_end_object(json);
}

char *
adit_drift_remedy(const char *op, const char *otherwise)
{
    static const char setting[] = "~ sysctl ";

    return g_str_has_prefix(op, setting) ? g_strconcat("sysctl -w ", op + strlen(setting), NULL)
                                         : g_strdup(otherwise);
}
