/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/agent/words.h"

#include "client/agent/deed.h"

#include <glib/gi18n.h>

const char *
adit_words_translate(const char *sentence)
{
    return *sentence ? gettext(sentence) : sentence; /* of "" gettext has the file's header */
}

char *
adit_words_name(const AditSeenReach *reach)
{
    return *reach->label ? g_strdup_printf("%s (%s)", reach->label, reach->ports)
                         : g_strdup(reach->ports);
}

AditNotice *
adit_words_gateway(const AditSeenGateway *gateway)
{
    g_autofree char *key = g_strconcat("gateway:", gateway->name, NULL);
    g_autofree char *addresses = g_strjoinv(", ", gateway->addresses);

    return adit_notice_new(
        key, ADIT_NOTICE_NEWS, g_strdup_printf(_("New gateway: %s"), gateway->name),
        g_strdup_printf(_("Services of this computer can now be published through it. All "
                          "other traffic goes its usual way.\nAddresses in the tunnel: %s"),
                        addresses));
}

/* Everything goes through it, and it does not carry: nothing leaves. */
static AditNotice *
blocked(const AditSeenGateway *gateway, const char *key)
{
    const char *families =
        gateway->selected[0] ? gateway->selected[1] ? "IPv4, IPv6" : "IPv4" : "IPv6";
    const char *why = gateway->problem && *gateway->problem
                          ? adit_words_translate(gateway->problem)
                          : _("It is switched off.");
    AditNotice *notice = adit_notice_new(
        key, ADIT_NOTICE_TROUBLE,
        g_strdup_printf(_("Traffic is blocked: %s has no connection"), gateway->name),
        g_strdup_printf(_("Everything (%s) goes through this gateway only, so that nothing "
                          "leaks while it is down.\n%s\nOpening the guard sends it the usual "
                          "way, with the address of your line."),
                        families, why));

    adit_notice_add(notice, adit_deed_print(ADIT_DEED_OPEN, NULL), _("Open the guard"));
    adit_notice_add(notice, adit_deed_print(ADIT_DEED_UP, gateway->name), _("Try again"));
    notice->command = g_strdup("adit default none");
    return notice;
}

AditNotice *
adit_words_trouble(const AditSeenGateway *gateway)
{
    g_autofree char *key = g_strconcat("trouble:", gateway->name, NULL);
    AditNotice *notice;

    if (g_str_equal(gateway->state, "up") || g_str_equal(gateway->state, "connecting"))
        return NULL;
    if (gateway->selected[0] || gateway->selected[1])
        return blocked(gateway, key);
    if (!g_str_equal(gateway->state, "broken"))
        return NULL; /* switched off by its user */
    notice = adit_notice_new(
        key, ADIT_NOTICE_TROUBLE, g_strdup_printf(_("%s has lost its server"), gateway->name),
        g_strdup_printf(_("What is published through it is not reachable.\n%s"),
                        adit_words_translate(gateway->problem)));
    adit_notice_add(notice, adit_deed_print(ADIT_DEED_UP, gateway->name), _("Try again"));
    adit_notice_add(notice, adit_deed_print(ADIT_DEED_DOWN, gateway->name), _("Switch off"));
    notice->command = g_strdup_printf("adit status %s", gateway->name);
    return notice;
}

AditNotice *
adit_words_problem(const AditSeenGateway *gateway)
{
    g_autofree char *key = g_strconcat("problem:", gateway->name, NULL);
    AditNotice *notice;

    if (!g_str_equal(gateway->state, "up") || !*gateway->problem)
        return NULL;
    notice = adit_notice_new(
        key, ADIT_NOTICE_TROUBLE,
        g_strdup_printf(_("%s is connected, but visitors may not come through"), gateway->name),
        g_strdup(adit_words_translate(gateway->problem)));
    notice->command = g_strdup_printf("adit doctor %s", gateway->name);
    return notice;
}

char *
adit_words_addresses(const AditSeenGroup *group)
{
    GString *text = g_string_new(NULL);

    for (guint i = 0; i < group->reaches->len; i++) {
        const AditSeenReach *reach = g_ptr_array_index(group->reaches, i);

        if (adit_seen_is_published(reach))
            g_string_append_printf(text, "%s%s", text->len ? "\n" : "", reach->outside);
    }
    return g_string_free(text, FALSE);
}

void
adit_words_add_copies(AditNotice *notice, const AditSeenGroup *group)
{
    for (guint i = 0; i < group->reaches->len; i++) {
        const AditSeenReach *reach = g_ptr_array_index(group->reaches, i);

        if (adit_seen_is_published(reach))
            adit_notice_add(notice, adit_deed_print(ADIT_DEED_COPY, reach->outside),
                            reach->family == 4 ? _("Copy IPv4 address")
                                               : _("Copy IPv6 address"));
    }
}

/* What is wrong with single families or in spite of the publication, one a line. */
static void
append_problems(GString *body, const AditSeenGroup *group)
{
    for (guint i = 0; i < group->reaches->len; i++) {
        const AditSeenReach *reach = g_ptr_array_index(group->reaches, i);
        const char *why = *reach->problem ? reach->problem : reach->reason;

        if (*why)
            g_string_append_printf(body, "%sIPv%u: %s", body->len ? "\n" : "", reach->family,
                                   adit_words_translate(why));
    }
}

static void
add_unpublish(AditNotice *notice, const AditSeenReach *reach)
{
    if (*reach->source)
        return; /* of a file or a unit: not ours to take back */
    adit_notice_add(notice, adit_deed_print(ADIT_DEED_UNPUBLISH, reach->ports), _("Unpublish"));
    if (!notice->command)
        notice->command = g_strdup_printf("adit unpublish %s", reach->ports);
}

