/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/wire/dns.h"

#include "libadit/core/error.h"

#include <string.h>
#include <sys/socket.h>

#define QUERY                                                                                  \
    "\x12\x34\x01\x00\x00\x01\x00\x00\x00\x00\x00\x00\x03"                                     \
    "vps\x07"                                                                                  \
    "example\x00\x00\x01\x00\x01"

static void
test_query(void)
{
    static const char *const bad[] = { "", ".", "a..b", ".a", ".." };
    guint8 query[ADIT_DNS_QUERY_MAX], six[ADIT_DNS_QUERY_MAX];
    g_autofree char *longest = g_strnfill(300, 'a');
    gsize len = adit_dns_query_put(0x1234, "vps.example", AF_INET, query);

    g_assert_cmpmem(query, len, QUERY, sizeof(QUERY) - 1);
    g_assert_cmpuint(adit_dns_query_put(0x1234, "vps.example.", AF_INET6, six), ==, len);
    g_assert_cmpint(six[len - 3], ==, 28);
    for (guint i = 0; i < G_N_ELEMENTS(bad); i++)
        g_assert_cmpuint(adit_dns_query_put(1, bad[i], AF_INET, query), ==, 0);
    longest[64] = '\0'; /* one label of 64 */
    g_assert_cmpuint(adit_dns_query_put(1, longest, AF_INET, query), ==, 0);
    for (guint i = 60; i < 300; i += 60)
        longest[i] = '.';
    longest[64] = 'a';
    g_assert_cmpuint(adit_dns_query_put(1, longest, AF_INET, query), ==, 0);
    longest[253] = '\0'; /* the longest there is */
    g_assert_cmpuint(adit_dns_query_put(1, longest, AF_INET, query), ==, ADIT_DNS_QUERY_MAX);
}

/* flags, number of records, the records, and what is made of it */
typedef struct {
    const char *name;
    guint16 flags;
    guint8 n;
    const char *records;
    gsize len;
    const char *want; /* addresses, or the error */
} Answer;

#define BYTES(text) text, sizeof(text) - 1
#define A(name, last) name "\0\1\0\1\0\0\0\x3c\0\4\x0b\1\2" last
#define ALIAS "\xc0\x0c\0\5\0\1\0\0\0\x3c\0\6\3www\xc0\x10"

static const Answer answers[] = {
    { "one", 0x8180, 1, BYTES(A("\xc0\x0c", "\3")), "11.1.2.3 " },
    { "two", 0x8180, 2, BYTES(A("\xc0\x0c", "\3") A("\3vps\7example\0", "\4")),
      "11.1.2.3 11.1.2.4 " },
    { "alias", 0x8180, 2, BYTES(ALIAS A("\xc0\x29", "\3")), "11.1.2.3 " },
    { "none", 0x8180, 0, BYTES(""), "" },
    { "other family", 0x8180, 1, BYTES("\xc0\x0c\0\x1c\0\1\0\0\0\x3c\0\x10 012345678901234"),
      "" },
    { "odd size", 0x8180, 1, BYTES("\xc0\x0c\0\1\0\1\0\0\0\x3c\0\3abc"), "" },
    { "cut by the server", 0x8380, 9, BYTES(A("\xc0\x0c", "\3")), "11.1.2.3 " },
    { "cut", 0x8180, 2, BYTES(A("\xc0\x0c", "\3")), "DNS: cut short" },
    { "record cut", 0x8180, 1, BYTES("\xc0\x0c\0\1\0\1\0\0\0\x3c\0\4\x0b\1\2"),
      "DNS: cut short" },
    { "long label", 0x8180, 1, BYTES("\x7f"), "DNS: cut short" },
    { "question", 0x0100, 0, BYTES(""), "DNS: a question" },
    { "no such name", 0x8183, 0, BYTES(""), "DNS: no such name" },
    { "failed", 0x8182, 0, BYTES(""), "DNS: the server failed" },
};

static char *
try_answer(const guint8 *bytes, gsize len)
{
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(GError) error = NULL;
    AditDnsAnswer answer;

    if (!adit_dns_answer_get(bytes, len, (const guint8 *)QUERY, sizeof(QUERY) - 1, &answer,
                             &error))
        return g_strdup(error->message);
    for (guint i = 0; i < answer.n; i++) {
        g_autofree char *addr = adit_addr_to_string(&answer.addresses[i]);

        g_string_append_printf(text, "%s ", addr);
    }
    return g_strdup(text->str);
}

static void
test_answers(void)
{
    for (guint i = 0; i < G_N_ELEMENTS(answers); i++) {
        const gsize len = sizeof(QUERY) - 1 + answers[i].len;
        g_autofree guint8 *bytes = g_malloc(len);
        g_autofree char *got = NULL;

        memcpy(bytes, QUERY, sizeof(QUERY) - 1);
        bytes[2] = answers[i].flags >> 8;
        bytes[3] = answers[i].flags & 0xff;
        bytes[7] = answers[i].n;
        memcpy(bytes + sizeof(QUERY) - 1, answers[i].records, answers[i].len);
        g_test_message("%s", answers[i].name);
        got = try_answer(bytes, len);
        g_assert_cmpstr(got, ==, answers[i].want);
        bytes[13] = 'V'; /* case is the server's */
        g_free(g_steal_pointer(&got));
        got = try_answer(bytes, len);
        g_assert_cmpstr(got, ==, answers[i].want);
        for (gsize at = 0; at < 2; at++) { /* another identifier, another name */
            bytes[at * 14] ^= 1;
            g_free(g_steal_pointer(&got));
            got = try_answer(bytes, len);
            g_assert_cmpstr(got, ==, "DNS: no answer to our question");
            bytes[at * 14] ^= 1;
        }
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/dns/query", test_query);
    g_test_add_func("/dns/answers", test_answers);
    return g_test_run();
}
