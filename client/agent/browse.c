/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/agent/browse.h"

#include "client/agent/deed.h"
#include "client/agent/words.h"

#include <glib/gi18n.h>

#define KEY "browse"

/* "home - connected" */
static const char *
state_words(const char *state)
{
    if (g_str_equal(state, "up"))
        return _("connected");
    if (g_str_equal(state, "connecting"))
        return _("connecting");
    return g_str_equal(state, "down") ? _("switched off") : _("no connection");
}

/* Three at most, with the one to the next page: what is switched off can be removed, or no
 * longer be what everything waits for. */
static void
add_switches(AditNotice *notice, const AditSeenGateway *gateway, gboolean selected)
{
    const gboolean is_down = g_str_equal(gateway->state, "down");

    if (is_down)
        adit_notice_add(notice, adit_deed_print(ADIT_DEED_UP, gateway->name), _("Switch on"));
    else
        adit_notice_add(notice, adit_deed_print(ADIT_DEED_DOWN, gateway->name),
                        _("Switch off"));
    if (selected)
        adit_notice_add(notice, adit_deed_print(ADIT_DEED_OPEN, NULL), _("Usual way again"));
    else if (is_down)
        adit_notice_add(notice, adit_deed_print(ADIT_DEED_DROP, gateway->name), _("Remove"));
    else
        adit_notice_add(notice, adit_deed_print(ADIT_DEED_DEFAULT, gateway->name),
                        _("Send everything"));
}

static AditNotice *
gateway_page(const AditSeenGateway *gateway)
{
    const gboolean selected = gateway->selected[0] || gateway->selected[1];
    g_autofree char *addresses = g_strjoinv(", ", gateway->addresses);
    GString *body = g_string_new(NULL);
    AditNotice *notice;

    g_string_append_printf(body, _("Addresses in the tunnel: %s"), addresses);
    g_string_append_printf(body, "\n%s",
                           selected ? _("Everything goes through it, and nothing while it is "
                                        "down.")
                                    : _("All other traffic goes its usual way."));
    if (*gateway->problem)
        g_string_append_printf(body, "\n%s", adit_words_translate(gateway->problem));
    notice = adit_notice_new(
        KEY, ADIT_NOTICE_REPLY,
        g_strdup_printf(_("Gateway %s: %s"), gateway->name, state_words(gateway->state)),
        g_string_free(body, FALSE));
    add_switches(notice, gateway, selected);
    notice->command = g_strdup_printf("adit status %s", gateway->name);
    return notice;
}

AditNotice *
adit_browse_drop(const char *name)
{
    g_autofree char *quoted = g_shell_quote(name);
    AditNotice *notice = adit_notice_new(
        KEY, ADIT_NOTICE_REPLY, g_strdup_printf(_("Remove the gateway %s?"), name),
        g_strdup(_("What is published through it is no longer reachable then, and its keys are "
                   "deleted from this computer.")));

    adit_notice_add(notice, adit_deed_print(ADIT_DEED_REMOVE, name), _("Remove"));
    adit_notice_add(notice, adit_deed_print(ADIT_DEED_PAGE, "0"), _("Keep it"));
    notice->command = g_strdup_printf("adit remove %s", quoted);
    return notice;
}

static AditNotice *
group_page(const AditSeenGroup *group, gboolean can_copy)
{
    g_autoptr(AditNotice) full = adit_words_published(group, can_copy);
    g_autofree char *addresses = adit_words_addresses(group);
    const AditSeenReach *first = group->first;
    AditNotice *notice;

    notice =
        adit_notice_new(KEY, ADIT_NOTICE_REPLY,
                        *addresses ? g_steal_pointer(&full->summary)
                                   : g_strdup_printf(_("Not reachable now: %s"), first->ports),
                        g_steal_pointer(&full->body));
    if (can_copy && *addresses) {
        notice->click = adit_deed_print(ADIT_DEED_COPY, addresses);
        adit_notice_add(notice, adit_deed_print(ADIT_DEED_COPY, addresses), _("Copy"));
    }
    if (!*first->source)
        adit_notice_add(notice, adit_deed_print(ADIT_DEED_UNPUBLISH, first->ports),
                        _("Unpublish"));
    notice->command = g_strdup_printf("adit unpublish %s", first->ports);
    return notice;
}

