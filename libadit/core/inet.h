/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* Addresses, prefixes and endpoints: plain values, zeroed means unset, both families alike. */

typedef struct {
    guint8 family;    /* AF_INET, AF_INET6; 0: unset */
    guint8 bytes[16]; /* network order; IPv4 in the first four, the rest zero */
} AditAddr;

typedef struct {
    AditAddr addr; /* may carry host bits; adit_prefix_network() clears them */
    guint8 len;
} AditPrefix;

typedef struct {
    AditAddr addr;
    guint16 port; /* host order */
} AditSockAddr;

/* A name stays as it was written, because DNS is an edge; an address is in RFC 5952 form. */
typedef struct {
    char *host; /* without brackets */
    guint16 port;
} AditEndpoint;

/* Text in, value out. Accepts no IPv4 leading zeros, no scope, no surrounding blanks. */
gboolean adit_addr_parse(const char *text, AditAddr *ret, GError **error);
/* RFC 5952. */
char *adit_addr_to_string(const AditAddr *addr);
/* Unset first, then IPv4, then IPv6, each in numeric order. */
int adit_addr_cmp(const AditAddr *a, const AditAddr *b);
/* For a GHashTable of AditAddr. */
guint adit_addr_hash(gconstpointer addr);
gboolean adit_addr_equal(gconstpointer a, gconstpointer b);
AditAddr adit_addr_from_bytes(guint8 family, const void *bytes);
guint adit_addr_size(const AditAddr *addr); /* 4, 16, or 0 when unset */
guint adit_family_bits(guint8 family);      /* 32 or 128 */
gboolean adit_addr_is_set(const AditAddr *addr);
gboolean adit_addr_is_unspecified(const AditAddr *addr); /* 0.0.0.0 or :: */
gboolean adit_addr_is_loopback(const AditAddr *addr);
gboolean adit_addr_is_link_local(const AditAddr *addr);
gboolean adit_addr_is_multicast(const AditAddr *addr); /* and IPv4 broadcast */
gboolean adit_addr_is_private(const AditAddr *addr);   /* RFC 1918, 100.64/10, fc00::/7 */
gboolean adit_addr_is_global(const AditAddr *addr); /* public unicast: 2000::/3, or IPv4 none of
                                                       the above, nor 0/8 or 240/4 */
/* "::ffff:a.b.c.d" of an IPv4 address; an IPv6 address is copied. 16 bytes, as PCP carries it.
 */
void adit_addr_to_mapped(const AditAddr *addr, guint8 ret[16]);
AditAddr adit_addr_from_mapped(const guint8 bytes[16]);

/* "10.0.0.0/8"; without "/len" the whole address (/32, /128). */
gboolean adit_prefix_parse(const char *text, AditPrefix *ret, GError **error);
char *adit_prefix_to_string(const AditPrefix *prefix);
int adit_prefix_cmp(const AditPrefix *a, const AditPrefix *b); /* family, address, length */
AditPrefix adit_prefix_make(const AditAddr *addr, guint8 len);
AditPrefix adit_prefix_host(const AditAddr *addr);        /* /32 or /128 */
AditPrefix adit_prefix_network(const AditPrefix *prefix); /* host bits cleared */
gboolean adit_prefix_has_host_bits(const AditPrefix *prefix);
gboolean adit_prefix_is_default(const AditPrefix *prefix); /* 0.0.0.0/0 or ::/0 */
gboolean adit_prefix_contains(const AditPrefix *prefix, const AditAddr *addr);
gboolean adit_prefix_covers(const AditPrefix *outer, const AditPrefix *inner);
gboolean adit_prefix_overlaps(const AditPrefix *a, const AditPrefix *b);
/* The network address plus @n; FALSE when that leaves the prefix. */
gboolean adit_prefix_nth(const AditPrefix *prefix, guint64 n, AditAddr *ret);
/* The GUA of a device: network | IPv4 clamped to the host bits (DESIGN.md section 6). */
AditAddr adit_prefix_embed(const AditPrefix *prefix6, const AditAddr *ipv4);

/* "203.0.113.7:443", "[2001:db8::1]:443"; port 0 is a value. */
gboolean adit_sockaddr_parse(const char *text, AditSockAddr *ret, GError **error);
char *adit_sockaddr_to_string(const AditSockAddr *sa);
int adit_sockaddr_cmp(const AditSockAddr *a, const AditSockAddr *b);

/* "vpn.example:51820", "[2001:db8::1]:51820". Names are checked for form, not looked up, and
 * compared without case. */
gboolean adit_endpoint_parse(const char *text, AditEndpoint *ret, GError **error);
char *adit_endpoint_to_string(const AditEndpoint *endpoint);
gboolean adit_endpoint_get_sockaddr(const AditEndpoint *endpoint,
                                    AditSockAddr *ret); /* FALSE: a name */
/* Form of a DNS name: labels of letters, digits, - and _; nothing that resolvers take for an
 * IPv4 address ("10.1", "0x7f000001"). */
gboolean adit_host_name_is_valid(const char *name);
int adit_endpoint_cmp(const AditEndpoint *a, const AditEndpoint *b);
void adit_endpoint_clear(AditEndpoint *endpoint);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(AditEndpoint, adit_endpoint_clear)
