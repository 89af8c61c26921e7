/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/sys/watch.h"

#include "libadit/core/error.h"
#include "libadit/sys/nl.h"
#include "libadit/wire/rtnl-seen.h"

#include <glib-unix.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/rtnetlink.h>

/* Events come in bursts, so the look waits a little for the rest. Our own changes are heard as
 * well: the look after them finds everything as wanted, sends nothing, and there it ends. If
 * somebody keeps undoing what we do, we keep at it: between a deletion of rules and one of the
 * table there must be a repair. */

#define MS 1000
#define SETTLE (10 * MS)
#define SETTLE_LONG (40 * MS) /* in a long row of looks: still a repair within 100 ms */
#define CALM (1000 * MS)      /* a pause that ends a row */
#define PATIENCE 16
#define TURNS_MAX 256
#define AGAIN (1000 * MS)           /* after a look that failed */
#define SLOW (300 * G_USEC_PER_SEC) /* for what no event told */

struct _AditWatch {
    AditNl *route, *filter;
    guint route_source, filter_source;
    GSource *look; /* its ready time is the next look's */
    AditWatchFunc func;
    gpointer data;
    char *table;
    GStrv links;
    gboolean main_changed, table_changed;
    gboolean concerned; /* an event was read that calls for a look */
    gboolean due;       /* and the look has not been yet */
    gboolean deaf;      /* for nftables */
    guint n_read;       /* events, ever */
    guint row;
    gint64 last_look;
};

/* GSource knows its first member only. */
typedef struct {
    GSource source;
    AditWatch *watch;
} Look;

static gint64
delay_of(AditWatch *self, gint64 now)
{
    if (now - self->last_look > CALM)
        self->row = 0;
    self->row++;
    return self->row <= PATIENCE ? SETTLE : SETTLE_LONG;
}

/* A look that is planned sooner stays. */
static void
plan_look(AditWatch *self, gint64 when)
{
    const gint64 planned = g_source_get_ready_time(self->look);

    if (planned < 0 || when < planned)
        g_source_set_ready_time(self->look, when);
}

static gboolean
is_our_link(const AditWatch *self, const struct nlmsghdr *nlh)
{
    const struct nlattr *attr;

    mnl_attr_for_each(attr, nlh, sizeof(struct ifinfomsg))
    {
        if (mnl_attr_get_type(attr) == IFLA_IFNAME)
            return self->links &&
                   g_strv_contains((const char *const *)self->links, mnl_attr_get_str(attr));
    }
    return FALSE;
}

/* Every link has its link-local network in main. */
static gboolean
is_link_local(const struct nlmsghdr *nlh)
{
    AditSeenRoute route;

    return adit_seen_route_get(nlh, &route) && route.dst.len > 0 &&
           adit_addr_is_link_local(&route.dst.addr);
}

static gboolean
on_route_event(const struct nlmsghdr *nlh, gpointer data, GError **error)
{
    AditWatch *self = data;
    const struct rtmsg *route = mnl_nlmsg_get_payload(nlh);
    const struct ifinfomsg *link = mnl_nlmsg_get_payload(nlh);

    self->n_read++;
    switch (nlh->nlmsg_type) {
    case RTM_NEWROUTE:
    case RTM_DELROUTE:
        if (route->rtm_table == RT_TABLE_MAIN && !is_link_local(nlh))
            self->main_changed = self->concerned = TRUE;
        else if (route->rtm_protocol == ADIT_RTPROT)
            self->concerned = TRUE;
        break;
    case RTM_NEWLINK:
    case RTM_DELLINK: /* takes routes along that no event of their own tells; of AF_INET6: its
                         IPv6 is on again, of which nothing else tells */
        self->main_changed |= link->ifi_family == AF_UNSPEC && !is_our_link(self, nlh);
        self->concerned = TRUE;
        break;
    default: self->concerned = TRUE; /* rules, addresses, settings of a link */
    }
    return TRUE;
}

/* In messages of every kind but one the first attribute's type is the table's name. */
static gboolean
on_filter_event(const struct nlmsghdr *nlh, gpointer data, GError **error)
{
    AditWatch *self = data;
    const struct nlattr *attr;
    gboolean ours = FALSE;

    self->n_read++;
    if (NFNL_MSG_TYPE(nlh->nlmsg_type) == NFT_MSG_NEWGEN)
        return TRUE;
    mnl_attr_for_each(attr, nlh, sizeof(struct nfgenmsg))
    {
        if (mnl_attr_get_type(attr) == NFTA_TABLE_NAME)
            ours |= g_strcmp0(mnl_attr_get_str(attr), self->table) == 0;
    }
    self->table_changed |= ours;
    self->concerned |= ours;
    return TRUE;
}

/* A turn of dispatch reads so many at most; ten thousand routes that somebody added are ten
 * thousand events, and none may be left to tell the same once more. */
static void
read_events(AditWatch *self, AditNl *nl, AditNlFunc func)
{
    for (guint turn = 0; turn < TURNS_MAX; turn++) {
        g_autoptr(GError) local = NULL;
        const guint before = self->n_read;

        if (!adit_nl_dispatch(nl, func, self, &local)) {
            g_debug("watch: %s", local->message); /* overrun: anything may have happened */
            self->main_changed = self->table_changed = self->concerned = TRUE;
        } else if (self->n_read == before) {
            return;
        }
    }
}

