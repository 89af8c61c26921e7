/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/recognise.h"

#include "libadit/core/pcp.h"
#include "libadit/sys/udp.h"
#include "policy-routing/gateway.h"

#include <glib-unix.h>
#include <sys/socket.h>

/* The link has just come up: the first packets wait for a handshake, or its address for a
 * moment. A handshake that was lost is tried again 5 s later. */
#define SOON_MS 300
#define LATER_MS 2000
#define SOON_UNTIL_MS 4000

typedef struct {
    AditRecognise *recognise;
    AditAddr server;
    AditUdp *udp;
    guint readable;
} Question;

struct _AditRecognise {
    char *link;
    Question questions[2]; /* of each family */
    guint timer;
    guint waited, patience; /* milliseconds */
    AditRecognised done;
    gpointer data;
};

static void
hang_up(AditRecognise *self)
{
    g_clear_handle_id(&self->timer, g_source_remove);
    for (guint f = 0; f < G_N_ELEMENTS(self->questions); f++) {
        g_clear_handle_id(&self->questions[f].readable, g_source_remove);
        g_clear_pointer(&self->questions[f].udp, adit_udp_close);
    }
}

static void
finish(AditRecognise *self, gboolean is_server)
{
    hang_up(self);
    self->done(is_server, self->data);
}

/* NAT-PMP alone is no tunnel server of ours: commercial ones speak it. */
static gboolean
is_answer(const AditUdpPacket *packet)
{
    AditPcpReply reply;

    return adit_pcp_reply_decode(packet->bytes, packet->len, &reply, NULL) &&
           reply.version == ADIT_PCP_VERSION && reply.opcode == ADIT_PCP_ANNOUNCE &&
           reply.result == ADIT_PCP_SUCCESS;
}

static gboolean
on_readable(int fd, GIOCondition condition, gpointer data)
{
    Question *question = data;
    AditUdpPacket packets[ADIT_UDP_BATCH];
    const int n =
        adit_udp_receive(question->udp, packets, G_N_ELEMENTS(packets), NULL); /* -1: refused */

    for (int i = 0; i < n; i++)
        if (is_answer(&packets[i])) {
            question->readable = 0;
            finish(question->recognise, TRUE);
            return G_SOURCE_REMOVE;
        }
    return G_SOURCE_CONTINUE;
}

static void
ask(Question *question)
{
    const AditUdpConfig config = { .family = question->server.family,
                                   .device = question->recognise->link,
                                   .peer = { question->server, ADIT_PCP_SERVER_PORT } };
    AditPcpRequest request = { .opcode = ADIT_PCP_ANNOUNCE };
    guint8 bytes[ADIT_PCP_MAX];
    AditUdpPacket packet = { .bytes = bytes };

    if (!question->udp) {
        question->udp = adit_udp_open(&config, NULL); /* NULL: no address yet */
        if (!question->udp)
            return;
        question->readable =
            g_unix_fd_add(adit_udp_get_fd(question->udp), G_IO_IN, on_readable, question);
    }
    request.client = adit_udp_get_local(question->udp);
    packet.len = adit_pcp_request_encode(&request, bytes);
    adit_udp_send(question->udp, &packet, 1);
}

static gboolean
on_turn(gpointer data)
{
    AditRecognise *self = data;
    const guint wait = self->waited < SOON_UNTIL_MS ? SOON_MS : LATER_MS;
    gboolean any = FALSE;

    self->timer = 0;
    for (guint f = 0; f < G_N_ELEMENTS(self->questions); f++)
        if (adit_addr_is_set(&self->questions[f].server)) {
            ask(&self->questions[f]);
            any = TRUE;
        }
    if (any && self->waited < self->patience) {
        self->waited += wait;
        self->timer = g_timeout_add(wait, on_turn, self);
    } else
        finish(self, FALSE);
    return G_SOURCE_REMOVE;
}

AditRecognise *
adit_recognise_new(const char *link, const AditProfile *profile, guint patience_ms,
                   AditRecognised done, gpointer data)
{
    AditRecognise *self = g_new0(AditRecognise, 1);
    g_autoptr(AditGateway) gateway = adit_gateway_from_profile(link, 1, link, profile);

    self->link = g_strdup(link);
    self->patience = patience_ms;
    self->done = done;
    self->data = data;
    for (guint f = 0; f < G_N_ELEMENTS(self->questions); f++)
        self->questions[f] = (Question){ .recognise = self, .server = gateway->servers[f] };
    self->timer = g_idle_add(on_turn, self);
    return self;
}

void
adit_recognise_again(AditRecognise *self)
{
    hang_up(self); /* the link may be another one of that name */
    self->waited = 0;
    self->timer = g_idle_add(on_turn, self);
}

void
adit_recognise_free(AditRecognise *self)
{
    if (!self)
        return;
    hang_up(self);
    g_free(self->link);
    g_free(self);
}
