/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <glib.h>

/* How long to wait before an address that is missing of a link, which its manager says is up,
 * is put back, or one that somebody has set down is put up: until the manager has settled; less
 * and less often where that does not help. */

typedef struct {
    gint64 last; /* when it was noted, monotonic; 0: never */
    guint ms;    /* how long was waited then */
} AditLoss;

#define ADIT_LOSS_MS 300
#define ADIT_LOSS_MAX_MS 60000

/* Missing at @now: how many ms to wait. */
guint adit_loss_note(AditLoss *loss, gint64 now);
