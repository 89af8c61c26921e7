/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/wire/msg.h"

#include <string.h>

#include "libadit/core/error.h"

static char *
hex(AditMsg *m)
{
    gsize len;
    const guint8 *bytes = adit_msg_data(m, &len);
    GString *text = g_string_new(NULL);

    for (gsize i = 0; i < len; i++)
        g_string_append_printf(text, "%02x%s", bytes[i], i % 4 == 3 ? " " : "");
    return g_string_free(text, FALSE);
}

static void
test_bytes(void)
{
    const guint8 header[4] = { 0xa, 0xb, 0xc, 0xd };
    g_autoptr(AditMsg) m = adit_msg_new();
    g_autofree char *text = NULL;

    adit_msg_begin(m, 0x20, NLM_F_CREATE, header, sizeof(header));
    adit_msg_u8(m, 1, 0x11);
    adit_msg_be16(m, 2, 0x1234);
    adit_msg_be32(m, 3, 0x12345678);
    adit_msg_string(m, 4, "abcd");
    adit_msg_nest(m, 5);
    adit_msg_flag(m, 6);
    adit_msg_be64(m, 7, 1);
    adit_msg_unnest(m);
    adit_msg_begin(m, 0x21, 0, NULL, 0);
    text = hex(m);

    g_assert_cmpuint(adit_msg_count(m), ==, 2);
    g_assert_cmpstr(text, ==,
                    "4c000000 20000104 00000000 00000000 0a0b0c0d "
                    "05000100 11000000 06000200 12340000 08000300 12345678 "
                    "09000400 61626364 00000000 "
                    "14000580 04000600 0c000700 00000000 00000001 "
                    "10000000 21000100 00000000 00000000 ");
}

static void
test_append(void)
{
    const struct nlmsghdr nlh = { .nlmsg_len = sizeof(nlh), .nlmsg_type = 0x30 };
    g_autoptr(AditMsg) m = adit_msg_new();
    g_autofree char *text = NULL;

    adit_msg_append(m, &nlh);
    adit_msg_append(m, &nlh);
    text = hex(m);
    g_assert_cmpuint(adit_msg_count(m), ==, 2);
    g_assert_cmpstr(text, ==,
                    "10000000 30000000 00000000 00000000 10000000 30000000 00000000 00000000 ");
}

static void
test_many(void)
{
    g_autoptr(AditMsg) m = adit_msg_new();
    g_autoptr(GError) error = NULL;
    gsize len;

    for (guint i = 0; i < 10000; i++) {
        adit_msg_begin(m, 0x20, 0, NULL, 0);
        adit_msg_u32(m, 1, i);
    }
    g_assert_true(adit_msg_check(m, &error));
    g_assert_cmpuint(adit_msg_count(m), ==, 10000);
    g_assert_nonnull(adit_msg_data(m, &len));
    g_assert_cmpuint(len, ==, 10000 * 24);
}

static void
before_message(AditMsg *m)
{
    adit_msg_u32(m, 1, 1);
}

static void
too_long(AditMsg *m)
{
    static const guint8 zeros[1000];

    adit_msg_begin(m, 0x20, 0, NULL, 0);
    for (guint i = 0; i < 40; i++)
        adit_msg_bytes(m, 1, zeros, sizeof(zeros));
}

static void
nest_open(AditMsg *m)
{
    adit_msg_begin(m, 0x20, 0, NULL, 0);
    adit_msg_nest(m, 1);
    adit_msg_begin(m, 0x20, 0, NULL, 0);
}

static void
nest_closed_twice(AditMsg *m)
{
    adit_msg_begin(m, 0x20, 0, NULL, 0);
    adit_msg_unnest(m);
}

static void
nest_deep(AditMsg *m)
{
    adit_msg_begin(m, 0x20, 0, NULL, 0);
    for (guint i = 0; i < 9; i++)
        adit_msg_nest(m, 1);
}

static void
append_short(AditMsg *m)
{
    const struct nlmsghdr nlh = { .nlmsg_len = 3 };

    adit_msg_append(m, &nlh);
}

/* The first failure stays, whatever is put afterwards. */
static void
test_failures(void)
{
    static const struct {
        void (*build)(AditMsg *m);
        const char *why;
    } rows[] = {
        { before_message, "an attribute stands before any message" },
        { too_long, "the message is too long" },
        { nest_open, "a nested attribute was left open" },
        { nest_closed_twice, "no nested attribute is open" },
        { nest_deep, "attributes are nested too deep" },
        { append_short, "the appended message is shorter than its header" },
    };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autoptr(AditMsg) m = adit_msg_new();
        g_autoptr(GError) error = NULL;
        gsize len;

        rows[i].build(m);
        adit_msg_begin(m, 0x20, 0, NULL, 0);
        adit_msg_u8(m, 1, 1);
        g_assert_false(adit_msg_check(m, &error));
        g_assert_nonnull(strstr(error->message, rows[i].why));
        g_assert_cmpuint(adit_msg_room(m), ==, 0);
        (void)adit_msg_data(m, &len);
        g_assert_cmpuint(len, ==, 0);
    }
}

static void
test_room(void)
{
    g_autoptr(AditMsg) m = adit_msg_new();
    g_autoptr(GError) error = NULL;
    gsize room;

    g_assert_cmpuint(adit_msg_room(m), ==, 0);
    adit_msg_begin(m, 0x20, 0, NULL, 0);
    room = adit_msg_room(m);
    adit_msg_u32(m, 1, 0);
    g_assert_cmpuint(adit_msg_room(m), ==, room - 8);
    while (adit_msg_room(m) >= 8)
        adit_msg_u32(m, 1, 0);
    g_assert_true(adit_msg_check(m, &error));
}

