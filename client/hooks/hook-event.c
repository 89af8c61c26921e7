/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/hooks/hook-event.h"

#include <string.h>

const char *
adit_hook_kind_name(AditHookKind kind)
{
    switch (kind) {
    case ADIT_HOOK_LOST: return "lost";
    case ADIT_HOOK_GATEWAY_DOWN: return "gateway-down";
    case ADIT_HOOK_GATEWAY_UP: return "gateway-up";
    case ADIT_HOOK_PUBLISHED: return "published";
    case ADIT_HOOK_SELECTED: return "selected";
    }
    g_assert_not_reached();
}

/* -- views -- */

static void
gateway_free(gpointer data)
{
    AditHookGateway *gateway = data;

    g_free(gateway->name);
    g_free(gateway->link);
    g_free(gateway->backend);
    g_free(gateway->state);
    g_strfreev(gateway->addresses);
    g_free(gateway);
}

static void
reach_free(gpointer data)
{
    AditHookReach *reach = data;

    g_free(reach->path);
    g_free(reach->ports);
    g_free(reach->gateway);
    g_free(reach->label);
    g_free(reach->inside);
    g_free(reach->reason);
    g_free(reach->outside);
    g_free(reach->state);
    g_free(reach);
}

AditHookView *
adit_hook_view_new(void)
{
    AditHookView *view = g_new0(AditHookView, 1);

    view->gateways = g_ptr_array_new_with_free_func(gateway_free);
    view->reaches = g_ptr_array_new_with_free_func(reach_free);
    return view;
}

void
adit_hook_view_free(AditHookView *view)
{
    if (!view)
        return;
    g_clear_pointer(&view->gateways, g_ptr_array_unref);
    g_clear_pointer(&view->reaches, g_ptr_array_unref);
    g_free(view);
}

AditHookGateway *
adit_hook_view_add_gateway(AditHookView *view, const char *name)
{
    AditHookGateway *gateway = g_new0(AditHookGateway, 1);

    gateway->name = g_strdup(name);
    g_ptr_array_add(view->gateways, gateway);
    return gateway;
}

AditHookReach *
adit_hook_view_add_reach(AditHookView *view, const char *path)
{
    AditHookReach *reach = g_new0(AditHookReach, 1);

    reach->path = g_strdup(path);
    g_ptr_array_add(view->reaches, reach);
    return reach;
}

static AditHookGateway *
find_gateway(const AditHookView *view, const char *name)
{
    for (guint i = 0; i < view->gateways->len; i++) {
        AditHookGateway *gateway = g_ptr_array_index(view->gateways, i);

        if (g_str_equal(gateway->name, name))
            return gateway;
    }
    return NULL;
}

static AditHookReach *
find_reach(const AditHookView *view, const char *path)
{
    for (guint i = 0; i < view->reaches->len; i++) {
        AditHookReach *reach = g_ptr_array_index(view->reaches, i);

        if (g_str_equal(reach->path, path))
            return reach;
    }
    return NULL;
}

static void
copy_gateway(AditHookView *view, const AditHookGateway *from)
{
    AditHookGateway *to = adit_hook_view_add_gateway(view, from->name);

    to->link = g_strdup(from->link);
    to->backend = g_strdup(from->backend);
    to->state = g_strdup(from->state);
    to->addresses = g_strdupv(from->addresses);
    memcpy(to->selected, from->selected, sizeof(to->selected));
    to->is_up = from->is_up;
}

static void
copy_reach(AditHookView *view, const AditHookReach *from)
{
    AditHookReach *to = adit_hook_view_add_reach(view, from->path);

    to->ports = g_strdup(from->ports);
    to->gateway = g_strdup(from->gateway);
    to->label = g_strdup(from->label);
    to->inside = g_strdup(from->inside);
    to->reason = g_strdup(from->reason);
    to->outside = g_strdup(from->outside);
    to->state = g_strdup(from->state);
    to->family = from->family;
    to->is_published = from->is_published;
}

