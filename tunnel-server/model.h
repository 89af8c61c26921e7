/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/core/inet.h"
#include "libadit/core/key.h"
#include "tunnel-server/publish.h"

/* What the operator decided: subnets, devices, forwards (IPv4), pinholes (IPv6). Pure values;
 * the store keeps them, the planner turns them into kernel state. */

typedef enum {
    ADIT_DEVICE_SERVER, /* publishes; its profile is harmless before enrolment */
    ADIT_DEVICE_CLIENT, /* a phone or laptop: a plain profile */
} AditDeviceKind;

typedef struct {
    gint64 id; /* of the store; 0: not kept yet */
    char *name;
    AditPrefix net4; /* the network */
    AditPrefix net6; /* len 0: no IPv6 */
    AditAddr server4, server6;
    gboolean auto6; /* net6 follows the network of the WAN */
    /* After a renumbering: what was before is served as well, for a while. len 0: nothing. */
    AditPrefix old6;
    gint64 old6_until; /* seconds since 1970 */
    AditAddr old_server6;
    AditAddr vacant6; /* an address more, while `check` asks the router from it; not kept */
    AditAddr wan4;    /* where its forwards live and its traffic leaves; unset: the WAN's */
    AditAddr *dns;
    guint n_dns;
} AditSubnet;

typedef struct {
    gint64 id;
    char *name;
    guint subnet; /* index into the model */
    AditAddr addr4, addr6;
    AditAddr old6; /* by its subnet's old6; unset: none */
    AditAddr wan4; /* as a subnet's, for this device alone; unset: its subnet's */
    AditKey public_key;
    AditKey preshared_key; /* zero: none */
    AditKey next_key;      /* offered by the device: takes over with its first handshake */
    gint64 next_until;     /* seconds since 1970; then the offer is void */
    gint64 invite_until;   /* the present key is for one use, until then; 0: it is not */
    gboolean rotate;       /* it is asked to make itself another key; not kept */
    AditDeviceKind kind;
    gboolean may_publish;
    AditPrefix *routes; /* networks behind it */
    guint n_routes;
    AditSockAddr endpoint; /* where it was last heard from, for the start; else unset */
} AditDeviceEntry;

/* The key of an invitation that has been taken up, or has run out. It is let shake hands and
 * owns nothing: so whoever tries it is seen, once. */
typedef struct {
    gint64 id;
    char *name; /* of the device it was for */
    AditKey public_key, preshared_key;
    gint64 since, until; /* seconds since 1970 */
    gboolean taken;      /* up; else it ran out */
} AditSpentKey;

typedef struct {
    char *endpoint; /* host:port as profiles name it; NULL: the WAN address */
    char *wan;      /* interface name; NULL: the one of the default route */
    guint16 listen_port;
    AditKey private_key;
    guint32 mtu;
    AditAddr *taken; /* addresses of this machine itself: nobody else may have them */
    guint n_taken;
    AditAddr router6; /* the provider's: nobody is given its address anew. Not kept */
    guint32 per_mapping, per_device; /* connections at once, of server.conf; 0: no limit */
    GPtrArray *subnets;              /* AditSubnet */
    GPtrArray *devices;              /* AditDeviceEntry */
    GPtrArray *publishes;            /* AditPublish: of the list that copies share */
    AditPublishes *shared;
    GPtrArray *spent; /* AditSpentKey */
} AditModel;

AditModel *adit_model_new(void);
AditModel *adit_model_copy(const AditModel *model);
AditSubnet *adit_model_add_subnet(AditModel *model); /* an empty one, to be filled */
AditDeviceEntry *adit_model_add_device(AditModel *model);
AditSpentKey *adit_model_add_spent(AditModel *model);
AditPublish *adit_model_add_publish(AditModel *model); /* enabled, TCP */
/* Before one is changed or taken out: ->publishes, which is this model's alone from now on. */
GPtrArray *adit_model_own_publishes(AditModel *model);
/* Its publishes go with it; indices of the others follow. */
void adit_model_remove_device(AditModel *model, guint device);
void adit_model_remove_subnet(AditModel *model, guint subnet); /* has no devices */
const AditSubnet *adit_model_subnet(const AditModel *model, guint i);
const AditDeviceEntry *adit_model_device(const AditModel *model, guint i);
const AditPublish *adit_model_publish(const AditModel *model, guint i);
const AditSpentKey *adit_model_spent(const AditModel *model, guint i);
gboolean adit_model_find_subnet(const AditModel *model, const char *name, guint *ret);
gboolean adit_model_find_device(const AditModel *model, const char *name, guint *ret);
/* Where an IPv4 forward is reached: its own address, its device's or its subnet's; unset: the
 * WAN's. */
AditAddr adit_model_outside(const AditModel *model, const AditPublish *publish);
/* The address whose ports it takes; unset: the WAN's, which may be named or left out. */
AditAddr adit_model_place(const AditModel *model, const AditPublish *publish);
/* The one that has port 80 itself, to which the redirect of @publish gives way; NULL: none. One
 * look at everything: of a settled model ask ->yields. */
const AditPublish *adit_model_redirect_rival(const AditModel *model,
                                             const AditPublish *publish);
/* Fills what follows from the rest (server addresses, GUAs) and refuses what cannot hold: a
 * name, an address, a key or a port held twice, an address outside its subnet (message names
 * both). In settle.c. */
gboolean adit_model_settle(AditModel *model, GError **error);
/* Likewise @model, an edited copy of @had, which is settled. What the edit has let alone is not
 * asked again. */
gboolean adit_model_settle_after(AditModel *model, const AditModel *had, GError **error);
void adit_model_free(AditModel *model); /* wipes keys */

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditModel, adit_model_free)
