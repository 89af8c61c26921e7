/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/lookup.h"

#include "libadit/core/error.h"
#include "libadit/sys/store.h"
#include "libadit/sys/udp.h"
#include "libadit/wire/dns.h"
#include "policy-routing/numbers.h"

#include <glib-unix.h>
#include <string.h>
#include <sys/socket.h>

#define WAIT_MS 1500
#define ROUNDS 2
#define SERVERS_MAX 6
#define FOUND_MAX 8
#define OTHER_MS 50 /* what IPv4 waits for IPv6's answer (RFC 8305, 3) */
#define FILE_MAX (64 * 1024)

struct _AditLookup {
    char *name;
    GArray *servers;
    guint turn; /* which server of which round */
    AditUdp *udp;
    guint readable, late, other;
    guint8 query[2][ADIT_DNS_QUERY_MAX]; /* [0] IPv4, [1] IPv6 */
    gsize query_len;
    gboolean answered[2];
    GArray *found[2]; /* AditAddr */
    GError *reason;
    AditLookupDone done;
    gpointer data;
};

static const guint8 families[] = { AF_INET, AF_INET6 };

static gboolean
is_loopback(const AditAddr *addr)
{
    static const guint8 one[16] = { [15] = 1 };

    return addr->family == AF_INET ? addr->bytes[0] == 127 : memcmp(addr->bytes, one, 16) == 0;
}

static gboolean
has_addr(const GArray *list, const AditAddr *addr)
{
    for (guint i = 0; list && i < list->len; i++)
        if (adit_addr_cmp(&g_array_index(list, AditAddr, i), addr) == 0)
            return TRUE;
    return FALSE;
}

/* resolv.conf(5). A link-local server needs a link, which is not told here. */
static void
add_servers(GArray *servers, const char *text, const GArray *except)
{
    g_auto(GStrv) lines = g_strsplit(text, "\n", -1);

    for (guint i = 0; lines[i]; i++) {
        g_auto(GStrv) words = g_strsplit_set(g_strstrip(lines[i]), " \t", 2);
        AditAddr addr;

        if (g_strcmp0(words[0], "nameserver") != 0 || !words[1] ||
            !adit_addr_parse(g_strstrip(words[1]), &addr, NULL))
            continue;
        if (servers->len < SERVERS_MAX && !is_loopback(&addr) &&
            !adit_addr_is_link_local(&addr) && !has_addr(except, &addr) &&
            !has_addr(servers, &addr))
            g_array_append_val(servers, addr);
    }
}

GArray *
adit_lookup_servers(const GArray *except)
{
    static const char *const files[] = { "/run/systemd/resolve/resolv.conf",
                                         "/run/NetworkManager/no-stub-resolv.conf",
                                         "/etc/resolv.conf" };
    GArray *servers = g_array_new(FALSE, TRUE, sizeof(AditAddr));

    for (guint i = 0; i < G_N_ELEMENTS(files); i++) {
        g_autofree char *text = adit_store_read(files[i], FILE_MAX, NULL, NULL);

        if (text)
            add_servers(servers, text, except);
    }
    return servers;
}

static void
hang_up(AditLookup *self)
{
    g_clear_handle_id(&self->readable, g_source_remove);
    g_clear_handle_id(&self->late, g_source_remove);
    g_clear_handle_id(&self->other, g_source_remove);
    g_clear_pointer(&self->udp, adit_udp_close);
}

static void
finish(AditLookup *self)
{
    g_autoptr(GArray) found = g_array_copy(self->found[0]);

    g_array_append_vals(found, self->found[1]->data, self->found[1]->len);
    hang_up(self);
    if (found->len == 0 && !self->reason)
        g_set_error(&self->reason, ADIT_ERROR, ADIT_ERROR_TIMEOUT, "DNS: no answer");
    self->done(found, found->len > 0 ? NULL : self->reason, self->data);
}

gboolean
adit_lookup_is_reachable(const AditAddr *addr)
{
    const AditUdpConfig config = { .family = addr->family,
                                   .mark = ADIT_MARK_OUTER,
                                   .peer = { *addr, ADIT_DNS_PORT } };
    g_autoptr(AditUdp) probe = adit_udp_open(&config, NULL);

    return probe != NULL;
}

