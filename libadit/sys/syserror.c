/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libadit/sys/syserror.h"

#include <errno.h>

#include "libadit/core/error.h"

static AditError
code_of(int number)
{
    switch (number) {
    case EACCES:
    case EPERM:
    case EROFS: return ADIT_ERROR_DENIED;
    case ENOENT:
    case ENODEV: return ADIT_ERROR_NOT_FOUND;
    case EADDRINUSE:
    case EAGAIN:
    case EBUSY: return ADIT_ERROR_BUSY;
    case ECONNREFUSED:
    case EHOSTUNREACH:
    case ENETUNREACH:
    case ETIMEDOUT: return ADIT_ERROR_TIMEOUT;
    default: return ADIT_ERROR_KERNEL;
    }
}

gboolean
adit_syserror_set(GError **error, int number, const char *format, ...)
{
    g_autofree char *what = NULL;
    va_list args;

    va_start(args, format);
    what = g_strdup_vprintf(format, args);
    va_end(args);
    g_set_error(error, ADIT_ERROR, code_of(number), "%s: %s", what, g_strerror(number));
    return FALSE;
}
