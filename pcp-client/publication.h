/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/core/inet.h"
#include "libadit/core/ports.h"

/* What is wanted to be reachable from outside: pure values, and the files they are kept in
 * (STATE/publish.conf, CONFIG/publish.d/NAME.conf):
 *
 *     [Publish]
 *     Port = 443/tcp          # or 80-90, 53/udp, 27015/both
 *     External = any          # or a port; the same one unless said otherwise
 *     Gateway = home          # all of them unless said otherwise
 *     To = 192.168.1.9:8443, [fd00::9]:8443
 *     KeepSource = yes
 *     Family = ipv6
 *     Redirect = no           # or port, https
 *     When = listening        # or always
 *     Label = web
 *
 *     [Share]
 *     Network = 192.168.1.0/24
 *     KeepSource = yes */

#define ADIT_PUBLICATION_RANGE_MAX 1024
#define ADIT_PUBLICATION_LABEL_MAX 64
#define ADIT_PUBLICATIONS_MAX 4096 /* of one file */

typedef enum {
    ADIT_REDIRECT_NO,
    ADIT_REDIRECT_HTTPS, /* port 80 answers 308 to https:// */
    ADIT_REDIRECT_PORT,  /* port 80 leads to the service as it is */
} AditRedirectWish;

typedef enum {
    ADIT_WHEN_ALWAYS,
    ADIT_WHEN_LISTENING, /* while something listens on the port */
} AditPublishWhen;

typedef struct {
    AditPorts ports;      /* of this machine; one protocol */
    guint16 external;     /* of the first port; 0: any */
    char *gateway;        /* NULL: all */
    gboolean families[2]; /* IPv4, IPv6 */
    AditSockAddr to[2];   /* another machine instead; the port is that of the first one */
    gboolean keep_source; /* it sees the visitor's address: this machine is its router */
    AditRedirectWish redirect;
    AditPublishWhen when;
    char *label;   /* NULL: none */
    char *source;  /* "FILE:LINE" or a unit; NULL: the user's own word */
    guint sharers; /* owners beside the first one */
} AditPublication;

/* A network behind this machine, for the other devices of the gateways. */
typedef struct {
    AditPrefix network;
    gboolean keep_source;
    char *source;
} AditShare;

typedef struct {
    GPtrArray *publications; /* AditPublication */
    GPtrArray *shares;       /* AditShare */
} AditWanted;

AditPublication *adit_publication_new(const AditPorts *ports); /* the defaults */
AditPublication *adit_publication_copy(const AditPublication *publication);
/* Another owner of the same, which nobody may change any more. */
AditPublication *adit_publication_share(AditPublication *publication);
void adit_publication_free(AditPublication *publication);
/* What no single key can tell; a family without a target is left out. "what: why". */
gboolean adit_publication_settle(AditPublication *publication, GError **error);
/* Led on to another machine in any family? */
gboolean adit_publication_leads_on(const AditPublication *publication);
/* Does it want port 80, too? Only port 443 does. */
gboolean adit_publication_wants_redirect(const AditPublication *publication);
/* Would both hold the same port of the same gateway? */
gboolean adit_publication_clashes(const AditPublication *a, const AditPublication *b);
/* "443/tcp", "443/tcp@home" with a gateway: what a user calls it. */
char *adit_publication_name(const AditPublication *publication);

AditShare *adit_share_new(const AditPrefix *network, gboolean keep_source);
void adit_share_free(AditShare *share);

AditWanted *adit_wanted_new(void);
void adit_wanted_free(AditWanted *wanted);
/* @name is for messages, and the source of what is read, if @sourced. */
AditWanted *adit_wanted_parse(const char *name, const char *text, gsize len, gboolean sourced,
                              GError **error);
char *adit_wanted_print(const AditWanted *wanted); /* without sources */
char *adit_publication_print(const AditPublication *publication);
/* Takes @publication: in place of one with the same ports and gateway. DENIED: it clashes with
 * another one, which is named. */
gboolean adit_wanted_put(AditWanted *wanted, AditPublication *publication, GError **error);
/* Those of @ports (exactly, of any of its protocols); NOT_FOUND: none. */
gboolean adit_wanted_drop(AditWanted *wanted, const AditPorts *ports, GError **error);
/* Takes @share: in place of the same network. DENIED: it overlaps another one. */
gboolean adit_wanted_put_share(AditWanted *wanted, AditShare *share, GError **error);
gboolean adit_wanted_drop_share(AditWanted *wanted, const AditPrefix *network, GError **error);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditPublication, adit_publication_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditShare, adit_share_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditWanted, adit_wanted_free)
