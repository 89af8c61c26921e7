/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/vacant.h"

#include <string.h>
#include <sys/socket.h>

/* In a longer one a throw of the dice may hit what somebody else has: the router, too. Then it
 * is one of those that devices are given. */
#define LONGEST 96
#define TRIES 64

static gboolean
is_same(const AditAddr *a, const AditAddr *b)
{
    return adit_addr_cmp(a, b) == 0;
}

static gboolean
is_of_device(const AditDeviceEntry *device, const AditAddr *addr)
{
    for (guint i = 0; i < device->n_routes; i++)
        if (adit_prefix_contains(&device->routes[i], addr))
            return TRUE;
    return is_same(&device->addr6, addr) || is_same(&device->old6, addr);
}

static gboolean
is_taken(const AditModel *model, const AditAddr *addr)
{
    if (is_same(&model->router6, addr))
        return TRUE;
    for (guint i = 0; i < model->n_taken; i++)
        if (is_same(&model->taken[i], addr))
            return TRUE;
    for (guint i = 0; i < model->subnets->len; i++) {
        const AditSubnet *subnet = adit_model_subnet(model, i);

        if (is_same(&subnet->server6, addr) || is_same(&subnet->old_server6, addr))
            return TRUE;
    }
    for (guint i = 0; i < model->devices->len; i++)
        if (is_of_device(adit_model_device(model, i), addr))
            return TRUE;
    return FALSE;
}

static gboolean
pick_any(const AditModel *model, const AditSubnet *subnet, const guint8 *dice, AditAddr *ret)
{
    const guint8 len = subnet->net6.len;
    AditAddr addr = { .family = AF_INET6 };

    memcpy(addr.bytes, dice, sizeof(addr.bytes));
    for (guint bit = 0; bit < len; bit++) {
        const guint8 mask = (guint8)(0x80 >> bit % 8);

        addr.bytes[bit / 8] =
            (guint8)((addr.bytes[bit / 8] & ~mask) | (subnet->net6.addr.bytes[bit / 8] & mask));
    }
    addr.bytes[12] |= 0x80; /* low numbers are given by hand, to routers above all */
    if (is_taken(model, &addr))
        return FALSE;
    *ret = addr;
    return TRUE;
}

static gboolean
pick_of_devices(const AditModel *model, const AditSubnet *subnet, const guint8 *dice,
                AditAddr *ret)
{
    const guint64 size = G_GUINT64_CONSTANT(1) << (32 - subnet->net4.len);
    guint32 first;

    memcpy(&first, dice, sizeof(first));
    for (guint i = 0; i < TRIES && size > 3; i++) {
        const guint64 n = 2 + (first + i) % (size - 3);
        AditAddr addr4, addr6;

        if (!adit_prefix_nth(&subnet->net4, n, &addr4))
            return FALSE;
        addr6 = adit_prefix_embed(&subnet->net6, &addr4);
        /* The first address of a block belongs to its routers (RFC 4291, 2.6.1). */
        if (!adit_addr_is_set(&addr6) || adit_addr_cmp(&addr6, &subnet->net6.addr) == 0 ||
            is_taken(model, &addr6))
            continue;
        *ret = addr6;
        return TRUE;
    }
    return FALSE;
}

gboolean
adit_vacant_pick(const AditModel *model, const AditSubnet *subnet,
                 const guint8 dice[ADIT_VACANT_DICE], AditAddr *ret)
{
    if (subnet->net6.len == 0)
        return FALSE;
    return subnet->net6.len > LONGEST ? pick_of_devices(model, subnet, dice, ret)
                                      : pick_any(model, subnet, dice, ret);
}
