/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/agent/seen.h"

#include <string.h>

void
adit_seen_gateway_free(AditSeenGateway *gateway)
{
    g_free(gateway->name);
    g_free(gateway->state);
    g_free(gateway->problem);
    g_strfreev(gateway->addresses);
    g_free(gateway);
}

void
adit_seen_reach_free(AditSeenReach *reach)
{
    g_free(reach->ports);
    g_free(reach->gateway);
    g_free(reach->label);
    g_free(reach->source);
    g_free(reach->outside);
    g_free(reach->state);
    g_free(reach->reason);
    g_free(reach->problem);
    g_free(reach);
}

AditSeenService *
adit_seen_service_new(const AditPorts *ports, const char *program)
{
    AditSeenService *service = g_new0(AditSeenService, 1);

    service->ports = *ports;
    service->program = g_strdup(program ? program : "");
    return service;
}

void
adit_seen_service_free(AditSeenService *service)
{
    g_free(service->program);
    g_free(service);
}

char *
adit_seen_service_key(const AditSeenService *service)
{
    g_autofree char *ports = adit_ports_to_string(&service->ports);

    return *service->program ? g_strconcat(ports, " ", service->program, NULL)
                             : g_steal_pointer(&ports);
}

AditSeen *
adit_seen_new(void)
{
    AditSeen *seen = g_new0(AditSeen, 1);

    seen->gateways = g_ptr_array_new_with_free_func((GDestroyNotify)adit_seen_gateway_free);
    seen->reaches = g_ptr_array_new_with_free_func((GDestroyNotify)adit_seen_reach_free);
    seen->services = g_ptr_array_new_with_free_func((GDestroyNotify)adit_seen_service_free);
    seen->wanted = g_ptr_array_new_with_free_func((GDestroyNotify)adit_publication_free);
    seen->offered = g_new0(char *, 1);
    return seen;
}

void
adit_seen_free(AditSeen *seen)
{
    if (!seen)
        return;
    g_ptr_array_unref(seen->gateways);
    g_ptr_array_unref(seen->reaches);
    g_ptr_array_unref(seen->services);
    g_ptr_array_unref(seen->wanted);
    g_strfreev(seen->offered);
    g_free(seen);
}

gboolean
adit_seen_is_published(const AditSeenReach *reach)
{
    return *reach->outside &&
           (g_str_equal(reach->state, "published") || g_str_equal(reach->state, "renewing"));
}

gboolean
adit_seen_is_wanted(const AditSeen *seen, const AditPorts *ports)
{
    for (guint i = 0; i < seen->wanted->len; i++) {
        const AditPublication *p = g_ptr_array_index(seen->wanted, i);

        if (adit_ports_overlap(&p->ports, ports))
            return TRUE;
    }
    return FALSE;
}

const AditSeenGateway *
adit_seen_gateway(const AditSeen *seen, const char *name)
{
    for (guint i = 0; i < seen->gateways->len; i++) {
        const AditSeenGateway *gateway = g_ptr_array_index(seen->gateways, i);

        if (g_str_equal(gateway->name, name))
            return gateway;
    }
    return NULL;
}

gboolean
adit_seen_has_up(const AditSeen *seen)
{
    for (guint i = 0; i < seen->gateways->len; i++)
        if (g_str_equal(((AditSeenGateway *)g_ptr_array_index(seen->gateways, i))->state, "up"))
            return TRUE;
    return FALSE;
}

static void
group_free(AditSeenGroup *group)
{
    g_ptr_array_unref(group->reaches);
    g_free(group);
}

static AditSeenGroup *
group_of(GPtrArray *groups, const AditSeenReach *reach)
{
    AditSeenGroup *group;

    for (guint i = 0; i < groups->len; i++) {
        group = g_ptr_array_index(groups, i);
        if (g_str_equal(group->first->ports, reach->ports) &&
            g_str_equal(group->first->gateway, reach->gateway))
            return group;
    }
    group = g_new0(AditSeenGroup, 1);
    group->first = reach;
    group->reaches = g_ptr_array_new();
    g_ptr_array_add(groups, group);
    return group;
}

static gint
by_family(gconstpointer a, gconstpointer b)
{
    return (*(const AditSeenReach *const *)a)->family -
           (*(const AditSeenReach *const *)b)->family;
}

static gint
by_port(gconstpointer a, gconstpointer b)
{
    const AditSeenReach *x = (*(const AditSeenGroup *const *)a)->first;
    const AditSeenReach *y = (*(const AditSeenGroup *const *)b)->first;
    const int port =
        (int)g_ascii_strtoull(x->ports, NULL, 10) - (int)g_ascii_strtoull(y->ports, NULL, 10);
    const int ports = strcmp(x->ports, y->ports);

    return port ? port : ports ? ports : strcmp(x->gateway, y->gateway);
}

GPtrArray *
adit_seen_groups(const AditSeen *seen)
{
    GPtrArray *groups = g_ptr_array_new_with_free_func((GDestroyNotify)group_free);

    for (guint i = 0; i < seen->reaches->len; i++) {
        AditSeenReach *reach = g_ptr_array_index(seen->reaches, i);

        g_ptr_array_add(group_of(groups, reach)->reaches, reach);
    }
    for (guint i = 0; i < groups->len; i++) {
        AditSeenGroup *group = g_ptr_array_index(groups, i);

        g_ptr_array_sort(group->reaches, by_family);
        group->first = g_ptr_array_index(group->reaches, 0);
    }
    g_ptr_array_sort(groups, by_port);
    return groups;
}

char *
adit_seen_group_key(const AditSeenGroup *group)
{
    return g_strconcat(group->first->ports, "@", group->first->gateway, NULL);
}
