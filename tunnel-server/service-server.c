/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/service-private.h"

#include "tunnel-server/config.h"
#include "tunnel-server/facts.h"
#include "tunnel-server/setup.h"

#include <sodium.h>

/* Methods about the server as a whole. */

static gboolean
on_refresh(AditSrvManager *manager, GDBusMethodInvocation *call, AditServerService *self)
{
    adit_admin_see(self->admin);
    adit_server_service_refresh(self);
    adit_srv_manager_complete_refresh(manager, call);
    return TRUE;
}

static gboolean
on_down(AditSrvManager *manager, GDBusMethodInvocation *call, AditServerService *self)
{
    GError *error = NULL;

    adit_admin_down(self->admin, &error);
    if (adit_service_fail(call, error))
        return TRUE;
    adit_server_service_refresh(self);
    adit_srv_manager_complete_down(manager, call);
    return TRUE;
}

/* What would change; the notes are collected on the way. */
static gboolean
is_change(AditServerService *self, AditSetup *setup, gboolean *ret, GError **error)
{
    g_autoptr(AditModel) next = adit_admin_try(self->admin, adit_setup_edit, setup, error);
    g_autofree char *difference = NULL;

    if (!next)
        return FALSE;
    difference = adit_config_difference(adit_admin_model(self->admin), next);
    *ret = *difference != '\0';
    return TRUE;
}

/* FALSE: the caller has its error. */
static gboolean
run_setup(AditServerService *self, GDBusMethodInvocation *call, AditSetup *setup,
          gboolean *ret_changed)
{
    GError *error = NULL;

    is_change(self, setup, ret_changed, &error);
    if (adit_service_fail(call, error))
        return FALSE;
    if (!*ret_changed)
        return TRUE;
    g_ptr_array_set_size(setup->notes, 0); /* they come again */
    return adit_service_change(self, call, "setup", "server", adit_setup_edit, setup);
}

static gboolean
on_setup(AditSrvManager *manager, GDBusMethodInvocation *call, const char *endpoint,
         const char *wan, const char *network, const char *ipv6, AditServerService *self)
{
    g_autoptr(GPtrArray) notes = g_ptr_array_new_with_free_func(g_free);
    g_auto(AditServerFacts) facts = { 0 };
    AditSetup setup = { endpoint, wan, network, ipv6 };
    const char *known = adit_admin_model(self->admin)->wan;
    gboolean changed = FALSE, ok;
    GError *error = NULL;

    adit_server_facts_read(*wan ? wan : known, &facts, &error);
    if (adit_service_fail(call, error))
        return TRUE;
    setup.facts = &facts;
    setup.has_ipv6 = adit_server_facts_has_ipv6();
    setup.dice = randombytes_random();
    setup.notes = notes;
    setup.until_s =
        g_get_real_time() / G_USEC_PER_SEC + adit_admin_settings(self->admin)->overlap;
    randombytes_buf(setup.fresh_key.bytes, ADIT_KEY_LEN);
    adit_key_clamp(&setup.fresh_key);
    ok = run_setup(self, call, &setup, &changed);
    adit_key_clear(&setup.fresh_key);
    if (!ok)
        return TRUE;
    g_ptr_array_add(notes, NULL);
    adit_srv_manager_complete_setup(manager, call, changed, (const char *const *)notes->pdata);
    return TRUE;
}

void
adit_service_connect_server(AditServerService *self)
{
    g_signal_connect(self->manager, "handle-refresh", G_CALLBACK(on_refresh), self);
    g_signal_connect(self->manager, "handle-down", G_CALLBACK(on_down), self);
    g_signal_connect(self->manager, "handle-setup", G_CALLBACK(on_setup), self);
}
