/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/publisher/end.h"

#include "libadit/sys/syserror.h"

#include <errno.h>
#include <glib-unix.h>
#include <glib/gstdio.h>

struct _AditEnd {
    char *gateway, *link;
    guint family;
    AditAddr own, server;
    AditClient *client;
    guint source;
    gboolean retired, swept;
    AditEndNews news;
    AditEndStir stir;
    guint64 stirs; /* so far */
    gpointer data;
    AditEndDone done;
    gpointer done_data;
};

/* Those that give back what they hold. They share their file with whoever comes next. */
static GList *leaving;

void
adit_end_free(AditEnd *end)
{
    if (!end)
        return;
    leaving = g_list_remove(leaving, end);
    g_clear_handle_id(&end->source, g_source_remove);
    adit_client_free(end->client);
    g_free(end->gateway);
    g_free(end->link);
    g_free(end);
}

static void
finish(AditEnd *end)
{
    if (end->done)
        end->done(end->done_data);
    adit_end_free(end);
}

/* A link that was made anew is a tunnel that was away: what the server had to say meanwhile was
 * not heard. */
static guint64
count_stirs(const AditEnd *end)
{
    const AditClientCounts counts = adit_client_get_counts(end->client);

    return counts.pool.stirs + counts.pool.losses + counts.ways;
}

static void
look_for_stirs(AditEnd *end)
{
    const guint64 stirs = count_stirs(end);

    if (stirs != end->stirs && end->stir)
        end->stir(end, end->data);
    end->stirs = stirs;
}

static gboolean
on_ready(int fd, GIOCondition condition, gpointer data)
{
    AditEnd *end = data;
    AditPoolNews news;

    adit_client_dispatch(end->client, adit_client_now());
    while (adit_client_pop_event(end->client, &news))
        if (end->news)
            end->news(end, &news, end->data);
    look_for_stirs(end);
    if (!end->retired || !adit_client_is_drained(end->client))
        return G_SOURCE_CONTINUE;
    end->source = 0;
    finish(end);
    return G_SOURCE_REMOVE;
}

/* What comes anew renews what is there; a deletion on its way would take it away again. */
static void
stop_leaving(const char *gateway, guint family)
{
    for (GList *l = leaving, *next; l; l = next) {
        AditEnd *end = l->data;

        next = l->next;
        if (end->family == family && g_str_equal(end->gateway, gateway))
            finish(end);
    }
}

AditEnd *
adit_end_new(const AditPublishGateway *gateway, guint family, const char *state_dir,
             GError **error)
{
    g_autofree char *file = g_strdup_printf("%s.ipv%d", gateway->name, family == 0 ? 4 : 6);
    g_autofree char *state = g_build_filename(state_dir, file, NULL);
    const AditClientConfig config = { .device = gateway->link,
                                      .server = gateway->server[family],
                                      .own = gateway->own[family],
                                      .state = state };
    AditClient *client;
    AditEnd *end;

    if (g_mkdir_with_parents(state_dir, 0700) != 0) {
        adit_syserror_set(error, errno, "%s", state_dir);
        return NULL;
    }
    stop_leaving(gateway->name, family);
    client = adit_client_new(&config, adit_client_now(), error);
    if (!client)
        return NULL;
    end = g_new0(AditEnd, 1);
    end->gateway = g_strdup(gateway->name);
    end->link = g_strdup(gateway->link);
    end->family = family;
    end->own = config.own;
    end->server = config.server;
    end->client = client;
    end->stirs = count_stirs(end);
    end->source = g_unix_fd_add(adit_client_get_fd(client), G_IO_IN, on_ready, end);
    return end;
}

void
adit_end_set_news(AditEnd *end, AditEndNews news, AditEndStir stir, gpointer data)
{
    end->news = news;
    end->stir = stir;
    end->data = data;
}

gboolean
adit_end_is_of(AditEnd *end, const AditPublishGateway *gateway, guint family)
{
    if (family != end->family || !g_str_equal(gateway->name, end->gateway) ||
        !g_str_equal(gateway->link, end->link) ||
        adit_addr_cmp(&gateway->server[family], &end->server) != 0 ||
        !adit_addr_is_set(&gateway->own[family]))
        return FALSE;
    if (adit_addr_cmp(&gateway->own[family], &end->own) != 0) {
        end->own = gateway->own[family];
        adit_client_move(end->client, &end->own, adit_client_now());
    }
    return TRUE;
}

void
adit_end_sweep(AditEnd *end)
{
    if (!end->swept)
        adit_client_sweep(end->client, adit_client_now());
    end->swept = TRUE;
}

const char *
adit_end_get_gateway(const AditEnd *end)
{
    return end->gateway;
}

guint
adit_end_get_family(const AditEnd *end)
{
    return end->family;
}

AditClient *
adit_end_get_client(AditEnd *end)
{
    return end->client;
}

void
adit_end_retire(AditEnd *end, AditEndDone done, gpointer data)
{
    end->done = done;
    end->done_data = data;
    end->news = NULL;
    end->stir = NULL;
    end->retired = TRUE;
    leaving = g_list_prepend(leaving, end);
    adit_client_drain(end->client, adit_client_now());
    if (adit_client_is_drained(end->client))
        finish(end);
}
