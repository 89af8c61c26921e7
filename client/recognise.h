/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/core/profile.h"

/* Whether there is a tunnel server at the other end of a WireGuard link: one that answers an
 * ANNOUNCE of PCP from the address where a server would be, and to us. Nothing is opened by it,
 * at no server. */

typedef struct _AditRecognise AditRecognise;

/* Called once, not before adit_recognise_new() has returned; the question is over then, and may
 * be freed. */
typedef void (*AditRecognised)(gboolean is_server, gpointer data);

/* Gives up after @patience_ms without an answer; 0: asks once. */
AditRecognise *adit_recognise_new(const char *link, const AditProfile *profile,
                                  guint patience_ms, AditRecognised done, gpointer data);
/* The link has come up anew: from the start, if it is not over. */
void adit_recognise_again(AditRecognise *recognise);
void adit_recognise_free(AditRecognise *recognise);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditRecognise, adit_recognise_free)
