/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/pcp-answer.h"

#include "tunnel-server/pcp-ports.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

/* RFC 6887 sections 11 and 15: what a MAP comes to. The order of the questions is the order of
 * who may say no: the operator, the owner of a mapping, the quota, the port. */

const AditPcpOffer adit_pcp_server_offer = {
    1u << ADIT_PCP_ANNOUNCE | 1u << ADIT_PCP_MAP,
    ADIT_PCP_HAS_PREFER_FAILURE | ADIT_PCP_HAS_FILTER | ADIT_PCP_HAS_DESCRIPTION |
        ADIT_PCP_HAS_PORT_SET | ADIT_PCP_HAS_REDIRECT,
};

#define SET_MAX 256 /* ports of one request */
#define LOW ADIT_PCP_SITE_LOW

typedef struct {
    const AditPcpDesk *desk;
    const AditPcpHost *host;
    const AditPcpRequest *request;
    AditPcpReply *reply;
    AditPcpRefusal *refusal;
} Ask;

static void
refuse_for(Ask *ask, AditPcpResult result, guint32 lifetime)
{
    ask->reply->result = (guint8)result;
    ask->reply->lifetime = lifetime;
}

static void
refuse(Ask *ask, AditPcpResult result)
{
    refuse_for(ask, result, adit_pcp_error_lifetime(result));
}

static AditLeaseEnds
ends_of(const Ask *ask, guint8 flags)
{
    const AditPcpBody *body = &ask->request->body;
    const AditLeaseEnds ends = { .internal = ask->host->addr,
                                 .external = ask->host->external,
                                 .internal_port = body->internal_port,
                                 .proto = body->protocol,
                                 .flags = flags };

    return ends;
}

static gboolean
is_own(const Ask *ask, const AditLease *lease)
{
    return memcmp(lease->nonce, ask->request->body.nonce, ADIT_PCP_NONCE) == 0;
}

/* The mapping that the request is about: in general that of its inside end, whosever it is. */
static const AditLease *
find(const Ask *ask)
{
    const AditLeaseEnds first = ends_of(ask, 0), second = ends_of(ask, ADIT_LEASE_SECOND);
    const AditLease *lease = adit_lease_find_internal(ask->desk->table, &first);
    const AditLease *other = adit_lease_find_internal(ask->desk->table, &second);

    return other && is_own(ask, other) && !(lease && is_own(ask, lease)) ? other : lease;
}

static guint32
clamp_lifetime(const Ask *ask)
{
    const AditServerSettings *rules = ask->desk->rules;
    const gint64 lifetime = MIN(ask->request->lifetime, rules->max_lifetime);

    return (guint32)MAX(lifetime, rules->min_lifetime);
}

/* -- what is asked for besides a port -- */

static void
draft_description(const Ask *ask, AditLease *draft)
{
    const char *text = ask->request->options.description;
    gsize len = MIN(strlen(text), ADIT_LEASE_DESCRIPTION_MAX);

    if (!(ask->request->options.has & ADIT_PCP_HAS_DESCRIPTION))
        return;
    while (len > 0 && ((guint8)text[len] & 0xc0) == 0x80)
        len--; /* no half of a character */
    draft->description = g_strndup(text, len);
}

/* All of them or none. A network without an address family forgets those before it. */
static gboolean
draft_filters(Ask *ask, AditLease *draft)
{
    const AditPcpOptions *options = &ask->request->options;
    guint n = 0;

    draft->filters = g_new0(AditPrefix, options->n_filters);
    for (guint i = 0; i < options->n_filters; i++) {
        const AditPcpFilter *filter = &options->filters[i];

        if (filter->port != 0) {
            refuse(ask, ADIT_PCP_UNSUPP_OPTION); /* the data path asks no visitor's port */
            return FALSE;
        }
        if (filter->remote.addr.family == 0)
            n = 0;
        else
            draft->filters[n++] = adit_prefix_network(&filter->remote);
    }
    if (n > ask->desk->rules->filters) {
        refuse(ask, ADIT_PCP_EXCESSIVE_REMOTE_PEERS);
        return FALSE;
    }
    draft->n_filters = (guint8)n;
    return TRUE;
}

