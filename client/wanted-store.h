/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/sys/places.h"
#include "pcp-client/publication.h"

/* What is to be published, on disk: STATE/publish.conf is what the user said, and
 * CONFIG/publish.d/NAME.conf what packages and admins dropped in. The user's word comes first:
 * a file that wants the same port is a problem, not a failure. */

typedef struct _AditWantedStore AditWantedStore;

AditWantedStore *adit_wanted_store_new(const AditPlaces *places);
void adit_wanted_store_free(AditWantedStore *store);
/* Reads all files anew. What is wrong with them is told by the problems. */
void adit_wanted_store_load(AditWantedStore *store);
/* All that holds: the user's own, then that of the files by name. */
const AditWanted *adit_wanted_store_get(const AditWantedStore *store);
const char *adit_wanted_store_folder(const AditWantedStore *store);
const GPtrArray *adit_wanted_store_problems(const AditWantedStore *store); /* char * */

/* Changes of what the user said; on disk when they return. @text: sections of publish.conf. */
gboolean adit_wanted_store_add(AditWantedStore *store, const char *text, GError **error);
gboolean adit_wanted_store_drop(AditWantedStore *store, const AditPorts *ports, GError **error);
gboolean adit_wanted_store_drop_share(AditWantedStore *store, const AditPrefix *network,
                                      GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditWantedStore, adit_wanted_store_free)
