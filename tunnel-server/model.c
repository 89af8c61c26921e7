/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/model.h"

#include <string.h>
#include <sys/socket.h>

static void
subnet_free(gpointer data)
{
    AditSubnet *subnet = data;

    g_free(subnet->name);
    g_free(subnet->dns);
    g_free(subnet);
}

static void
device_free(gpointer data)
{
    AditDeviceEntry *device = data;

    g_free(device->name);
    g_free(device->routes);
    adit_key_clear(&device->preshared_key);
    g_free(device);
}

static void
spent_free(gpointer data)
{
    AditSpentKey *spent = data;

    g_free(spent->name);
    adit_key_clear(&spent->preshared_key);
    g_free(spent);
}

AditModel *
adit_model_new(void)
{
    AditModel *model = g_new0(AditModel, 1);

    model->listen_port = 51820;
    model->mtu = 1420;
    model->subnets = g_ptr_array_new_with_free_func(subnet_free);
    model->devices = g_ptr_array_new_with_free_func(device_free);
    model->shared = adit_publishes_new();
    model->publishes = model->shared->list;
    model->spent = g_ptr_array_new_with_free_func(spent_free);
    return model;
}

void
adit_model_free(AditModel *model)
{
    if (!model)
        return;
    g_free(model->endpoint);
    g_free(model->wan);
    g_free(model->taken);
    adit_key_clear(&model->private_key);
    g_ptr_array_unref(model->subnets);
    g_ptr_array_unref(model->devices);
    adit_publishes_unref(model->shared);
    g_ptr_array_unref(model->spent);
    g_free(model);
}

AditSubnet *
adit_model_add_subnet(AditModel *model)
{
    AditSubnet *subnet = g_new0(AditSubnet, 1);

    g_ptr_array_add(model->subnets, subnet);
    return subnet;
}

AditDeviceEntry *
adit_model_add_device(AditModel *model)
{
    AditDeviceEntry *device = g_new0(AditDeviceEntry, 1);

    device->may_publish = TRUE;
    g_ptr_array_add(model->devices, device);
    return device;
}

AditSpentKey *
adit_model_add_spent(AditModel *model)
{
    AditSpentKey *spent = g_new0(AditSpentKey, 1);

    g_ptr_array_add(model->spent, spent);
    return spent;
}

AditPublish *
adit_model_add_publish(AditModel *model)
{
    AditPublish *publish = g_new0(AditPublish, 1);

    publish->enabled = TRUE;
    publish->proto = ADIT_PROTO_TCP;
    g_ptr_array_add(adit_model_own_publishes(model), publish);
    return publish;
}

GPtrArray *
adit_model_own_publishes(AditModel *model)
{
    model->shared = adit_publishes_own(model->shared);
    model->publishes = model->shared->list;
    return model->publishes;
}

AditModel *
adit_model_copy(const AditModel *model)
{
    AditModel *copy = adit_model_new();

    copy->endpoint = g_strdup(model->endpoint);
    copy->wan = g_strdup(model->wan);
    copy->listen_port = model->listen_port;
    copy->private_key = model->private_key;
    copy->mtu = model->mtu;
    copy->per_mapping = model->per_mapping;
    copy->per_device = model->per_device;
    copy->n_taken = model->n_taken;
    copy->taken = g_memdup2(model->taken, model->n_taken * sizeof(AditAddr));
    copy->router6 = model->router6;
    for (guint i = 0; i < model->subnets->len; i++) {
        AditSubnet *subnet = adit_model_add_subnet(copy);

        *subnet = *adit_model_subnet(model, i);
        subnet->name = g_strdup(subnet->name);
        subnet->dns = g_memdup2(subnet->dns, subnet->n_dns * sizeof(AditAddr));
    }
    for (guint i = 0; i < model->devices->len; i++) {
        AditDeviceEntry *device = adit_model_add_device(copy);

        *device = *adit_model_device(model, i);
        device->name = g_strdup(device->name);
        device->routes = g_memdup2(device->routes, device->n_routes * sizeof(AditPrefix));
    }
    adit_publishes_unref(copy->shared);
    copy->shared = adit_publishes_ref(model->shared);
    copy->publishes = copy->shared->list;
    for (guint i = 0; i < model->spent->len; i++) {
        AditSpentKey *spent = adit_model_add_spent(copy);

        *spent = *adit_model_spent(model, i);
        spent->name = g_strdup(spent->name);
    }
    return copy;
}