/* "connecting" and "asking" are on the way to something: what was, is. */
static void
judge(AditHookView *view, const AditHookView *before)
{
    for (guint i = 0; i < view->gateways->len; i++) {
        AditHookGateway *gateway = g_ptr_array_index(view->gateways, i);
        const AditHookGateway *old = find_gateway(before, gateway->name);

        gateway->is_up = g_strcmp0(gateway->state, "up") == 0 ||
                         (g_strcmp0(gateway->state, "connecting") == 0 && old && old->is_up);
    }
    for (guint i = 0; i < view->reaches->len; i++) {
        AditHookReach *reach = g_ptr_array_index(view->reaches, i);
        const AditHookReach *old = find_reach(before, reach->path);
        const gboolean asking = g_strcmp0(reach->state, "asking") == 0;

        reach->is_published = g_strcmp0(reach->state, "published") == 0 ||
                              g_strcmp0(reach->state, "renewing") == 0 ||
                              (asking && old && old->is_published);
        if (asking && reach->is_published) {
            g_free(reach->outside);
            reach->outside = g_strdup(old->outside);
        }
    }
}

void
adit_hook_view_follow(AditHookView *view, const AditHookView *before, gboolean gateways_new,
                      gboolean reaches_new)
{
    const gboolean no_gateways = !view->gateways, no_reaches = !view->reaches;

    if (no_gateways)
        view->gateways = g_ptr_array_new_with_free_func(gateway_free);
    if (no_reaches)
        view->reaches = g_ptr_array_new_with_free_func(reach_free);
    judge(view, before);
    for (guint i = 0; (no_gateways || gateways_new) && i < before->gateways->len; i++) {
        const AditHookGateway *old = g_ptr_array_index(before->gateways, i);

        if (!find_gateway(view, old->name))
            copy_gateway(view, old);
    }
    for (guint i = 0; (no_reaches || reaches_new) && i < before->reaches->len; i++) {
        const AditHookReach *old = g_ptr_array_index(before->reaches, i);

        if (!find_reach(view, old->path))
            copy_reach(view, old);
    }
}

/* -- events -- */

void
adit_hook_event_free(AditHookEvent *event)
{
    if (!event)
        return;
    g_strfreev(event->environment);
    g_free(event);
}

static void
free_event(gpointer event)
{
    adit_hook_event_free(event);
}

/* A byte that ends a line would let a label pretend to be another row of ADIT_PUBLISHED. */
static void
put(GPtrArray *environment, const char *key, const char *value)
{
    char *line = g_strdup_printf("ADIT_%s=%s", key, value ? value : "");

    for (char *c = line; *c; c++)
        if ((guchar)*c < ' ' || *c == '\x7f')
            *c = ' ';
    g_ptr_array_add(environment, line);
}

static GPtrArray *
begin(AditHookKind kind)
{
    GPtrArray *environment = g_ptr_array_new();

    put(environment, "EVENT", adit_hook_kind_name(kind));
    return environment;
}

static void
finish(GPtrArray *events, AditHookKind kind, GPtrArray *environment)
{
    AditHookEvent *event = g_new0(AditHookEvent, 1);

    g_ptr_array_add(environment, NULL);
    event->kind = kind;
    event->environment = (GStrv)g_ptr_array_free(environment, FALSE);
    g_ptr_array_add(events, event);
}

static void
add_gateway(GPtrArray *events, AditHookKind kind, const AditHookGateway *gateway)
{
    g_autofree char *addresses =
        gateway->addresses ? g_strjoinv(" ", gateway->addresses) : g_strdup("");
    GPtrArray *environment = begin(kind);

    put(environment, "GATEWAY", gateway->name);
    put(environment, "LINK", gateway->link);
    put(environment, "BACKEND", gateway->backend);
    put(environment, "STATE", gateway->state);
    put(environment, "ADDRESSES", addresses);
    finish(events, kind, environment);
}

/* "203.0.113.7:443-445" or "[2001:db8::1]:443" in two. */
static void
put_outside(GPtrArray *environment, const char *outside)
{
    const char *colon = strrchr(outside, ':');
    g_autofree char *address = colon ? g_strndup(outside, (gsize)(colon - outside)) : NULL;

    if (address && *address == '[' && g_str_has_suffix(address, "]")) {
        memmove(address, address + 1, strlen(address));
        address[strlen(address) - 1] = '\0';
    }
    put(environment, "OUTSIDE", outside);
    put(environment, "OUTSIDE_ADDRESS", address);
    put(environment, "OUTSIDE_PORT", colon ? colon + 1 : NULL);
}

/* All there is: a hook that writes this down need not remember anything. */
static void
put_published(GPtrArray *environment, const AditHookView *view)
{
    GString *rows = g_string_new("ADIT_PUBLISHED=");

    for (guint i = 0; i < view->reaches->len; i++) {
        const AditHookReach *reach = g_ptr_array_index(view->reaches, i);

        if (reach->is_published)
            g_string_append_printf(rows, "%s %u %s %s\n", reach->ports, reach->family,
                                   reach->gateway, reach->outside);
    }
    g_ptr_array_add(environment, g_string_free(rows, FALSE));
}

