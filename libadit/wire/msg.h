/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <gio/gio.h>
#include <linux/netlink.h>

#include "libadit/core/inet.h"

/* A growable run of netlink messages, and the reading of attributes by table. No socket.
 *
 * The builder remembers its first failure (too long, nesting unbalanced) and ignores the rest,
 * so that a _put function is a plain list of attributes; adit_msg_check() tells at the end. */

typedef struct _AditMsg AditMsg;

AditMsg *adit_msg_new(void);
/* Starts the next message; the previous one is complete. @header is the family's own
 * (rtmsg...). */
void adit_msg_begin(AditMsg *m, guint16 type, guint16 flags, gconstpointer header, gsize len);
void adit_msg_u8(AditMsg *m, guint16 attr, guint8 value);
void adit_msg_u16(AditMsg *m, guint16 attr, guint16 value);
void adit_msg_u32(AditMsg *m, guint16 attr, guint32 value);
void adit_msg_u64(AditMsg *m, guint16 attr, guint64 value);
void adit_msg_be16(AditMsg *m, guint16 attr, guint16 value); /* value in host order */
void adit_msg_be32(AditMsg *m, guint16 attr, guint32 value);
void adit_msg_be64(AditMsg *m, guint16 attr, guint64 value);
void adit_msg_bytes(AditMsg *m, guint16 attr, gconstpointer data, gsize len);
void adit_msg_string(AditMsg *m, guint16 attr, const char *text);   /* with its NUL */
void adit_msg_addr(AditMsg *m, guint16 attr, const AditAddr *addr); /* nothing when unset */
void adit_msg_flag(AditMsg *m, guint16 attr);
void adit_msg_nest(AditMsg *m, guint16 attr); /* NLA_F_NESTED */
void adit_msg_unnest(AditMsg *m);
/* One whole message made elsewhere (libnftnl). */
void adit_msg_append(AditMsg *m, const struct nlmsghdr *nlh);
gsize adit_msg_room(const AditMsg *m); /* bytes left for attributes of the current message */
gboolean adit_msg_check(AditMsg *m, GError **error);
const guint8 *adit_msg_data(AditMsg *m, gsize *ret_len); /* lengths fixed up */
guint adit_msg_count(const AditMsg *m);
void adit_msg_free(AditMsg *m); /* wipes: it may hold keys */

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditMsg, adit_msg_free)

typedef enum {
    ADIT_ATTR_IGNORE, /* zero: an attribute not in the table */
    ADIT_ATTR_U8,
    ADIT_ATTR_U16,
    ADIT_ATTR_U32,
    ADIT_ATTR_U64,
    ADIT_ATTR_BYTES, /* at least .size */
    ADIT_ATTR_EXACT, /* exactly .size */
    ADIT_ATTR_ADDR,  /* 4 or 16 */
    ADIT_ATTR_STRING,
    ADIT_ATTR_NESTED,
    ADIT_ATTR_FLAG,
} AditAttrKind;

typedef struct {
    AditAttrKind kind;
    guint16 size;
} AditAttrType;

/* Fills tb[0..n_types-1]; FALSE when an attribute overruns, has a length its type forbids, or
 * bytes are left over. Unknown attributes are skipped. */
gboolean adit_attrs_parse(gconstpointer bytes, gsize len, const AditAttrType *types,
                          guint n_types, const struct nlattr **tb);
gboolean adit_attrs_parse_msg(const struct nlmsghdr *nlh, gsize header,
                              const AditAttrType *types, guint n_types,
                              const struct nlattr **tb);
gboolean adit_attrs_parse_nested(const struct nlattr *attr, const AditAttrType *types,
                                 guint n_types, const struct nlattr **tb);
/* Absent (NULL) reads as 0. */
guint8 adit_attr_u8(const struct nlattr *attr);
guint16 adit_attr_u16(const struct nlattr *attr);
guint32 adit_attr_u32(const struct nlattr *attr);
guint64 adit_attr_u64(const struct nlattr *attr);
gconstpointer adit_attr_data(const struct nlattr *attr, gsize *ret_len);
/* FALSE, @ret untouched: absent, or not an address of @family. */
gboolean adit_attr_addr(const struct nlattr *attr, guint8 family, AditAddr *ret);
/* The text of an ADIT_ATTR_STRING into @ret; FALSE when it is longer than @size allows. */
gboolean adit_attr_name(const struct nlattr *attr, char *ret, gsize size);