static void
read_all(AditWatch *self)
{
    read_events(self, self->route, on_route_event);
    read_events(self, self->filter, on_filter_event);
}

static void
hear(AditWatch *self)
{
    const gint64 now = g_get_monotonic_time();

    read_all(self);
    if (self->concerned) {
        plan_look(self, now + delay_of(self, now));
        self->due = TRUE;
    }
    self->concerned = FALSE;
}

static gboolean
on_readable(int fd, GIOCondition condition, gpointer data)
{
    hear(data);
    return G_SOURCE_CONTINUE;
}

static gboolean
on_look(GSource *source, GSourceFunc callback, gpointer data)
{
    AditWatch *self = ((Look *)source)->watch;
    gboolean done;

    g_source_set_ready_time(source, -1);
    self->due = FALSE;
    done = self->func(self->data);
    self->due |= !done;
    self->last_look = g_get_monotonic_time();
    plan_look(self, self->last_look + (done ? SLOW : AGAIN));
    /* What was heard meanwhile waits as well, or one long look would follow the other. */
    if (g_source_get_ready_time(source) < self->last_look + SETTLE)
        g_source_set_ready_time(source, self->last_look + SETTLE);
    return G_SOURCE_CONTINUE;
}

static AditNl *
open_events(int protocol, const guint *groups, GError **error)
{
    g_autoptr(AditNl) nl = adit_nl_open(protocol, error);

    for (guint i = 0; nl && groups[i] != 0; i++)
        if (!adit_nl_subscribe(nl, groups[i], error))
            return NULL;
    return g_steal_pointer(&nl);
}

AditWatch *
adit_watch_new(AditWatchFunc func, gpointer data, GError **error)
{
    static const guint route_groups[] = {
        RTNLGRP_LINK,        RTNLGRP_IPV4_IFADDR,
        RTNLGRP_IPV4_ROUTE,  RTNLGRP_IPV4_RULE,
        RTNLGRP_IPV6_IFADDR, RTNLGRP_IPV6_ROUTE,
        RTNLGRP_IPV6_RULE,   RTNLGRP_IPV4_NETCONF,
        RTNLGRP_IPV6_IFINFO, 0,
    };
    static const guint filter_groups[] = { NFNLGRP_NFTABLES, 0 };
    static GSourceFuncs look_funcs = { .dispatch = on_look };
    g_autoptr(AditWatch) self = g_new0(AditWatch, 1);

    self->func = func;
    self->data = data;
    self->main_changed = self->table_changed = TRUE;
    self->route = open_events(NETLINK_ROUTE, route_groups, error);
    self->filter = self->route ? open_events(NETLINK_NETFILTER, filter_groups, error) : NULL;
    if (!self->filter)
        return NULL;
    self->look = g_source_new(&look_funcs, sizeof(Look));
    ((Look *)self->look)->watch = self;
    g_source_attach(self->look, NULL);
    plan_look(self, g_get_monotonic_time() + SLOW);
    self->route_source =
        g_unix_fd_add(adit_nl_get_fd(self->route), G_IO_IN | G_IO_ERR, on_readable, self);
    self->filter_source =
        g_unix_fd_add(adit_nl_get_fd(self->filter), G_IO_IN | G_IO_ERR, on_readable, self);
    return g_steal_pointer(&self);
}

void
adit_watch_set_ours(AditWatch *self, const char *table, const char *const *links)
{
    g_free(self->table);
    g_strfreev(self->links);
    self->table = g_strdup(table);
    self->links = g_strdupv((char **)links);
}

gboolean
adit_watch_is_due(AditWatch *self)
{
    hear(self);
    return self->due || self->deaf;
}

gboolean
adit_watch_take_main(AditWatch *self)
{
    gboolean was;

    hear(self);
    was = self->main_changed;
    self->main_changed = FALSE;
    return was;
}

gboolean
adit_watch_take_table(AditWatch *self)
{
    gboolean was;

    read_all(self);
    self->concerned = FALSE;
    was = self->table_changed;
    self->table_changed = FALSE;
    return was;
}

void
adit_watch_set_deaf(AditWatch *self, gboolean deaf)
{
    self->deaf = deaf;
    if (deaf) {
        adit_nl_unsubscribe(self->filter, NFNLGRP_NFTABLES);
    } else if (!adit_nl_subscribe(self->filter, NFNLGRP_NFTABLES, NULL)) {
        self->table_changed = TRUE; /* the next look will be a thorough one */
        self->deaf = TRUE;
    }
}

gboolean
adit_watch_ignore(AditWatch *self, const AditNl *who, GError **error)
{
    return adit_nl_ignore(self->filter, who, error);
}

gboolean
adit_watch_ignore_routes(AditWatch *self, const AditNl *who, GError **error)
{
    return adit_nl_ignore(self->route, who, error);
}

void
adit_watch_again(AditWatch *self)
{
    plan_look(self, g_get_monotonic_time() + AGAIN);
    self->due = TRUE;
}

void
adit_watch_free(AditWatch *self)
{
    if (!self)
        return;
    g_clear_handle_id(&self->route_source, g_source_remove);
    g_clear_handle_id(&self->filter_source, g_source_remove);
    if (self->look) {
        g_source_destroy(self->look);
        g_source_unref(self->look);
    }
    g_clear_pointer(&self->route, adit_nl_close);
    g_clear_pointer(&self->filter, adit_nl_close);
    g_free(self->table);
    g_strfreev(self->links);
    g_free(self);
}