static void
draft_redirect(const Ask *ask, AditLease *draft)
{
    if (ask->request->options.has & ADIT_PCP_HAS_REDIRECT) {
        draft->redirect = ask->request->options.redirect;
        draft->redirect.status = (guint8)adit_pcp_redirect_status(ask->desk, draft);
    }
}

/* Own parts of @draft are to be freed, also on FALSE. */
static gboolean
draft_options(Ask *ask, AditLease *draft)
{
    memcpy(draft->nonce, ask->request->body.nonce, ADIT_PCP_NONCE);
    draft->since_ms = ask->desk->now_ms;
    draft->expires_ms = draft->since_ms + clamp_lifetime(ask) * G_GINT64_CONSTANT(1000);
    draft_description(ask, draft);
    return draft_filters(ask, draft);
}

static void
clear_draft(AditLease *draft)
{
    g_clear_pointer(&draft->description, g_free);
    g_clear_pointer(&draft->filters, g_free);
}

/* -- answers -- */

/* Only what is in force is said back. @size: how many ports in a row. */
static void
grant(Ask *ask, const AditLease *lease, guint size)
{
    const guint32 asked = ask->request->options.has;
    AditPcpReply *reply = ask->reply;

    reply->result = ADIT_PCP_SUCCESS;
    reply->lifetime = adit_lease_left(lease, ask->desk->now_ms);
    reply->body.external = ask->host->reported;
    reply->body.external_port = lease->ends.external_port;
    if (asked & ADIT_PCP_HAS_REDIRECT)
        reply->options.redirect = lease->redirect;
    if (asked & ADIT_PCP_HAS_DESCRIPTION)
        g_strlcpy(reply->options.description, lease->description,
                  sizeof(reply->options.description));
    if (asked & ADIT_PCP_HAS_FILTER) {
        reply->options.n_filters = ask->request->options.n_filters;
        memcpy(reply->options.filters, ask->request->options.filters,
               sizeof(reply->options.filters));
    }
    if (asked & ADIT_PCP_HAS_PORT_SET) {
        reply->options.port_set.size = (guint16)size;
        reply->options.port_set.first_internal = lease->ends.internal_port;
        reply->options.port_set.parity =
            ((lease->ends.external_port ^ lease->ends.internal_port) & 1) == 0;
    }
    reply->options.has = asked & adit_pcp_server_offer.options;
}

/* RFC 7753: how many ports from the inside one on. */
static guint
wanted_size(const Ask *ask)
{
    const AditPcpOptions *options = &ask->request->options;
    const guint room = G_MAXUINT16 + 1u - ask->request->body.internal_port;

    if (!(options->has & ADIT_PCP_HAS_PORT_SET))
        return 1;
    return MIN(MIN(options->port_set.size, SET_MAX), room);
}

/* The lease of the port @i behind that of the request; NULL: none. */
static const AditLease *
find_behind(const Ask *ask, guint i)
{
    AditLeaseEnds ends = ends_of(ask, 0);

    ends.internal_port = (guint16)(ends.internal_port + i);
    return adit_lease_find_internal(ask->desk->table, &ends);
}

/* The suggestion fits what there is. */
static gboolean
suits(const Ask *ask, guint16 port)
{
    const AditPcpBody *body = &ask->request->body;

    return (body->external_port == 0 || body->external_port == port) &&
           (!adit_addr_is_set(&body->external) || adit_addr_is_unspecified(&body->external) ||
            adit_addr_cmp(&body->external, &ask->host->external) == 0 ||
            adit_addr_cmp(&body->external, &ask->host->reported) == 0);
}

static gboolean
prefers_failure(const Ask *ask)
{
    return (ask->request->options.has & ADIT_PCP_HAS_PREFER_FAILURE) != 0;
}

