/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "pcp-client/reach.h"

const char *
adit_reach_state_name(AditReachState state)
{
    switch (state) {
    case ADIT_REACH_WAITING: return "waiting";
    case ADIT_REACH_ASKING: return "asking";
    case ADIT_REACH_PUBLISHED: return "published";
    case ADIT_REACH_RENEWING: return "renewing";
    case ADIT_REACH_LOST: return "lost";
    case ADIT_REACH_REFUSED: return "refused";
    }
    g_assert_not_reached();
}

const char *
adit_redirect_state_name(AditRedirectState state)
{
    switch (state) {
    case ADIT_REDIRECT_OFF: return "";
    case ADIT_REDIRECT_PENDING: return "asking";
    case ADIT_REDIRECT_BY_SERVER: return "by the server";
    case ADIT_REDIRECT_BY_SECOND: return "by a second mapping";
    case ADIT_REDIRECT_BY_LOCAL: return "by this machine";
    case ADIT_REDIRECT_YIELDED: return "yields to port 80 itself";
    case ADIT_REDIRECT_REFUSED: return "refused";
    }
    g_assert_not_reached();
}

static AditReachState
state_of(const AditMapping *m)
{
    switch (m->state) {
    case ADIT_MAPPING_IDLE:
    case ADIT_MAPPING_DELETING:
    case ADIT_MAPPING_ASKING:
    case ADIT_MAPPING_WAITING:
        switch (m->reason) {
        case ADIT_MAPPING_NO_REASON: return ADIT_REACH_ASKING;
        case ADIT_MAPPING_RESTARTED:
        case ADIT_MAPPING_MOVED:
        case ADIT_MAPPING_EXPIRED:
        case ADIT_MAPPING_REVOKED: return ADIT_REACH_LOST;
        case ADIT_MAPPING_ERROR:
        case ADIT_MAPPING_OTHER: return ADIT_REACH_REFUSED; /* and asked for once more */
        }
        g_assert_not_reached();
    case ADIT_MAPPING_GRANTED: return ADIT_REACH_PUBLISHED;
    case ADIT_MAPPING_RENEWING: return ADIT_REACH_RENEWING;
    case ADIT_MAPPING_REFUSED:
    case ADIT_MAPPING_STOPPED: return ADIT_REACH_REFUSED;
    }
    g_assert_not_reached();
}

/* What is worst says how the whole is: later in this row is worse. */
static guint
badness(AditReachState state)
{
    switch (state) {
    case ADIT_REACH_PUBLISHED: return 0;
    case ADIT_REACH_RENEWING: return 1;
    case ADIT_REACH_WAITING: return 2;
    case ADIT_REACH_ASKING: return 3;
    case ADIT_REACH_LOST: return 4;
    case ADIT_REACH_REFUSED: return 5;
    }
    g_assert_not_reached();
}

static const AditMapping *
worst_of(const AditMapping *const *mappings, guint n)
{
    const AditMapping *worst = mappings[0];

    for (guint i = 1; i < n; i++)
        if (badness(state_of(mappings[i])) > badness(state_of(worst)))
            worst = mappings[i];
    return worst;
}

AditReachStatus
adit_reach_judge(const AditMapping *const *mappings, guint n)
{
    const AditMapping *first = mappings[0];
    AditReachStatus status = { .state = state_of(worst_of(mappings, n)),
                               .dialect = first->grant.dialect };

    if (status.state != ADIT_REACH_PUBLISHED && status.state != ADIT_REACH_RENEWING)
        return status;
    status.outside = first->grant.external;
    status.until = first->grant.until;
    for (guint i = 0; i < n; i++) {
        status.since = MAX(status.since, mappings[i]->grant.since);
        status.until = MIN(status.until, mappings[i]->grant.until);
    }
    return status;
}

static const char *
words_of(guint error)
{
    switch (error) {
    case ADIT_PCP_NOT_AUTHORIZED:
        return "the server does not let this device publish it: its port is reserved or taken, "
               "or `adit-server device set-publish` is off";
    case ADIT_PCP_CANNOT_PROVIDE_EXTERNAL:
        return "the server cannot give this port: somebody else has it, or it has no address "
               "to publish at";
    case ADIT_PCP_USER_EX_QUOTA: return "this device has as many ports as the server allows";
    case ADIT_PCP_NO_RESOURCES: return "the server has no room for it at present";
    case ADIT_PCP_NETWORK_FAILURE: return "the server has lost its own network";
    case ADIT_PCP_ADDRESS_MISMATCH:
        return "another NAT stands between this machine and the server";
    case ADIT_PCP_UNSUPP_PROTOCOL: return "the server does not map this protocol";
    case ADIT_PCP_UNSUPP_VERSION: return "the server speaks neither PCP nor NAT-PMP";
    default: return NULL;
    }
}

static char *
reason_of(const AditMapping *m)
{
    switch (m->reason) {
    case ADIT_MAPPING_NO_REASON: return g_strdup("");
    case ADIT_MAPPING_RESTARTED:
    case ADIT_MAPPING_MOVED:
    case ADIT_MAPPING_EXPIRED:
    case ADIT_MAPPING_REVOKED: return g_strdup(adit_mapping_reason_name(m->reason));
    case ADIT_MAPPING_ERROR:
        return words_of(m->error)
                   ? g_strdup(words_of(m->error))
                   : g_strdup_printf("the server answers %s", adit_pcp_result_name(m->error));
    case ADIT_MAPPING_OTHER: return g_strdup("the server offers another port only");
    }
    g_assert_not_reached();
}

char *
adit_reach_reason(const AditMapping *const *mappings, guint n)
{
    const AditMapping *worst = worst_of(mappings, n);
    g_autofree char *reason = reason_of(worst);

    if (n == 1 || !*reason || adit_mapping_is_held(worst))
        return adit_mapping_is_held(worst) ? g_strdup("") : g_steal_pointer(&reason);
    return g_strdup_printf("port %u: %s", worst->wish.internal_port, reason);
}