const AditSubnet *
adit_model_subnet(const AditModel *model, guint i)
{
    return g_ptr_array_index(model->subnets, i);
}

const AditDeviceEntry *
adit_model_device(const AditModel *model, guint i)
{
    return g_ptr_array_index(model->devices, i);
}

const AditSpentKey *
adit_model_spent(const AditModel *model, guint i)
{
    return g_ptr_array_index(model->spent, i);
}

const AditPublish *
adit_model_publish(const AditModel *model, guint i)
{
    return g_ptr_array_index(model->publishes, i);
}

gboolean
adit_model_find_subnet(const AditModel *model, const char *name, guint *ret)
{
    for (guint i = 0; i < model->subnets->len; i++)
        if (g_str_equal(adit_model_subnet(model, i)->name, name)) {
            *ret = i;
            return TRUE;
        }
    return FALSE;
}

gboolean
adit_model_find_device(const AditModel *model, const char *name, guint *ret)
{
    for (guint i = 0; i < model->devices->len; i++)
        if (g_str_equal(adit_model_device(model, i)->name, name)) {
            *ret = i;
            return TRUE;
        }
    return FALSE;
}

void
adit_model_remove_device(AditModel *model, guint device)
{
    g_ptr_array_remove_index(model->devices, device);
    for (guint i = model->publishes->len; i-- > 0;) {
        const guint at = adit_model_publish(model, i)->device;

        if (at == device)
            g_ptr_array_remove_index(adit_model_own_publishes(model), i);
        else if (at > device)
            ((AditPublish *)g_ptr_array_index(adit_model_own_publishes(model), i))->device--;
    }
}

void
adit_model_remove_subnet(AditModel *model, guint subnet)
{
    g_ptr_array_remove_index(model->subnets, subnet);
    for (guint i = 0; i < model->devices->len; i++) {
        AditDeviceEntry *device = g_ptr_array_index(model->devices, i);

        g_assert(device->subnet != subnet);
        if (device->subnet > subnet)
            device->subnet--;
    }
}

AditAddr
adit_model_outside(const AditModel *model, const AditPublish *publish)
{
    const AditDeviceEntry *device = adit_model_device(model, publish->device);

    if (adit_addr_is_set(&publish->external))
        return publish->external;
    return adit_addr_is_set(&device->wan4) ? device->wan4
                                           : adit_model_subnet(model, device->subnet)->wan4;
}

AditAddr
adit_model_place(const AditModel *model, const AditPublish *publish)
{
    const AditAddr none = { 0 };
    AditAddr outside = adit_model_outside(model, publish);

    if (publish->family == AF_INET6)
        return adit_model_device(model, publish->device)->addr6;
    for (guint i = 0; i < model->n_taken; i++)
        if (model->taken[i].family == AF_INET)
            return adit_addr_cmp(&model->taken[i], &outside) == 0 ? none : outside;
    return outside;
}

const AditPublish *
adit_model_redirect_rival(const AditModel *model, const AditPublish *publish)
{
    AditAddr own = adit_model_place(model, publish);

    for (guint i = 0; i < model->publishes->len; i++) {
        const AditPublish *other = adit_model_publish(model, i);
        AditAddr place;

        if (!other->enabled || other->family != publish->family ||
            !adit_publish_has_port(other, ADIT_PROTO_TCP, 80))
            continue;
        place = adit_model_place(model, other);
        if (adit_addr_cmp(&own, &place) == 0)
            return other;
    }
    return NULL;
}
