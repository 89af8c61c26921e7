/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <gio/gio.h>

/* The agent without its application: what is seen, told, asked and done in one session. */

typedef struct _AditAgent AditAgent;

/* @state: the file that it remembers in; @settings: that of its user. */
AditAgent *adit_agent_new(GDBusConnection *session, GDBusConnection *system, const char *state,
                          const char *settings);
/* Asks whether to import it. */
void adit_agent_open(AditAgent *self, const char *path);
/* Shows what there is. */
void adit_agent_browse(AditAgent *self);
/* Reads the settings again. */
void adit_agent_reload(AditAgent *self);
void adit_agent_free(AditAgent *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditAgent, adit_agent_free)
