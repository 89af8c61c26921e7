/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy-routing/backend.h"

AditBackendGateway *
adit_backend_gateway_copy(const AditBackendGateway *gateway)
{
    AditBackendGateway *copy = g_memdup2(gateway, sizeof(*gateway));

    copy->name = g_strdup(gateway->name);
    copy->title = g_strdup(gateway->title);
    copy->id = g_strdup(gateway->id);
    copy->profile = adit_profile_copy(gateway->profile);
    copy->endpoints =
        g_memdup2(gateway->endpoints, gateway->profile->n_peers * sizeof(AditSockAddr));
    return copy;
}

void
adit_backend_gateway_free(AditBackendGateway *gateway)
{
    if (!gateway)
        return;
    g_free((gpointer)gateway->name);
    g_free((gpointer)gateway->title);
    g_free((gpointer)gateway->id);
    adit_profile_free((gpointer)gateway->profile);
    g_free((gpointer)gateway->endpoints);
    g_free(gateway);
}
