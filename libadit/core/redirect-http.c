/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/redirect-http.h"

#include "libadit/core/inet.h"

#include <string.h>

/* The answer repeats two things that a stranger sent: a host, which has to be a name or an
 * address and nothing else, and a path, which has to be printable ASCII without blanks. So
 * nothing can end the header early, and nobody is sent to a host he did not ask for.
 *
 * A browser keeps a 308 for ever unless told otherwise, and the redirect may give way to a
 * service of its own on port 80: five minutes are enough. */

/* A piece of the request. */
typedef struct {
    const char *at;
    gsize len;
} Piece;

gboolean
adit_redirect_http_is_whole(const char *bytes, gsize len, gsize seen)
{
    gsize from = seen > 3 ? seen - 3 : 0;

    return memmem(bytes + from, len - from, "\n\r\n", 3) != NULL ||
           memmem(bytes + from, len - from, "\n\n", 2) != NULL;
}

static char *
refuse(const char *status, const char *header)
{
    return g_strdup_printf("HTTP/1.1 %s\r\n%sContent-Length: 0\r\nConnection: close\r\n\r\n",
                           status, header);
}

char *
adit_redirect_http_too_long(void)
{
    return refuse("431 Request Header Fields Too Large", "");
}

/* Takes a line off the front, without its end. */
static gboolean
take_line(Piece *rest, Piece *ret)
{
    const char *end = memchr(rest->at, '\n', rest->len);
    gsize len = end ? (gsize)(end - rest->at) : 0;

    if (!end)
        return FALSE;
    ret->at = rest->at;
    ret->len = len > 0 && end[-1] == '\r' ? len - 1 : len;
    rest->at += len + 1;
    rest->len -= len + 1;
    return TRUE;
}

/* Takes what stands before @mark off the front, and @mark too. */
static gboolean
take_until(Piece *rest, char mark, Piece *ret)
{
    const char *end = memchr(rest->at, mark, rest->len);

    if (!end)
        return FALSE;
    ret->at = rest->at;
    ret->len = (gsize)(end - rest->at);
    rest->at = end + 1;
    rest->len -= ret->len + 1;
    return TRUE;
}

static gboolean
equals(const Piece *piece, const char *text)
{
    return piece->len == strlen(text) && memcmp(piece->at, text, piece->len) == 0;
}

static gboolean
begins(const Piece *piece, const char *text)
{
    return piece->len >= strlen(text) &&
           g_ascii_strncasecmp(piece->at, text, strlen(text)) == 0;
}

static gboolean
is_visible(const Piece *piece)
{
    for (gsize i = 0; i < piece->len; i++)
        if (!g_ascii_isgraph(piece->at[i]))
            return FALSE;
    return piece->len > 0;
}

static Piece
trim(Piece piece)
{
    for (; piece.len > 0 && (*piece.at == ' ' || *piece.at == '\t'); piece.len--)
        piece.at++;
    while (piece.len > 0 && (piece.at[piece.len - 1] == ' ' || piece.at[piece.len - 1] == '\t'))
        piece.len--;
    return piece;
}

/* Host [":" port] as it goes into a URL, without the port: https has its own. NULL: neither a
 * name nor an address. */
static char *
parse_host(const Piece *text)
{
    g_autofree char *host = g_strndup(text->at, text->len);
    gboolean has_port = *host == '[' ? strstr(host, "]:") != NULL : strchr(host, ':') != NULL;
    g_autofree char *full = g_strconcat(host, has_port ? "" : ":443", NULL);
    g_auto(AditEndpoint) endpoint = { 0 };

    if (!adit_endpoint_parse(full, &endpoint, NULL))
        return NULL;
    return g_strdup_printf(strchr(endpoint.host, ':') ? "[%s]" : "%s", endpoint.host);
}

/* "http://host/path" as a proxy sends it: its host counts, not that of the header. */
static void
split_absolute(Piece *target, Piece *host)
{
    const gsize scheme = strlen("http://");

    if (!begins(target, "http://"))
        return;
    *host = (Piece){ target->at + scheme, 0 };
    while (scheme + host->len < target->len && !strchr("/?", host->at[host->len]))
        host->len++;
    target->at = host->at + host->len;
    target->len -= scheme + host->len;
}

/* Each header has a name and a value on one line; exactly one of them is Host (section 3.2). */
static gboolean
find_host(Piece rest, Piece *ret)
{
    Piece line, name;
    guint hosts = 0;

    while (take_line(&rest, &line) && line.len > 0) {
        if (memchr(line.at, '\0', line.len) || memchr(line.at, '\r', line.len) ||
            !take_until(&line, ':', &name) || !is_visible(&name))
            return FALSE;
        if (name.len == strlen("Host") && begins(&name, "Host")) {
            *ret = trim(line);
            hosts++;
        }
    }
    return hosts == 1;
}

char *
adit_redirect_http_answer(const char *bytes, gsize len)
{
    Piece rest = { bytes, len }, line, method, target, host = { NULL, 0 };
    g_autofree char *name = NULL;
    g_autofree char *path = NULL;

    if (!take_line(&rest, &line) || !take_until(&line, ' ', &method) ||
        !take_until(&line, ' ', &target) || !is_visible(&method) || !is_visible(&target) ||
        !begins(&line, "HTTP/"))
        return refuse("400 Bad Request", "");
    if (!equals(&line, "HTTP/1.1") && !equals(&line, "HTTP/1.0"))
        return refuse("505 HTTP Version Not Supported", "");
    if (!find_host(rest, &host))
        return refuse("400 Bad Request", "");
    if (!equals(&method, "GET") && !equals(&method, "HEAD"))
        return refuse("405 Method Not Allowed", "Allow: GET, HEAD\r\n");
    split_absolute(&target, &host);
    name = parse_host(&host);
    if (!name || (target.len > 0 && !strchr("/?", *target.at)))
        return refuse("400 Bad Request", "");
    path = g_strndup(target.at, target.len);
    return g_strdup_printf("HTTP/1.1 308 Permanent Redirect\r\n"
                           "Location: https://%s%s%s\r\n"
                           "Cache-Control: max-age=300\r\n"
                           "Content-Length: 0\r\nConnection: close\r\n\r\n",
                           name, *path == '/' ? "" : "/", path);
}
