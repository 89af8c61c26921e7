/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <glib.h>

/* Who asks for a change of a gateway waits while another one is under way: a manager of
 * networks tells back what it was told, aditd looks at that, and who asks knows of neither. */

typedef struct _AditQueue AditQueue;

typedef gboolean (*AditQueueBusy)(const char *name, gpointer data);
typedef void (*AditQueueFunc)(gpointer data);

/* @patience_ms: nobody waits longer. */
AditQueue *adit_queue_new(guint patience_ms, AditQueueBusy is_busy, gpointer data);
/* Calls @go now if nothing is at @name, else when that is over, and after those that came
 * before; out of patience all the same, to be refused. Calls @drop instead if the queue ends.
 * TRUE: it waits. */
gboolean adit_queue_join(AditQueue *queue, const char *name, AditQueueFunc go,
                         AditQueueFunc drop, gpointer data);
/* Something is over. */
void adit_queue_look(AditQueue *queue);
void adit_queue_free(AditQueue *queue);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditQueue, adit_queue_free)
