/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <glib.h>

/* Where a program keeps its things. The command line wins over the environment
 * (ADIT_CONFIG_DIR, ADIT_STATE_DIR, ADIT_RUNTIME_DIR), that over the system's places, so that
 * several machines can live side by side on one. */
typedef struct {
    char *config;
    char *state;
    char *runtime;
} AditPlaces;

/* --config-dir, --state-dir and --runtime-dir, to be filled into @places by GOption. */
GOptionGroup *adit_places_options(AditPlaces *places);
/* The whole command line of a daemon that has no other options; --version and --help end it. */
gboolean adit_places_parse(AditPlaces *places, const char *summary, int *argc, char ***argv,
                           GError **error);
void adit_places_settle(AditPlaces *places); /* fills what no option set */
/* Likewise with /var/lib/@name and /run/@name: a user of its own keeps folders of its own. */
void adit_places_settle_for(AditPlaces *places, const char *name);
void adit_places_clear(AditPlaces *places);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(AditPlaces, adit_places_clear)
