/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/wire/dns.h"

#include "libadit/core/bytes.h"
#include "libadit/core/error.h"

#include <string.h>
#include <sys/socket.h>

#define HEADER 12
#define LABEL_MAX 63
#define NAME_MAX_LEN 255
#define TYPE_A 1
#define TYPE_AAAA 28
#define CLASS_IN 1
#define FLAG_ANSWER 0x8000
#define FLAG_CUT 0x0200
#define FLAG_RECURSE 0x0100
#define CODE 0x000f
#define NXDOMAIN 3
#define RECORDS_MAX 64

/* The name in labels; 0: too long, or a label that is empty. */
static gsize
put_name(const char *name, guint8 *ret)
{
    g_auto(GStrv) labels = g_strsplit(name, ".", -1);
    guint n = g_strv_length(labels);
    gsize at = 0;

    if (n > 1 && *labels[n - 1] == '\0')
        n--; /* "example.org." */
    for (guint i = 0; i < n; i++) {
        const gsize len = strlen(labels[i]);

        if (len == 0 || len > LABEL_MAX || at + len + 2 > NAME_MAX_LEN)
            return 0;
        ret[at++] = (guint8)len;
        memcpy(ret + at, labels[i], len);
        at += len;
    }
    if (n == 0)
        return 0;
    ret[at++] = 0;
    return at;
}

gsize
adit_dns_query_put(guint16 id, const char *name, guint8 family, guint8 ret[ADIT_DNS_QUERY_MAX])
{
    gsize at = put_name(name, ret + HEADER);

    if (at == 0)
        return 0;
    at += HEADER;
    memset(ret, 0, HEADER);
    adit_put_be16(ret, id);
    adit_put_be16(ret + 2, FLAG_RECURSE);
    adit_put_be16(ret + 4, 1);
    adit_put_be16(ret + at, family == AF_INET6 ? TYPE_AAAA : TYPE_A);
    adit_put_be16(ret + at + 2, CLASS_IN);
    return at + 4;
}

static gboolean
refuse(GError **error, const char *why)
{
    g_set_error(error, ADIT_ERROR, ADIT_ERROR_PROTOCOL, "DNS: %s", why);
    return FALSE;
}

/* Past a name, which may end in a pointer to another place: where that leads does not matter.
 */
static gboolean
skip_name(const guint8 *bytes, gsize len, gsize *at)
{
    while (*at < len) {
        const guint8 label = bytes[*at];

        if (label == 0) {
            *at += 1;
            return TRUE;
        }
        if ((label & 0xc0) == 0xc0) {
            *at += 2;
            return *at <= len;
        }
        if (label > LABEL_MAX)
            return FALSE;
        *at += label + 1u;
    }
    return FALSE;
}

/* Servers answer in the case they like (RFC 4343). The query's own name has no pointer. */
static gboolean
same_question(const guint8 *bytes, const guint8 *query, gsize query_len)
{
    for (gsize i = HEADER; i < query_len; i++)
        if (g_ascii_tolower((char)bytes[i]) != g_ascii_tolower((char)query[i]))
            return FALSE;
    return TRUE;
}

static void
take_address(const guint8 *data, guint16 type, guint16 len, AditDnsAnswer *ret)
{
    const guint8 family = type == TYPE_A ? AF_INET : AF_INET6;

    if (len == adit_family_bits(family) / 8 && ret->n < ADIT_DNS_ADDRESSES_MAX)
        ret->addresses[ret->n++] = adit_addr_from_bytes(family, data);
}

/* Names in between are aliases of the one asked for: whose address it is needs no check, the
 * server is believed or not. */
static gboolean
read_records(const guint8 *bytes, gsize len, gsize at, guint16 wanted, AditDnsAnswer *ret)
{
    const guint n = MIN(adit_get_be16(bytes + 6), RECORDS_MAX);

    for (guint i = 0; i < n; i++) {
        guint16 type, size;

        if (!skip_name(bytes, len, &at) || len - at < 10)
            return FALSE;
        type = adit_get_be16(bytes + at);
        size = adit_get_be16(bytes + at + 8);
        if (len - at - 10 < size)
            return FALSE;
        if (type == wanted && adit_get_be16(bytes + at + 2) == CLASS_IN)
            take_address(bytes + at + 10, type, size, ret);
        at += 10u + size;
    }
    return TRUE;
}

gboolean
adit_dns_answer_get(const guint8 *bytes, gsize len, const guint8 *query, gsize query_len,
                    AditDnsAnswer *ret, GError **error)
{
    AditDnsAnswer answer = { .n = 0 };
    guint16 flags;

    if (len < query_len || memcmp(bytes, query, 2) != 0 || adit_get_be16(bytes + 4) != 1 ||
        !same_question(bytes, query, query_len))
        return refuse(error, "no answer to our question");
    flags = adit_get_be16(bytes + 2);
    if (!(flags & FLAG_ANSWER))
        return refuse(error, "a question");
    if ((flags & CODE) == NXDOMAIN) {
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_NOT_FOUND, "DNS: no such name");
        return FALSE;
    }
    if ((flags & CODE) != 0)
        return refuse(error, "the server failed");
    if (!read_records(bytes, len, query_len, adit_get_be16(query + query_len - 4), &answer) &&
        !(flags & FLAG_CUT))
        return refuse(error, "cut short");
    *ret = answer;
    return TRUE;
}
