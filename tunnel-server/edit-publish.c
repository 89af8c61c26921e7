/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/error.h"
#include "tunnel-server/edit.h"

#include <string.h>
#include <sys/socket.h>

static const char *const redirect_names[] = { "no", "https", "port" };
static const char *const owner_names[] = { "operator", "device", "held" };

const char *
adit_owner_name(AditOwner owner)
{
    return owner_names[owner];
}

gboolean
adit_owner_parse(const char *text, AditOwner *ret)
{
    for (guint i = 0; i < G_N_ELEMENTS(owner_names); i++)
        if (g_str_equal(owner_names[i], text)) {
            *ret = (AditOwner)i;
            return TRUE;
        }
    return FALSE;
}

const char *
adit_redirect_name(AditRedirectKind redirect)
{
    return redirect_names[redirect];
}

gboolean
adit_redirect_parse(const char *text, AditRedirectKind *ret)
{
    for (guint i = 0; i < G_N_ELEMENTS(redirect_names); i++)
        if (g_str_equal(redirect_names[i], text)) {
            *ret = (AditRedirectKind)i;
            return TRUE;
        }
    return FALSE;
}

static gboolean
refuse(GError **error, const char *what, const char *why)
{
    g_autofree char *quoted = adit_error_quote(what);

    g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG, "%s: %s", quoted, why);
    return FALSE;
}

static gboolean
set_allow_from(AditPublish *publish, const char *const *nets, GError **error)
{
    g_autoptr(GArray) list = g_array_new(FALSE, FALSE, sizeof(AditPrefix));

    for (guint i = 0; nets && nets[i]; i++) {
        AditPrefix net;

        if (!adit_prefix_parse(nets[i], &net, NULL))
            return refuse(error, nets[i], "not a network");
        if (net.addr.family != publish->family)
            return refuse(error, nets[i],
                          publish->family == AF_INET
                              ? "not IPv4: no visitor of this forward comes from there"
                              : "not IPv6: no visitor of this pinhole comes from there");
        net = adit_prefix_network(&net);
        g_array_append_val(list, net);
    }
    publish->n_allow_from = list->len;
    publish->allow_from = g_memdup2(list->data, list->len * sizeof(AditPrefix));
    return TRUE;
}

/* What a line of the declarative file can carry. */
static gboolean
check_label(const char *label, GError **error)
{
    if (strlen(label) > 255 || !g_utf8_validate(label, -1, NULL))
        return refuse(error, label, "a label is UTF-8 of at most 255 bytes");
    for (const char *c = label; *c; c++)
        if (*c == '#' || g_ascii_iscntrl(*c))
            return refuse(error, label, "a label has no '#' and no control characters");
    if (g_ascii_isspace(label[0]) || (*label && g_ascii_isspace(label[strlen(label) - 1])))
        return refuse(error, label, "a label neither begins nor ends with a blank");
    return TRUE;
}

void
adit_edit_set_enabled(AditPublish *publish, gboolean enabled)
{
    publish->enabled = enabled;
    if (publish->owner != ADIT_OWNER_OPERATOR)
        publish->owner = enabled ? ADIT_OWNER_DEVICE : ADIT_OWNER_HELD;
}

void
adit_edit_set_may_publish(AditModel *model, AditDeviceEntry *device, gboolean may_publish)
{
    device->may_publish = may_publish;
    for (guint i = 0; !may_publish && i < model->publishes->len; i++) {
        const AditPublish *publish = adit_model_publish(model, i);

        if (adit_model_device(model, publish->device) == device &&
            publish->owner == ADIT_OWNER_DEVICE)
            ((AditPublish *)g_ptr_array_index(adit_model_own_publishes(model), i))->enabled =
                FALSE;
    }
}

gboolean
adit_edit_set_label(AditPublish *publish, const char *label, GError **error)
{
    if (!check_label(label, error))
        return FALSE;
    g_free(publish->label);
    publish->label = *label ? g_strdup(label) : NULL;
    return TRUE;
}