static void
add_reach(GPtrArray *events, AditHookKind kind, const AditHookReach *reach, const char *before,
          const AditHookView *after)
{
    GPtrArray *environment = begin(kind);
    g_autofree char *family = g_strdup_printf("%u", reach->family);
    const gboolean lost = kind == ADIT_HOOK_LOST;

    put(environment, "GATEWAY", reach->gateway);
    put(environment, "PORTS", reach->ports);
    put(environment, "FAMILY", family);
    put(environment, "LABEL", reach->label);
    put(environment, "INSIDE", reach->inside);
    put_outside(environment, lost ? before : reach->outside);
    put(environment, "OUTSIDE_BEFORE", before);
    put(environment, "REASON", reach->reason);
    if (lost) /* nobody wants it any more, or waits for a listener: it does not come back */
        put(environment, "WITHDRAWN",
            !find_reach(after, reach->path) || g_strcmp0(reach->state, "waiting") == 0 ? "yes"
                                                                                       : "no");
    put_published(environment, after);
    finish(events, kind, environment);
}

static const char *
chosen(const AditHookView *view, guint family)
{
    for (guint i = 0; i < view->gateways->len; i++) {
        const AditHookGateway *gateway = g_ptr_array_index(view->gateways, i);

        if (gateway->selected[family])
            return gateway->name;
    }
    return "";
}

static void
diff_gateways(GPtrArray *events, const AditHookView *before, const AditHookView *after)
{
    for (guint i = 0; i < before->gateways->len; i++) {
        const AditHookGateway *old = g_ptr_array_index(before->gateways, i);
        const AditHookGateway *now = find_gateway(after, old->name);

        if (old->is_up && (!now || !now->is_up))
            add_gateway(events, ADIT_HOOK_GATEWAY_DOWN, now ? now : old);
    }
    for (guint i = 0; i < after->gateways->len; i++) {
        const AditHookGateway *now = g_ptr_array_index(after->gateways, i);
        const AditHookGateway *old = find_gateway(before, now->name);

        if (now->is_up && (!old || !old->is_up))
            add_gateway(events, ADIT_HOOK_GATEWAY_UP, now);
    }
}

static void
diff_lost(GPtrArray *events, const AditHookView *before, const AditHookView *after)
{
    for (guint i = 0; i < before->reaches->len; i++) {
        const AditHookReach *old = g_ptr_array_index(before->reaches, i);
        const AditHookReach *now = find_reach(after, old->path);

        if (old->is_published && (!now || !now->is_published))
            add_reach(events, ADIT_HOOK_LOST, now ? now : old, old->outside, after);
    }
}

static void
diff_published(GPtrArray *events, const AditHookView *before, const AditHookView *after)
{
    for (guint i = 0; i < after->reaches->len; i++) {
        const AditHookReach *now = g_ptr_array_index(after->reaches, i);
        const AditHookReach *old = find_reach(before, now->path);
        const gboolean was = old && old->is_published;

        if (now->is_published && (!was || g_strcmp0(now->outside, old->outside) != 0))
            add_reach(events, ADIT_HOOK_PUBLISHED, now, was ? old->outside : "", after);
    }
}

static void
diff_selected(GPtrArray *events, const AditHookView *before, const AditHookView *after)
{
    GPtrArray *environment;

    if (g_str_equal(chosen(before, 0), chosen(after, 0)) &&
        g_str_equal(chosen(before, 1), chosen(after, 1)))
        return;
    environment = begin(ADIT_HOOK_SELECTED);
    put(environment, "DEFAULT4", chosen(after, 0));
    put(environment, "DEFAULT6", chosen(after, 1));
    put(environment, "DEFAULT4_BEFORE", chosen(before, 0));
    put(environment, "DEFAULT6_BEFORE", chosen(before, 1));
    finish(events, ADIT_HOOK_SELECTED, environment);
}

GPtrArray *
adit_hook_diff(const AditHookView *before, const AditHookView *after)
{
    GPtrArray *events = g_ptr_array_new_with_free_func(free_event);

    diff_lost(events, before, after);
    diff_gateways(events, before, after);
    diff_published(events, before, after);
    diff_selected(events, before, after);
    return events;
}
