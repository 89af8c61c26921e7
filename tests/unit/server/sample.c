/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/server/sample.h"

#include <string.h>

AditPrefix
sample_prefix(const char *text)
{
    g_autoptr(GError) error = NULL;
    AditPrefix prefix;

    adit_prefix_parse(text, &prefix, &error);
    g_assert_no_error(error);
    return prefix;
}

AditModel *
sample_server(const char *net4, const char *net6)
{
    AditModel *model = adit_model_new();
    g_autoptr(GError) error = NULL;
    AditPrefix prefix;

    memset(model->private_key.bytes, 7, ADIT_KEY_LEN);
    adit_key_clamp(&model->private_key);
    adit_edit_add_subnet(model, net4, "home", &error);
    g_assert_no_error(error);
    adit_edit_set_ipv6(model, "home", net6, &prefix, &error);
    g_assert_no_error(error);
    adit_model_settle(model, &error);
    g_assert_no_error(error);
    return model;
}

gboolean
sample_add_device(AditModel *model, const char *name, const char *address, guint32 n,
                  GError **error)
{
    AditDeviceWish wish = { .name = name, .subnet = "", .address = address };

    memcpy(wish.public_key.bytes, &n, sizeof(n));
    wish.public_key.bytes[4] = 1;
    wish.preshared_key.bytes[0] = 9;
    return adit_edit_add_device(model, &wish, error) && adit_model_settle(model, error);
}

gboolean
sample_add_publish(AditModel *model, guint8 family, const char *ports, const char *device,
                   guint16 internal, GError **error)
{
    AditPublishWish wish = {
        .family = family, .address = "", .device = device, .internal = internal, .label = ""
    };

    return adit_ports_parse(ports, &wish.ports, error) &&
           adit_edit_add_publish(model, &wish, error) && adit_model_settle(model, error);
}
