/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/wire/ack.h"

#include <errno.h>
#include <string.h>

#include "libadit/core/error.h"
#include "libadit/wire/msg.h"

/* The acknowledgement of @number, with what NETLINK_EXT_ACK adds. */
static AditMsg *
verdict(int number, guint16 flags, const char *words, guint32 offset)
{
    const struct nlmsgerr payload = { .error = -number, .msg = { .nlmsg_len = NLMSG_HDRLEN } };
    AditMsg *m = adit_msg_new();

    adit_msg_begin(m, NLMSG_ERROR, flags, &payload, sizeof(payload));
    if (words != NULL)
        adit_msg_string(m, NLMSGERR_ATTR_MSG, words);
    if (offset != 0)
        adit_msg_u32(m, NLMSGERR_ATTR_OFFS, offset);
    return m;
}

static const struct nlmsghdr *
header(AditMsg *m)
{
    gsize len;

    return (const struct nlmsghdr *)(gconstpointer)adit_msg_data(m, &len);
}

static void
test_verdicts(void)
{
    static const struct {
        int number;
        guint16 flags;
        const char *words;
        guint32 offset;
        AditError code;
        const char *text;
    } rows[] = {
        { EEXIST, NLM_F_CAPPED, NULL, 0, ADIT_ERROR_BUSY, "kernel: File exists" },
        { ENODEV, NLM_F_CAPPED, NULL, 0, ADIT_ERROR_NOT_FOUND, "kernel: No such device" },
        { ESRCH, 0, NULL, 0, ADIT_ERROR_NOT_FOUND, "kernel: No such process" },
        { ENOENT, 0, NULL, 0, ADIT_ERROR_NOT_FOUND, "kernel: No such file or directory" },
        { EPERM, 0, NULL, 0, ADIT_ERROR_DENIED, "kernel: Operation not permitted" },
        { EACCES, 0, NULL, 0, ADIT_ERROR_DENIED, "kernel: Permission denied" },
        { EINVAL, NLM_F_CAPPED | NLM_F_ACK_TLVS, "Bad gateway", 0, ADIT_ERROR_KERNEL,
          "kernel: Invalid argument: Bad gateway" },
        { EINVAL, NLM_F_ACK_TLVS, "Bad gateway", 16, ADIT_ERROR_KERNEL,
          "kernel: Invalid argument: Bad gateway (attribute 5 at byte 16)" },
        { ERANGE, NLM_F_ACK_TLVS, NULL, 16, ADIT_ERROR_KERNEL,
          "kernel: Numerical result out of range (attribute 5 at byte 16)" },
        { EINVAL, NLM_F_ACK_TLVS, "Far away", 4000, ADIT_ERROR_KERNEL,
          "kernel: Invalid argument: Far away" },
        { -5, 0, NULL, 0, ADIT_ERROR_PROTOCOL, "kernel: malformed acknowledgement" },
        { 99999, 0, NULL, 0, ADIT_ERROR_PROTOCOL, "kernel: malformed acknowledgement" },
    };
    g_autoptr(AditMsg) request = adit_msg_new();

    adit_msg_begin(request, 0x20, 0, NULL, 0);
    adit_msg_u8(request, 5, 1);
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(AditMsg) m =
            verdict(rows[i].number, rows[i].flags, rows[i].words, rows[i].offset);
        g_autoptr(GError) error = NULL;

        g_assert_false(adit_ack_get(header(m), header(request), &error));
        g_assert_error(error, ADIT_ERROR, (int)rows[i].code);
        g_assert_cmpstr(error->message, ==, rows[i].text);
    }
}

static void
test_success(void)
{
    g_autoptr(AditMsg) m = verdict(0, NLM_F_CAPPED, NULL, 0);
    g_autoptr(GError) error = NULL;

    g_assert_true(adit_ack_get(header(m), NULL, &error));
    g_assert_no_error(error);
}

/* The end of a dump carries its verdict too, the text right behind the number. */
static void
test_done(void)
{
    const int failed = -EBUSY, fine = 0;
    g_autoptr(AditMsg) bad = adit_msg_new();
    g_autoptr(AditMsg) good = adit_msg_new();
    g_autoptr(GError) error = NULL;

    adit_msg_begin(bad, NLMSG_DONE, NLM_F_ACK_TLVS, &failed, sizeof(failed));
    adit_msg_string(bad, NLMSGERR_ATTR_MSG, "Busy elsewhere");
    adit_msg_begin(good, NLMSG_DONE, 0, &fine, sizeof(fine));
    g_assert_false(adit_ack_get(header(bad), NULL, &error));
    g_assert_cmpstr(error->message, ==, "kernel: Device or resource busy: Busy elsewhere");
    g_assert_true(adit_ack_get(header(good), NULL, NULL));
}

/* Whatever a byte turns into, reading stays inside the message. */
static void
test_corrupted(void)
{
    g_autoptr(AditMsg) m = verdict(EINVAL, NLM_F_CAPPED | NLM_F_ACK_TLVS, "Bad gateway", 16);
    const struct nlmsghdr *nlh = header(m);
    guint told = 0;

    for (gsize len = NLMSG_HDRLEN; len <= nlh->nlmsg_len; len++)
        for (gsize at = NLMSG_HDRLEN; at < len; at++)
            for (guint flip = 1; flip <= 255; flip++) {
                g_autofree guint8 *copy = g_memdup2(nlh, len);
                g_autoptr(GError) error = NULL;
                const guint32 whole = len;

                memcpy(copy, &whole, sizeof(whole));
                copy[at] ^= (guint8)flip;
                if (!adit_ack_get((const struct nlmsghdr *)(gpointer)copy, nlh, &error))
                    told += error != NULL && g_utf8_validate(error->message, 7, NULL);
            }
    g_assert_cmpuint(told, >, 1000);
}

int
main(int argc, char **argv)
{
    g_setenv("LC_ALL", "C", TRUE);
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/ack/verdicts", test_verdicts);
    g_test_add_func("/ack/success", test_success);
    g_test_add_func("/ack/done", test_done);
    g_test_add_func("/ack/corrupted", test_corrupted);
    return g_test_run();
}
