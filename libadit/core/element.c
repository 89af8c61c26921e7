/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/element.h"

#include <string.h>

#define PAD(len) (((len) + 3) & ~(gsize)3)

AditElement
adit_element_make(const char *set)
{
    AditElement e = { 0 };

    g_assert(strlen(set) < sizeof(e.set));
    memcpy(e.set, set, strlen(set));
    return e;
}

static void
append(guint8 *bytes, guint8 *len, gsize max, gconstpointer field, gsize field_len)
{
    g_assert(*len + PAD(field_len) <= max);
    memcpy(bytes + *len, field, field_len); /* the padding is zero: nothing was there */
    *len += PAD(field_len);
}

static void
append_key(AditElement *e, gconstpointer field, gsize len)
{
    append(e->key, &e->key_len, sizeof(e->key), field, len);
}

static void
append_data(AditElement *e, gconstpointer field, gsize len)
{
    append(e->data, &e->data_len, sizeof(e->data), field, len);
}

void
adit_element_key_addr(AditElement *e, const AditAddr *addr)
{
    g_assert(addr->family != 0);
    append_key(e, addr->bytes, adit_addr_size(addr));
}

void
adit_element_key_proto(AditElement *e, guint8 proto)
{
    append_key(e, &proto, sizeof(proto));
}

void
adit_element_key_port(AditElement *e, guint16 port)
{
    const guint16 be = GUINT16_TO_BE(port);

    append_key(e, &be, sizeof(be));
}

void
adit_element_key_ifname(AditElement *e, const char *name)
{
    char padded[ADIT_NAME_LEN] = { 0 };

    g_assert(strlen(name) < sizeof(padded));
    memcpy(padded, name, strlen(name));
    append_key(e, padded, sizeof(padded));
}

void
adit_element_key_mark(AditElement *e, guint32 mark)
{
    append_key(e, &mark, sizeof(mark));
}

void
adit_element_data_addr(AditElement *e, const AditAddr *addr)
{
    g_assert(addr->family != 0);
    append_data(e, addr->bytes, adit_addr_size(addr));
}

void
adit_element_data_port(AditElement *e, guint16 port)
{
    const guint16 be = GUINT16_TO_BE(port);

    append_data(e, &be, sizeof(be));
}

void
adit_element_data_mark(AditElement *e, guint32 mark)
{
    append_data(e, &mark, sizeof(mark));
}

void
adit_element_key_prefix(AditElement *e, AditElement *last, const AditPrefix *prefix)
{
    const AditPrefix network = adit_prefix_network(prefix);
    AditAddr end = network.addr;

    for (guint bit = network.len; bit < adit_family_bits(end.family); bit++)
        end.bytes[bit / 8] |= 0x80 >> bit % 8;
    adit_element_key_addr(e, &network.addr);
    adit_element_key_addr(last, &end);
}

void
adit_element_join(AditElement *e, const AditElement *last)
{
    g_assert(e->key_len == last->key_len);
    append_key(e, last->key, last->key_len);
}

AditElementReader
adit_element_read_key(const AditElement *e)
{
    return (AditElementReader){ e->key, e->key_len, FALSE };
}

AditElementReader
adit_element_read_data(const AditElement *e)
{
    return (AditElementReader){ e->data, e->data_len, FALSE };
}

static void
take(AditElementReader *r, void *ret, gsize len)
{
    if (r->bad || r->left < PAD(len)) {
        r->bad = TRUE;
        memset(ret, 0, len);
        return;
    }
    memcpy(ret, r->at, len);
    r->at += PAD(len);
    r->left -= PAD(len);
}

AditAddr
adit_element_read_addr(AditElementReader *r, guint8 family)
{
    guint8 bytes[16] = { 0 };

    take(r, bytes, adit_family_bits(family) / 8);
    return adit_addr_from_bytes(family, bytes);
}

guint8
adit_element_read_proto(AditElementReader *r)
{
    guint8 proto;

    take(r, &proto, sizeof(proto));
    return proto;
}

guint16
adit_element_read_port(AditElementReader *r)
{
    guint16 be;

    take(r, &be, sizeof(be));
    return GUINT16_FROM_BE(be);
}

guint32
adit_element_read_mark(AditElementReader *r)
{
    guint32 mark;

    take(r, &mark, sizeof(mark));
    return mark;
}

void
adit_element_read_ifname(AditElementReader *r, char ret[ADIT_NAME_LEN])
{
    take(r, ret, ADIT_NAME_LEN);
    ret[ADIT_NAME_LEN - 1] = 0;
}

gboolean
adit_element_read_done(const AditElementReader *r)
{
    return !r->bad && r->left == 0;
}
