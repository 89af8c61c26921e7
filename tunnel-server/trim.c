/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/trim.h"

#include <glib.h>
#include <malloc.h>

static guint timer;
static gboolean again; /* asked for while the timer ran: what is to go may be there still */

static gboolean
on_time(gpointer data)
{
    const gboolean more = again;

    malloc_trim(0);
    again = FALSE;
    if (more)
        return G_SOURCE_CONTINUE;
    timer = 0;
    return G_SOURCE_REMOVE;
}

void
adit_trim_later(void)
{
    if (timer == 0)
        timer = g_timeout_add_seconds(2, on_time, NULL);
    else
        again = TRUE;
}
