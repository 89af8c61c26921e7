/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/wire/ack.h"

#include <errno.h>
#include <string.h>

#include "libadit/core/error.h"
#include "libadit/wire/msg.h"

#define ERRNO_MAX 4095 /* as in the kernel */

static const AditAttrType verdict_types[] = {
    [NLMSGERR_ATTR_MSG] = { ADIT_ATTR_STRING },
    [NLMSGERR_ATTR_OFFS] = { ADIT_ATTR_U32 },
};

static AditError
code_of(int number)
{
    switch (number) {
    case EEXIST: return ADIT_ERROR_BUSY;
    case ENOENT:
    case ESRCH:
    case ENODEV: return ADIT_ERROR_NOT_FOUND;
    case EPERM:
    case EACCES: return ADIT_ERROR_DENIED;
    default: return ADIT_ERROR_KERNEL;
    }
}

/* " (attribute 5 at byte 28)": the place in @request that the kernel points at; or "". */
static char *
place(const struct nlmsghdr *request, const struct nlattr *offset)
{
    const gsize at = adit_attr_u32(offset);
    struct nlattr attr;

    if (request == NULL || offset == NULL || at < NLMSG_HDRLEN ||
        at + sizeof(attr) > request->nlmsg_len)
        return g_strdup("");
    memcpy(&attr, (const guint8 *)request + at, sizeof(attr));
    return g_strdup_printf(" (attribute %u at byte %zu)", attr.nla_type & NLA_TYPE_MASK, at);
}

/* Where the extended verdict begins behind the number; 0: there is none. */
static gsize
extended_at(const struct nlmsghdr *nlh)
{
    struct nlmsghdr quoted;
    gsize at = NLMSG_HDRLEN + NLMSG_ALIGN(sizeof(int));

    if ((nlh->nlmsg_flags & NLM_F_ACK_TLVS) == 0)
        return 0;
    if (nlh->nlmsg_type == NLMSG_DONE)
        return at;
    if (nlh->nlmsg_len < at + sizeof(quoted))
        return 0;
    memcpy(&quoted, (const guint8 *)nlh + at, sizeof(quoted));
    at += sizeof(quoted);
    if ((nlh->nlmsg_flags & NLM_F_CAPPED) == 0 && quoted.nlmsg_len > sizeof(quoted))
        at += NLMSG_ALIGN((gsize)quoted.nlmsg_len) - sizeof(quoted);
    return at > nlh->nlmsg_len ? 0 : at;
}

static gboolean
nonsense(GError **error)
{
    g_set_error(error, ADIT_ERROR, ADIT_ERROR_PROTOCOL, "kernel: malformed acknowledgement");
    return FALSE;
}

gboolean
adit_ack_get(const struct nlmsghdr *nlh, const struct nlmsghdr *request, GError **error)
{
    const struct nlattr *tb[G_N_ELEMENTS(verdict_types)] = { NULL };
    const gsize extended = extended_at(nlh);
    const char *words;
    g_autofree char *where = NULL;
    int verdict;

    if (nlh->nlmsg_len < NLMSG_LENGTH(sizeof(verdict)))
        return nonsense(error);
    memcpy(&verdict, (const guint8 *)nlh + NLMSG_HDRLEN, sizeof(verdict));
    if (verdict == 0 || (verdict > 0 && nlh->nlmsg_type == NLMSG_DONE))
        return TRUE;
    if (verdict > 0 || verdict < -ERRNO_MAX)
        return nonsense(error);
    /* The number counts even where its explanation is garbled. */
    if (extended != 0 &&
        !adit_attrs_parse((const guint8 *)nlh + extended, nlh->nlmsg_len - extended,
                          verdict_types, G_N_ELEMENTS(verdict_types), tb))
        memset(tb, 0, sizeof(tb));

    words = tb[NLMSGERR_ATTR_MSG] ? (const char *)(tb[NLMSGERR_ATTR_MSG] + 1) : "";
    where = place(request, tb[NLMSGERR_ATTR_OFFS]);
    g_set_error(error, ADIT_ERROR, code_of(-verdict), "kernel: %s%s%s%s", g_strerror(-verdict),
                *words != '\0' ? ": " : "", words, where);
    return FALSE;
}
