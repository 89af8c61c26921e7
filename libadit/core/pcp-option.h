/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include "libadit/core/inet.h"
#include "libadit/core/pcp-result.h"

#define ADIT_PCP_MAX 1100 /* octets of the longest message */
#define ADIT_PCP_FILTERS_MAX 43
#define ADIT_PCP_DESCRIPTION_MAX 1016

/* The options a message carries, and the set of those that a reader wants to act on. */
typedef enum {
    ADIT_PCP_HAS_THIRD_PARTY = 1 << 0,
    ADIT_PCP_HAS_PREFER_FAILURE = 1 << 1,
    ADIT_PCP_HAS_FILTER = 1 << 2,
    ADIT_PCP_HAS_DESCRIPTION = 1 << 3,
    ADIT_PCP_HAS_PORT_SET = 1 << 4,
    ADIT_PCP_HAS_REDIRECT = 1 << 5,
    /* Seen and skipped: reported, never written. */
    ADIT_PCP_HAS_PREFIX64 = 1 << 6,
    ADIT_PCP_HAS_HOSTNAME = 1 << 7,   /* StartOS: share a port by host name */
    ADIT_PCP_HAS_CAPABILITY = 1 << 8, /* StartOS: HOSTNAME is understood */
} AditPcpHas;

#define ADIT_PCP_HAS_VALUES 0x3f

/* Who may reach a mapping: one of a list. A prefix without family forgets those before it. */
typedef struct {
    AditPrefix remote;
    guint16 port; /* of the visitor; 0: any */
} AditPcpFilter;

typedef struct {
    guint16 size; /* ports wanted or granted, never 0 */
    guint16 first_internal;
    gboolean parity;
} AditPcpPortSet;

typedef enum {
    ADIT_PCP_REDIRECT_PORT = 0,  /* port 80 reaches the service on 443 as it is */
    ADIT_PCP_REDIRECT_HTTPS = 1, /* the server answers 308 to https:// */
} AditPcpRedirectMode;

typedef enum {
    ADIT_PCP_REDIRECT_ASKED = 0, /* all a request says; in a reply a mere echo: not applied */
    ADIT_PCP_REDIRECT_ACTIVE = 1,
    ADIT_PCP_REDIRECT_REFUSED = 2,
    ADIT_PCP_REDIRECT_YIELDED = 3, /* to a mapping of port 80 itself */
} AditPcpRedirectStatus;

typedef struct {
    guint8 mode;   /* AditPcpRedirectMode; others are for the server to refuse */
    guint8 status; /* AditPcpRedirectStatus */
    guint16 external_port;
} AditPcpRedirect;

typedef struct {
    guint32 has; /* AditPcpHas; what is not in it is zero */
    AditAddr third_party;
    guint n_filters;
    AditPcpFilter filters[ADIT_PCP_FILTERS_MAX];
    AditPcpPortSet port_set;
    AditPcpRedirect redirect;
    char description[ADIT_PCP_DESCRIPTION_MAX + 1]; /* UTF-8 */
} AditPcpOptions;

typedef struct {
    guint8 opcode;
    gboolean reply;
    guint32 offered; /* AditPcpHas that the reader acts on */
} AditPcpOptionRule;

/* Reads the options that fill @len octets (a multiple of 4). In a request what is not offered
 * is an error below code 128 and skipped from there on; in a reply it is skipped. On failure
 * @ret_at is the offset of the offending option, and @ret holds nothing of use. */
AditPcpResult adit_pcp_options_decode(const guint8 *bytes, gsize len,
                                      const AditPcpOptionRule *rule, AditPcpOptions *ret,
                                      gsize *ret_at);
/* The octets written, a multiple of 4, or -1: they do not fit into @max. */
gssize adit_pcp_options_encode(const AditPcpOptions *options, guint8 *ret, gsize max);
/* Does an address of @family have use for these filters? */
gboolean adit_pcp_filters_suit(const AditPcpOptions *options, guint8 family);
