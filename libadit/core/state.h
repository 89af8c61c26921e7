/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/core/inet.h"
#include "libadit/core/key.h"

/* What the kernel holds, or should hold, of ours: flat values, sorted, compared field by field.
 *
 * A planner fills one by adit_state_add(), seals it, and it is const from there on. A dump of
 * the kernel becomes the same type, so that core/diff needs no kernel. Links go by name: a plan
 * can speak of a link that does not exist yet, and the edge knows the index of the day.
 *
 * Every kind has an identity (what tells two objects apart) and contents (what may be changed
 * in place). DESIGN.md section 2: objects of ours carry our tag; what is untagged never enters
 * here. */

#define ADIT_RTPROT 173 /* protocol of every route and rule of ours */
#define ADIT_NAME_LEN 16
#define ADIT_SET_NAME_LEN 16
#define ADIT_ELEMENT_KEY_MAX 80 /* IPv6 . proto . port . IPv6, and the end of its range */
#define ADIT_ELEMENT_DATA_MAX 32
#define ADIT_ELEMENT_USER_MAX 32

typedef enum {
    ADIT_KIND_LINK,
    ADIT_KIND_DEVICE,
    ADIT_KIND_ADDRESS,
    ADIT_KIND_ROUTE,
    ADIT_KIND_RULE,
    ADIT_KIND_PEER,
    ADIT_KIND_ELEMENT,
    ADIT_KIND_SYSCTL,
    ADIT_KIND_NEIGHBOUR,
} AditKind;
#define ADIT_N_KINDS (ADIT_KIND_NEIGHBOUR + 1)

/* A link of ours; it is WireGuard. Identity: name. */
typedef struct {
    char name[ADIT_NAME_LEN];
    guint32 mtu; /* 0: leave */
    gboolean up;
} AditLink;

/* The WireGuard half of a link. Identity: link. */
typedef struct {
    char link[ADIT_NAME_LEN];
    AditKey private_key;
    guint16 listen_port; /* 0: any, whatever the kernel chose is accepted */
    guint32 fwmark;
} AditDevice;

/* An address on a link of ours. Identity: link, prefix; but for IPv6 the length is contents,
 * since the kernel refuses one address twice on a link. */
typedef struct {
    char link[ADIT_NAME_LEN];
    AditPrefix prefix;
    gboolean deprecated; /* IPv6: never chosen as source unless bound (preferred lifetime 0) */
    gboolean no_prefix_route;
} AditAddress;

typedef enum {
    ADIT_ROUTE_UNICAST,
    ADIT_ROUTE_BLACKHOLE,
    ADIT_ROUTE_UNREACHABLE,
} AditRouteType;

/* Identity: family (of dst), table, dst, metric. */
typedef struct {
    AditPrefix dst; /* a default route is 0.0.0.0/0 or ::/0, never unset */
    guint32 table;
    guint32 metric; /* IPv6 metric 0 means the kernel's 1024: write 1024 */
    AditRouteType type;
    char link[ADIT_NAME_LEN]; /* "" for blackhole and unreachable */
    AditAddr gateway;         /* unset: on-link */
    AditAddr prefsrc;         /* unset: kernel's choice */
} AditRoute;

typedef enum {
    ADIT_RULE_LOOKUP,
    ADIT_RULE_BLACKHOLE,
    ADIT_RULE_UNREACHABLE,
} AditRuleAction;

#define ADIT_SERVICE_PORTS 32767 /* above it the ports of those who ask begin */

/* Identity: everything (the kernel knows no change of a rule). */
typedef struct {
    guint8 family;    /* AF_INET or AF_INET6 */
    guint32 priority; /* lower is consulted first */
    AditRuleAction action;
    guint32 table;           /* 0 unless lookup */
    guint32 mark, mask;      /* mask 0: any mark */
    AditPrefix src, dst;     /* family 0: any */
    char iif[ADIT_NAME_LEN]; /* "": any */
    char oif[ADIT_NAME_LEN];
    gboolean suppress; /* suppress_prefixlength 0: defaults of that table do not count */
    gboolean service;  /* ipproto udp sport 1-ADIT_SERVICE_PORTS: what a UDP service says */
} AditRule;

/* A WireGuard peer. Identity: link, public key. Equality ignores the endpoint when wanted has
 * none (roaming) and never ignores the preshared key. */
