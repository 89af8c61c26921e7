/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/wire/genl.h"

#include <linux/genetlink.h>
#include <string.h>

static AditMsg *
answer(const char *name, guint16 family, guint8 cmd)
{
    AditMsg *m = adit_msg_new();

    adit_genl_begin(m, GENL_ID_CTRL, 0, cmd, 2);
    adit_msg_u16(m, CTRL_ATTR_FAMILY_ID, family);
    adit_msg_string(m, CTRL_ATTR_FAMILY_NAME, name);
    return m;
}

static void
test_request_bytes(void)
{
    static const guint8 want[] = {
        /* clang-format off */
        36, 0, 0, 0,  16, 0, 5, 0,  0, 0, 0, 0,  0, 0, 0, 0,  3, 1, 0, 0,
        14, 0, 2, 0,  'w', 'i', 'r', 'e', 'g', 'u', 'a', 'r', 'd', 0, 0, 0,
        /* clang-format on */
    };
    g_autoptr(AditMsg) m = adit_msg_new();
    const guint8 *bytes;
    gsize len;

    adit_genl_resolve_put(m, "wireguard");
    bytes = adit_msg_data(m, &len);
    g_assert_cmpmem(bytes, len, want, sizeof(want));
}

static void
test_answer(void)
{
    static const struct {
        const char *name;
        guint16 family;
        guint8 cmd;
        gboolean ok;
    } rows[] = {
        { "wireguard", 29, CTRL_CMD_NEWFAMILY, TRUE },
        { "wireguard2", 29, CTRL_CMD_NEWFAMILY, FALSE },
        { "wireguar", 29, CTRL_CMD_NEWFAMILY, FALSE },
        { "wireguard", GENL_ID_CTRL, CTRL_CMD_NEWFAMILY, FALSE },
        { "wireguard", 29, CTRL_CMD_DELFAMILY, FALSE },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(AditMsg) m = answer(rows[i].name, rows[i].family, rows[i].cmd);
        guint16 family = 7;
        gsize len;

        g_assert_cmpint(
            adit_genl_resolve_get((gconstpointer)adit_msg_data(m, &len), "wireguard", &family),
            ==, rows[i].ok);
        g_assert_cmpuint(family, ==, rows[i].ok ? rows[i].family : 7);
    }
}

static void
test_truncated(void)
{
    g_autoptr(AditMsg) m = answer("wireguard", 29, CTRL_CMD_NEWFAMILY);
    gsize len;
    const guint8 *bytes = adit_msg_data(m, &len);
    const gsize end = NLMSG_HDRLEN + GENL_HDRLEN + 8 + 4 + sizeof("wireguard");

    for (gsize cut = NLMSG_HDRLEN; cut < end; cut++) {
        g_autofree struct nlmsghdr *copy = g_memdup2(bytes, cut);
        guint16 family;

        copy->nlmsg_len = cut;
        g_assert_false(adit_genl_resolve_get(copy, "wireguard", &family));
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/genl/request-bytes", test_request_bytes);
    g_test_add_func("/genl/answer", test_answer);
    g_test_add_func("/genl/truncated", test_truncated);
    return g_test_run();
}
