/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/cli.h"

#include "libadit/sys/bus.h"
#include "tunnel-server/service.h"

#include <string.h>

AditPlaces adit_cli_places;

/* The program's own name stands before every message already; and whom the bus turned away
 * wants to know who is let in. */
static GError *
reword(GError *error)
{
    gboolean turned_away = g_error_matches(error, G_DBUS_ERROR, G_DBUS_ERROR_ACCESS_DENIED);
    GError *ours = adit_bus_take_error(error, "adit-server");
    const char *text = ours->message;
    char *message;

    if (g_str_has_prefix(text, "adit-server: "))
        text += strlen("adit-server: ");
    message = turned_away ? g_strdup("not allowed: be root or a member of the group adit-admin")
                          : g_strdup(text);
    g_free(ours->message);
    ours->message = message;
    return ours;
}

gboolean
adit_cli_settle(gboolean ok, GError **reason, GError **error)
{
    if (!ok)
        g_propagate_error(error, reword(g_steal_pointer(reason)));
    return ok;
}

AditSrvManager *
adit_cli_connect(GError **error)
{
    GError *reason = NULL;
    AditSrvManager *manager = adit_srv_manager_proxy_new_for_bus_sync(
        G_BUS_TYPE_SYSTEM, G_DBUS_PROXY_FLAGS_NONE, ADIT_SERVER_BUS, ADIT_SERVER_PATH, NULL,
        &reason);

    return adit_cli_settle(manager != NULL, &reason, error) ? manager : NULL;
}

void
adit_cli_warn_if_down(AditCli *cli, AditSrvManager *manager)
{
    if (g_strcmp0(adit_srv_manager_get_state(manager), "down") == 0)
        adit_cli_warn(cli,
                      "stored, but the server is down; next: systemctl restart adit-server");
}

char **
adit_cli_split_list(char **given)
{
    g_autoptr(GStrvBuilder) list = g_strv_builder_new();

    for (guint i = 0; given && given[i]; i++) {
        g_auto(GStrv) words = g_strsplit_set(given[i], ", ", -1);

        for (guint w = 0; words[w]; w++)
            if (*words[w])
                g_strv_builder_add(list, words[w]);
    }
    return g_strv_builder_end(list);
}

char *
adit_cli_join(GVariant *strings, const char *separator)
{
    g_autofree const char **list = g_variant_get_strv(strings, NULL);

    return list[0] ? g_strjoinv(separator, (char **)list) : g_strdup("-");
}

void
adit_cli_json_strings(JsonBuilder *json, const char *name, GVariant *strings)
{
    g_autofree const char **list = g_variant_get_strv(strings, NULL);

    json_builder_begin_array(json_builder_set_member_name(json, name));
    for (guint i = 0; list[i]; i++)
        json_builder_add_string_value(json, list[i]);
    json_builder_end_array(json);
}
