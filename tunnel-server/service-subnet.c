/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/service-private.h"

#include "libadit/core/error.h"
#include "tunnel-server/edit.h"
#include "tunnel-server/facts.h"
#include "tunnel-server/setup.h"

/* Methods about subnets. */

static char *
addr_text(const AditAddr *addr)
{
    return adit_addr_is_set(addr) ? adit_addr_to_string(addr) : g_strdup("");
}

static void
add_row(GVariantBuilder *rows, const AditModel *model, guint i)
{
    const AditSubnet *subnet = adit_model_subnet(model, i);
    g_autofree char *net4 = adit_prefix_to_string(&subnet->net4);
    g_autofree char *net6 =
        subnet->net6.len ? adit_prefix_to_string(&subnet->net6) : g_strdup("");
    g_autofree char *server4 = addr_text(&subnet->server4);
    g_autofree char *server6 = addr_text(&subnet->server6);
    g_autofree char *wan = addr_text(&subnet->wan4);
    guint devices = 0;

    for (guint d = 0; d < model->devices->len; d++)
        devices += adit_model_device(model, d)->subnet == i;
    g_variant_builder_open(rows, G_VARIANT_TYPE("(ssssssasu)"));
    g_variant_builder_add(rows, "s", subnet->name);
    g_variant_builder_add(rows, "s", net4);
    g_variant_builder_add(rows, "s", net6);
    g_variant_builder_add(rows, "s", server4);
    g_variant_builder_add(rows, "s", server6);
    g_variant_builder_add(rows, "s", wan);
    g_variant_builder_open(rows, G_VARIANT_TYPE("as"));
    for (guint d = 0; d < subnet->n_dns; d++) {
        g_autofree char *text = adit_addr_to_string(&subnet->dns[d]);

        g_variant_builder_add(rows, "s", text);
    }
    g_variant_builder_close(rows);
    g_variant_builder_add(rows, "u", devices);
    g_variant_builder_close(rows);
}

static gboolean
on_list(AditSrvManager *manager, GDBusMethodInvocation *call, AditServerService *self)
{
    const AditModel *model = adit_admin_model(self->admin);
    GVariantBuilder rows;

    g_variant_builder_init(&rows, G_VARIANT_TYPE("a(ssssssasu)"));
    for (guint i = 0; i < model->subnets->len; i++)
        add_row(&rows, model, i);
    adit_srv_manager_complete_list_subnets(manager, call, g_variant_builder_end(&rows));
    return TRUE;
}

typedef struct {
    const char *subnet, *text;
    const char *const *list;
    AditPrefix prefix;            /* out */
    const AditServerFacts *facts; /* set-ipv6 auto */
    gint64 until_s;               /* set-ipv6: how long the network of before is served */
    char *given;                  /* out */
} Wish;

static gboolean
edit_add(AditModel *model, gpointer data, GError **error)
{
    Wish *wish = data;

    if (!adit_edit_add_subnet(model, wish->text, wish->subnet, error))
        return FALSE;
    g_free(wish->given);
    wish->given = g_strdup(adit_model_subnet(model, model->subnets->len - 1)->name);
    return TRUE;
}

static gboolean
on_add(AditSrvManager *manager, GDBusMethodInvocation *call, const char *network,
       const char *name, AditServerService *self)
{
    Wish wish = { .subnet = name, .text = network };

    if (adit_service_change(self, call, "subnet add", network, edit_add, &wish))
        adit_srv_manager_complete_add_subnet(manager, call, wish.given);
    g_free(wish.given);
    return TRUE;
}

static gboolean
edit_remove(AditModel *model, gpointer data, GError **error)
{
    return adit_edit_remove_subnet(model, ((Wish *)data)->subnet, error);
}

static gboolean
on_remove(AditSrvManager *manager, GDBusMethodInvocation *call, const char *subnet,
          AditServerService *self)
{
    Wish wish = { .subnet = subnet };

    if (adit_service_change(self, call, "subnet remove", subnet, edit_remove, &wish))
        adit_srv_manager_complete_remove_subnet(manager, call);
    return TRUE;
}

static char *
find_wan_prefix(const Wish *wish, GError **error)
{
    AditPrefix found;

    if (adit_setup_find_prefix(wish->facts, &found))
        return adit_prefix_to_string(&found);
    g_set_error(error, ADIT_ERROR, ADIT_ERROR_DENIED,
                "auto: no public IPv6 network on %s: name one: --prefix PREFIX",
                wish->facts->wan);
    return NULL;
}