typedef struct {
    char link[ADIT_NAME_LEN];
    AditKey public_key;
    AditKey preshared_key; /* zero: none */
    AditSockAddr endpoint; /* unset: keep what the kernel learned */
    guint16 keepalive;
    AditPrefix *allowed; /* sorted, without repeats, owned */
    guint n_allowed;
} AditPeer;

/* An element of a set or map in our nft table. Identity: set, key. */
typedef struct {
    char set[ADIT_SET_NAME_LEN];
    guint8 key_len, data_len, user_len; /* data_len 0: a set, not a map */
    guint8 key[ADIT_ELEMENT_KEY_MAX];   /* concatenation as the kernel stores it: each field
                                           padded to 4; in an interval set the last key of the
                                           range follows (core/element.h builds them) */
    guint8 data[ADIT_ELEMENT_DATA_MAX];
    guint8 user[ADIT_ELEMENT_USER_MAX];
    guint64 timeout_ms;     /* 0: for ever */
    guint64 expires_ms;     /* from the kernel only; not compared */
    guint64 packets, bytes; /* from the kernel only; not compared */
    guint32 limit;          /* matches from this many connections on; 0: no such element */
} AditElement;

/* Identity: path, as under /proc/sys ("net/ipv4/conf/wg0/rp_filter"). */
typedef struct {
    char *path;
    char *value;
} AditSysctl;

/* A proxy neighbour entry. Identity: link, address. */
typedef struct {
    char link[ADIT_NAME_LEN];
    AditAddr addr;
} AditNeighbour;

/* Brings the allowed IPs into the order a state wants: networks, sorted, without repeats. */
void adit_peer_normalise(AditPeer *peer);

typedef struct _AditState AditState;

AditState *adit_state_new(void);
/* Copies @object, which is the struct of @kind; deep parts too. Not after sealing. */
void adit_state_add(AditState *state, AditKind kind, const void *object);
void adit_state_add_link(AditState *state, const AditLink *link);
void adit_state_add_device(AditState *state, const AditDevice *device);
void adit_state_add_address(AditState *state, const AditAddress *address);
void adit_state_add_route(AditState *state, const AditRoute *route);
void adit_state_add_rule(AditState *state, const AditRule *rule);
void adit_state_add_peer(AditState *state, const AditPeer *peer);
void adit_state_add_element(AditState *state, const AditElement *element);
void adit_state_add_sysctl(AditState *state, const AditSysctl *sysctl);
/* The same in words, for printf(): "net/ipv4/conf/%s/forwarding". */
void adit_state_add_setting(AditState *state, const char *value, const char *path, ...)
    G_GNUC_PRINTF(3, 4);
void adit_state_add_neighbour(AditState *state, const AditNeighbour *neighbour);
/* Sorts each kind by identity and drops exact repeats; returns @state. Two objects of one
 * identity and different contents are our own bug: asserted. */
AditState *adit_state_seal(AditState *state);
/* The same for what the kernel told: there somebody else can have made two of one identity
 * (`ip route append`). Both stay, and a diff deletes what is too much. */
AditState *adit_state_seal_dump(AditState *state);
guint adit_state_len(const AditState *state, AditKind kind);
const void *adit_state_get(const AditState *state, AditKind kind, guint i);
gboolean adit_state_equal(const AditState *a, const AditState *b);
void adit_state_free(AditState *state); /* wipes keys */

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditState, adit_state_free)

typedef enum {
    ADIT_OP_ADD,
    ADIT_OP_CHANGE, /* same identity, other contents; the edge may need delete and add */
    ADIT_OP_DELETE,
} AditOpVerb;

/* Generic over the kind, by one table. */
gsize adit_object_size(AditKind kind);
int adit_object_cmp(AditKind kind, const void *a, const void *b); /* identity */
gboolean adit_object_satisfies(AditKind kind, const void *have,
                               const void *want); /* contents */
void adit_object_copy(AditKind kind, void *dst, const void *src);
void adit_object_clear(AditKind kind, void *object);
/* One line in the words of ip(8), wg(8), nft(8) or sysctl(8); secrets print as "(hidden)". */
char *adit_object_to_string(AditKind kind, const void *object);
/* The same for a change ("ip route replace ...") or a removal ("wg set ... remove"). */
char *adit_object_to_command(AditKind kind, AditOpVerb verb, const void *object);
const char *adit_kind_name(AditKind kind);
