/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/error.h"
#include "libadit/sys/syserror.h"

#include <errno.h>

static void
test_codes(void)
{
    static const struct {
        int number;
        AditError code;
    } rows[] = {
        { EACCES, ADIT_ERROR_DENIED },        { EPERM, ADIT_ERROR_DENIED },
        { EROFS, ADIT_ERROR_DENIED },         { ENOENT, ADIT_ERROR_NOT_FOUND },
        { ENODEV, ADIT_ERROR_NOT_FOUND },     { EADDRINUSE, ADIT_ERROR_BUSY },
        { EAGAIN, ADIT_ERROR_BUSY },          { EBUSY, ADIT_ERROR_BUSY },
        { ECONNREFUSED, ADIT_ERROR_TIMEOUT }, { EHOSTUNREACH, ADIT_ERROR_TIMEOUT },
        { ENETUNREACH, ADIT_ERROR_TIMEOUT },  { ETIMEDOUT, ADIT_ERROR_TIMEOUT },
        { ENOSPC, ADIT_ERROR_KERNEL },        { EINVAL, ADIT_ERROR_KERNEL },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(GError) error = NULL;

        g_assert_false(adit_syserror_set(&error, rows[i].number, "x"));
        g_assert_error(error, ADIT_ERROR, (gint)rows[i].code);
    }
}

static void
test_message(void)
{
    g_autoptr(GError) error = NULL;

    adit_syserror_set(&error, ENOSPC, "%s: write %d", "/var/x", 3);
    g_assert_cmpstr(error->message, ==, "/var/x: write 3: No space left on device");
    g_assert_false(adit_syserror_set(NULL, ENOSPC, "nobody asked"));
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/syserror/codes", test_codes);
    g_test_add_func("/syserror/message", test_message);
    return g_test_run();
}