/* The rest of a row of ports, as far as it goes; how many in all. */
static guint
refresh_row(Ask *ask, const AditLease *first, AditLease *next)
{
    const guint size = wanted_size(ask);
    guint i = 1;

    memset(&next->redirect, 0, sizeof(next->redirect));
    for (; i < size; i++) {
        const AditLease *lease = find_behind(ask, i);

        if (!lease || !is_own(ask, lease) || !adit_lease_is_on(lease) ||
            lease->ends.external_port != first->ends.external_port + i)
            break;
        adit_lease_update(ask->desk->table, lease, next);
    }
    return i;
}

static void
refresh(Ask *ask, const AditLease *lease)
{
    AditLease next = *lease;

    next.filters = NULL;
    next.n_filters = 0;
    next.description = NULL;
    memset(&next.redirect, 0, sizeof(next.redirect));
    if (!adit_lease_is_on(lease)) {
        refuse(ask, ADIT_PCP_NOT_AUTHORIZED);
    } else if (prefers_failure(ask) && !suits(ask, lease->ends.external_port)) {
        refuse_for(ask, ADIT_PCP_CANNOT_PROVIDE_EXTERNAL,
                   adit_lease_left(lease, ask->desk->now_ms));
    } else if (draft_options(ask, &next)) {
        draft_redirect(ask, &next);
        adit_lease_update(ask->desk->table, lease, &next);
        grant(ask, lease, refresh_row(ask, lease, &next));
    }
    clear_draft(&next);
}

/* Port 80 becomes a mapping of its own: a redirect gives way. */
static void
end_redirect(const Ask *ask, const AditLease *lease)
{
    const AditSockAddr external = adit_lease_external(lease);
    const AditLease *other = adit_lease_find_redirect(ask->desk->table, &external);
    AditLease next;

    if (!other || lease->ends.proto != IPPROTO_TCP)
        return;
    next = *other;
    next.redirect.status = ADIT_PCP_REDIRECT_YIELDED;
    adit_lease_update(ask->desk->table, other, &next);
}

/* Ports of the server's own addresses below 1024 are few, and everybody wants them. */
static gboolean
check_low(Ask *ask, const AditLeaseEnds *ends, guint size)
{
    if (ends->external_port >= LOW || ends->external.family != AF_INET ||
        adit_lease_table_count_low(ask->desk->table, ask->host->device) + ask->host->own_low +
                size <=
            ask->desk->rules->low_quota)
        return TRUE;
    refuse(ask, ADIT_PCP_USER_EX_QUOTA);
    return FALSE;
}

static void
note_refusal(Ask *ask, const AditPcpPort *wanted, const AditPcpVerdict *verdict)
{
    if (!ask->refusal)
        return;
    ask->refusal->proto = wanted->proto;
    ask->refusal->external = wanted->external;
    ask->refusal->holder = verdict->holder;
}

/* FALSE: refused. @size: how many are wanted, then how many there are. */
static gboolean
choose_port(Ask *ask, AditLeaseEnds *ends, guint *size)
{
    const AditPcpBody *body = &ask->request->body;
    const gboolean exactly = prefers_failure(ask) && body->external_port != 0;
    const AditPcpPort wanted = { .proto = ends->proto,
                                 .external = { ends->external, body->external_port },
                                 .device = ask->host->device,
                                 .size = (guint16)*size,
                                 .parity = ask->request->options.port_set.parity };
    AditPcpVerdict verdict =
        adit_pcp_port_choose(ask->desk, &wanted, ends->internal_port, exactly);

    if (verdict.state == ADIT_PCP_PORT_FREE) {
        ends->external_port = verdict.port;
        *size = verdict.size;
        return check_low(ask, ends, verdict.size);
    }
    note_refusal(ask, &wanted, &verdict);
    if (exactly)
        refuse_for(ask, ADIT_PCP_CANNOT_PROVIDE_EXTERNAL, verdict.lifetime);
    else
        refuse(ask, ADIT_PCP_NO_RESOURCES);
    return FALSE;
}

