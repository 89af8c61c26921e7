/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/core/inet.h"
#include "libadit/core/key.h"

/* One WireGuard profile: every key wg-quick knows, checked, in the order of the file. */

typedef enum {
    ADIT_TABLE_AUTO, /* absent or "auto" */
    ADIT_TABLE_OFF,
    ADIT_TABLE_NUMBER,
} AditTableMode;

/* PreUp and friends: reported to the user, never run. The line is for the report, and not part
 * of a profile's value: 0 in one that came from no file. */
typedef struct {
    guint line;
    char *key; /* "PostUp" */
    char *command;
} AditHook;

typedef struct {
    AditKey public_key;
    AditKey preshared_key; /* zero: none */
    AditEndpoint endpoint; /* host NULL: none */
    AditPrefix *allowed;   /* as written; the kernel clears host bits */
    guint n_allowed;
    guint16 keepalive; /* seconds, 0: off */
} AditProfilePeer;

typedef struct {
    AditKey private_key;
    AditPrefix *addresses; /* with their prefix length and host bits, as written */
    guint n_addresses;
    AditAddr *dns;
    guint n_dns;
    char **search; /* NULL-terminated, never NULL */
    guint32 mtu;   /* 0: automatic */
    guint16 listen_port;
    guint32 fwmark; /* 0: off */
    AditTableMode table_mode;
    guint32 table;
    gboolean save_config;
    AditHook *hooks;
    guint n_hooks;
    AditProfilePeer *peers;
    guint n_peers;
} AditProfile;

/* Empty: no keys, addresses or peers. Fill it with allocations of GLib's. */
AditProfile *adit_profile_new(void);
/* Strict: an unknown or repeated key, a missing one, a value out of range is an error that
 * reads "name:line: Key: value: why" and never shows a key. Several peers with one public key
 * are refused, and one with our own. */
AditProfile *adit_profile_parse(const char *name, const char *bytes, gsize len, GError **error);
/* Canonical text; parsing it gives an equal profile. Holds the private key: free with
 * adit_key_string_free(). */
char *adit_profile_to_string(const AditProfile *profile);
AditProfile *adit_profile_copy(const AditProfile *profile);
/* An update: each peer that @profile gives no preshared key keeps that of @before's peer with
 * its public key. */
void adit_profile_inherit(AditProfile *profile, const AditProfile *before);
/* Two profiles of one device at one server: an own address in common, and of some peer the key
 * or the endpoint. The numbers alone tell nothing: many networks have the same. */
gboolean adit_profile_is_same_device(const AditProfile *a, const AditProfile *b);
gboolean adit_profile_equal(const AditProfile *a, const AditProfile *b);
gboolean adit_profile_carries(const AditProfile *profile,
                              guint8 family); /* has an address of it */
void adit_profile_free(AditProfile *profile); /* wipes the keys */

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditProfile, adit_profile_free)