static AditNotice *
service_page(const AditSeenService *service)
{
    g_autofree char *key = adit_seen_service_key(service);
    g_autofree char *ports = adit_ports_to_string(&service->ports);
    AditNotice *notice =
        adit_notice_new(KEY, ADIT_NOTICE_REPLY, g_strdup_printf(_("Not published: %s"), key),
                        g_strdup(_("It listens on this computer and could be published.")));

    adit_notice_add(notice, adit_deed_print(ADIT_DEED_PUBLISH, key), _("Publish"));
    notice->command = g_strdup_printf("adit publish %s", ports);
    return notice;
}

static AditNotice *
asking_page(gboolean quiet)
{
    AditNotice *notice = adit_notice_new(
        KEY, ADIT_NOTICE_REPLY,
        g_strdup(quiet ? _("No questions are asked") : _("New services are asked about")),
        g_strdup(_("When a service starts that others could reach, adit can ask whether to "
                   "publish it.")));

    if (quiet)
        adit_notice_add(notice, adit_deed_print(ADIT_DEED_ASK, NULL), _("Ask again"));
    else
        adit_notice_add(notice, adit_deed_print(ADIT_DEED_QUIET, NULL), _("Stop asking"));
    return notice;
}

static AditNotice *
empty_page(gboolean has_daemon)
{
    AditNotice *notice;

    if (!has_daemon) {
        notice = adit_notice_new(KEY, ADIT_NOTICE_REPLY, g_strdup(_("adit is not running")),
                                 g_strdup(_("Its service, aditd, has to be started.")));
        notice->command = g_strdup("systemctl start aditd");
        return notice;
    }
    notice = adit_notice_new(
        KEY, ADIT_NOTICE_REPLY, g_strdup(_("No gateway yet")),
        g_strdup(_("Open the file with the WireGuard profile of your tunnel server, or add it "
                   "in the network settings.")));
    notice->command = g_strdup("adit import FILE");
    return notice;
}

static GPtrArray *
publishable(const AditSeen *seen)
{
    GPtrArray *list = g_ptr_array_new();

    for (guint i = 0; i < seen->services->len; i++) {
        AditSeenService *service = g_ptr_array_index(seen->services, i);

        if (!adit_seen_is_wanted(seen, &service->ports))
            g_ptr_array_add(list, service);
    }
    return list;
}

AditNotice *
adit_browse_page(const AditSeen *seen, const AditBrowseWish *wish, guint number)
{
    g_autoptr(GPtrArray) groups = adit_seen_groups(seen);
    g_autoptr(GPtrArray) services = publishable(seen);
    const guint n_offered = g_strv_length(seen->offered);
    const guint n = seen->gateways->len + groups->len + services->len + n_offered + 1;
    guint at = number % n;
    g_autofree char *next = g_strdup_printf("%u", (at + 1) % n);
    AditNotice *notice;

    if (!seen->has_daemon || (seen->gateways->len == 0 && n_offered == 0))
        return empty_page(seen->has_daemon);
    if (at < seen->gateways->len)
        notice = gateway_page(g_ptr_array_index(seen->gateways, at));
    else if ((at -= seen->gateways->len) < groups->len)
        notice = group_page(g_ptr_array_index(groups, at), wish->can_copy);
    else if ((at -= groups->len) < services->len)
        notice = service_page(g_ptr_array_index(services, at));
    else if ((at -= services->len) < n_offered)
        notice = adit_words_offer(seen->offered[at], KEY);
    else
        notice = asking_page(wish->quiet);
    adit_notice_add(notice, adit_deed_print(ADIT_DEED_PAGE, next), _("Next"));
    return notice;
}