/* @ret_size: how many ports in a row there may be, by quota and by what is mapped already. */
static gboolean
check_room(Ask *ask, guint *ret_size)
{
    const AditPcpDesk *desk = ask->desk;
    const guint used = adit_lease_table_count(desk->table, ask->host->device) + ask->host->own;
    guint size = wanted_size(ask);

    if (!adit_addr_is_set(&ask->host->external)) {
        refuse(ask, ADIT_PCP_NETWORK_FAILURE); /* this server has no such address at present */
        return FALSE;
    }
    if (used >= desk->rules->quota) {
        refuse(ask, ADIT_PCP_USER_EX_QUOTA);
        return FALSE;
    }
    if (prefers_failure(ask) && !suits(ask, ask->request->body.external_port)) {
        refuse_for(ask, ADIT_PCP_CANNOT_PROVIDE_EXTERNAL, ADIT_PCP_ERROR_LONG);
        return FALSE;
    }
    size = MIN(size, (guint)desk->rules->quota - used);
    for (guint i = 1; i < size; i++)
        if (find_behind(ask, i))
            size = i;
    *ret_size = size;
    return TRUE;
}

/* The whole row has one nonce and one end; from then on each is a mapping of its own. */
static const AditLease *
add_row(Ask *ask, AditLease *draft, guint size)
{
    const AditLease *first = adit_lease_add(ask->desk->table, draft);

    memset(&draft->redirect, 0, sizeof(draft->redirect));
    for (guint i = 1; i < size; i++) {
        draft->ends.internal_port++;
        draft->ends.external_port++;
        end_redirect(ask, adit_lease_add(ask->desk->table, draft));
    }
    end_redirect(ask, first);
    return first;
}

static void
create(Ask *ask, guint8 flags)
{
    AditLease draft = { .ends = ends_of(ask, flags), .device = ask->host->device };
    guint size;

    if (check_room(ask, &size) && draft_options(ask, &draft) &&
        choose_port(ask, &draft.ends, &size)) {
        draft_redirect(ask, &draft);
        grant(ask, add_row(ask, &draft, size), size);
    }
    clear_draft(&draft);
}

/* What the operator opened is the device's too, as long as it wants nothing else. FALSE: it
 * wants a mapping of its own. */
static gboolean
answer_by_manual(Ask *ask, const AditPcpManual *manual)
{
    const AditPcpBody *body = &ask->request->body;
    const guint16 port =
        (guint16)(manual->external.port + (body->internal_port - manual->internal.port));

    if (!manual->enabled || ask->request->lifetime == 0) {
        refuse(ask, ADIT_PCP_NOT_AUTHORIZED);
        return TRUE;
    }
    if (!suits(ask, port))
        return FALSE;
    if (ask->request->options.n_filters > 0) {
        refuse(ask, ADIT_PCP_NOT_AUTHORIZED);
        return TRUE;
    }
    ask->reply->lifetime = clamp_lifetime(ask);
    ask->reply->body.external = ask->host->reported;
    ask->reply->body.external_port = port;
    return TRUE;
}

static const AditPcpManual *
find_manual(const Ask *ask)
{
    const AditSockAddr internal = { ask->host->addr, ask->request->body.internal_port };

    return adit_pcp_manuals_to(adit_pcp_site_manuals(ask->desk->site),
                               ask->request->body.protocol, &internal);
}

/* As StartOS asks for it: port 80 of a device that holds 443, to the same inside port. */
static gboolean
may_have_second(const Ask *ask)
{
    const AditPcpBody *body = &ask->request->body;
    const AditLeaseEnds ends = ends_of(ask, ADIT_LEASE_SECOND);

    return ask->desk->rules->second && body->protocol == IPPROTO_TCP &&
           body->internal_port == 443 && body->external_port == 80 &&
           !adit_lease_find_internal(ask->desk->table, &ends);
}