static gboolean
edit_ipv6(AditModel *model, gpointer data, GError **error)
{
    Wish *wish = data;
    const gboolean automatic = g_str_equal(wish->text, "auto");
    g_autofree char *found = automatic ? find_wan_prefix(wish, error) : NULL;
    const char *text = automatic ? found : wish->text;
    AditPrefix before;
    guint at;

    if (!text || !adit_edit_find_subnet(model, wish->subnet, &at, error))
        return FALSE;
    before = adit_model_subnet(model, at)->net6;
    if (!adit_edit_set_ipv6(model, wish->subnet, text, &wish->prefix, error))
        return FALSE;
    ((AditSubnet *)g_ptr_array_index(model->subnets, at))->auto6 = automatic;
    adit_edit_keep_old(model, at, &before, wish->until_s);
    if (!*wish->text || adit_server_facts_has_ipv6())
        return TRUE;
    g_set_error(error, ADIT_ERROR, ADIT_ERROR_DENIED,
                "%s: this machine has no IPv6 default route: nothing would reach it: ask the "
                "provider to switch IPv6 on",
                wish->text);
    return FALSE;
}

static void
note_overlap(AditServerService *self, const char *word, GPtrArray *notes)
{
    const AditModel *model = adit_admin_model(self->admin);
    const AditSubnet *subnet = NULL;
    g_autofree char *net = NULL;
    guint at;

    if (adit_edit_find_subnet(model, word, &at, NULL))
        subnet = adit_model_subnet(model, at);
    if (!subnet || subnet->old6.len == 0)
        return;
    net = adit_prefix_to_string(&subnet->old6);
    g_ptr_array_add(
        notes,
        g_strdup_printf("%s is served besides for %" G_GINT64_FORMAT " s more", net,
                        MAX(subnet->old6_until - g_get_real_time() / G_USEC_PER_SEC, 0)));
}

static gboolean
on_set_ipv6(AditSrvManager *manager, GDBusMethodInvocation *call, const char *subnet,
            const char *prefix, AditServerService *self)
{
    g_autoptr(GPtrArray) notes = g_ptr_array_new_with_free_func(g_free);
    Wish wish = { .subnet = subnet, .text = prefix };
    g_autofree char *normalised = NULL;

    wish.facts = adit_admin_facts(self->admin);
    wish.until_s =
        g_get_real_time() / G_USEC_PER_SEC + adit_admin_settings(self->admin)->overlap;
    if (!adit_service_change(self, call, "subnet set-ipv6", subnet, edit_ipv6, &wish))
        return TRUE;
    note_overlap(self, subnet, notes);
    if (wish.prefix.len > 0) {
        adit_setup_doubt_prefix(&wish.prefix, adit_admin_facts(self->admin), notes);
        normalised = adit_prefix_to_string(&wish.prefix);
    }
    g_ptr_array_add(notes, NULL);
    adit_srv_manager_complete_set_subnet_ipv6(manager, call, normalised ? normalised : "",
                                              (const char *const *)notes->pdata);
    return TRUE;
}

static gboolean
edit_wan(AditModel *model, gpointer data, GError **error)
{
    const Wish *wish = data;

    return adit_edit_set_wan(model, wish->subnet, wish->text, error);
}

static gboolean
on_set_wan(AditSrvManager *manager, GDBusMethodInvocation *call, const char *subnet,
           const char *address, AditServerService *self)
{
    Wish wish = { .subnet = subnet, .text = address };

    if (adit_service_change(self, call, "subnet set-wan", subnet, edit_wan, &wish))
        adit_srv_manager_complete_set_subnet_wan(manager, call);
    return TRUE;
}

static gboolean
edit_dns(AditModel *model, gpointer data, GError **error)
{
    const Wish *wish = data;

    return adit_edit_set_dns(model, wish->subnet, wish->list, error);
}

static gboolean
on_set_dns(AditSrvManager *manager, GDBusMethodInvocation *call, const char *subnet,
           const char *const *servers, AditServerService *self)
{
    Wish wish = { .subnet = subnet, .list = servers };

    if (adit_service_change(self, call, "subnet set-dns", subnet, edit_dns, &wish))
        adit_srv_manager_complete_set_subnet_dns(manager, call);
    return TRUE;
}

void
adit_service_connect_subnets(AditServerService *self)
{
    g_signal_connect(self->manager, "handle-list-subnets", G_CALLBACK(on_list), self);
    g_signal_connect(self->manager, "handle-add-subnet", G_CALLBACK(on_add), self);
    g_signal_connect(self->manager, "handle-remove-subnet", G_CALLBACK(on_remove), self);
    g_signal_connect(self->manager, "handle-set-subnet-ipv6", G_CALLBACK(on_set_ipv6), self);
    g_signal_connect(self->manager, "handle-set-subnet-wan", G_CALLBACK(on_set_wan), self);
    g_signal_connect(self->manager, "handle-set-subnet-dns", G_CALLBACK(on_set_dns), self);
}
