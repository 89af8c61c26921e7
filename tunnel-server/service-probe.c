/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/error.h"
#include "libadit/sys/foreign.h"
#include "tunnel-server/arrivals-judge.h"
#include "tunnel-server/dataplane.h"
#include "tunnel-server/edit.h"
#include "tunnel-server/facts.h"
#include "tunnel-server/lease-key.h"
#include "tunnel-server/service-private.h"

#include <netinet/in.h>

/* `adit-server probe` on the bus: for some seconds the kernel counts who comes to a port. */

#define ROW "(sssttttssss)"
#define LOOK_MS 200
#define MAX_SECONDS 120

/* An external end that is looked at, beside the AditArrival of the same index. */
typedef struct {
    char *device; /* NULL: it leads nowhere */
    char *target; /* "nas 10.59.0.2:443" */
    char *key;
    gboolean off;
} End;

struct _AditServerProbe {
    AditServerService *service;
    GDBusMethodInvocation *call;
    AditArrivals *arrivals;
    GPtrArray *ends; /* End */
    gint64 until;
    guint timer, caller;
};
typedef AditServerProbe Probe;

/* What is asked for, and what becomes of it. */
typedef struct {
    AditServerService *service;
    const char *device; /* "": any */
    guint8 proto;
    guint16 port;
    GPtrArray *ends;  /* End */
    GArray *arrivals; /* AditArrival */
} Search;

static void
end_free(gpointer data)
{
    End *end = data;

    g_free(end->device);
    g_free(end->target);
    g_free(end->key);
    g_free(end);
}

static void
probe_free(Probe *probe)
{
    if (!probe)
        return;
    if (probe->timer)
        g_source_remove(probe->timer);
    if (probe->caller)
        g_bus_unwatch_name(probe->caller);
    adit_arrivals_free(probe->arrivals);
    g_ptr_array_unref(probe->ends);
    g_free(probe);
}

/* -- where visitors of the port come in -- */

/* The first that has an end keeps it: what is in force stands before what is not. */
static void
add_end(Search *search, const AditSockAddr *external, const char *device, char *target,
        char *key, gboolean off)
{
    const AditArrival arrival = { .proto = search->proto, .external = *external };
    End *end = g_new0(End, 1);

    end->device = g_strdup(device);
    end->target = target;
    end->key = key;
    end->off = off;
    for (guint i = 0; i < search->arrivals->len; i++)
        if (adit_sockaddr_cmp(&g_array_index(search->arrivals, AditArrival, i).external,
                              external) == 0) {
            end_free(end);
            return;
        }
    if (!adit_addr_is_set(&external->addr)) {
        end_free(end);
        return;
    }
    g_array_append_val(search->arrivals, arrival);
    g_ptr_array_add(search->ends, end);
}

static char *
target_of(const AditDeviceEntry *device, guint8 family, guint16 port)
{
    const AditSockAddr at = { family == AF_INET6 ? device->addr6 : device->addr4, port };
    g_autofree char *text = adit_sockaddr_to_string(&at);

    return g_strdup_printf("%s %s", device->name, text);
}

static AditAddr
outside_of(const Search *search, const AditModel *model, const AditPublish *publish)
{
    const AditAddr addr = publish->family == AF_INET6
                              ? adit_model_device(model, publish->device)->addr6
                              : adit_model_outside(model, publish);

    return adit_addr_is_set(&addr)
               ? addr
               : adit_server_facts_wan4(adit_admin_facts(search->service->admin));
}

static void
find_publish(Search *search, const AditModel *model, const AditPublish *publish)
{
    const AditDeviceEntry *device = adit_model_device(model, publish->device);
    const AditProto proto = search->proto == IPPROTO_UDP ? ADIT_PROTO_UDP : ADIT_PROTO_TCP;
    const AditSockAddr at = { outside_of(search, model, publish), search->port };

    if (*search->device && !g_str_equal(search->device, device->name))
        return;
    if (adit_publish_has_port(publish, proto, search->port))
        add_end(search, &at, device->name,
                target_of(device, publish->family,
                          (guint16)(publish->internal + (search->port - publish->first))),
                adit_publish_key(model, publish), !publish->enabled);
    else if (search->port == 80 && proto == ADIT_PROTO_TCP && publish->enabled &&
             publish->redirect != ADIT_REDIRECT_NONE && !publish->yields)
        add_end(search, &at, device->name,
                g_strdup_printf("%s, redirected to https", device->name), NULL, FALSE);
}

