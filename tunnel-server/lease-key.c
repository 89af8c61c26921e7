/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/lease-key.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

/* Devices come by id, so they lie sorted. */
const AditDeviceEntry *
adit_lease_device(const AditModel *model, const AditLease *lease)
{
    guint low = 0, high = model->devices->len;

    while (low < high) {
        const guint middle = low + (high - low) / 2;
        const AditDeviceEntry *device = adit_model_device(model, middle);

        if (device->id == lease->device)
            return device;
        if (device->id < lease->device)
            low = middle + 1;
        else
            high = middle;
    }
    return NULL;
}

char *
adit_lease_key(const AditModel *model, const AditServerFacts *facts, const AditLease *lease)
{
    const AditDeviceEntry *device = adit_lease_device(model, lease);
    const char *proto = lease->ends.proto == IPPROTO_UDP ? "udp" : "tcp";
    const AditAddr wan = adit_server_facts_wan4(facts);
    g_autofree char *addr = NULL;

    if (lease->ends.external.family == AF_INET6)
        return g_strdup_printf("%s:%u/%s", device ? device->name : "?",
                               lease->ends.external_port, proto);
    if (adit_addr_cmp(&lease->ends.external, &wan) == 0)
        return g_strdup_printf("%u/%s", lease->ends.external_port, proto);
    addr = adit_addr_to_string(&lease->ends.external);
    return g_strdup_printf("%s:%u/%s", addr, lease->ends.external_port, proto);
}

gboolean
adit_lease_key_parse(const AditModel *model, const AditServerFacts *facts, const char *key,
                     guint8 *ret_proto, AditSockAddr *ret)
{
    const char *colon = strrchr(key, ':');
    g_autofree char *place = colon ? g_strndup(key, (gsize)(colon - key)) : NULL;
    AditSockAddr at = { .addr = adit_server_facts_wan4(facts) };
    AditPorts ports;
    guint device;

    if (!adit_ports_parse(colon ? colon + 1 : key, &ports, NULL) || ports.first != ports.last ||
        ports.proto == ADIT_PROTO_BOTH)
        return FALSE;
    if (place && adit_model_find_device(model, place, &device))
        at.addr = adit_model_device(model, device)->addr6;
    else if (place && !adit_addr_parse(place, &at.addr, NULL))
        return FALSE;
    at.port = ports.first;
    *ret_proto = ports.proto == ADIT_PROTO_UDP ? IPPROTO_UDP : IPPROTO_TCP;
    *ret = at;
    return TRUE;
}
