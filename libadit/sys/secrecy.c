/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/sys/secrecy.h"

#include <sys/resource.h>

/* Not PR_SET_DUMPABLE: it would take /proc/self from a daemon that is not root. Lowering a
 * limit of one's own cannot fail. */
void
adit_secrecy_no_core(void)
{
    const struct rlimit none = { 0, 0 };

    setrlimit(RLIMIT_CORE, &none);
}
