/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libadit/core/error.h"
#include "libadit/core/inet.h"
#include "libadit/core/number.h"

#include <string.h>
#include <sys/socket.h>

#define NAME_MAX_LEN 253 /* RFC 1035, as text */
#define LABEL_MAX_LEN 63

static gboolean
fail(GError **error, const char *text, const char *why)
{
    g_autofree char *quoted = adit_error_quote(text);

    g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG, "%s: %s", quoted, why);
    return FALSE;
}

/* "HOST:PORT" or "[HOST]:PORT"; what HOST is, is the caller's question. */
static gboolean
split(const char *text, char **ret_host, gboolean *ret_bracketed, guint16 *ret_port,
      GError **error)
{
    gboolean bracketed = text[0] == '[';
    const char *colon = strrchr(text, ':');
    const char *end = bracketed ? strchr(text, ']') : colon;
    guint64 port;

    if (bracketed && !end)
        return fail(error, text, "the bracket is not closed");
    if (!colon || (bracketed && colon < end))
        return fail(error, text, "no port");
    if (bracketed && colon != end + 1)
        return fail(error, text, "text between the bracket and the port");
    if (!bracketed && memchr(text, ':', colon - text))
        return fail(error, text, "an IPv6 address needs brackets before the port");
    if (!adit_number_parse(colon + 1, 10, 0, G_MAXUINT16, &port))
        return fail(error, text, "the port is not a number up to 65535");

    *ret_host = g_strndup(text + bracketed, end - text - bracketed);
    *ret_bracketed = bracketed;
    *ret_port = port;
    return TRUE;
}

/* Brackets are for IPv6 and IPv6 is for brackets. */
static gboolean
parse_host(const char *host, gboolean bracketed, AditAddr *ret)
{
    AditAddr addr;

    if (!adit_addr_parse(host, &addr, NULL) || bracketed != (addr.family == AF_INET6))
        return FALSE;
    *ret = addr;
    return TRUE;
}

gboolean
adit_sockaddr_parse(const char *text, AditSockAddr *ret, GError **error)
{
    g_autofree char *host = NULL;
    gboolean bracketed;
    AditSockAddr sa = { 0 };

    if (!split(text, &host, &bracketed, &sa.port, error))
        return FALSE;
    if (!parse_host(host, bracketed, &sa.addr))
        return fail(error, text, bracketed ? "not an IPv6 address" : "not an IPv4 address");
    *ret = sa;
    return TRUE;
}

char *
adit_sockaddr_to_string(const AditSockAddr *sa)
{
    g_autofree char *addr = adit_addr_to_string(&sa->addr);

    return g_strdup_printf(sa->addr.family == AF_INET6 ? "[%s]:%u" : "%s:%u", addr, sa->port);
}

int
adit_sockaddr_cmp(const AditSockAddr *a, const AditSockAddr *b)
{
    int c = adit_addr_cmp(&a->addr, &b->addr);

    return c != 0 ? c : (int)a->port - (int)b->port;
}

static gboolean
label_is_valid(const char *label, gsize len)
{
    if (len == 0 || len > LABEL_MAX_LEN || label[0] == '-' || label[len - 1] == '-')
        return FALSE;
    for (gsize i = 0; i < len; i++)
        if (!g_ascii_isalnum(label[i]) && label[i] != '-' && label[i] != '_')
            return FALSE;
    return TRUE;
}

/* getaddrinfo() takes "10.1", "010.0.0.1" and "0x7f000001" for IPv4 addresses. */
static gboolean
looks_like_number(const char *label)
{
    const char *c = label;

    if (c[0] == '0' && (c[1] == 'x' || c[1] == 'X')) {
        for (c += 2; g_ascii_isxdigit(*c); c++)
            ;
    } else {
        while (g_ascii_isdigit(*c))
            c++;
    }
    return *c == '\0' || strcmp(c, ".") == 0;
}

gboolean
adit_host_name_is_valid(const char *name)
{
    const char *last = name;

    if (strlen(name) > NAME_MAX_LEN)
        return FALSE;
    for (const char *label = name; *label != '\0';) {
        gsize len = strcspn(label, ".");

        if (!label_is_valid(label, len))
            return FALSE;
        last = label;
        label += len;
        label += *label == '.'; /* one trailing dot makes a name absolute */
    }
    return !looks_like_number(last);
}

gboolean
adit_endpoint_parse(const char *text, AditEndpoint *ret, GError **error)
{
    g_autofree char *host = NULL;
    gboolean bracketed;
    guint16 port;
    AditAddr addr;

    if (!split(text, &host, &bracketed, &port, error))
        return FALSE;
    if (port == 0)
        return fail(error, text, "port 0 cannot be reached");
    if (parse_host(host, bracketed, &addr)) {
        ret->host = adit_addr_to_string(&addr);
        ret->port = port;
        return TRUE;
    }
    if (bracketed)
        return fail(error, text, "not an IPv6 address");
    if (!adit_host_name_is_valid(host))
        return fail(error, text, "neither an IP address nor a host name");
    ret->host = g_steal_pointer(&host);
    ret->port = port;
    return TRUE;
}

char *
adit_endpoint_to_string(const AditEndpoint *endpoint)
{
    return g_strdup_printf(strchr(endpoint->host, ':') ? "[%s]:%u" : "%s:%u", endpoint->host,
                           endpoint->port);
}

gboolean
adit_endpoint_get_sockaddr(const AditEndpoint *endpoint, AditSockAddr *ret)
{
    AditSockAddr sa = { .port = endpoint->port };

    if (!endpoint->host || !adit_addr_parse(endpoint->host, &sa.addr, NULL))
        return FALSE;
    *ret = sa;
    return TRUE;
}

int
adit_endpoint_cmp(const AditEndpoint *a, const AditEndpoint *b)
{
    int c = !a->host || !b->host ? !!a->host - !!b->host : g_ascii_strcasecmp(a->host, b->host);

    return c != 0 ? c : (int)a->port - (int)b->port;
}

void
adit_endpoint_clear(AditEndpoint *endpoint)
{
    g_clear_pointer(&endpoint->host, g_free);
    endpoint->port = 0;
}
