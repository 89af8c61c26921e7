/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/web/routes.h"

const AditWebRoute *const adit_web_routes[] = {
    adit_web_session_routes, adit_web_server_routes,  adit_web_subnet_routes,
    adit_web_device_routes,  adit_web_mapping_routes, NULL,
};

/* "{name}" stands for any one segment. */
static gboolean
is_match(const char *pattern, char **path)
{
    g_auto(GStrv) parts = g_strsplit(pattern + 1, "/", -1);
    guint n = g_strv_length(parts);

    if (g_strv_length(path) != n)
        return FALSE;
    for (guint i = 0; i < n; i++)
        if (*parts[i] != '{' && !g_str_equal(parts[i], path[i]))
            return FALSE;
    return TRUE;
}

const AditWebRoute *
adit_web_route_find(const char *method, char **path, gboolean *ret_is_path)
{
    gboolean is_path = FALSE;

    for (guint t = 0; adit_web_routes[t]; t++) {
        for (const AditWebRoute *route = adit_web_routes[t]; route->path; route++) {
            if (!is_match(route->path, path))
                continue;
            if (g_str_equal(route->method, method))
                return route;
            is_path = TRUE;
        }
    }
    *ret_is_path = is_path;
    return NULL;
}
