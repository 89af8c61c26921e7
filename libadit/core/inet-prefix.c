/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libadit/core/error.h"
#include "libadit/core/inet.h"
#include "libadit/core/number.h"

#include <string.h>
#include <sys/socket.h>

static gboolean
fail(GError **error, const char *text, const char *why, guint bits)
{
    g_autofree char *quoted = adit_error_quote(text);

    if (bits != 0)
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG, "%s: %s %u", quoted, why, bits);
    else
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG, "%s: %s", quoted, why);
    return FALSE;
}

gboolean
adit_prefix_parse(const char *text, AditPrefix *ret, GError **error)
{
    const char *slash = strchr(text, '/');
    g_autofree char *host = slash ? g_strndup(text, slash - text) : g_strdup(text);
    AditAddr addr;
    guint bits;
    guint64 len;

    if (!adit_addr_parse(host, &addr, NULL))
        return fail(error, text, slash ? "not an IP prefix" : "not an IP address or prefix", 0);
    bits = adit_family_bits(addr.family);
    len = bits;
    if (slash && !adit_number_parse(slash + 1, 10, 0, G_MAXUINT32, &len))
        return fail(error, text, "not an IP prefix: the length is not a number", 0);
    if (len > bits)
        return fail(error, text, "prefix longer than", bits);

    *ret = adit_prefix_make(&addr, len);
    return TRUE;
}

char *
adit_prefix_to_string(const AditPrefix *prefix)
{
    g_autofree char *addr = adit_addr_to_string(&prefix->addr);

    return g_strdup_printf("%s/%u", addr, prefix->len);
}

int
adit_prefix_cmp(const AditPrefix *a, const AditPrefix *b)
{
    int c = adit_addr_cmp(&a->addr, &b->addr);

    return c != 0 ? c : (int)a->len - (int)b->len;
}

AditPrefix
adit_prefix_make(const AditAddr *addr, guint8 len)
{
    g_assert(len <= adit_family_bits(addr->family));
    return (AditPrefix){ .addr = *addr, .len = len };
}

AditPrefix
adit_prefix_host(const AditAddr *addr)
{
    return adit_prefix_make(addr, adit_family_bits(addr->family));
}

/* The bits of byte @i that belong to the network of a /@len. */
static guint8
mask_byte(guint len, guint i)
{
    return len >= 8 * (i + 1) ? 0xff : len <= 8 * i ? 0 : 0xff << (8 * (i + 1) - len);
}

AditPrefix
adit_prefix_network(const AditPrefix *prefix)
{
    AditPrefix net = *prefix;
    const guint size = adit_addr_size(&net.addr), whole = net.len / 8;

    if (whole >= size)
        return net;
    net.addr.bytes[whole] &= mask_byte(net.len, whole);
    memset(net.addr.bytes + whole + 1, 0, size - whole - 1);
    return net;
}

gboolean
adit_prefix_has_host_bits(const AditPrefix *prefix)
{
    AditPrefix net = adit_prefix_network(prefix);

    return adit_prefix_cmp(&net, prefix) != 0;
}

gboolean
adit_prefix_is_default(const AditPrefix *prefix)
{
    return adit_addr_is_unspecified(&prefix->addr) && prefix->len == 0;
}

gboolean
adit_prefix_contains(const AditPrefix *prefix, const AditAddr *addr)
{
    const guint whole = prefix->len / 8;

    if (!adit_addr_is_set(addr) || addr->family != prefix->addr.family ||
        memcmp(addr->bytes, prefix->addr.bytes, whole) != 0)
        return FALSE;
    return prefix->len % 8 == 0 || ((addr->bytes[whole] ^ prefix->addr.bytes[whole]) &
                                    mask_byte(prefix->len, whole)) == 0;
}

gboolean
adit_prefix_covers(const AditPrefix *outer, const AditPrefix *inner)
{
    return outer->len <= inner->len && adit_prefix_contains(outer, &inner->addr);
}

gboolean
adit_prefix_overlaps(const AditPrefix *a, const AditPrefix *b)
{
    return adit_prefix_covers(a, b) || adit_prefix_covers(b, a);
}

gboolean
adit_prefix_nth(const AditPrefix *prefix, guint64 n, AditAddr *ret)
{
    AditPrefix net = adit_prefix_network(prefix);
    guint size = adit_addr_size(&net.addr);
    guint host_bits = adit_family_bits(net.addr.family) - net.len;

    if (!adit_addr_is_set(&net.addr) || (host_bits < 64 && n >> host_bits != 0))
        return FALSE;
    /* The host bits are zero, so adding is setting: no carry. */
    for (guint i = 0; i < MIN(size, sizeof(n)); i++)
        net.addr.bytes[size - 1 - i] |= (n >> (8 * i)) & 0xff;
    *ret = net.addr;
    return TRUE;
}

AditAddr
adit_prefix_embed(const AditPrefix *prefix6, const AditAddr *ipv4)
{
    AditAddr gua = adit_prefix_network(prefix6).addr;

    g_assert(gua.family == AF_INET6 && ipv4->family == AF_INET);
    for (guint i = 12; i < 16; i++)
        gua.bytes[i] |= ipv4->bytes[i - 12] & ~mask_byte(prefix6->len, i);
    return gua;
}
