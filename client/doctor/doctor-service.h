/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "client-dbus-generated.h"
#include "client/daemon.h"

/* Examine() on the bus, a few at once. */

typedef struct _AditDoctorService AditDoctorService;

AditDoctorService *adit_doctor_service_new(AditDaemon *daemon, AditBusManager *manager);
void adit_doctor_service_free(AditDoctorService *self);
