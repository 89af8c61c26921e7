/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy-routing/mend.h"

#include "libadit/core/error.h"
#include "libadit/sys/sysctl.h"
#include "policy-routing/tunnel.h"

#include <string.h>
#include <sys/socket.h>

#define ROUNDS 4

#define KINDS                                                                                  \
    (ADIT_KIND_BIT(ADIT_KIND_LINK) | ADIT_KIND_BIT(ADIT_KIND_DEVICE) |                         \
     ADIT_KIND_BIT(ADIT_KIND_PEER) | ADIT_KIND_BIT(ADIT_KIND_ADDRESS))

static void
copy_kind(AditState *to, const AditState *from, AditKind kind)
{
    for (guint i = 0; i < adit_state_len(from, kind); i++)
        adit_state_add(to, kind, adit_state_get(from, kind, i));
}

static gboolean
is_own(const AditProfile *profile, const AditAddr *addr)
{
    for (guint i = 0; i < profile->n_addresses; i++)
        if (adit_addr_cmp(&profile->addresses[i].addr, addr) == 0)
            return TRUE;
    return FALSE;
}

/* Its MTU is the manager's word, and whether it is up, unless the manager was asked. */
static void
add_links(AditState *want, const AditState *have, gboolean lost)
{
    for (guint i = 0; i < adit_state_len(have, ADIT_KIND_LINK); i++) {
        AditLink link = *(const AditLink *)adit_state_get(have, ADIT_KIND_LINK, i);

        link.up |= lost;
        adit_state_add_link(want, &link);
    }
}

/* Which addresses there are is the manager's word, link-local ones among them. */
static void
add_addresses(AditState *want, const AditState *have, const AditBackendGateway *gateway)
{
    for (guint i = 0; i < adit_state_len(have, ADIT_KIND_ADDRESS); i++) {
        AditAddress address = *(const AditAddress *)adit_state_get(have, ADIT_KIND_ADDRESS, i);

        if (address.prefix.addr.family == AF_INET6 &&
            is_own(gateway->profile, &address.prefix.addr))
            address.deprecated = !gateway->selected[1];
        adit_state_add(want, ADIT_KIND_ADDRESS, &address);
    }
}

static gboolean
has_address(const AditState *have, const AditAddr *addr)
{
    for (guint i = 0; i < adit_state_len(have, ADIT_KIND_ADDRESS); i++) {
        const AditAddress *address = adit_state_get(have, ADIT_KIND_ADDRESS, i);

        if (adit_addr_cmp(&address->prefix.addr, addr) == 0)
            return TRUE;
    }
    return FALSE;
}

/* Its manager was asked, and thinks that they are there. */
static void
add_lost(AditState *want, const AditState *have, const AditState *whole)
{
    for (guint i = 0; i < adit_state_len(whole, ADIT_KIND_ADDRESS); i++) {
        const AditAddress *address = adit_state_get(whole, ADIT_KIND_ADDRESS, i);

        if (!has_address(have, &address->prefix.addr))
            adit_state_add_address(want, address);
    }
}

static AditState *
plan(const AditState *have, const AditBackendGateway *gateway, gboolean lost)
{
    g_autoptr(AditState) whole = adit_state_new();
    AditState *want = adit_state_new();

    adit_tunnel_plan(whole, gateway->name, gateway->profile, gateway->endpoints,
                     gateway->selected);
    whole = adit_state_seal(g_steal_pointer(&whole));
    add_links(want, have, lost);
    copy_kind(want, whole, ADIT_KIND_DEVICE);
    copy_kind(want, whole, ADIT_KIND_PEER);
    add_addresses(want, have, gateway);
    if (lost)
        add_lost(want, have, whole);
    return adit_state_seal(want);
}

typedef enum {
    DIFFERS_NOT,
    DIFFERS_IN_ADDRESSES,
    DIFFERS,
} Difference;

static Difference
judge(const AditOps *ops)
{
    for (guint i = 0; i < ops->len; i++)
        if (ops->op[i].kind != ADIT_KIND_ADDRESS)
            return DIFFERS;
    return ops->len > 0 ? DIFFERS_IN_ADDRESSES : DIFFERS_NOT;
}

