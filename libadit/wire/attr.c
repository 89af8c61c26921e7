/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <libmnl/libmnl.h>
#include <string.h>

#include "libadit/wire/msg.h"

/* Whether @len bytes of payload are what @type promises. */
static gboolean
fits(const AditAttrType *type, const guint8 *payload, gsize len)
{
    switch (type->kind) {
    case ADIT_ATTR_IGNORE: return TRUE;
    case ADIT_ATTR_U8: return len == 1;
    case ADIT_ATTR_U16: return len == 2;
    case ADIT_ATTR_U32: return len == 4;
    case ADIT_ATTR_U64: return len == 8;
    case ADIT_ATTR_BYTES: return len >= type->size;
    case ADIT_ATTR_EXACT: return len == type->size;
    case ADIT_ATTR_ADDR: return len == 4 || len == 16;
    case ADIT_ATTR_STRING: return len > 0 && memchr(payload, 0, len) != NULL;
    case ADIT_ATTR_NESTED: return TRUE; /* looked into by adit_attrs_parse_nested() */
    case ADIT_ATTR_FLAG: return len == 0;
    }
    return FALSE;
}

gboolean
adit_attrs_parse(gconstpointer bytes, gsize len, const AditAttrType *types, guint n_types,
                 const struct nlattr **tb)
{
    const guint8 *at = bytes;

    for (guint i = 0; i < n_types; i++)
        tb[i] = NULL;

    while (len > 0) {
        const struct nlattr *attr = (const struct nlattr *)(gconstpointer)at;
        gsize step;
        guint16 type;

        if (len > G_MAXINT || !mnl_attr_ok(attr, len))
            return FALSE;
        type = mnl_attr_get_type(attr);
        if (type < n_types) {
            if (!fits(&types[type], mnl_attr_get_payload(attr), mnl_attr_get_payload_len(attr)))
                return FALSE;
            if (types[type].kind != ADIT_ATTR_IGNORE)
                tb[type] = attr;
        }
        step = MNL_ALIGN((gsize)attr->nla_len);
        if (step > len)
            return FALSE; /* the kernel pads the last one too: this was cut off */
        at += step;
        len -= step;
    }
    return TRUE;
}

gboolean
adit_attrs_parse_msg(const struct nlmsghdr *nlh, gsize header, const AditAttrType *types,
                     guint n_types, const struct nlattr **tb)
{
    const gsize skip = NLMSG_HDRLEN + NLMSG_ALIGN(header);

    if (nlh->nlmsg_len < skip)
        return FALSE;
    return adit_attrs_parse((const guint8 *)nlh + skip, nlh->nlmsg_len - skip, types, n_types,
                            tb);
}

gboolean
adit_attrs_parse_nested(const struct nlattr *attr, const AditAttrType *types, guint n_types,
                        const struct nlattr **tb)
{
    if (attr == NULL) /* an absent nest holds nothing */
        return adit_attrs_parse(NULL, 0, types, n_types, tb);
    return adit_attrs_parse(mnl_attr_get_payload(attr), mnl_attr_get_payload_len(attr), types,
                            n_types, tb);
}

/* Copied out, because a 64-bit payload is only 4-aligned; a shorter one reads as its value. */
static void
copy_out(const struct nlattr *attr, void *ret, gsize size)
{
    if (attr != NULL)
        memcpy(ret, mnl_attr_get_payload(attr), MIN(size, mnl_attr_get_payload_len(attr)));
}

guint8
adit_attr_u8(const struct nlattr *attr)
{
    guint8 value = 0;

    copy_out(attr, &value, sizeof(value));
    return value;
}

guint16
adit_attr_u16(const struct nlattr *attr)
{
    guint16 value = 0;

    copy_out(attr, &value, sizeof(value));
    return value;
}

guint32
adit_attr_u32(const struct nlattr *attr)
{
    guint32 value = 0;

    copy_out(attr, &value, sizeof(value));
    return value;
}

guint64
adit_attr_u64(const struct nlattr *attr)
{
    guint64 value = 0;

    copy_out(attr, &value, sizeof(value));
    return value;
}

gconstpointer
adit_attr_data(const struct nlattr *attr, gsize *ret_len)
{
    *ret_len = attr == NULL ? 0 : mnl_attr_get_payload_len(attr);
    return attr == NULL ? NULL : mnl_attr_get_payload(attr);
}

gboolean
adit_attr_addr(const struct nlattr *attr, guint8 family, AditAddr *ret)
{
    gsize len;
    gconstpointer bytes = adit_attr_data(attr, &len);

    if (bytes == NULL || len != adit_family_bits(family) / 8)
        return FALSE;
    *ret = adit_addr_from_bytes(family, bytes);
    return TRUE;
}

gboolean
adit_attr_name(const struct nlattr *attr, char *ret, gsize size)
{
    gsize len;
    const char *text = adit_attr_data(attr, &len);
    const gsize used = text == NULL ? 0 : strnlen(text, len);

    if (used >= size)
        return FALSE;
    memset(ret, 0, size);
    if (used > 0)
        memcpy(ret, text, used);
    return TRUE;
}
