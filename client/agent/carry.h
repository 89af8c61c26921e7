/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "client/agent/deed.h"

#include <gio/gio.h>

/* Deeds that aditd carries out, as the user: polkit asks for a password if it wants one. */

/* @error: NULL if it was done. */
typedef void (*AditCarried)(const GError *error, gpointer data);

/* Whether @kind is one of them. */
gboolean adit_carry_can(AditDeedKind kind);
/* @subject as adit_deed_parse() gives it. */
void adit_carry(GDBusConnection *system, AditDeedKind kind, const char *subject,
                AditCarried carried, gpointer data);
/* @text: of a profile. */
void adit_carry_import(GDBusConnection *system, const char *name, const char *text,
                       AditCarried carried, gpointer data);