static void
read_answer(AditLookup *self, const AditUdpPacket *packet)
{
    for (guint f = 0; f < 2; f++) {
        g_autoptr(GError) error = NULL;
        AditDnsAnswer answer = { .n = 0 };

        if (!adit_dns_answer_get(packet->bytes, packet->len, self->query[f], self->query_len,
                                 &answer, &error)) {
            if (packet->len < 2 || memcmp(packet->bytes, self->query[f], 2) != 0)
                continue; /* the other family's */
            if (!self->reason)
                self->reason = g_steal_pointer(&error);
        }
        self->answered[f] = TRUE;
        for (guint i = 0; i < answer.n && self->found[f]->len < FOUND_MAX; i++)
            if (adit_lookup_is_reachable(&answer.addresses[i]) &&
                !has_addr(self->found[f], &answer.addresses[i]))
                g_array_append_val(self->found[f], answer.addresses[i]);
    }
}

static gboolean
on_other(gpointer data)
{
    AditLookup *self = data;

    self->other = 0;
    finish(self);
    return G_SOURCE_REMOVE;
}

static gboolean
on_readable(int fd, GIOCondition condition, gpointer data)
{
    AditLookup *self = data;
    AditUdpPacket packets[ADIT_UDP_BATCH];
    const int n = adit_udp_receive(self->udp, packets, G_N_ELEMENTS(packets), NULL);

    for (int i = 0; i < n; i++)
        read_answer(self, &packets[i]);
    if (self->answered[0] && self->answered[1]) {
        self->readable = 0;
        finish(self);
        return G_SOURCE_REMOVE;
    }
    /* what is refused is like silence: the next server is asked */
    if (self->found[0]->len > 0 && self->other == 0)
        self->other = g_timeout_add(OTHER_MS, on_other, self);
    return G_SOURCE_CONTINUE;
}

static void
send_queries(AditLookup *self)
{
    AditUdpPacket packets[2] = { 0 };

    for (guint f = 0; f < 2; f++) {
        self->query_len = adit_dns_query_put((guint16)g_random_int(), self->name, families[f],
                                             self->query[f]);
        packets[f].bytes = self->query[f];
        packets[f].len = self->query_len;
    }
    if (memcmp(self->query[0], self->query[1], 2) == 0)
        self->query[1][1] ^= 1; /* the identifier is how their answers are told apart */
    adit_udp_send(self->udp, packets, G_N_ELEMENTS(packets));
}

/* The next server's turn; after the last one's, the end. */
static gboolean
next(gpointer data)
{
    AditLookup *self = data;
    const guint turns = ROUNDS * self->servers->len;

    self->late = 0;
    hang_up(self);
    while (!self->udp && self->turn < turns) {
        const AditAddr *server =
            &g_array_index(self->servers, AditAddr, self->turn++ % self->servers->len);
        const AditUdpConfig config = { .family = server->family,
                                       .mark = ADIT_MARK_OUTER,
                                       .peer = { *server, ADIT_DNS_PORT } };

        self->udp = adit_udp_open(&config, NULL); /* NULL: no way there */
    }
    if (!self->udp || self->found[1]->len > 0) {
        finish(self);
        return G_SOURCE_REMOVE;
    }
    self->readable = g_unix_fd_add(adit_udp_get_fd(self->udp), G_IO_IN, on_readable, self);
    self->late = g_timeout_add(WAIT_MS, next, self);
    send_queries(self);
    return G_SOURCE_REMOVE;
}

AditLookup *
adit_lookup_new(const char *name, const GArray *servers, AditLookupDone done, gpointer data)
{
    AditLookup *self = g_new0(AditLookup, 1);
    guint8 query[ADIT_DNS_QUERY_MAX];

    self->name = g_strdup(name);
    for (guint f = 0; f < 2; f++)
        self->found[f] = g_array_new(FALSE, TRUE, sizeof(AditAddr));
    self->servers = g_array_copy((GArray *)servers);
    self->done = done;
    self->data = data;
    if (adit_dns_query_put(0, name, AF_INET, query) == 0)
        g_set_error(&self->reason, ADIT_ERROR, ADIT_ERROR_CONFIG, "not a name of DNS");
    else if (servers->len == 0)
        g_set_error(&self->reason, ADIT_ERROR, ADIT_ERROR_TIMEOUT,
                    "DNS: no name server of an uplink is known yet");
    if (self->reason)
        g_array_set_size(self->servers, 0);
    self->late = g_idle_add(next, self);
    return self;
}

void
adit_lookup_free(AditLookup *self)
{
    if (!self)
        return;
    hang_up(self);
    g_clear_error(&self->reason);
    for (guint f = 0; f < 2; f++)
        g_array_unref(self->found[f]);
    g_array_unref(self->servers);
    g_free(self->name);
    g_free(self);
}
