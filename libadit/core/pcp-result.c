/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libadit/core/pcp-result.h"

typedef struct {
    guint code;
    guint32 lifetime;
    const char *name;
} Row;

static const Row rows[] = {
    { ADIT_PCP_SUCCESS, 0, "SUCCESS" },
    { ADIT_PCP_UNSUPP_VERSION, ADIT_PCP_ERROR_LONG, "UNSUPP_VERSION" },
    { ADIT_PCP_NOT_AUTHORIZED, ADIT_PCP_ERROR_LONG, "NOT_AUTHORIZED" },
    { ADIT_PCP_MALFORMED_REQUEST, ADIT_PCP_ERROR_LONG, "MALFORMED_REQUEST" },
    { ADIT_PCP_UNSUPP_OPCODE, ADIT_PCP_ERROR_LONG, "UNSUPP_OPCODE" },
    { ADIT_PCP_UNSUPP_OPTION, ADIT_PCP_ERROR_LONG, "UNSUPP_OPTION" },
    { ADIT_PCP_MALFORMED_OPTION, ADIT_PCP_ERROR_LONG, "MALFORMED_OPTION" },
    { ADIT_PCP_NETWORK_FAILURE, ADIT_PCP_ERROR_SHORT, "NETWORK_FAILURE" },
    { ADIT_PCP_NO_RESOURCES, ADIT_PCP_ERROR_SHORT, "NO_RESOURCES" },
    { ADIT_PCP_UNSUPP_PROTOCOL, ADIT_PCP_ERROR_LONG, "UNSUPP_PROTOCOL" },
    { ADIT_PCP_USER_EX_QUOTA, ADIT_PCP_ERROR_SHORT, "USER_EX_QUOTA" },
    { ADIT_PCP_CANNOT_PROVIDE_EXTERNAL, ADIT_PCP_ERROR_SHORT, "CANNOT_PROVIDE_EXTERNAL" },
    { ADIT_PCP_ADDRESS_MISMATCH, ADIT_PCP_ERROR_LONG, "ADDRESS_MISMATCH" },
    { ADIT_PCP_EXCESSIVE_REMOTE_PEERS, ADIT_PCP_ERROR_LONG, "EXCESSIVE_REMOTE_PEERS" },
    { ADIT_PCP_HOSTNAME_TAKEN, ADIT_PCP_ERROR_SHORT, "HOSTNAME_TAKEN" },
    { ADIT_PCP_HOSTNAME_UNSUPPORTED, ADIT_PCP_ERROR_LONG, "HOSTNAME_UNSUPPORTED" },
};

/* A code nobody defined is held long: the request will not become better known soon. */
static const Row unknown = { 0, ADIT_PCP_ERROR_LONG, "UNKNOWN" };

static const Row *
find(guint code)
{
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        if (rows[i].code == code)
            return &rows[i];
    }
    return &unknown;
}

const char *
adit_pcp_result_name(guint code)
{
    return find(code)->name;
}

guint32
adit_pcp_error_lifetime(guint code)
{
    return find(code)->lifetime;
}

guint32
adit_pcp_error_hold(guint code, guint32 lifetime)
{
    if (lifetime == 0)
        return adit_pcp_error_lifetime(code);
    return MIN(lifetime, ADIT_PCP_ERROR_LONG);
}

guint32
adit_pcp_lifetime_cap(guint32 lifetime)
{
    return MIN(lifetime, ADIT_PCP_LIFETIME_MAX);
}
