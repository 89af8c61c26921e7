/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/pcp-manuals.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>

#define REDIRECT_PORT 80
#define HTTPS_PORT 443 /* what it leads to, alone or in a range */

struct _AditPcpManuals {
    AditPublishes *of;                 /* a list that is here as well does not change */
    GArray *by_external, *by_internal; /* AditPcpManual, sorted */
    GStringChunk *names;
    guint sharers;
};

static void
add_at(AditPcpManuals *self, const AditModel *model, const AditPublish *publish,
       const AditAddr *external, const AditAddr *internal)
{
    static const guint8 numbers[] = { IPPROTO_TCP, IPPROTO_UDP };
    static const AditProto protos[] = { ADIT_PROTO_TCP, ADIT_PROTO_UDP };
    const AditDeviceEntry *device = adit_model_device(model, publish->device);
    AditPcpManual manual = { .external = { *external, publish->first },
                             .internal = { *internal, publish->internal },
                             .last = publish->last,
                             .enabled = publish->enabled,
                             .n_allow = publish->n_allow_from,
                             .allow = publish->allow_from };

    manual.name = g_string_chunk_insert_const(self->names, device->name);
    for (guint i = 0; i < G_N_ELEMENTS(protos); i++)
        if (publish->proto & protos[i]) {
            manual.proto = numbers[i];
            g_array_append_val(self->by_external, manual);
            g_array_append_val(self->by_internal, manual);
        }
    if (publish->redirect == ADIT_REDIRECT_NONE || !publish->enabled || publish->yields)
        return;
    manual.external.port = manual.last = REDIRECT_PORT;
    manual.proto = IPPROTO_TCP;
    if (publish->redirect == ADIT_REDIRECT_HTTPS)
        manual.internal =
            adit_server_responder(adit_model_subnet(model, device->subnet), internal->family);
    else
        manual.internal.port = (guint16)(publish->internal + HTTPS_PORT - publish->first);
    g_array_append_val(self->by_external, manual);
}

static void
add(AditPcpManuals *self, const AditModel *model, const AditPublish *publish,
    const AditServerFacts *facts)
{
    const AditDeviceEntry *device = adit_model_device(model, publish->device);
    AditAddr external = publish->external;

    if (publish->family == AF_INET6) {
        add_at(self, model, publish, &device->addr6, &device->addr6);
        if (adit_addr_is_set(&device->old6))
            add_at(self, model, publish, &device->old6, &device->old6);
        return;
    }
    if (!adit_addr_is_set(&external))
        external = adit_server_outside(model, device, facts);
    add_at(self, model, publish, &external, &device->addr4);
}

static int
cmp_at(guint8 a_proto, const AditSockAddr *a, guint8 b_proto, const AditSockAddr *b)
{
    return a_proto != b_proto ? (int)a_proto - b_proto : adit_sockaddr_cmp(a, b);
}

static int
cmp_external(gconstpointer a, gconstpointer b)
{
    const AditPcpManual *x = a, *y = b;

    return cmp_at(x->proto, &x->external, y->proto, &y->external);
}

static int
cmp_internal(gconstpointer a, gconstpointer b)
{
    const AditPcpManual *x = a, *y = b;

    return cmp_at(x->proto, &x->internal, y->proto, &y->internal);
}

/* A change leaves nearly all in its order, and asking costs less than sorting. */
static void
sort(GArray *manuals, GCompareFunc cmp)
{
    for (guint i = 1; i < manuals->len; i++)
        if (cmp(&g_array_index(manuals, AditPcpManual, i - 1),
                &g_array_index(manuals, AditPcpManual, i)) > 0) {
            g_array_sort(manuals, cmp);
            return;
        }
}

