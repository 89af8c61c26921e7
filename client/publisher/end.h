/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "pcp-client/client.h"
#include "pcp-client/match.h"

/* One PCP server: that of a gateway in one family, with its client in the main loop. */

typedef struct _AditEnd AditEnd;

typedef void (*AditEndNews)(AditEnd *end, const AditPoolNews *news, gpointer data);

AditEnd *adit_end_new(const AditPublishGateway *gateway, guint family, const char *state_dir,
                      GError **error);
/* The server says that something is other than it was, or has lost its state; or the way to it
 * is a new one. */
typedef void (*AditEndStir)(AditEnd *end, gpointer data);
void adit_end_set_news(AditEnd *end, AditEndNews news, AditEndStir stir, gpointer data);
/* Is it that of @gateway, as it is now? A changed address of ours is taken over. */
gboolean adit_end_is_of(AditEnd *end, const AditPublishGateway *gateway, guint family);
/* All that is wanted of it was added: what else is in its state file is given back. Once. */
void adit_end_sweep(AditEnd *end);
guint adit_end_get_family(const AditEnd *end);
AditClient *adit_end_get_client(AditEnd *end);
const char *adit_end_get_gateway(const AditEnd *end);
/* Gives everything back and then frees itself; leases that cannot be given back run out. @done
 * (may be NULL) is called at the end of that, perhaps before it returns. */
typedef void (*AditEndDone)(gpointer data);
void adit_end_retire(AditEnd *end, AditEndDone done, gpointer data);
void adit_end_free(AditEnd *end); /* leases live on, for the next process */

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditEnd, adit_end_free)
