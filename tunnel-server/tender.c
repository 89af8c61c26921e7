/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/tender.h"

#include "libadit/core/error.h"
#include "libadit/sys/notify.h"
#include "tunnel-server/rotation.h"

#include <syslog.h>
#include <unistd.h>

#define LOOK_MS 100 /* a device that has switched is without a way until it is seen */
#define TURN 64     /* changes at once */
#define LOOK_OUT 3  /* every so many looks, for those who try what is spent */

struct _AditTender {
    AditAdmin *admin;
    guint timer, n_looks;
    char *refused; /* what could not be done, said once */
    void (*changed)(gpointer data);
    gpointer data;
};

static gint64
now_s(void)
{
    return g_get_real_time() / G_USEC_PER_SEC;
}

/* -- what is due -- */

typedef struct {
    AditDue due;
    gint64 now_s, until_s;
} Doing;

static gboolean
edit_due(AditModel *model, gpointer data, GError **error)
{
    const Doing *doing = data;

    return adit_rotation_do(model, &doing->due, doing->now_s, doing->until_s, error);
}

static void
complain(AditTender *self, const GError *error)
{
    if (g_strcmp0(self->refused, error->message) == 0)
        return;
    g_warning("%s", error->message);
    g_free(self->refused);
    self->refused = g_strdup(error->message);
}

/* Who it was, for the operator. */
static void
audit_reuse(const AditSpentKey *spent, const AditWgDump *dump)
{
    const AditWgPeer *peer = adit_wg_dump_find(dump, &spent->public_key);
    g_autofree char *from = peer && adit_addr_is_set(&peer->status.endpoint.addr)
                                ? adit_sockaddr_to_string(&peer->status.endpoint)
                                : g_strdup("somewhere");
    g_autofree char *sentence = g_strdup_printf(
        "%s: its invitation was tried by %s, although it %s: refused", spent->name, from,
        spent->taken ? "has been taken up already" : "has run out");

    adit_journal(LOG_WARNING, sentence, "ADIT_DEVICE", spent->name, "ADIT_ENDPOINT", from,
                 NULL);
}

static gboolean
do_one(AditTender *self, const AditWgDump *dump)
{
    const AditModel *model = adit_admin_model(self->admin);
    const AditServerFacts *facts = adit_admin_facts(self->admin);
    Doing doing = { .due = adit_rotation_due(model, dump, facts, now_s()) };
    g_autofree char *object = g_strdup(adit_rotation_object(model, &doing.due));
    const AditAudit audit = { getuid(), adit_rotation_verb(doing.due.kind), object };
    g_autoptr(GError) error = NULL;

    if (doing.due.kind == ADIT_DUE_NOTHING)
        return FALSE;
    doing.now_s = now_s();
    doing.until_s = doing.now_s + adit_admin_settings(self->admin)->overlap;
    if (doing.due.kind == ADIT_DUE_REUSED)
        audit_reuse(adit_model_spent(model, doing.due.at), dump);
    if (adit_admin_change(self->admin, &audit, edit_due, &doing, &error))
        return TRUE;
    complain(self, error);
    return FALSE;
}

static gboolean
is_on(AditTender *self)
{
    return adit_rotation_is_on(adit_admin_model(self->admin));
}

static void
look(AditTender *self)
{
    const gboolean looks_out = adit_rotation_looks_out(adit_admin_model(self->admin)) &&
                               self->n_looks++ % LOOK_OUT == 0;
    g_autoptr(AditWgDump) dump =
        is_on(self) || looks_out ? adit_admin_peers(self->admin) : NULL;
    guint n = 0;

    if (!g_str_equal(adit_admin_state(self->admin), "up"))
        return;
    while (n < TURN && do_one(self, dump))
        n++;
    if (n > 0 && self->changed)
        self->changed(self->data);
}

static gboolean
on_look(gpointer data)
{
    AditTender *self = data;

    look(self);
    if (is_on(self))
        return G_SOURCE_CONTINUE;
    self->timer = 0;
    return G_SOURCE_REMOVE;
}

void
adit_tender_look(AditTender *self)
{
    look(self);
    if (is_on(self) && self->timer == 0)
        self->timer = g_timeout_add(LOOK_MS, on_look, self);
}

/* -- what is offered -- */

typedef struct {
    guint at;
    const AditKey *key;
} Offer;

static gboolean
edit_offer(AditModel *model, gpointer data, GError **error)
{
    const Offer *offer = data;

    return adit_rotation_offer(model, offer->at, offer->key, now_s(), error);
}

static AditPcpResult
result_of(const GError *error)
{
    if (g_error_matches(error, ADIT_ERROR, ADIT_ERROR_BUSY))
        return ADIT_PCP_NO_RESOURCES; /* in a while */
    return g_error_matches(error, ADIT_ERROR, ADIT_ERROR_DENIED) ? ADIT_PCP_NOT_AUTHORIZED
                                                                 : ADIT_PCP_NETWORK_FAILURE;
}

static gboolean
is_on_offer(const AditDeviceEntry *device, const AditKey *key)
{
    return adit_key_equal(&device->next_key, key) ||
           (adit_key_equal(&device->public_key, key) && adit_key_is_zero(&device->next_key));
}

/* A repeated request changes nothing. */
static AditPcpResult
on_rekey(gint64 id, const AditKey *key, guint32 *ret_lifetime, gpointer data)
{
    AditTender *self = data;
    const AditModel *model = adit_admin_model(self->admin);
    Offer offer = { 0, key };
    AditAudit audit = { getuid(), "device rotate: offer", "" };
    g_autofree char *name = NULL;
    g_autoptr(GError) error = NULL;

    while (offer.at < model->devices->len && adit_model_device(model, offer.at)->id != id)
        offer.at++;
    if (offer.at == model->devices->len)
        return ADIT_PCP_NOT_AUTHORIZED;
    *ret_lifetime = ADIT_ROTATION_STANDS_S;
    if (is_on_offer(adit_model_device(model, offer.at), key))
        return ADIT_PCP_SUCCESS;
    audit.object = name = g_strdup(adit_model_device(model, offer.at)->name);
    if (!adit_admin_change(self->admin, &audit, edit_offer, &offer, &error)) {
        g_info("%s: %s", name, error->message);
        return result_of(error);
    }
    if (self->changed)
        self->changed(self->data);
    adit_tender_look(self);
    return ADIT_PCP_SUCCESS;
}

AditTender *
adit_tender_new(AditAdmin *admin, void (*changed)(gpointer data), gpointer data)
{
    AditTender *self = g_new0(AditTender, 1);

    self->admin = admin;
    self->changed = changed;
    self->data = data;
    adit_pcp_server_set_rekey(adit_admin_pcp(admin), on_rekey, self);
    return self;
}

void
adit_tender_free(AditTender *self)
{
    if (!self)
        return;
    adit_pcp_server_set_rekey(adit_admin_pcp(self->admin), NULL, NULL);
    g_clear_handle_id(&self->timer, g_source_remove);
    g_free(self->refused);
    g_free(self);
}