AditPcpManuals *
adit_pcp_manuals_new(const AditModel *model, const AditServerFacts *facts)
{
    AditPcpManuals *self = g_new0(AditPcpManuals, 1);
    const guint n = model->publishes->len;

    self->sharers = 1;
    self->of = adit_publishes_ref(model->shared);
    self->by_external = g_array_sized_new(FALSE, FALSE, sizeof(AditPcpManual), n);
    self->by_internal = g_array_sized_new(FALSE, FALSE, sizeof(AditPcpManual), n);
    self->names = g_string_chunk_new(1024);
    for (guint i = 0; i < n; i++)
        add(self, model, adit_model_publish(model, i), facts);
    sort(self->by_external, cmp_external);
    sort(self->by_internal, cmp_internal);
    return self;
}

AditPcpManuals *
adit_pcp_manuals_next(AditPcpManuals *had, const AditModel *model, const AditServerFacts *facts)
{
    if (had->of != model->shared)
        return adit_pcp_manuals_new(model, facts);
    had->sharers++;
    return had;
}

void
adit_pcp_manuals_unref(AditPcpManuals *self)
{
    if (--self->sharers > 0)
        return;
    adit_publishes_unref(self->of);
    g_array_unref(self->by_external);
    g_array_unref(self->by_internal);
    g_string_chunk_free(self->names);
    g_free(self);
}

/* The last whose first port is not behind the one asked for. */
static const AditPcpManual *
search(const GArray *manuals, guint8 proto, const AditSockAddr *at, gsize offset)
{
    guint low = 0, high = manuals->len;

    while (low < high) {
        const guint middle = low + (high - low) / 2;
        const AditPcpManual *m = &g_array_index(manuals, AditPcpManual, middle);
        const AditSockAddr *first = &G_STRUCT_MEMBER(const AditSockAddr, m, offset);

        if (cmp_at(m->proto, first, proto, at) <= 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low > 0 ? &g_array_index(manuals, AditPcpManual, low - 1) : NULL;
}

static gboolean
covers(const AditPcpManual *m, guint8 proto, const AditSockAddr *external)
{
    return m->proto == proto && adit_addr_cmp(&m->external.addr, &external->addr) == 0 &&
           external->port >= m->external.port && external->port <= m->last;
}

const AditPcpManual *
adit_pcp_manuals_at(const AditPcpManuals *self, guint8 proto, const AditSockAddr *external)
{
    const AditPcpManual *first = (gconstpointer)self->by_external->data, *found = NULL;
    const AditPcpManual *m =
        search(self->by_external, proto, external, G_STRUCT_OFFSET(AditPcpManual, external));

    /* A redirect has its port 80 beside what is off there, alone or in a range. */
    for (guint i = 0; i < 2 && m; i++) {
        if (covers(m, proto, external) && (!found || m->enabled))
            found = m;
        m = m > first ? m - 1 : NULL;
    }
    return found;
}

const AditPcpManual *
adit_pcp_manuals_to(const AditPcpManuals *self, guint8 proto, const AditSockAddr *internal)
{
    const AditPcpManual *m =
        search(self->by_internal, proto, internal, G_STRUCT_OFFSET(AditPcpManual, internal));

    return m && m->proto == proto && adit_addr_cmp(&m->internal.addr, &internal->addr) == 0 &&
                   internal->port - m->internal.port <= m->last - m->external.port
               ? m
               : NULL;
}

static gboolean
is_equal(const AditPcpManual *a, const AditPcpManual *b)
{
    if (cmp_external(a, b) != 0 || adit_sockaddr_cmp(&a->internal, &b->internal) != 0 ||
        a->last != b->last || a->enabled != b->enabled || a->n_allow != b->n_allow)
        return FALSE;
    for (guint i = 0; i < a->n_allow; i++)
        if (adit_prefix_cmp(&a->allow[i], &b->allow[i]) != 0)
            return FALSE;
    return TRUE;
}

gboolean
adit_pcp_manuals_equal(const AditPcpManuals *a, const AditPcpManuals *b)
{
    if (a == b)
        return TRUE;
    if (a->by_external->len != b->by_external->len)
        return FALSE;
    for (guint i = 0; i < a->by_external->len; i++)
        if (!is_equal(&g_array_index(a->by_external, AditPcpManual, i),
                      &g_array_index(b->by_external, AditPcpManual, i)))
            return FALSE;
    return TRUE;
}
