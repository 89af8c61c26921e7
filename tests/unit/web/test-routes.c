/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/web/routes.h"

static JsonObject *
paths_of(JsonParser *parser)
{
    g_autoptr(GError) error = NULL;

    json_parser_load_from_file(parser, g_getenv("ADIT_OPENAPI"), &error);
    g_assert_no_error(error);
    return json_object_get_object_member(json_node_get_object(json_parser_get_root(parser)),
                                         "paths");
}

static guint
count_routes(void)
{
    guint n = 0;

    for (guint t = 0; adit_web_routes[t]; t++)
        for (const AditWebRoute *route = adit_web_routes[t]; route->path; route++)
            n++;
    return n;
}

/* Each row of the tables is an operation of openapi.json, and there are no others. */
static void
test_described(void)
{
    g_autoptr(JsonParser) parser = json_parser_new();
    JsonObject *paths = paths_of(parser);
    g_autoptr(GList) items = json_object_get_values(paths);
    guint described = 0;

    for (GList *at = items; at; at = at->next)
        described += json_object_get_size(json_node_get_object(at->data));
    for (guint t = 0; adit_web_routes[t]; t++) {
        for (const AditWebRoute *route = adit_web_routes[t]; route->path; route++) {
            g_autofree char *method = g_ascii_strdown(route->method, -1);

            g_test_message("%s %s", route->method, route->path);
            g_assert_true(json_object_has_member(paths, route->path));
            g_assert_true(json_object_has_member(
                json_object_get_object_member(paths, route->path), method));
        }
    }
    g_assert_cmpuint(described, ==, count_routes());
}

/* Who changes something is written down, and a device without a login changes nothing. */
static void
test_sound(void)
{
    for (guint t = 0; adit_web_routes[t]; t++) {
        for (const AditWebRoute *route = adit_web_routes[t]; route->path; route++) {
            g_test_message("%s %s", route->method, route->path);
            g_assert_true(!(route->scope & ADIT_WEB_WRITE) || route->verb);
            g_assert_true(!(route->scope & ADIT_WEB_OWN) || g_str_equal(route->method, "GET"));
            g_assert_true(!g_str_equal(route->method, "GET") || !route->members);
        }
    }
}

static void
test_find(void)
{
    char *device[] = { (char *)"api", (char *)"v1", (char *)"devices", (char *)"a/b", NULL };
    gboolean is_path = FALSE;

    g_assert_cmpstr(adit_web_route_find("PATCH", device, &is_path)->path, ==,
                    "/api/v1/devices/{name}");
    g_assert_null(adit_web_route_find("PUT", device, &is_path));
    g_assert_true(is_path);
    g_assert_null(adit_web_route_find("PATCH", device + 1, &is_path));
    g_assert_false(is_path);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/web/routes/described", test_described);
    g_test_add_func("/web/routes/sound", test_sound);
    g_test_add_func("/web/routes/find", test_find);
    return g_test_run();
}
