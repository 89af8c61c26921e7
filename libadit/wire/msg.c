/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/wire/msg.h"

#include <libmnl/libmnl.h>
#include <string.h>

#include "libadit/core/error.h"

/* The longest message we build. A nested attribute counts its length in 16 bits, and half of
 * that still fits every socket buffer. Messages made by libnftnl come whole and may be longer.
 */
#define MESSAGE_MAX 32768
#define NEST_MAX 8

struct _AditMsg {
    guint8 *bytes;
    gsize len, size;
    gsize current; /* where the message under construction starts */
    gboolean open; /* it takes attributes */
    guint count;
    guint depth;
    gsize nest[NEST_MAX]; /* where each open nest starts */
    const char *failure;  /* the first one; sticky */
};

AditMsg *
adit_msg_new(void)
{
    return g_new0(AditMsg, 1);
}

static void
fail(AditMsg *m, const char *why)
{
    if (m->failure == NULL)
        m->failure = why;
}

/* Room for @extra more bytes, zeroed. Not g_realloc(): the old copy may hold a key. */
static guint8 *
grow(AditMsg *m, gsize extra)
{
    guint8 *at;

    if (m->size - m->len < extra) {
        gsize size = MAX(MAX(512, 2 * m->size), m->len + extra);
        guint8 *bytes = g_malloc(size);

        if (m->len > 0)
            memcpy(bytes, m->bytes, m->len);
        if (m->size > 0)
            explicit_bzero(m->bytes, m->size);
        g_free(m->bytes);
        m->bytes = bytes;
        m->size = size;
    }
    at = m->bytes + m->len;
    memset(at, 0, extra);
    m->len += extra;
    return at;
}

/* The length of what is under construction is written when it is complete. */
static void
finish(AditMsg *m)
{
    const guint32 len = m->len - m->current;

    if (m->depth > 0)
        fail(m, "a nested attribute was left open");
    if (m->open)
        memcpy(m->bytes + m->current + offsetof(struct nlmsghdr, nlmsg_len), &len, sizeof(len));
    m->open = FALSE;
}

void
adit_msg_begin(AditMsg *m, guint16 type, guint16 flags, gconstpointer header, gsize len)
{
    const struct nlmsghdr nlh = { .nlmsg_type = type, .nlmsg_flags = NLM_F_REQUEST | flags };
    guint8 *at;

    finish(m);
    if (m->failure != NULL)
        return;
    m->current = m->len;
    at = grow(m, NLMSG_HDRLEN + NLMSG_ALIGN(len));
    memcpy(at, &nlh, sizeof(nlh));
    if (len > 0)
        memcpy(at + NLMSG_HDRLEN, header, len);
    m->open = TRUE;
    m->count++;
}

gsize
adit_msg_room(const AditMsg *m)
{
    if (m->failure != NULL || !m->open)
        return 0;
    return MESSAGE_MAX - MIN(MESSAGE_MAX, m->len - m->current);
}

/* Header and payload of one attribute; NULL once something has failed. */
static guint8 *
put(AditMsg *m, guint16 attr, gsize len)
{
    const gsize whole = NLA_HDRLEN + len;
    const struct nlattr header = { .nla_len = whole, .nla_type = attr };
    guint8 *at;

    if (m->failure != NULL)
        return NULL;
    if (!m->open) {
        fail(m, "an attribute stands before any message");
        return NULL;
    }
    if (len > MESSAGE_MAX || NLA_ALIGN(whole) > adit_msg_room(m)) {
        fail(m, "the message is too long");
        return NULL;
    }
    at = grow(m, NLA_ALIGN(whole));
    memcpy(at, &header, sizeof(header));
    return at + NLA_HDRLEN;
}

void
adit_msg_bytes(AditMsg *m, guint16 attr, gconstpointer data, gsize len)
{
    guint8 *at = put(m, attr, len);

    if (at != NULL && len > 0)
        memcpy(at, data, len);
}

void
adit_msg_u8(AditMsg *m, guint16 attr, guint8 value)
{
    adit_msg_bytes(m, attr, &value, sizeof(value));
}

void
adit_msg_u16(AditMsg *m, guint16 attr, guint16 value)
{
    adit_msg_bytes(m, attr, &value, sizeof(value));
}

void
adit_msg_u32(AditMsg *m, guint16 attr, guint32 value)
{
    adit_msg_bytes(m, attr, &value, sizeof(value));
}

void
adit_msg_u64(AditMsg *m, guint16 attr, guint64 value)
{
    adit_msg_bytes(m, attr, &value, sizeof(value));
}

void
adit_msg_be16(AditMsg *m, guint16 attr, guint16 value)
{
    adit_msg_u16(m, attr, GUINT16_TO_BE(value));
}

void
adit_msg_be32(AditMsg *m, guint16 attr, guint32 value)
{
    adit_msg_u32(m, attr, GUINT32_TO_BE(value));
}

void
adit_msg_be64(AditMsg *m, guint16 attr, guint64 value)
{
    adit_msg_u64(m, attr, GUINT64_TO_BE(value));
}

void
adit_msg_string(AditMsg *m, guint16 attr, const char *text)
{
    adit_msg_bytes(m, attr, text, strlen(text) + 1);
}

void
adit_msg_addr(AditMsg *m, guint16 attr, const AditAddr *addr)
{
    if (adit_addr_is_set(addr))
        adit_msg_bytes(m, attr, addr->bytes, adit_addr_size(addr));
}

void
adit_msg_flag(AditMsg *m, guint16 attr)
{
    adit_msg_bytes(m, attr, NULL, 0);
}

void
adit_msg_nest(AditMsg *m, guint16 attr)
{
    if (m->depth == NEST_MAX)
        fail(m, "attributes are nested too deep");
    if (put(m, attr | NLA_F_NESTED, 0) != NULL)
        m->nest[m->depth++] = m->len - NLA_HDRLEN;
}

void
adit_msg_unnest(AditMsg *m)
{
    guint16 len;

    if (m->depth == 0)
        fail(m, "no nested attribute is open");
    if (m->failure != NULL)
        return;
    m->depth--;
    len = m->len - m->nest[m->depth];
    memcpy(m->bytes + m->nest[m->depth] + offsetof(struct nlattr, nla_len), &len, sizeof(len));
}

void
adit_msg_append(AditMsg *m, const struct nlmsghdr *nlh)
{
    const gsize len = NLMSG_ALIGN(nlh->nlmsg_len);

    finish(m);
    if (nlh->nlmsg_len < NLMSG_HDRLEN)
        fail(m, "the appended message is shorter than its header");
    if (m->failure != NULL)
        return;
    m->current = m->len;
    memcpy(grow(m, len), nlh, nlh->nlmsg_len);
    m->count++;
}

gboolean
adit_msg_check(AditMsg *m, GError **error)
{
    finish(m);
    if (m->failure == NULL)
        return TRUE;
    g_set_error(error, ADIT_ERROR, ADIT_ERROR_KERNEL, "netlink message %u: cannot build: %s",
                m->count, m->failure);
    return FALSE;
}

const guint8 *
adit_msg_data(AditMsg *m, gsize *ret_len)
{
    finish(m);
    *ret_len = m->failure == NULL ? m->len : 0;
    return m->bytes;
}

guint
adit_msg_count(const AditMsg *m)
{
    return m->count;
}

void
adit_msg_free(AditMsg *m)
{
    if (m == NULL)
        return;
    if (m->size > 0)
        explicit_bzero(m->bytes, m->size);
    g_free(m->bytes);
    g_free(m);
}
