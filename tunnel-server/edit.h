/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "tunnel-server/plan.h"

/* Changes of a model, pure: each edits it in place, in part even on failure (work on a copy),
 * and none of them settles it. What cannot hold is refused by adit_model_settle() afterwards,
 * with a sentence that names who is in the way. */

/* NOT_FOUND in words. Networks go by name or in CIDR form. */
gboolean adit_edit_find_subnet(const AditModel *model, const char *word, guint *ret,
                               GError **error);
gboolean adit_edit_find_device(const AditModel *model, const char *name, guint *ret,
                               GError **error);
gboolean adit_edit_check_name(const char *name, GError **error);

/* @name "": one is found. */
gboolean adit_edit_add_subnet(AditModel *model, const char *network, const char *name,
                              GError **error);
gboolean adit_edit_remove_subnet(AditModel *model, const char *word, GError **error);
typedef struct {
    const AditServerFacts *facts;
    AditPrefix net6; /* its IPv6 block; len 0: none */
    guint32 dice;
} AditNetworkWish;

/* A private network that overlaps nothing of @model and none of the WAN's: a /24, or the
 * largest whose server's address in net6 is nobody else's. */
gboolean adit_edit_suggest_network(const AditModel *model, const AditNetworkWish *wish,
                                   AditPrefix *ret);
/* @prefix "": none. Host bits are cleared. Refuses what no GUA can be. */
gboolean adit_edit_set_ipv6(AditModel *model, const char *word, const char *prefix,
                            AditPrefix *ret, GError **error);
/* @subnet had @before: if that is no longer its network, it is served until @until_s besides.
 */
void adit_edit_keep_old(AditModel *model, guint subnet, const AditPrefix *before,
                        gint64 until_s);
gboolean adit_edit_set_wan(AditModel *model, const char *word, const char *addr,
                           GError **error); /* "": the WAN's own */
gboolean adit_edit_set_device_wan(AditModel *model, const char *name, const char *addr,
                                  GError **error); /* "": its subnet's */
gboolean adit_edit_set_dns(AditModel *model, const char *word, const char *const *servers,
                           GError **error);

typedef struct {
    const char *name, *subnet, *address; /* subnet and address may be "" */
    AditDeviceKind kind;
    AditKey public_key;
    AditKey preshared_key;
    const char *const *routes;
    gint64 invite_until; /* 0: it is no invitation */
} AditDeviceWish;

gboolean adit_edit_add_device(AditModel *model, const AditDeviceWish *wish, GError **error);
/* The next address of a subnet that is free, and whose GUA is. */
gboolean adit_edit_suggest_address(const AditModel *model, guint subnet, AditAddr *ret);
gboolean adit_edit_set_routes(AditDeviceEntry *device, const char *const *routes,
                              GError **error);

typedef struct {
    guint8 family;
    const char *address; /* IPv4: "" the subnet's or the WAN's */
    AditPorts ports;
    const char *device;
    guint16 internal; /* 0: as outside */
    AditRedirectKind redirect;
    const char *label;
    const char *const *allow_from;
} AditPublishWish;

gboolean adit_edit_add_publish(AditModel *model, const AditPublishWish *wish, GError **error);
/* The operator's word: what it switches off its device does not switch on again. */
void adit_edit_set_enabled(AditPublish *publish, gboolean enabled);
/* Without the permission what its device has made is off, and can be switched on when it is
 * back.
 */
void adit_edit_set_may_publish(AditModel *model, AditDeviceEntry *device, gboolean may_publish);
gboolean adit_edit_set_label(AditPublish *publish, const char *label, GError **error);
/* What `list` prints of it and every verb takes: "443/tcp" and "203.0.113.7:80-90/both" for
 * forwards, "nas:443/tcp" for pinholes. */
char *adit_publish_key(const AditModel *model, const AditPublish *publish);
gboolean adit_edit_find_publish(const AditModel *model, guint8 family, const char *key,
                                guint *ret, GError **error);
const char *adit_owner_name(AditOwner owner); /* "operator", "device", "held" */
gboolean adit_owner_parse(const char *text, AditOwner *ret);
const char *adit_redirect_name(AditRedirectKind redirect); /* "no", "https", "port" */
gboolean adit_redirect_parse(const char *text, AditRedirectKind *ret);
