/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/web/host.h"

#include "libadit/core/inet.h"

#include <string.h>

#define MAX_SEGMENTS 8

/* "name", "192.0.2.1" or "2001:db8::1" of "name:80", "[2001:db8::1]:80"; NULL: neither. */
static char *
without_port(const char *host)
{
    const char *end, *port;

    if (*host == '[') {
        end = strchr(host, ']');
        if (!end || (end[1] != '\0' && end[1] != ':'))
            return NULL;
        port = end[1] ? end + 2 : "";
        host++;
    } else {
        end = strchrnul(host, ':');
        port = *end ? end + 1 : "";
    }
    if (strspn(port, "0123456789") != strlen(port) || end == host)
        return NULL;
    return g_ascii_strdown(host, end - host);
}

static gboolean
is_listed(const char *name, const char *names)
{
    g_auto(GStrv) list = g_strsplit_set(names, ", ", -1);

    for (guint i = 0; list[i]; i++)
        if (*list[i] && g_ascii_strcasecmp(list[i], name) == 0)
            return TRUE;
    return FALSE;
}

gboolean
adit_web_host_is_ours(const char *host, const char *names)
{
    g_autofree char *name = host ? without_port(host) : NULL;
    AditAddr addr;

    if (!name)
        return FALSE;
    return g_str_equal(name, "localhost") || adit_addr_parse(name, &addr, NULL) ||
           is_listed(name, names);
}

gboolean
adit_web_origin_is_host(const char *origin, const char *host)
{
    const char *rest = NULL;

    if (g_str_has_prefix(origin, "http://"))
        rest = origin + strlen("http://");
    else if (g_str_has_prefix(origin, "https://"))
        rest = origin + strlen("https://");
    return rest && host && g_ascii_strcasecmp(rest, host) == 0;
}

static gboolean
is_segment(const char *text)
{
    if (!*text || g_str_equal(text, ".") || g_str_equal(text, ".."))
        return FALSE;
    for (const char *p = text; *p; p++)
        if (g_ascii_iscntrl(*p))
            return FALSE;
    return g_utf8_validate(text, -1, NULL);
}

char **
adit_web_path_split(const char *path)
{
    g_autoptr(GStrvBuilder) list = g_strv_builder_new();
    g_auto(GStrv) parts = NULL;

    if (*path != '/')
        return NULL;
    if (path[1] == '\0')
        return g_strv_builder_end(list);
    parts = g_strsplit(path + 1, "/", -1);
    if (g_strv_length(parts) > MAX_SEGMENTS)
        return NULL;
    for (guint i = 0; parts[i]; i++) {
        g_autofree char *text = g_uri_unescape_string(parts[i], NULL); /* NULL for a %00, too */

        if (!text || !is_segment(text))
            return NULL;
        g_strv_builder_add(list, text);
    }
    return g_strv_builder_end(list);
}

char *
adit_web_cookie_get(const char *header, const char *name)
{
    g_auto(GStrv) pairs = g_strsplit(header, ";", -1);
    gsize len = strlen(name);

    for (guint i = 0; pairs[i]; i++) {
        const char *pair = g_strstrip(pairs[i]);

        if (strncmp(pair, name, len) == 0 && pair[len] == '=')
            return g_strdup(pair + len + 1);
    }
    return NULL;
}
