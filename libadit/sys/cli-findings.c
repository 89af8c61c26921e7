/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/sys/cli-findings.h"

static AditPaint
paint_of(AditVerdict verdict)
{
    switch (verdict) {
    case ADIT_VERDICT_OK: return ADIT_PAINT_GOOD;
    case ADIT_VERDICT_BROKEN: return ADIT_PAINT_BAD;
    case ADIT_VERDICT_NOT_TESTED: return ADIT_PAINT_DIM;
    }
    g_assert_not_reached();
}

static void
add_line(AditTable *table, const char *label, const char *text)
{
    if (!*text)
        return;
    adit_table_add(table, ADIT_PAINT_PLAIN, "");
    adit_table_add(table, ADIT_PAINT_DIM, label);
    adit_table_add(table, ADIT_PAINT_PLAIN, text);
}

static void
print_table(AditCli *cli, const char *about, const AditTable *table)
{
    g_autofree char *printable = adit_text_printable(about);
    g_autofree char *title = adit_text_paint(printable, ADIT_PAINT_BOLD, cli->colour);
    g_autofree char *text = adit_table_to_string(table, *about ? 2 : 0, cli->colour);

    if (*about)
        adit_cli_print(cli, "%s\n", title);
    adit_cli_print(cli, "%s", text);
}

/* One heading for what stands together about one thing. */
static void
print_text(AditCli *cli, const GPtrArray *findings)
{
    for (guint i = 0; i < findings->len;) {
        const char *about = ((const AditFinding *)g_ptr_array_index(findings, i))->about;
        g_autoptr(AditTable) table = adit_table_new(NULL, 3);

        for (; i < findings->len; i++) {
            const AditFinding *f = g_ptr_array_index(findings, i);

            if (!g_str_equal(f->about, about))
                break;
            adit_table_add(table, ADIT_PAINT_PLAIN, f->hop);
            adit_table_add(table, paint_of(f->verdict), adit_verdict_to_string(f->verdict));
            adit_table_add(table, ADIT_PAINT_PLAIN, f->what);
            add_line(table, "why", f->why);
            add_line(table, "mend", f->remedy);
        }
        print_table(cli, about, table);
    }
}

void
adit_cli_print_findings(AditCli *cli, const GPtrArray *findings, const AditHop *hops)
{
    if (cli->json) {
        g_autoptr(JsonBuilder) json = json_builder_new();

        adit_findings_add_json(json, findings);
        adit_cli_print_json(cli, json);
    } else {
        print_text(cli, findings);
    }
    cli->status = adit_findings_exit_code(findings, hops);
}
