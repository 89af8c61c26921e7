/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* Result codes of RFC 6887 section 7.4, and the two private ones that StartOS uses. */
typedef enum {
    ADIT_PCP_SUCCESS = 0,
    ADIT_PCP_UNSUPP_VERSION = 1,
    ADIT_PCP_NOT_AUTHORIZED = 2,
    ADIT_PCP_MALFORMED_REQUEST = 3,
    ADIT_PCP_UNSUPP_OPCODE = 4,
    ADIT_PCP_UNSUPP_OPTION = 5,
    ADIT_PCP_MALFORMED_OPTION = 6,
    ADIT_PCP_NETWORK_FAILURE = 7,
    ADIT_PCP_NO_RESOURCES = 8,
    ADIT_PCP_UNSUPP_PROTOCOL = 9,
    ADIT_PCP_USER_EX_QUOTA = 10,
    ADIT_PCP_CANNOT_PROVIDE_EXTERNAL = 11,
    ADIT_PCP_ADDRESS_MISMATCH = 12,
    ADIT_PCP_EXCESSIVE_REMOTE_PEERS = 13,
    ADIT_PCP_HOSTNAME_TAKEN = 192,
    ADIT_PCP_HOSTNAME_UNSUPPORTED = 193,
    ADIT_PCP_SILENCE = 256, /* not a wire code: such a packet gets no answer at all */
} AditPcpResult;

#define ADIT_PCP_LIFETIME_MAX 86400 /* a client believes no grant beyond a day */
#define ADIT_PCP_ERROR_LONG 1800    /* seconds an error holds: also the most believed */
#define ADIT_PCP_ERROR_SHORT 30

/* "NOT_AUTHORIZED"; "UNKNOWN" for a code nobody defined. */
const char *adit_pcp_result_name(guint code);
/* The lifetime a server sends with an error; 0 for SUCCESS. CANNOT_PROVIDE_EXTERNAL counts as
 * short: a held port may be free soon. A server that knows better sends its own figure. */
guint32 adit_pcp_error_lifetime(guint code);
/* Client: how long to leave a request alone that was refused with @code for @lifetime. Some
 * servers send 0 with every error; then our own figure holds. */
guint32 adit_pcp_error_hold(guint code, guint32 lifetime);
/* Client: the lifetime to believe. */
guint32 adit_pcp_lifetime_cap(guint32 lifetime);
