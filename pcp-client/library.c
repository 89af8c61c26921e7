/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "pcp-client/adit-pcp.h"

#include "libadit/core/error.h"
#include "pcp-client/client.h"

#include <errno.h>
#include <string.h>

/* The client (client.h) for programs that know nothing of GLib: plain types, errno, text. */

#define LIFETIME 7200

struct adit_pcp {
    AditClient *client;
};

int64_t
adit_pcp_now(void)
{
    return adit_client_now();
}

/* "10.59.0.1,10.59.0.2": addresses of one family; NULL: it is not. */
static GArray *
read_servers(const char *text)
{
    g_auto(GStrv) words = g_strsplit(text ?: "", ",", -1);
    g_autoptr(GArray) servers = g_array_new(FALSE, FALSE, sizeof(AditAddr));

    for (guint i = 0; words[i]; i++) {
        AditAddr server;

        if (!adit_addr_parse(words[i], &server, NULL))
            return NULL;
        if (i > 0 && server.family != g_array_index(servers, AditAddr, 0).family)
            return NULL;
        g_array_append_val(servers, server);
    }
    return servers->len > 0 ? g_steal_pointer(&servers) : NULL;
}

static gboolean
read_config(const struct adit_pcp_config *config, const GArray *servers, AditClientConfig *ret)
{
    memset(ret, 0, sizeof(*ret));
    ret->device = config->device;
    ret->state = config->state;
    ret->server = g_array_index(servers, AditAddr, 0);
    ret->others = &g_array_index(servers, AditAddr, 1);
    ret->n_others = servers->len - 1;
    return !config->own || (adit_addr_parse(config->own, &ret->own, NULL) &&
                            ret->own.family == ret->server.family);
}

int
adit_pcp_open(const struct adit_pcp_config *config, int64_t now, struct adit_pcp **ret)
{
    g_autoptr(GArray) servers = read_servers(config->server);
    AditClientConfig own;
    AditClient *client;

    if (!servers || !read_config(config, servers, &own))
        return -EINVAL;
    client = adit_client_new(&own, now, NULL);
    if (!client)
        return -EMFILE; /* epoll, timerfd or rtnetlink: descriptors are what can be lacking */
    *ret = g_new0(struct adit_pcp, 1);
    (*ret)->client = client;
    return 0;
}

void
adit_pcp_close(struct adit_pcp *pcp)
{
    if (!pcp)
        return;
    adit_client_free(pcp->client);
    g_free(pcp);
}

int
adit_pcp_get_fd(const struct adit_pcp *pcp)
{
    return adit_client_get_fd(pcp->client);
}

int64_t
adit_pcp_deadline(const struct adit_pcp *pcp)
{
    return adit_client_deadline(pcp->client);
}

void
adit_pcp_dispatch(struct adit_pcp *pcp, int64_t now)
{
    adit_client_dispatch(pcp->client, now);
}

/* 0: nothing to tell of. */
static enum adit_pcp_event_type
type_of(AditMappingNews news)
{
    switch (news) {
    case ADIT_MAPPING_NO_NEWS: return 0;
    case ADIT_MAPPING_NEWS_GRANTED: return ADIT_PCP_EVENT_GRANTED;
    case ADIT_MAPPING_NEWS_RENEWED: return ADIT_PCP_EVENT_RENEWED;
    case ADIT_MAPPING_NEWS_CHANGED: return ADIT_PCP_EVENT_CHANGED;
    case ADIT_MAPPING_NEWS_LOST: return ADIT_PCP_EVENT_LOST;
    case ADIT_MAPPING_NEWS_REFUSED: return ADIT_PCP_EVENT_REFUSED;
    case ADIT_MAPPING_NEWS_DELETED: return ADIT_PCP_EVENT_DELETED;
    }
    g_assert_not_reached();
}

int
adit_pcp_pop_event(struct adit_pcp *pcp, struct adit_pcp_event *ret)
{
    AditPoolNews news;

    if (!adit_client_pop_event(pcp->client, &news))
        return 0;
    memset(ret, 0, sizeof(*ret));
    ret->type = type_of(news.what);
    ret->mapping = (struct adit_pcp_mapping *)news.mapping;
    if (adit_addr_is_set(&news.grant.external.addr)) {
        g_autofree char *text = adit_addr_to_string(&news.grant.external.addr);

        g_strlcpy(ret->address, text, sizeof(ret->address));
    }
    ret->port = news.grant.external.port;
    ret->lifetime = news.grant.lifetime;
    ret->result = news.reason == ADIT_MAPPING_ERROR ? (int)news.error : 0;
    ret->reason = adit_mapping_reason_name(news.reason);
    ret->dialect = adit_dialect_name(news.grant.dialect);
    return 1;
}

int
adit_pcp_add(struct adit_pcp *pcp, const struct adit_pcp_wish *wish, int64_t now,
             struct adit_pcp_mapping **ret)
{
    const AditWish own = {
        .protocol = wish->protocol,
        .internal_port = wish->internal_port,
        .external_port = wish->external_port,
        .exact = wish->exact != 0,
        .lifetime = wish->lifetime ?: LIFETIME,
    };
    g_autoptr(GError) error = NULL;
    const AditMapping *mapping;

    if (wish->exact && wish->external_port == 0)
        return -EINVAL;
    mapping = adit_client_add(pcp->client, &own, NULL, now, &error);
    if (!mapping)
        return g_error_matches(error, ADIT_ERROR, ADIT_ERROR_BUSY) ? -EBUSY : -EINVAL;
    if (ret)
        *ret = (struct adit_pcp_mapping *)mapping;
    return 0;
}

void
adit_pcp_drop(struct adit_pcp *pcp, struct adit_pcp_mapping *mapping, int64_t now)
{
    adit_client_drop(pcp->client, (const AditMapping *)mapping, now);
}

void
adit_pcp_sweep(struct adit_pcp *pcp, int64_t now)
{
    adit_client_sweep(pcp->client, now);
}

void
adit_pcp_drain(struct adit_pcp *pcp, int64_t now)
{
    adit_client_drain(pcp->client, now);
}

int
adit_pcp_is_drained(const struct adit_pcp *pcp)
{
    return adit_client_is_drained(pcp->client);
}

void
adit_pcp_wake(struct adit_pcp *pcp, int64_t now)
{
    adit_client_handshake(pcp->client, now);
}

const char *
adit_pcp_trouble(const struct adit_pcp *pcp)
{
    const GError *error = adit_client_get_error(pcp->client);

    return error ? error->message : NULL;
}

const char *
adit_pcp_result_text(int result)
{
    return adit_pcp_result_name(result < 0 ? G_MAXUINT : (guint)result);
}