static void
find_lease(const AditLease *lease, gpointer data)
{
    Search *search = data;
    const AditModel *model = adit_admin_model(search->service->admin);
    const AditDeviceEntry *device = adit_lease_device(model, lease);
    const AditSockAddr at = adit_lease_external(lease), to = adit_lease_internal(lease);
    const AditSockAddr redirect = { at.addr, lease->redirect.external_port };
    g_autofree char *text = adit_sockaddr_to_string(&to);

    if (!device || (*search->device && !g_str_equal(search->device, device->name)))
        return;
    if (lease->ends.proto == search->proto && at.port == search->port)
        add_end(search, &at, device->name, g_strdup_printf("%s %s", device->name, text),
                adit_lease_key(model, adit_admin_facts(search->service->admin), lease),
                !adit_lease_is_on(lease));
    else if (search->proto == IPPROTO_TCP && redirect.port == search->port &&
             adit_lease_is_on(lease) && lease->redirect.status == ADIT_PCP_REDIRECT_ACTIVE)
        add_end(search, &redirect, device->name,
                g_strdup_printf("%s, redirected to https", device->name), NULL, FALSE);
}

/* Where a visitor would come although nothing is there: the WAN's address, and the device's. */
static void
find_rest(Search *search)
{
    AditAdmin *admin = search->service->admin;
    const AditModel *model = adit_admin_model(admin);
    AditSockAddr at = { adit_server_facts_wan4(adit_admin_facts(admin)), search->port };
    guint device;

    if (*search->device && adit_model_find_device(model, search->device, &device)) {
        if (adit_addr_is_set(&adit_model_device(model, device)->wan4))
            at.addr = adit_model_device(model, device)->wan4;
        add_end(search, &at, NULL, NULL, NULL, FALSE);
        at.addr = adit_model_device(model, device)->addr6;
    }
    add_end(search, &at, NULL, NULL, NULL, FALSE);
}

static void
find_ends(Search *search)
{
    const AditModel *model = adit_admin_model(search->service->admin);

    for (guint on = 0; on < 2; on++)
        for (guint i = 0; i < model->publishes->len; i++)
            if (adit_model_publish(model, i)->enabled == !on)
                find_publish(search, model, adit_model_publish(model, i));
    adit_lease_foreach(adit_admin_leases(search->service->admin), find_lease, search);
    find_rest(search);
}

/* -- the answer -- */

static char *
find_drop(guint8 family)
{
    const AditForeignPort none[] = { { 0 } };
    const AditForeignQuestion question = {
        .link = ADIT_SERVER_LINK, .own = ADIT_DATAPLANE_TABLE, .ports = none, .family = family
    };
    g_autoptr(GPtrArray) problems = g_ptr_array_new_with_free_func(g_free);

    adit_foreign_look(&question, problems);
    return problems->len > 0 ? g_strdup(g_ptr_array_index(problems, 0)) : NULL;
}

static void
put_row(GVariantBuilder *rows, const End *end, const AditArrival *arrival)
{
    const AditArrived *seen = &arrival->seen;
    g_autofree char *external = adit_sockaddr_to_string(&arrival->external);
    g_autofree char *drop = end->device && seen->came > 0 && seen->passed == 0
                                ? find_drop(arrival->external.addr.family)
                                : NULL;
    const AditArrivalSight sight = { arrival, end->device, end->key, end->off, drop };
    g_autoptr(GPtrArray) findings = adit_findings_new();
    const AditFinding *f;

    adit_arrival_judge(&sight, findings);
    f = g_ptr_array_index(findings, 0);
    g_variant_builder_add(rows, ROW, external, arrival->proto == IPPROTO_UDP ? "udp" : "tcp",
                          end->target ? end->target : "", seen->came, seen->passed,
                          seen->answered, seen->refused, adit_verdict_to_string(f->verdict),
                          f->what, f->why, f->remedy);
}

static void
answer(Probe *probe, const GArray *arrivals)
{
    GVariantBuilder rows;

    g_variant_builder_init(&rows, G_VARIANT_TYPE("a" ROW));
    for (guint i = 0; i < arrivals->len; i++)
        put_row(&rows, g_ptr_array_index(probe->ends, i),
                &g_array_index(arrivals, AditArrival, i));
    adit_srv_manager_complete_probe(probe->service->manager, probe->call,
                                    g_variant_builder_end(&rows));
}