static gboolean
mend_once(AditKernel *kernel, const AditBackendGateway *gateway, gboolean lost, Difference *ret,
          GError **error)
{
    const char *const links[] = { gateway->name, NULL };
    const AditScope scope = { .kinds = KINDS, .links = links };
    g_autoptr(AditState) have = adit_kernel_dump(kernel, &scope, NULL, error);
    g_autoptr(AditState) want = NULL;
    g_autoptr(AditOps) ops = NULL;

    *ret = DIFFERS_NOT;
    if (!have)
        return FALSE;
    if (adit_state_len(have, ADIT_KIND_DEVICE) == 0)
        return TRUE;
    want = plan(have, gateway, lost);
    ops = adit_diff(have, want);
    *ret = judge(ops);
    if (*ret == DIFFERS_NOT)
        return TRUE;
    g_info("kernel: %s: %u mended", gateway->name, ops->len);
    return adit_kernel_apply(kernel, ops, NULL, error);
}

/* What was put is read back: keys that did not arrive are found wrong minutes later only. A
 * refusal is worth a second look, for a manager that takes the link down meanwhile takes away
 * what was to be mended; the same once more is the kernel's last word. */
static gboolean
mend(AditKernel *kernel, const AditBackendGateway *gateway, gboolean lost, GError **error)
{
    g_autoptr(GError) refusal = NULL;
    Difference before = DIFFERS;

    for (guint round = 0; before != DIFFERS_NOT && round < ROUNDS; round++) {
        g_autoptr(GError) local = NULL;

        if (mend_once(kernel, gateway, lost, &before, &local))
            continue;
        if (refusal && g_str_equal(refusal->message, local->message)) {
            g_propagate_error(error, g_steal_pointer(&local));
            return FALSE;
        }
        g_debug("%s; looking again", local->message);
        g_clear_error(&refusal);
        refusal = g_steal_pointer(&local);
        before = MAX(before, DIFFERS_IN_ADDRESSES);
    }
    if (before != DIFFERS_NOT)
        g_set_error(error, ADIT_ERROR, before == DIFFERS ? ADIT_ERROR_KERNEL : ADIT_ERROR_BUSY,
                    "%s: somebody else changes it as often as it is put right", gateway->name);
    return before == DIFFERS_NOT;
}

gboolean
adit_mend(AditKernel *kernel, const AditBackendGateway *gateway, GError **error)
{
    return mend(kernel, gateway, FALSE, error);
}

gboolean
adit_mend_after(AditKernel *kernel, const AditBackendGateway *gateway, GError **error)
{
    g_autoptr(GError) local = NULL;

    if (adit_mend(kernel, gateway, &local))
        return TRUE;
    if (g_error_matches(local, ADIT_ERROR, ADIT_ERROR_BUSY)) {
        g_debug("%s; later", local->message);
        return TRUE;
    }
    g_propagate_error(error, g_steal_pointer(&local));
    return FALSE;
}

/* NULL: no such link, or no IPv6 in this kernel. */
static char *
read_off(const char *link)
{
    g_autofree char *path = g_strdup_printf(ADIT_TUNNEL_NO_IPV6, link);

    return adit_sysctl_read(path, NULL);
}

gboolean
adit_mend_is_off(const char *link)
{
    g_autofree char *off = read_off(link);

    return off && strcmp(off, "0") != 0;
}

gboolean
adit_mend_can_have(const char *link, guint8 family)
{
    g_autofree char *off = family == AF_INET6 ? read_off(link) : NULL;

    return family == AF_INET || (off && strcmp(off, "0") == 0);
}

static gboolean
is_down(const AditState *have)
{
    for (guint i = 0; i < adit_state_len(have, ADIT_KIND_LINK); i++)
        if (!((const AditLink *)adit_state_get(have, ADIT_KIND_LINK, i))->up)
            return TRUE;
    return FALSE;
}

gboolean
adit_mend_is_lost(AditKernel *kernel, const AditBackendGateway *gateway)
{
    const char *const links[] = { gateway->name, NULL };
    const AditScope scope = { .kinds = KINDS, .links = links };
    g_autoptr(AditState) have = adit_kernel_dump(kernel, &scope, NULL, NULL);

    if (!have || adit_state_len(have, ADIT_KIND_DEVICE) == 0)
        return FALSE;
    if (is_down(have))
        return TRUE;
    for (guint i = 0; i < gateway->profile->n_addresses; i++) {
        const AditAddr *addr = &gateway->profile->addresses[i].addr;

        if (!has_address(have, addr) && adit_mend_can_have(gateway->name, addr->family))
            return TRUE;
    }
    return FALSE;
}

gboolean
adit_mend_whole(AditKernel *kernel, const AditBackendGateway *gateway, GError **error)
{
    g_autoptr(GError) local = NULL;

    if (!adit_mend_after(kernel, gateway, error))
        return FALSE;
    if (adit_mend_is_lost(kernel, gateway) && !mend(kernel, gateway, TRUE, &local))
        g_info("%s", local->message);
    return TRUE;
}