enum { A_U8 = 1, A_U16, A_U32, A_U64, A_BYTES, A_EXACT, A_ADDR, A_STRING, A_NEST, A_FLAG, A_N };

static const AditAttrType types[A_N] = {
    [A_U8] = { ADIT_ATTR_U8 },          [A_U16] = { ADIT_ATTR_U16 },
    [A_U32] = { ADIT_ATTR_U32 },        [A_U64] = { ADIT_ATTR_U64 },
    [A_BYTES] = { ADIT_ATTR_BYTES, 2 }, [A_EXACT] = { ADIT_ATTR_EXACT, 6 },
    [A_ADDR] = { ADIT_ATTR_ADDR },      [A_STRING] = { ADIT_ATTR_STRING },
    [A_NEST] = { ADIT_ATTR_NESTED },    [A_FLAG] = { ADIT_ATTR_FLAG },
};

static gboolean
parse_one(guint16 attr, gconstpointer data, gsize len)
{
    const struct nlattr *tb[A_N];
    g_autoptr(AditMsg) m = adit_msg_new();
    gsize size;

    adit_msg_begin(m, 0x20, 0, NULL, 0);
    adit_msg_bytes(m, attr, data, len);
    return adit_attrs_parse_msg((const struct nlmsghdr *)(gconstpointer)adit_msg_data(m, &size),
                                0, types, A_N, tb);
}

/* For each kind: the payload lengths 0 to 17 it takes, as bits. */
static void
test_lengths(void)
{
    static const struct {
        guint16 attr;
        guint32 allowed;
    } rows[] = {
        { 0, 0x3ffff },        { A_U8, 1 << 1 },     { A_U16, 1 << 2 },   { A_U32, 1 << 4 },
        { A_U64, 1 << 8 },     { A_BYTES, 0x3fffc }, { A_EXACT, 1 << 6 }, { A_ADDR, 0x10010 },
        { A_STRING, 0x3fffe }, { A_NEST, 0x3ffff },  { A_FLAG, 1 },       { A_N, 0x3ffff },
    };
    const guint8 zeros[17] = { 0 };

    for (guint i = 0; i < G_N_ELEMENTS(rows); i++)
        for (guint len = 0; len <= 17; len++)
            g_assert_cmpint(parse_one(rows[i].attr, zeros, len), ==,
                            (rows[i].allowed >> len) & 1);
    g_assert_false(parse_one(A_STRING, "abcd", 4)); /* no NUL */
    g_assert_true(parse_one(A_STRING, "abcd", 5));
}

static void
test_values(void)
{
    const struct nlattr *tb[A_N], *inner[A_N];
    g_autoptr(AditMsg) m = adit_msg_new();
    const struct nlmsghdr *nlh;
    gsize len;

    adit_msg_begin(m, 0x20, 0, "head", 4);
    adit_msg_u8(m, A_U8, 0x12);
    adit_msg_u16(m, A_U16, 0x1234);
    adit_msg_u32(m, A_U32, 0x12345678);
    adit_msg_u64(m, A_U64, 0x123456789abcdef0);
    adit_msg_string(m, 99, "unknown");
    adit_msg_nest(m, A_NEST);
    adit_msg_u8(m, A_U8, 0x77);
    adit_msg_unnest(m);
    nlh = (const struct nlmsghdr *)(gconstpointer)adit_msg_data(m, &len);

    g_assert_true(adit_attrs_parse_msg(nlh, 4, types, A_N, tb));
    g_assert_cmphex(adit_attr_u8(tb[A_U8]), ==, 0x12);
    g_assert_cmphex(adit_attr_u16(tb[A_U16]), ==, 0x1234);
    g_assert_cmphex(adit_attr_u32(tb[A_U32]), ==, 0x12345678);
    g_assert_cmphex(adit_attr_u64(tb[A_U64]), ==, 0x123456789abcdef0);
    g_assert_true(adit_attrs_parse_nested(tb[A_NEST], types, A_N, inner));
    g_assert_cmphex(adit_attr_u8(inner[A_U8]), ==, 0x77);
    g_assert_null(inner[A_U16]);
    g_assert_null(adit_attr_data(tb[A_BYTES], &len));
    g_assert_cmpuint(len, ==, 0);
    g_assert_cmpuint(adit_attr_u64(tb[A_BYTES]), ==, 0); /* absent reads as 0 */
    g_assert_true(adit_attrs_parse_nested(NULL, types, A_N, inner));
    g_assert_null(inner[A_U8]);
}

/* Cut anywhere but between two attributes, a run of them is refused. */
static void
test_truncated(void)
{
    const struct nlattr *tb[A_N];
    g_autoptr(AditMsg) m = adit_msg_new();
    const guint8 *bytes;
    gsize len;

    adit_msg_begin(m, 0x20, 0, NULL, 0);
    for (guint i = 0; i < 4; i++)
        adit_msg_u32(m, A_U32, i);
    bytes = adit_msg_data(m, &len) + NLMSG_HDRLEN;
    len -= NLMSG_HDRLEN;

    for (gsize cut = 0; cut <= len; cut++) {
        g_autofree guint8 *copy = g_memdup2(bytes, cut); /* exact size: over-reads show */

        g_assert_cmpint(adit_attrs_parse(copy, cut, types, A_N, tb), ==, cut % 8 == 0);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/msg/bytes", test_bytes);
    g_test_add_func("/msg/append", test_append);
    g_test_add_func("/msg/many", test_many);
    g_test_add_func("/msg/failures", test_failures);
    g_test_add_func("/msg/room", test_room);
    g_test_add_func("/attr/lengths", test_lengths);
    g_test_add_func("/attr/values", test_values);
    g_test_add_func("/attr/truncated", test_truncated);
    return g_test_run();
}