/* Everybody who came has been answered, and somebody came to each end. */
static gboolean
is_settled(const GArray *arrivals)
{
    for (guint i = 0; i < arrivals->len; i++) {
        const AditArrived *seen = &g_array_index(arrivals, AditArrival, i).seen;

        if (seen->answered + seen->refused == 0)
            return FALSE;
    }
    return TRUE;
}

static gboolean
on_time(gpointer data)
{
    Probe *probe = data;
    GError *error = NULL;
    const GArray *arrivals = adit_arrivals_look(probe->arrivals, &error);

    if (arrivals && g_get_monotonic_time() < probe->until && !is_settled(arrivals))
        return G_SOURCE_CONTINUE;
    if (arrivals)
        answer(probe, arrivals);
    else
        adit_service_fail(probe->call, error);
    probe->timer = 0;
    g_clear_pointer(&probe->service->probe, probe_free);
    return G_SOURCE_REMOVE;
}

static void
on_caller_gone(GDBusConnection *bus, const char *name, gpointer data)
{
    Probe *probe = data;

    g_dbus_method_invocation_return_error(probe->call, ADIT_ERROR, ADIT_ERROR_TIMEOUT,
                                          "probe: whoever asked has gone");
    g_clear_pointer(&probe->service->probe, probe_free);
}

static gboolean
check(AditServerService *self, guint port, guint seconds, const char *device, GError **error)
{
    const char *state = adit_admin_state(self->admin);
    guint found;

    if (self->probe) {
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_BUSY, "probe: somebody else's is under way");
        return FALSE;
    }
    if (!g_str_equal(state, "up")) {
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_BUSY, "probe: the server is %s", state);
        return FALSE;
    }
    if (port == 0 || seconds == 0 || seconds > MAX_SECONDS) {
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG,
                    "probe: ports go from 1 to 65535, and it lasts 1 to %d s", MAX_SECONDS);
        return FALSE;
    }
    return !*device ||
           adit_edit_find_device(adit_admin_model(self->admin), device, &found, error);
}

static gboolean
on_probe(AditSrvManager *manager, GDBusMethodInvocation *call, guint16 port, const char *proto,
         const char *device, guint seconds, AditServerService *self)
{
    Search search = { self, device, g_str_equal(proto, "udp") ? IPPROTO_UDP : IPPROTO_TCP,
                      port, NULL,   NULL };
    g_autoptr(GArray) ends = g_array_new(FALSE, TRUE, sizeof(AditArrival));
    g_autoptr(AditArrivals) arrivals = NULL;
    GError *error = NULL;
    Probe *probe;

    search.arrivals = ends;
    if (!check(self, port, seconds, device, &error))
        return adit_service_fail(call, error);
    search.ends = g_ptr_array_new_with_free_func(end_free);
    find_ends(&search);
    arrivals = adit_arrivals_new(ends, &error);
    if (!arrivals) {
        g_ptr_array_unref(search.ends);
        return adit_service_fail(call, error);
    }
    probe = g_new0(Probe, 1);
    probe->service = self;
    probe->call = call;
    probe->arrivals = g_steal_pointer(&arrivals);
    probe->ends = search.ends;
    probe->until = g_get_monotonic_time() + seconds * G_USEC_PER_SEC;
    probe->timer = g_timeout_add(LOOK_MS, on_time, probe);
    probe->caller = g_bus_watch_name_on_connection(
        g_dbus_method_invocation_get_connection(call),
        g_dbus_method_invocation_get_sender(call), G_BUS_NAME_WATCHER_FLAGS_NONE, NULL,
        on_caller_gone, probe, NULL);
    self->probe = probe;
    return TRUE;
}

void
adit_service_connect_probe(AditServerService *self)
{
    g_signal_connect(self->manager, "handle-probe", G_CALLBACK(on_probe), self);
}

void
adit_service_end_probe(AditServerService *self)
{
    if (self->probe)
        g_dbus_method_invocation_return_error(self->probe->call, ADIT_ERROR, ADIT_ERROR_TIMEOUT,
                                              "probe: the server ends");
    g_clear_pointer(&self->probe, probe_free);
}
