/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "tunnel-server/model.h"

/* What the operator decided, durable: an SQLite file, WAL, every commit flushed. Its
 * constraints, not only our checks, make it impossible that two hold one name, address, key or
 * port. A change is: begin, write, (let the kernel follow,) commit; whatever dies in between,
 * the file holds the old model or the new one. */

typedef struct _AditServerStore AditServerStore;

/* Makes the file (0600) or brings its schema up to date; on a read-only disk it is read as it
 * is. CONFIG: it is damaged. DENIED: it is of a newer adit. BUSY: another process holds it. */
AditServerStore *adit_server_store_open(const char *path, GError **error);
/* The disk took no writing when it was opened. */
gboolean adit_server_store_is_read_only(const AditServerStore *store);
/* Tries whether it does now; until then nothing can be written. */
void adit_server_store_retry(AditServerStore *store);
/* Whether the file holds together. CONFIG: it does not. */
gboolean adit_server_store_check(AditServerStore *store, GError **error);
/* A copy beside the file, as it is now: what adit_server_store_rescue() falls back on. */
gboolean adit_server_store_copy(AditServerStore *store, GError **error);
/* The file is damaged, for @why (CONFIG): keeps it aside and puts its copy in its place.
 * @ret_note: what the operator has to know. */
AditServerStore *adit_server_store_rescue(const char *path, const GError *why, char **ret_note,
                                          GError **error);
/* Settled. Before `setup` it has no private key. */
AditModel *adit_server_store_load(AditServerStore *store, GError **error);
/* Turns what is kept from @now into @next, in an open transaction; fills the ids that @next
 * lacks. On failure the transaction is gone. */
gboolean adit_server_store_begin(AditServerStore *store, const AditModel *now, AditModel *next,
                                 GError **error);
/* Durable when it returns. On failure nothing has changed. */
gboolean adit_server_store_commit(AditServerStore *store, GError **error);
void adit_server_store_rollback(AditServerStore *store);
/* Where devices were last heard from (the endpoints of @model), in one go. */
gboolean adit_server_store_save_endpoints(AditServerStore *store, const AditModel *model,
                                          GError **error);
void adit_server_store_close(AditServerStore *store);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditServerStore, adit_server_store_close)
