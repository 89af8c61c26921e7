/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libadit/core/inet.h"

#include "libadit/core/error.h"

#include <arpa/inet.h>
#include <string.h>
#include <sys/socket.h>

static const guint8 mapped_prefix[12] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

guint
adit_addr_size(const AditAddr *addr)
{
    return adit_family_bits(addr->family) / 8;
}

guint
adit_family_bits(guint8 family)
{
    return family == AF_INET ? 32 : family == AF_INET6 ? 128 : 0;
}

gboolean
adit_addr_is_set(const AditAddr *addr)
{
    return addr->family != 0;
}

guint
adit_addr_hash(gconstpointer addr)
{
    guint64 half[2], hash;

    memcpy(half, ((const AditAddr *)addr)->bytes, sizeof(half));
    hash = (half[0] ^ (half[1] << 7 | half[1] >> 57)) * G_GUINT64_CONSTANT(0x9e3779b97f4a7c15);
    return (guint)(hash ^ hash >> 32);
}

gboolean
adit_addr_equal(gconstpointer a, gconstpointer b)
{
    const AditAddr *x = a, *y = b;

    /* Of a size that the compiler knows, and for nothing but sameness: two comparisons. */
    return x->family == y->family && memcmp(x->bytes, y->bytes, sizeof(x->bytes)) == 0;
}

AditAddr
adit_addr_from_bytes(guint8 family, const void *bytes)
{
    AditAddr addr = { .family = family };

    memcpy(addr.bytes, bytes, adit_addr_size(&addr));
    return addr;
}

gboolean
adit_addr_parse(const char *text, AditAddr *ret, GError **error)
{
    AditAddr addr = { .family = strchr(text, ':') ? AF_INET6 : AF_INET };
    g_autofree char *quoted = NULL;

    /* POSIX: decimal without leading zeros in IPv4, no scope, nothing around it. */
    if (inet_pton(addr.family, text, addr.bytes) == 1) {
        *ret = addr;
        return TRUE;
    }
    quoted = adit_error_quote(text);
    g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG, "%s: not an IP address", quoted);
    return FALSE;
}

static guint
hextet(const AditAddr *addr, guint i)
{
    return addr->bytes[2 * i] << 8 | addr->bytes[2 * i + 1];
}

/* RFC 5952 section 4.2: the longest run of zero hextets, the first of equals, never a lone one.
 */
static guint
longest_zeros(const AditAddr *addr, guint *ret_start)
{
    guint best = 1;

    for (guint i = 0; i < 8;) {
        guint n = 0;

        while (i + n < 8 && hextet(addr, i + n) == 0)
            n++;
        if (n > best) {
            best = n;
            *ret_start = i;
        }
        i += n + 1;
    }
    return best > 1 ? best : 0;
}

static char *
ipv4_to_string(const guint8 *b)
{
    return g_strdup_printf("%u.%u.%u.%u", b[0], b[1], b[2], b[3]);
}

/* Not inet_ntop: glibc writes ::0102:0304 as "::1.2.3.4", which RFC 5952 section 5 keeps for
 * known prefixes. We know one, the IPv4-mapped. */
static char *
ipv6_to_string(const AditAddr *addr)
{
    GString *out = g_string_new(NULL);
    guint start = 0, zeros = longest_zeros(addr, &start);

    for (guint i = 0; i < 8;) {
        if (zeros > 0 && i == start) {
            g_string_append(out, "::");
            i += zeros;
        } else {
            gboolean first = i == 0 || (zeros > 0 && i == start + zeros);

            g_string_append_printf(out, first ? "%x" : ":%x", hextet(addr, i));
            i++;
        }
    }
    return g_string_free(out, FALSE);
}

char *
adit_addr_to_string(const AditAddr *addr)
{
    g_autofree char *ipv4 = NULL;

    if (!adit_addr_is_set(addr))
        return g_strdup("unset");
    if (addr->family == AF_INET)
        return ipv4_to_string(addr->bytes);
    if (memcmp(addr->bytes, mapped_prefix, sizeof(mapped_prefix)) != 0)
        return ipv6_to_string(addr);
    ipv4 = ipv4_to_string(addr->bytes + sizeof(mapped_prefix));
    return g_strconcat("::ffff:", ipv4, NULL);
}

int
adit_addr_cmp(const AditAddr *a, const AditAddr *b)
{
    /* Not the numbers of AF_: our order is a promise. */
    int c = (int)adit_family_bits(a->family) - (int)adit_family_bits(b->family);

    return c != 0 ? c : memcmp(a->bytes, b->bytes, sizeof(a->bytes));
}

static gboolean
within(const AditAddr *addr, guint8 family, const guint8 *net, guint len)
{
    guint rest = len % 8;
    guint8 mask = 0xff << (8 - rest);

    return addr->family == family && memcmp(addr->bytes, net, len / 8) == 0 &&
           (rest == 0 || (addr->bytes[len / 8] & mask) == (net[len / 8] & mask));
}

#define IN4(addr, len, ...) within(addr, AF_INET, (const guint8[4]){ __VA_ARGS__ }, len)
#define IN6(addr, len, ...) within(addr, AF_INET6, (const guint8[16]){ __VA_ARGS__ }, len)

gboolean
adit_addr_is_unspecified(const AditAddr *addr)
{
    return IN4(addr, 32, 0) || IN6(addr, 128, 0);
}

gboolean
adit_addr_is_loopback(const AditAddr *addr)
{
    return IN4(addr, 8, 127) || IN6(addr, 128, [15] = 1);
}

gboolean
adit_addr_is_link_local(const AditAddr *addr)
{
    return IN4(addr, 16, 169, 254) || IN6(addr, 10, 0xfe, 0x80);
}

gboolean
adit_addr_is_multicast(const AditAddr *addr)
{
    return IN4(addr, 4, 224) || IN4(addr, 32, 255, 255, 255, 255) || IN6(addr, 8, 0xff);
}

gboolean
adit_addr_is_private(const AditAddr *addr)
{
    return IN4(addr, 8, 10) || IN4(addr, 12, 172, 16) || IN4(addr, 16, 192, 168) ||
           IN4(addr, 10, 100, 64) || IN6(addr, 7, 0xfc);
}

gboolean
adit_addr_is_global(const AditAddr *addr)
{
    if (addr->family != AF_INET)
        return IN6(addr, 3, 0x20);
    /* RFC 6890: "this network" and the reserved block are nobody's address. */
    return !IN4(addr, 8, 0) && !IN4(addr, 4, 240) && !adit_addr_is_loopback(addr) &&
           !adit_addr_is_link_local(addr) && !adit_addr_is_multicast(addr) &&
           !adit_addr_is_private(addr);
}

void
adit_addr_to_mapped(const AditAddr *addr, guint8 ret[16])
{
    if (addr->family != AF_INET) {
        memcpy(ret, addr->bytes, 16);
        return;
    }
    memcpy(ret, mapped_prefix, sizeof(mapped_prefix));
    memcpy(ret + sizeof(mapped_prefix), addr->bytes, 4);
}

AditAddr
adit_addr_from_mapped(const guint8 bytes[16])
{
    if (memcmp(bytes, mapped_prefix, sizeof(mapped_prefix)) == 0)
        return adit_addr_from_bytes(AF_INET, bytes + sizeof(mapped_prefix));
    return adit_addr_from_bytes(AF_INET6, bytes);
}
