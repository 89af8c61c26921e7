/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/error.h"
#include "tunnel-server/check-facts.h"
#include "tunnel-server/service-private.h"

/* `adit-server check` on the bus. */

#define AT_ONCE 4

typedef struct {
    AditServerService *service;
    GDBusMethodInvocation *call;
    AditCheckRun *run;
} Visit;

static void
visit_free(gpointer data)
{
    Visit *visit = data;

    adit_check_run_free(visit->run);
    g_free(visit);
}

static void
on_done(const GPtrArray *findings, gpointer data)
{
    Visit *visit = data;

    adit_srv_manager_complete_check(visit->service->manager, visit->call,
                                    adit_findings_to_variant(findings));
    g_ptr_array_remove(visit->service->checks, visit);
}

/* Of a server that is none at present there is one thing to say. One that could not do its work
 * is looked at all the same, for that is what it needs. */
static gboolean
answer_down(AditServerService *self, GDBusMethodInvocation *call)
{
    g_autoptr(GPtrArray) findings = NULL;
    const char *state = adit_admin_state(self->admin);
    const gboolean is_new = g_str_equal(state, "new");

    if (!is_new && !g_str_equal(state, "down"))
        return FALSE;
    findings = adit_findings_new();
    adit_findings_add(findings, "daemon", "", ADIT_VERDICT_BROKEN,
                      g_strdup_printf("the server is %s", state),
                      g_strdup(is_new ? "nobody has set it up" : "somebody has taken it down"),
                      g_strdup(is_new ? "adit-server setup" : "systemctl restart adit-server"));
    adit_srv_manager_complete_check(self->manager, call, adit_findings_to_variant(findings));
    return TRUE;
}

static gboolean
on_check(AditSrvManager *manager, GDBusMethodInvocation *call, AditServerService *self)
{
    Visit *visit;

    if (answer_down(self, call))
        return TRUE;
    if (self->checks->len >= AT_ONCE) {
        g_dbus_method_invocation_return_error(call, ADIT_ERROR, ADIT_ERROR_BUSY,
                                              "check: %u are under way", AT_ONCE);
        return TRUE;
    }
    visit = g_new0(Visit, 1);
    visit->service = self;
    visit->call = call;
    g_ptr_array_add(self->checks, visit);
    visit->run = adit_check_run_new(self->admin, on_done, visit);
    return TRUE;
}

void
adit_service_connect_check(AditServerService *self)
{
    self->checks = g_ptr_array_new_with_free_func(visit_free);
    g_signal_connect(self->manager, "handle-check", G_CALLBACK(on_check), self);
}
