/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <glib.h>

typedef struct _AditNap AditNap;
typedef void (*AditNapEnded)(gpointer data);

/* How far the clock on the wall is ahead of the one that stands still while this machine does,
 * in milliseconds. What it grows by was a sleep, or a time for which a virtual machine was
 * stopped and which it has been told of. */
gint64 adit_nap_total(void);
/* Calls back when the clock on the wall was set or the machine awoke; maybe it grew. */
AditNap *adit_nap_watch(AditNapEnded ended, gpointer data);
void adit_nap_free(AditNap *nap);
