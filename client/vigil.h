/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "client/daemon.h"

#include <gio/gio.h>

/* What `adit doctor` looks at, in the background and quietly: once a minute while something is
 * published, so that a loss is heard of before a visitor meets it. */

typedef struct _AditVigil AditVigil;

/* @changed: somebody's problem is another one. */
AditVigil *adit_vigil_new(AditDaemon *daemon, GDBusConnection *bus,
                          void (*changed)(gpointer data), gpointer data);
/* Looks soon, unless it has just done so. */
void adit_vigil_stir(AditVigil *self);
/* What is broken for @gateway, in a sentence with its remedy; NULL: nothing is known to be. */
const char *adit_vigil_problem(const AditVigil *self, const char *gateway);
void adit_vigil_free(AditVigil *self);
