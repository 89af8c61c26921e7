/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* Sets @error to "what: words of errno" with the code that tells the caller what to do about
 * it (ADIT_ERROR_DENIED for EACCES, ...). Always FALSE, so that it can be returned. */
gboolean adit_syserror_set(GError **error, int number, const char *format, ...)
    G_GNUC_PRINTF(3, 4);
