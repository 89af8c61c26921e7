/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/profile.h"

#include <string.h>

AditProfile *
adit_profile_new(void)
{
    AditProfile *profile = g_new0(AditProfile, 1);

    profile->search = g_new0(char *, 1);
    return profile;
}

static void
peer_copy(AditProfilePeer *dst, const AditProfilePeer *src)
{
    *dst = *src;
    dst->endpoint.host = g_strdup(src->endpoint.host);
    dst->allowed = g_memdup2(src->allowed, src->n_allowed * sizeof(*src->allowed));
}

static void
hook_copy(AditHook *dst, const AditHook *src)
{
    dst->line = src->line;
    dst->key = g_strdup(src->key);
    dst->command = g_strdup(src->command);
}

AditProfile *
adit_profile_copy(const AditProfile *profile)
{
    AditProfile *copy = g_memdup2(profile, sizeof(*profile));

    copy->addresses =
        g_memdup2(profile->addresses, profile->n_addresses * sizeof(*profile->addresses));
    copy->dns = g_memdup2(profile->dns, profile->n_dns * sizeof(*profile->dns));
    copy->search = g_strdupv(profile->search);
    copy->hooks = g_new0(AditHook, profile->n_hooks);
    for (guint i = 0; i < profile->n_hooks; i++)
        hook_copy(&copy->hooks[i], &profile->hooks[i]);
    copy->peers = g_new0(AditProfilePeer, profile->n_peers);
    for (guint i = 0; i < profile->n_peers; i++)
        peer_copy(&copy->peers[i], &profile->peers[i]);
    return copy;
}

static gboolean
prefixes_equal(const AditPrefix *a, guint n_a, const AditPrefix *b, guint n_b)
{
    if (n_a != n_b)
        return FALSE;
    for (guint i = 0; i < n_a; i++)
        if (adit_prefix_cmp(&a[i], &b[i]) != 0)
            return FALSE;
    return TRUE;
}

static gboolean
dns_equal(const AditProfile *a, const AditProfile *b)
{
    if (a->n_dns != b->n_dns)
        return FALSE;
    for (guint i = 0; i < a->n_dns; i++)
        if (adit_addr_cmp(&a->dns[i], &b->dns[i]) != 0)
            return FALSE;
    return g_strv_equal((const char *const *)a->search, (const char *const *)b->search);
}

static gboolean
hooks_equal(const AditProfile *a, const AditProfile *b)
{
    if (a->n_hooks != b->n_hooks)
        return FALSE;
    for (guint i = 0; i < a->n_hooks; i++)
        if (strcmp(a->hooks[i].key, b->hooks[i].key) != 0 ||
            strcmp(a->hooks[i].command, b->hooks[i].command) != 0)
            return FALSE;
    return TRUE;
}

static gboolean
peer_equal(const AditProfilePeer *a, const AditProfilePeer *b)
{
    return adit_key_equal(&a->public_key, &b->public_key) &&
           adit_key_equal(&a->preshared_key, &b->preshared_key) &&
           adit_endpoint_cmp(&a->endpoint, &b->endpoint) == 0 && a->keepalive == b->keepalive &&
           prefixes_equal(a->allowed, a->n_allowed, b->allowed, b->n_allowed);
}

static gboolean
peers_equal(const AditProfile *a, const AditProfile *b)
{
    if (a->n_peers != b->n_peers)
        return FALSE;
    for (guint i = 0; i < a->n_peers; i++)
        if (!peer_equal(&a->peers[i], &b->peers[i]))
            return FALSE;
    return TRUE;
}

static gboolean
settings_equal(const AditProfile *a, const AditProfile *b)
{
    return adit_key_equal(&a->private_key, &b->private_key) && a->mtu == b->mtu &&
           a->listen_port == b->listen_port && a->fwmark == b->fwmark &&
           a->table_mode == b->table_mode && a->table == b->table &&
           a->save_config == b->save_config;
}

void
adit_profile_inherit(AditProfile *profile, const AditProfile *before)
{
    for (guint i = 0; i < profile->n_peers; i++)
        for (guint j = 0; j < before->n_peers; j++)
            if (adit_key_is_zero(&profile->peers[i].preshared_key) &&
                adit_key_equal(&profile->peers[i].public_key, &before->peers[j].public_key))
                profile->peers[i].preshared_key = before->peers[j].preshared_key;
}

static gboolean
shares_address(const AditProfile *a, const AditProfile *b)
{
    for (guint i = 0; i < a->n_addresses; i++)
        for (guint j = 0; j < b->n_addresses; j++)
            if (adit_addr_cmp(&a->addresses[i].addr, &b->addresses[j].addr) == 0)
                return TRUE;
    return FALSE;
}

static gboolean
is_same_server(const AditProfilePeer *a, const AditProfilePeer *b)
{
    return adit_key_equal(&a->public_key, &b->public_key) ||
           (a->endpoint.host && b->endpoint.host &&
            adit_endpoint_cmp(&a->endpoint, &b->endpoint) == 0);
}

gboolean
adit_profile_is_same_device(const AditProfile *a, const AditProfile *b)
{
    if (!shares_address(a, b))
        return FALSE;
    for (guint i = 0; i < a->n_peers; i++)
        for (guint j = 0; j < b->n_peers; j++)
            if (is_same_server(&a->peers[i], &b->peers[j]))
                return TRUE;
    return FALSE;
}

gboolean
adit_profile_equal(const AditProfile *a, const AditProfile *b)
{
    return settings_equal(a, b) &&
           prefixes_equal(a->addresses, a->n_addresses, b->addresses, b->n_addresses) &&
           dns_equal(a, b) && hooks_equal(a, b) && peers_equal(a, b);
}

gboolean
adit_profile_carries(const AditProfile *profile, guint8 family)
{
    for (guint i = 0; i < profile->n_addresses; i++)
        if (profile->addresses[i].addr.family == family)
            return TRUE;
    return FALSE;
}

static void
peer_clear(AditProfilePeer *peer)
{
    adit_key_clear(&peer->preshared_key);
    adit_endpoint_clear(&peer->endpoint);
    g_free(peer->allowed);
}

static void
hook_clear(AditHook *hook)
{
    g_free(hook->key);
    g_free(hook->command);
}

void
adit_profile_free(AditProfile *profile)
{
    if (!profile)
        return;
    for (guint i = 0; i < profile->n_peers; i++)
        peer_clear(&profile->peers[i]);
    for (guint i = 0; i < profile->n_hooks; i++)
        hook_clear(&profile->hooks[i]);
    adit_key_clear(&profile->private_key);
    g_free(profile->addresses);
    g_free(profile->dns);
    g_strfreev(profile->search);
    g_free(profile->hooks);
    g_free(profile->peers);
    g_free(profile);
}
