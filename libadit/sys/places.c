/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/sys/places.h"

#include <stdlib.h>

#include "libadit/core/error.h"

GOptionGroup *
adit_places_options(AditPlaces *places)
{
    const GOptionEntry entries[] = {
        { "config-dir", 0, 0, G_OPTION_ARG_FILENAME, &places->config, "Read DIR, not /etc/adit",
          "DIR" },
        { "state-dir", 0, 0, G_OPTION_ARG_FILENAME, &places->state,
          "Keep state in DIR, not /var/lib/adit", "DIR" },
        { "runtime-dir", 0, 0, G_OPTION_ARG_FILENAME, &places->runtime,
          "Keep sockets in DIR, not /run/adit", "DIR" },
        { 0 },
    };
    GOptionGroup *group =
        g_option_group_new("places", "Places:", "Where things are kept", NULL, NULL);

    g_option_group_add_entries(group, entries);
    return group;
}

static void
settle(char **place, const char *variable, const char *fallback)
{
    const char *value = g_getenv(variable);

    if (!*place)
        *place = g_strdup(value && *value ? value : fallback);
}

void
adit_places_settle_for(AditPlaces *places, const char *name)
{
    g_autofree char *state = g_build_filename("/var/lib", name, NULL);
    g_autofree char *runtime = g_build_filename("/run", name, NULL);

    settle(&places->config, "ADIT_CONFIG_DIR", "/etc/adit");
    settle(&places->state, "ADIT_STATE_DIR", state);
    settle(&places->runtime, "ADIT_RUNTIME_DIR", runtime);
}

void
adit_places_settle(AditPlaces *places)
{
    adit_places_settle_for(places, "adit");
}

gboolean
adit_places_parse(AditPlaces *places, const char *summary, int *argc, char ***argv,
                  GError **error)
{
    gboolean version = FALSE, foreground; /* where it always is, as some start scripts ask */
    const GOptionEntry entries[] = {
        { "version", 0, 0, G_OPTION_ARG_NONE, &version, "Print the version", NULL },
        { "foreground", 0, G_OPTION_FLAG_HIDDEN, G_OPTION_ARG_NONE, &foreground, NULL, NULL },
        { 0 },
    };
    g_autoptr(GOptionContext) context = g_option_context_new(NULL);

    g_option_context_set_summary(context, summary);
    g_option_context_add_main_entries(context, entries, NULL);
    g_option_context_add_group(context, adit_places_options(places));
    if (!g_option_context_parse(context, argc, argv, error))
        return FALSE;
    if (*argc > 1) {
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG, "%s: takes no argument but options",
                    (*argv)[1]);
        return FALSE;
    }
    if (version) {
        g_print("%s %s\n", g_get_prgname(), ADIT_VERSION);
        exit(0);
    }
    adit_places_settle(places);
    return TRUE;
}

void
adit_places_clear(AditPlaces *places)
{
    g_clear_pointer(&places->config, g_free);
    g_clear_pointer(&places->state, g_free);
    g_clear_pointer(&places->runtime, g_free);
}
