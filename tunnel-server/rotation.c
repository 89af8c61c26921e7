/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/rotation.h"

#include "libadit/core/error.h"
#include "tunnel-server/edit.h"
#include "tunnel-server/setup.h"

#include <string.h>

static gboolean
has_offer(const AditDeviceEntry *device)
{
    return !adit_key_is_zero(&device->next_key);
}

/* When it was made. next_until outlives an offer that was taken back: taking back is no way to
 * offer more often. */
static gboolean
has_just_offered(const AditDeviceEntry *device, gint64 now_s)
{
    const gint64 since = device->next_until - ADIT_ROTATION_STANDS_S;

    return device->next_until != 0 && now_s >= since && now_s - since < ADIT_ROTATION_GAP_S;
}

gboolean
adit_rotation_offer(AditModel *model, guint at, const AditKey *key, gint64 now_s,
                    GError **error)
{
    AditDeviceEntry *device = g_ptr_array_index(model->devices, at);

    if (adit_key_equal(key, &device->public_key)) {
        memset(&device->next_key, 0, sizeof(device->next_key));
        return TRUE;
    }
    /* Any program of the device may send this; only who knows the preshared key can use it. */
    if (adit_key_is_zero(&device->preshared_key)) {
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_DENIED,
                    "%s: it has no preshared key, which a new key is proved with: device rekey "
                    "--profile gives it one",
                    device->name);
        return FALSE;
    }
    if (!adit_key_equal(key, &device->next_key) && has_just_offered(device, now_s)) {
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_BUSY, "%s: it has just offered another key",
                    device->name);
        return FALSE;
    }
    device->next_key = *key;
    device->next_until = now_s + ADIT_ROTATION_STANDS_S;
    return TRUE;
}

gboolean
adit_rotation_is_on(const AditModel *model)
{
    for (guint i = 0; i < model->devices->len; i++)
        if (has_offer(adit_model_device(model, i)))
            return TRUE;
    return FALSE;
}

static AditDueKind
device_due(const AditDeviceEntry *device, const AditWgDump *dump, gint64 now_s)
{
    const AditWgPeer *peer =
        dump && has_offer(device) ? adit_wg_dump_find(dump, &device->next_key) : NULL;

    if (peer && peer->status.handshake_sec != 0)
        return ADIT_DUE_ROTATE;
    if (has_offer(device))
        return device->next_until <= now_s ? ADIT_DUE_VOID : ADIT_DUE_NOTHING;
    return device->invite_until != 0 && device->invite_until <= now_s ? ADIT_DUE_INVITE
                                                                      : ADIT_DUE_NOTHING;
}

/* The WAN may be in several networks: whoever has one of them keeps it. */
static gboolean
is_on_wan(const AditPrefix *net, const AditServerFacts *facts)
{
    for (guint i = 0; i < facts->n_wan_prefixes - facts->n_deprecated; i++) {
        const AditPrefix own = adit_prefix_network(&facts->wan_prefixes[i]);

        if (adit_prefix_cmp(&own, net) == 0)
            return TRUE;
    }
    return FALSE;
}

static AditDueKind
subnet_due(const AditSubnet *subnet, const AditServerFacts *facts, gint64 now_s,
           AditPrefix *ret)
{
    if (subnet->old6.len > 0 && subnet->old6_until <= now_s)
        return ADIT_DUE_PREFIX;
    return subnet->auto6 && !is_on_wan(&subnet->net6, facts) &&
                   adit_setup_find_prefix(facts, ret)
               ? ADIT_DUE_FOLLOW
               : ADIT_DUE_NOTHING;
}

/* The handshakes it had while it was good are older. In the very second it may be the one by
 * which a device took it up; one that ran out had nobody to be mistaken for. */
static AditDueKind
spent_due(const AditSpentKey *spent, const AditWgDump *dump, gint64 now_s)
{
    const AditWgPeer *peer = dump ? adit_wg_dump_find(dump, &spent->public_key) : NULL;

    if (peer && peer->status.handshake_sec >= spent->since + spent->taken)
        return ADIT_DUE_REUSED;
    return spent->until <= now_s ? ADIT_DUE_FORGET : ADIT_DUE_NOTHING;
}

gboolean
adit_rotation_looks_out(const AditModel *model)
{
    return model->spent->len > 0;
}

AditDue
adit_rotation_due(const AditModel *model, const AditWgDump *dump, const AditServerFacts *facts,
                  gint64 now_s)
{
    AditDue due = { 0 };

    for (due.at = 0; due.at < model->devices->len; due.at++) {
        due.kind = device_due(adit_model_device(model, due.at), dump, now_s);
        if (due.kind != ADIT_DUE_NOTHING)
            return due;
    }
    for (due.at = 0; due.at < model->subnets->len; due.at++) {
        due.kind = subnet_due(adit_model_subnet(model, due.at), facts, now_s, &due.prefix);
        if (due.kind != ADIT_DUE_NOTHING)
            return due;
    }
    for (due.at = 0; due.at < model->spent->len; due.at++) {
        due.kind = spent_due(adit_model_spent(model, due.at), dump, now_s);
        if (due.kind != ADIT_DUE_NOTHING)
            return due;
    }
    return due;
}

