/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libadit/core/error.h"

G_DEFINE_QUARK(adit - error - quark, adit_error)

int
adit_error_exit_code(const GError *error)
{
    if (error->domain != ADIT_ERROR)
        return 1;

    switch ((AditError)error->code) {
    case ADIT_ERROR_CONFIG:
    case ADIT_ERROR_BUSY:
    case ADIT_ERROR_PROTOCOL:
    case ADIT_ERROR_KERNEL: return 1;
    case ADIT_ERROR_NOT_FOUND: return 3;
    case ADIT_ERROR_DENIED: return 4;
    case ADIT_ERROR_TIMEOUT: return 5;
    }
    return 1;
}