static char *
reach_key(const AditSeenGroup *group)
{
    g_autofree char *key = adit_seen_group_key(group);

    return g_strconcat("reach:", key, NULL);
}

AditNotice *
adit_words_published(const AditSeenGroup *group, gboolean can_copy)
{
    g_autofree char *key = reach_key(group);
    g_autofree char *name = adit_words_name(group->first);
    g_autofree char *addresses = adit_words_addresses(group);
    GString *body = g_string_new(addresses);
    AditNotice *notice;

    append_problems(body, group);
    notice = adit_notice_new(key, ADIT_NOTICE_NEWS, g_strdup_printf(_("Published: %s"), name),
                             g_string_free(body, FALSE));
    if (can_copy) {
        notice->click = adit_deed_print(ADIT_DEED_COPY, addresses);
        adit_words_add_copies(notice, group);
    }
    add_unpublish(notice, group->first);
    return notice;
}

static AditNotice *
without_address(const AditSeenGroup *group, char *summary)
{
    g_autofree char *key = reach_key(group);
    GString *body = g_string_new(NULL);
    AditNotice *notice;

    append_problems(body, group);
    notice = adit_notice_new(key, ADIT_NOTICE_TROUBLE, summary, g_string_free(body, FALSE));
    add_unpublish(notice, group->first);
    return notice;
}

AditNotice *
adit_words_lost(const AditSeenGroup *group)
{
    g_autofree char *name = adit_words_name(group->first);

    return without_address(group, g_strdup_printf(_("No longer published: %s"), name));
}

AditNotice *
adit_words_refused(const AditSeenGroup *group)
{
    g_autofree char *name = adit_words_name(group->first);

    return without_address(group, g_strdup_printf(_("Could not be published: %s"), name));
}

AditNotice *
adit_words_question(const AditSeenService *service)
{
    g_autofree char *key = adit_seen_service_key(service);
    g_autofree char *ports = adit_ports_to_string(&service->ports);
    AditNotice *notice = adit_notice_new(
        "ask", ADIT_NOTICE_QUESTION,
        g_strdup_printf(_("A service listens on port %u. Publish it?"), service->ports.first),
        *service->program
            ? g_strdup_printf(_("%s would be reachable from the whole Internet, by anybody."),
                              service->program)
            : g_strdup(_("It would be reachable from the whole Internet, by anybody.")));

    adit_notice_add(notice, adit_deed_print(ADIT_DEED_PUBLISH, key), _("Publish"));
    adit_notice_add(notice, adit_deed_print(ADIT_DEED_NEVER, key), _("Never this one"));
    adit_notice_add(notice, adit_deed_print(ADIT_DEED_QUIET, NULL), _("Stop asking"));
    notice->command = g_strdup_printf("adit publish %s", ports);
    return notice;
}

AditNotice *
adit_words_offer(const char *title, const char *key)
{
    g_autofree char *subject = g_strconcat(ADIT_WORDS_OFFER, title, NULL);
    g_autofree char *quoted = g_shell_quote(title);
    AditNotice *notice = adit_notice_new(
        key, ADIT_NOTICE_QUESTION, g_strdup_printf(_("Use \"%s\" as a gateway?"), title),
        g_strdup(_("This connection leads to a tunnel server. As a gateway it makes services "
                   "of this computer reachable that you publish, and carries nothing else "
                   "until you choose otherwise. It can be given back as it was.")));

    adit_notice_add(notice, adit_deed_print(ADIT_DEED_ADOPT, title), _("Use as gateway"));
    adit_notice_add(notice, adit_deed_print(ADIT_DEED_NEVER, subject), _("Leave as it is"));
    notice->command = g_strdup_printf("adit adopt %s", quoted);
    return notice;
}

static char *
servers_of(const AditProfile *profile)
{
    GString *text = g_string_new(NULL);

    for (guint i = 0; i < profile->n_peers; i++) {
        g_autofree char *server = profile->peers[i].endpoint.host
                                      ? adit_endpoint_to_string(&profile->peers[i].endpoint)
                                      : NULL;

        if (server)
            g_string_append_printf(text, "%s%s", text->len ? ", " : "", server);
    }
    return g_string_free(text, FALSE);
}

AditNotice *
adit_words_import(guint number, const char *name, const AditProfile *profile)
{
    g_autofree char *subject = g_strdup_printf("%u", number);
    g_autofree char *key = g_strdup_printf("import:%u", number);
    g_autofree char *servers = servers_of(profile);
    GString *body = g_string_new(NULL);
    AditNotice *notice;

    g_string_append_printf(body, _("Server: %s"), servers);
    g_string_append_printf(body, "\n%s",
                           _("Nothing but its own traffic goes through the tunnel until you "
                             "choose otherwise."));
    for (guint i = 0; i < profile->n_hooks; i++) {
        g_string_append_c(body, '\n');
        g_string_append_printf(body, _("Line %u: %s is not run."), profile->hooks[i].line,
                               profile->hooks[i].key);
    }
    notice = adit_notice_new(key, ADIT_NOTICE_REPLY,
                             g_strdup_printf(_("Import \"%s\" as a gateway?"), name),
                             g_string_free(body, FALSE));
    adit_notice_add(notice, adit_deed_print(ADIT_DEED_IMPORT, subject), _("Import"));
    adit_notice_add(notice, adit_deed_print(ADIT_DEED_CANCEL, subject), _("Cancel"));
    notice->command = g_strdup("adit import FILE");
    return notice;
}

AditNotice *
adit_words_failed(const char *what, const char *why)
{
    return adit_notice_new("failed", ADIT_NOTICE_REPLY, g_strdup(what),
                           g_strdup(adit_words_translate(why)));
}
