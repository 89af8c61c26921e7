/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/cli-dns.h"

#include "libadit/core/error.h"

#include <gio/gio.h>
#include <string.h>

#define DNS_PORT 53
#define WAIT_USEC (2 * G_USEC_PER_SEC)

/* The servers of the root: every resolver knows them, and nothing is told by asking. RFC 1035
 * section 4.1: identification, RD, one question "." NS IN. */
static const guint8 query[] = { 0xad, 0x17, 0x01, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1 };

static gboolean
is_answer(const guint8 *bytes, gssize len)
{
    return len >= 12 && memcmp(bytes, query, 2) == 0 && bytes[2] & 0x80;
}

gboolean
adit_cli_dns_answers(const char *addr, GError **error)
{
    g_autoptr(GSocketAddress) to = g_inet_socket_address_new_from_string(addr, DNS_PORT);
    g_autoptr(GSocket) socket = NULL;
    guint8 answer[512];

    if (!to) {
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG, "%s: not an IP address", addr);
        return FALSE;
    }
    socket = g_socket_new(g_socket_address_get_family(to), G_SOCKET_TYPE_DATAGRAM,
                          G_SOCKET_PROTOCOL_UDP, error);
    if (socket && g_socket_connect(socket, to, NULL, NULL) &&
        g_socket_send(socket, (const char *)query, sizeof(query), NULL, NULL) > 0 &&
        g_socket_condition_timed_wait(socket, G_IO_IN, WAIT_USEC, NULL, NULL) &&
        is_answer(answer, g_socket_receive(socket, (char *)answer, sizeof(answer), NULL, NULL)))
        return TRUE;
    if (socket)
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_TIMEOUT,
                    "%s: no DNS answer from there: profiles would name a resolver that is not "
                    "reached (--unchecked: name it all the same)",
                    addr);
    return FALSE;
}