static void
spend(AditModel *model, const AditDeviceEntry *device, gboolean taken, gint64 now_s)
{
    AditSpentKey *spent = adit_model_add_spent(model);

    spent->name = g_strdup(device->name);
    spent->public_key = device->public_key;
    spent->preshared_key = device->preshared_key;
    spent->since = now_s;
    spent->until = now_s + ADIT_SPENT_STANDS_S;
    spent->taken = taken;
    if (model->spent->len > ADIT_SPENT_MAX)
        g_ptr_array_remove_index(model->spent, 0);
}

static AditDeviceEntry *
device_at(AditModel *model, const AditDue *due)
{
    return g_ptr_array_index(model->devices, due->at);
}

static AditSubnet *
subnet_at(AditModel *model, const AditDue *due)
{
    return g_ptr_array_index(model->subnets, due->at);
}

/* An offered key that nobody came with. */
static void
withdraw(AditDeviceEntry *device)
{
    memset(&device->next_key, 0, sizeof(device->next_key));
}

static void
forget_old(AditSubnet *subnet)
{
    memset(&subnet->old6, 0, sizeof(subnet->old6));
}

static void
rotate(AditModel *model, AditDeviceEntry *device, gint64 now_s)
{
    if (device->invite_until != 0)
        spend(model, device, TRUE, now_s);
    device->invite_until = 0;
    device->public_key = device->next_key;
    withdraw(device);
    device->rotate = FALSE;
}

/* Nobody came: the device is none. */
static void
end_invite(AditModel *model, guint at, gint64 now_s)
{
    spend(model, adit_model_device(model, at), FALSE, now_s);
    adit_model_remove_device(model, at);
}

static gboolean
follow(AditModel *model, const AditDue *due, gint64 until_s, GError **error)
{
    const AditPrefix before = adit_model_subnet(model, due->at)->net6;
    g_autofree char *text = adit_prefix_to_string(&due->prefix);
    AditPrefix net;

    if (!adit_edit_set_ipv6(model, adit_model_subnet(model, due->at)->name, text, &net, error))
        return FALSE;
    subnet_at(model, due)->auto6 = TRUE;
    adit_edit_keep_old(model, due->at, &before, until_s);
    return TRUE;
}

gboolean
adit_rotation_do(AditModel *model, const AditDue *due, gint64 now_s, gint64 until_s,
                 GError **error)
{
    switch (due->kind) {
    case ADIT_DUE_NOTHING: break;
    case ADIT_DUE_ROTATE: rotate(model, device_at(model, due), now_s); break;
    case ADIT_DUE_VOID: withdraw(device_at(model, due)); break;
    case ADIT_DUE_PREFIX: forget_old(subnet_at(model, due)); break;
    case ADIT_DUE_FOLLOW: return follow(model, due, until_s, error);
    case ADIT_DUE_INVITE: end_invite(model, due->at, now_s); break;
    case ADIT_DUE_REUSED:
    case ADIT_DUE_FORGET: g_ptr_array_remove_index(model->spent, due->at); break;
    }
    return TRUE;
}

const char *
adit_rotation_verb(AditDueKind kind)
{
    switch (kind) {
    case ADIT_DUE_NOTHING: return "";
    case ADIT_DUE_ROTATE: return "device rotate";
    case ADIT_DUE_VOID: return "device rotate: not taken up";
    case ADIT_DUE_PREFIX: return "subnet set-ipv6: end of the old network";
    case ADIT_DUE_FOLLOW: return "subnet set-ipv6: as on the WAN";
    case ADIT_DUE_INVITE: return "device remove: its invitation has run out";
    case ADIT_DUE_REUSED: return "invitation refused: it is spent";
    case ADIT_DUE_FORGET: return "invitation: no longer looked out for";
    }
    g_assert_not_reached();
}

const char *
adit_rotation_object(const AditModel *model, const AditDue *due)
{
    switch (due->kind) {
    case ADIT_DUE_NOTHING: return "";
    case ADIT_DUE_ROTATE:
    case ADIT_DUE_INVITE:
    case ADIT_DUE_VOID: return adit_model_device(model, due->at)->name;
    case ADIT_DUE_PREFIX:
    case ADIT_DUE_FOLLOW: return adit_model_subnet(model, due->at)->name;
    case ADIT_DUE_REUSED:
    case ADIT_DUE_FORGET: return adit_model_spent(model, due->at)->name;
    }
    g_assert_not_reached();
}
