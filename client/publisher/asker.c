/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/publisher/asker.h"

#include "libadit/core/error.h"
#include "libadit/sys/udp.h"

#include <glib-unix.h>
#include <string.h>

#define FIRST_MS 250

struct _AditAsker {
    char *link;
    AditAsk ask;
    AditSockAddr server;
    AditUdp *udp; /* NULL: there is no way yet */
    guint source, timer, tries;
    AditAskerDone done;
    gpointer data;
};

static void
close_way(AditAsker *self)
{
    g_clear_handle_id(&self->source, g_source_remove);
    g_clear_pointer(&self->udp, adit_udp_close);
}

void
adit_asker_free(AditAsker *self)
{
    if (!self)
        return;
    close_way(self);
    g_clear_handle_id(&self->timer, g_source_remove);
    g_free(self->link);
    g_free(self);
}

/* What a journal at debug level needs to tell one question from another, and this one from the
 * server's. */
static char *
words_of(const AditAsker *self)
{
    static const char *const kinds[] = { "notice", "address", "rotate", "port" };

    G_STATIC_ASSERT(G_N_ELEMENTS(kinds) == ADIT_ASK_LAST + 1);
    return g_strdup_printf("ask: %s: %s %02x%02x%02x%02x", self->link, kinds[self->ask.kind],
                           self->ask.nonce[0], self->ask.nonce[1], self->ask.nonce[2],
                           self->ask.nonce[3]);
}

static void
note(const AditAsker *self, const char *what)
{
    g_autofree char *words = words_of(self);

    g_debug("%s: %s, try %u", words, what, self->tries);
}

/* Takes @error. */
static void
finish(AditAsker *self, const AditAskReply *reply, GError *error)
{
    g_autoptr(GError) why = error;

    self->done(reply, why, self->data);
    adit_asker_free(self);
}

static GError *
refusal(const AditAskReply *reply)
{
    const guint code = reply->result;
    const AditError kind = code == ADIT_PCP_NO_RESOURCES      ? ADIT_ERROR_BUSY
                           : code == ADIT_PCP_NETWORK_FAILURE ? ADIT_ERROR_KERNEL
                           : code == ADIT_PCP_UNSUPP_OPCODE || code == ADIT_PCP_UNSUPP_VERSION
                               ? ADIT_ERROR_PROTOCOL
                               : ADIT_ERROR_DENIED;

    return g_error_new(ADIT_ERROR, kind, "the server refuses: %s", adit_pcp_result_name(code));
}

/* TRUE: that was the answer, and @self is gone. */
static gboolean
take(AditAsker *self, const AditUdpPacket *packet)
{
    AditAskReply reply;

    if (!adit_ask_reply_decode(packet->bytes, packet->len, &reply, NULL) ||
        !adit_ask_reply_answers(&reply, &self->ask))
        return FALSE;
    note(self, adit_pcp_result_name(reply.result));
    if (reply.result == ADIT_PCP_SUCCESS)
        finish(self, &reply, NULL);
    else
        finish(self, NULL, refusal(&reply));
    return TRUE;
}

static gboolean
on_ready(int fd, GIOCondition condition, gpointer data)
{
    AditAsker *self = data;
    AditUdpPacket packets[ADIT_UDP_BATCH];
    const int n = adit_udp_receive(self->udp, packets, ADIT_UDP_BATCH, NULL);

    for (int i = 0; i < n; i++)
        if (take(self, &packets[i]))
            return G_SOURCE_REMOVE; /* removed already, with the rest */
    return G_SOURCE_CONTINUE;
}

/* Anew each time: the link may be another one than a moment ago. */
static void
open_way(AditAsker *self)
{
    const AditUdpConfig config = { .family = self->server.addr.family,
                                   .device = self->link,
                                   .local = self->ask.client,
                                   .peer = self->server };
    g_autoptr(GError) error = NULL;

    if (self->udp)
        return;
    self->udp = adit_udp_open(&config, &error);
    if (self->udp)
        self->source = g_unix_fd_add(adit_udp_get_fd(self->udp), G_IO_IN, on_ready, self);
    else
        g_debug("ask: %s", error->message);
}

static gboolean
on_timer(gpointer data)
{
    AditAsker *self = data;
    guint8 bytes[ADIT_PCP_MAX];
    AditUdpPacket packet = { .bytes = bytes, .len = adit_ask_encode(&self->ask, bytes) };

    self->timer = 0;
    if (self->tries == ADIT_ASKER_TRIES) {
        note(self, "given up");
        finish(self, NULL,
               g_error_new(ADIT_ERROR, ADIT_ERROR_TIMEOUT, "%s: the server does not answer",
                           self->link));
        return G_SOURCE_REMOVE;
    }
    open_way(self);
    if (self->udp && adit_udp_send(self->udp, &packet, 1) == 0)
        close_way(self);
    self->timer = g_timeout_add(FIRST_MS << MIN(self->tries, 3), on_timer, self);
    self->tries++;
    note(self, self->udp ? "sent" : "no way");
    return G_SOURCE_REMOVE;
}

static void
throw_nonce(guint8 ret[ADIT_PCP_NONCE])
{
    for (guint i = 0; i < ADIT_PCP_NONCE / sizeof(guint32); i++) {
        const guint32 dice = g_random_int();

        memcpy(ret + i * sizeof(dice), &dice, sizeof(dice));
    }
}

AditAsker *
adit_asker_new(const AditAskerWay *way, const AditAsk *ask, AditAskerDone done, gpointer data)
{
    AditAsker *self = g_new0(AditAsker, 1);

    self->link = g_strdup(way->link);
    self->ask = *ask;
    self->ask.client = way->own;
    throw_nonce(self->ask.nonce);
    self->server = (AditSockAddr){ way->server, ADIT_PCP_SERVER_PORT };
    self->done = done;
    self->data = data;
    self->timer = g_timeout_add(1, on_timer, self);
    return self;
}
