/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/doctor/doctor-service.h"

#include "client/doctor/examine.h"
#include "libadit/core/error.h"

#define AT_ONCE 4

typedef struct {
    AditDoctorService *service;
    GDBusMethodInvocation *call;
    AditExamination *examination;
} Visit;

struct _AditDoctorService {
    AditDaemon *daemon;
    AditBusManager *manager;
    GPtrArray *visits;
};

static void
visit_free(gpointer data)
{
    Visit *visit = data;

    adit_examination_free(visit->examination);
    g_free(visit);
}

static void
on_done(AditExamination *examination, const GPtrArray *findings, gpointer data)
{
    Visit *visit = data;

    adit_bus_manager_complete_examine(visit->service->manager, visit->call,
                                      adit_findings_to_variant(findings));
    g_ptr_array_remove(visit->service->visits, visit);
}

static gboolean
on_examine(AditBusManager *manager, GDBusMethodInvocation *call, const char *word,
           AditDoctorService *self)
{
    GError *error = NULL;
    Visit *visit;

    if (self->visits->len >= AT_ONCE) {
        g_dbus_method_invocation_return_error(call, ADIT_ERROR, ADIT_ERROR_BUSY,
                                              "doctor: %u examinations are under way", AT_ONCE);
        return TRUE;
    }
    visit = g_new0(Visit, 1);
    visit->service = self;
    visit->call = call;
    visit->examination =
        adit_examine(self->daemon, g_dbus_method_invocation_get_connection(call), word, FALSE,
                     on_done, visit, &error);
    if (visit->examination) {
        g_ptr_array_add(self->visits, visit);
        return TRUE;
    }
    g_free(visit);
    g_dbus_method_invocation_take_error(call, error);
    return TRUE;
}

AditDoctorService *
adit_doctor_service_new(AditDaemon *daemon, AditBusManager *manager)
{
    AditDoctorService *self = g_new0(AditDoctorService, 1);

    self->daemon = daemon;
    self->manager = manager;
    self->visits = g_ptr_array_new_with_free_func(visit_free);
    g_signal_connect(manager, "handle-examine", G_CALLBACK(on_examine), self);
    return self;
}

void
adit_doctor_service_free(AditDoctorService *self)
{
    if (!self)
        return;
    g_signal_handlers_disconnect_by_data(self->manager, self);
    g_ptr_array_unref(self->visits);
    g_free(self);
}