static gboolean
check_map(Ask *ask)
{
    const AditPcpBody *body = &ask->request->body;

    if (!ask->host->may_publish)
        refuse(ask, ADIT_PCP_NOT_AUTHORIZED);
    else if (body->protocol != IPPROTO_TCP && body->protocol != IPPROTO_UDP)
        refuse(ask, ADIT_PCP_UNSUPP_PROTOCOL);
    else if (body->internal_port == 0)
        refuse(ask, ADIT_PCP_NOT_AUTHORIZED); /* all ports: that is the operator's to give */
    else if (ask->request->options.has & ADIT_PCP_HAS_PORT_SET &&
             ask->request->options.port_set.first_internal != body->internal_port)
        refuse(ask, ADIT_PCP_MALFORMED_OPTION);
    else
        return TRUE;
    return FALSE;
}

static void
answer_map(Ask *ask)
{
    const AditLease *lease;
    const AditPcpManual *manual;

    if (!check_map(ask))
        return;
    lease = find(ask);
    if (lease && is_own(ask, lease)) {
        refresh(ask, lease);
        return;
    }
    if (lease && !may_have_second(ask)) {
        refuse_for(ask, ADIT_PCP_NOT_AUTHORIZED, adit_lease_left(lease, ask->desk->now_ms));
        return;
    }
    manual = lease ? NULL : find_manual(ask);
    if (!manual || !answer_by_manual(ask, manual))
        create(ask, lease ? ADIT_LEASE_SECOND : 0);
}

/* -- deletion -- */

static void
remove_lease(const Ask *ask, const AditLease *lease)
{
    adit_lease_remove(ask->desk->table, lease, ask->desk->now_ms,
                      ask->desk->rules->recycle * 1000);
}

/* The ports behind the first. */
static void
remove_row(const Ask *ask)
{
    for (guint i = 1; i < wanted_size(ask); i++) {
        const AditLease *lease = find_behind(ask, i);

        if (lease && is_own(ask, lease) && adit_lease_is_on(lease))
            remove_lease(ask, lease);
    }
}

static void
remove_if_meant(const AditLease *lease, gpointer data)
{
    const Ask *ask = data;
    const guint8 proto = ask->request->body.protocol;

    if ((proto == 0 || lease->ends.proto == proto) && is_own(ask, lease) &&
        adit_lease_is_on(lease) && adit_addr_cmp(&lease->ends.internal, &ask->host->addr) == 0)
        remove_lease(ask, lease);
}

static void
answer_delete(Ask *ask)
{
    const AditPcpBody *body = &ask->request->body;
    const AditLease *lease;
    const AditPcpManual *manual;

    if (body->internal_port == 0) {
        adit_lease_foreach_of(ask->desk->table, ask->host->device, remove_if_meant, ask);
        return;
    }
    lease = find(ask);
    if (lease && is_own(ask, lease) && adit_lease_is_on(lease)) {
        remove_row(ask);
        remove_lease(ask, lease);
    } else if (lease) {
        refuse_for(ask, ADIT_PCP_NOT_AUTHORIZED, adit_lease_left(lease, ask->desk->now_ms));
    } else {
        manual = find_manual(ask);
        if (manual)
            answer_by_manual(ask, manual);
    }
}

void
adit_pcp_answer(const AditPcpDesk *desk, const AditPcpHost *host, const AditPcpRequest *request,
                AditPcpReply *ret, AditPcpRefusal *ret_refusal)
{
    Ask ask = { desk, host, request, ret, ret_refusal };

    adit_pcp_reply_init(request, ret);
    ret->epoch = desk->epoch;
    if (ret_refusal)
        memset(ret_refusal, 0, sizeof(*ret_refusal));
    if (request->opcode != ADIT_PCP_MAP)
        return; /* ANNOUNCE: the epoch is the answer */
    if (request->lifetime == 0)
        answer_delete(&ask);
    else
        answer_map(&ask);
}
