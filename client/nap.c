/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/nap.h"

#include <time.h>

gint64
adit_nap_total(void)
{
    struct timespec boot;

    clock_gettime(CLOCK_BOOTTIME, &boot);
    return boot.tv_sec * G_GINT64_CONSTANT(1000) + boot.tv_nsec / 1000000 -
           g_get_monotonic_time() / 1000;
}
