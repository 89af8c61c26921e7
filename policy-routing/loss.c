/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy-routing/loss.h"

/* A loss long after the last one is another one. */
#define CALM_US (2 * ADIT_LOSS_MAX_MS * (gint64)1000)

guint
adit_loss_note(AditLoss *loss, gint64 now)
{
    const gboolean first = loss->ms == 0 || now - loss->last > CALM_US;

    loss->ms = first ? ADIT_LOSS_MS : MIN(2 * loss->ms, ADIT_LOSS_MAX_MS);
    loss->last = now;
    return loss->ms;
}
