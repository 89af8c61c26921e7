/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/core/inet.h"

/* The little of DNS (RFC 1035, RFC 3596) that finds the addresses of a name: one question, and
 * the address records among its answers. */

#define ADIT_DNS_PORT 53
#define ADIT_DNS_QUERY_MAX 271 /* header, the longest name, type and class */
#define ADIT_DNS_ADDRESSES_MAX 16

typedef struct {
    AditAddr addresses[ADIT_DNS_ADDRESSES_MAX]; /* what is beyond is not needed */
    guint n;                                    /* 0: the name has none of the family */
} AditDnsAnswer;

/* Asks for @name's addresses of @family, recursion desired; returns the length, 0: no name of
 * DNS. */
gsize adit_dns_query_put(guint16 id, const char *name, guint8 family,
                         guint8 ret[ADIT_DNS_QUERY_MAX]);
/* The answer to a query of adit_dns_query_put(). PROTOCOL: not one, or the server failed;
 * NOT_FOUND: there is no such name. */
gboolean adit_dns_answer_get(const guint8 *bytes, gsize len, const guint8 *query,
                             gsize query_len, AditDnsAnswer *ret, GError **error);
