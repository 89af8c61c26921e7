/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy-routing/gateway.h"

#include "policy-routing/numbers.h"

gboolean
adit_gateway_slot_is_valid(guint slot)
{
    return slot >= ADIT_SLOT_MIN && slot <= ADIT_SLOT_MAX && slot != ADIT_SLOT_MULLVAD &&
           slot != ADIT_SLOT_APPMESH;
}

guint32
adit_gateway_table(const AditGateway *gateway)
{
    return ADIT_TABLE_BASE + gateway->slot;
}

guint32
adit_gateway_mark(const AditGateway *gateway)
{
    return (guint32)gateway->slot << ADIT_MARK_SHIFT;
}

void
adit_gateway_free(AditGateway *gateway)
{
    if (!gateway)
        return;
    g_free(gateway->name);
    g_free(gateway->addresses);
    g_free(gateway->subnets);
    g_free(gateway->routes);
    g_free(gateway->dns);
    g_strfreev(gateway->search);
    g_free(gateway);
}
