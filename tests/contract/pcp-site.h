/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/sys/udp.h"
#include "pcp-client/client.h"

#include <netinet/in.h>

/* Two machines of one process, and a PCP server on one of them that does as it is told:
 *
 *   client   c0 10.59.0.2, fd59::2 ------- s0 10.59.0.1, fd59::1   server
 *
 * Time is the real one and what a test leaps ahead. */

typedef struct {
    AditUdp *udp;  /* NULL: nobody listens */
    AditUdp *liar; /* for the tests; closed at the end */
    guint32 epoch;
    gint64 epoch_at;
    guint32 lifetime; /* granted at most */
    gboolean mute;
    gboolean fickle;  /* each answer's epoch contradicts the last one's */
    GArray *requests; /* AditPcpRequest, as heard */
    GArray *sources;  /* AditSockAddr of each */
} PcpServer;

typedef struct {
    guint8 family;
    AditClient *client;
    PcpServer server;
    gint64 leap;    /* milliseconds */
    char *state;    /* path */
    GArray *events; /* AditPoolNews */
} PcpSite;

typedef struct {
    const char *path;
    void (*func)(void);
} PcpSiteTest;

/* A test program's main: builds, runs and demolishes. */
int pcp_site_run(int argc, char **argv, const PcpSiteTest *tests, guint n);
/* Once per process; FALSE: not to be had here. */
gboolean pcp_site_build(void);
void pcp_site_demolish(void);
void pcp_site_do(gboolean server, const char *words); /* ip @words, on that machine */
/* Lays the cable c0 - s0, with its addresses; pulls it out, both ends of it. */
void pcp_site_plug(void);
void pcp_site_pull(void);
/* Without client yet. */
void pcp_site_set_up(PcpSite *site, guint8 family);
void pcp_site_tear_down(PcpSite *site);
void pcp_site_serve(PcpSite *site); /* opens the server's socket */
void pcp_site_open(PcpSite *site, const char *device, const char *own);
AditAddr pcp_site_server_addr(guint8 family);
AditAddr pcp_site_client_addr(guint8 family);
AditUdp *pcp_site_open_udp(gboolean server, const AditUdpConfig *config);
const AditMapping *pcp_site_add(PcpSite *site, guint16 port);
gint64 pcp_site_now(const PcpSite *site);
/* One round: waits until something can be done, at most @wait_ms, and does it. */
void pcp_site_turn(PcpSite *site, int wait_ms);
/* The server's half of a round, for a client that lives elsewhere. */
void pcp_site_answer(PcpSite *site, int wait_ms);
/* Goes on until @mapping is in @state; asserts that it comes to that. */
void pcp_site_reach(PcpSite *site, const AditMapping *mapping, AditMappingState state);
/* Goes on until so many requests were heard in all. */
void pcp_site_hear(PcpSite *site, guint n);
/* Leaps to where the client's next deadline is. */
void pcp_site_leap(PcpSite *site);
/* Nothing happens for a little while: no event, no request. */
void pcp_site_quiet(PcpSite *site);
guint pcp_site_count(const PcpSite *site, AditMappingNews what);
/* What the server would answer to request number @i. */
void pcp_site_reply(const PcpSite *site, guint i, AditPcpReply *ret);
/* Bytes of the server's from @udp to the client's port. */
void pcp_site_send(const PcpSite *site, AditUdp *udp, guint16 port, const void *bytes,
                   gsize len);
/* An unasked ANNOUNCE of that epoch; @group: by multicast. */
void pcp_site_announce(PcpSite *site, guint32 epoch, gboolean group);
/* A mapping of port 443, granted by a server that answers. */
const AditMapping *pcp_site_begin(PcpSite *site, guint8 family);
/* Number @i of those that the server has heard. */
const AditPcpRequest *pcp_site_request(const PcpSite *site, guint i);
/* The client knows a way to the server. */
gboolean pcp_site_has_way(const PcpSite *site);
void pcp_site_wait_way(PcpSite *site, gboolean way);
/* The cable once more, with a server at its end. */
void pcp_site_replug(PcpSite *site);