/* Later a mapping of port 80 itself wins; but who asks for a redirect wants to hear of it now.
 */
static gboolean
check_rival(const AditModel *model, const AditPublish *publish, GError **error)
{
    const AditPublish *rival = publish->redirect != ADIT_REDIRECT_NONE
                                   ? adit_model_redirect_rival(model, publish)
                                   : NULL;

    if (!rival)
        return TRUE;
    g_set_error(error, ADIT_ERROR, ADIT_ERROR_DENIED,
                "redirect from port 80: port 80/tcp: held by %s",
                adit_model_device(model, rival->device)->name);
    return FALSE;
}

gboolean
adit_edit_add_publish(AditModel *model, const AditPublishWish *wish, GError **error)
{
    AditPublish *publish;
    AditAddr external = { 0 };
    guint device;

    if (!adit_edit_find_device(model, wish->device, &device, error))
        return FALSE;
    if (*wish->address &&
        (!adit_addr_parse(wish->address, &external, NULL) || external.family != AF_INET))
        return refuse(error, wish->address, "not an IPv4 address");
    if (wish->internal && wish->internal + (wish->ports.last - wish->ports.first) > 65535)
        return refuse(error, wish->device, "the range passes port 65535 on the device");
    publish = adit_model_add_publish(model);
    publish->family = wish->family;
    publish->external = external;
    publish->first = wish->ports.first;
    publish->last = wish->ports.last;
    publish->proto = wish->ports.proto;
    publish->device = device;
    publish->internal = wish->internal ? wish->internal : wish->ports.first;
    publish->redirect = wish->redirect;
    return check_rival(model, publish, error) &&
           adit_edit_set_label(publish, wish->label, error) &&
           set_allow_from(publish, wish->allow_from, error);
}

static char *
key_without_proto(const AditModel *model, const AditPublish *publish)
{
    GString *key = g_string_new(NULL);
    AditAddr outside = adit_model_outside(model, publish);

    if (publish->family == AF_INET6) {
        g_string_append_printf(key, "%s:", adit_model_device(model, publish->device)->name);
    } else if (adit_addr_is_set(&outside)) {
        g_autofree char *addr = adit_addr_to_string(&outside);

        g_string_append_printf(key, "%s:", addr);
    }
    g_string_append_printf(key, "%u", publish->first);
    if (publish->last != publish->first)
        g_string_append_printf(key, "-%u", publish->last);
    return g_string_free(key, FALSE);
}

char *
adit_publish_key(const AditModel *model, const AditPublish *publish)
{
    g_autofree char *key = key_without_proto(model, publish);

    return g_strdup_printf("%s/%s", key, adit_proto_name(publish->proto));
}

/* A key without its protocol will do where only one mapping has it. */
gboolean
adit_edit_find_publish(const AditModel *model, guint8 family, const char *key, guint *ret,
                       GError **error)
{
    const char *what = family == AF_INET ? "forward" : "pinhole";
    g_autofree char *quoted = adit_error_quote(key);
    guint n = 0;

    for (guint i = 0; i < model->publishes->len; i++) {
        const AditPublish *publish = adit_model_publish(model, i);
        g_autofree char *bare = NULL;
        g_autofree char *full = NULL;

        if (publish->family != family)
            continue;
        bare = key_without_proto(model, publish);
        full = adit_publish_key(model, publish);
        if (g_str_equal(full, key)) {
            *ret = i;
            return TRUE;
        }
        if (g_str_equal(bare, key)) {
            *ret = i;
            n++;
        }
    }
    if (n == 1)
        return TRUE;
    g_set_error(error, ADIT_ERROR, ADIT_ERROR_NOT_FOUND, "%s: %s: see adit-server %s list",
                quoted, n ? "several have this key: name the protocol" : "no such mapping",
                what);
    return FALSE;
}
