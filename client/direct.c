/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/direct.h"

#include "libadit/core/error.h"
#include "libadit/sys/reconcile.h"
#include "policy-routing/mend.h"
#include "policy-routing/tunnel.h"

#include <sys/socket.h>

/* Nothing is remembered: what a gateway wants of the kernel is planned anew each time, and the
 * reconciler sends the difference. */

typedef struct {
    AditBackend parent;
    AditKernel *kernel;
} Direct;

#define TUNNEL_KINDS                                                                           \
    (ADIT_KIND_BIT(ADIT_KIND_LINK) | ADIT_KIND_BIT(ADIT_KIND_DEVICE) |                         \
     ADIT_KIND_BIT(ADIT_KIND_ADDRESS) | ADIT_KIND_BIT(ADIT_KIND_PEER) |                        \
     ADIT_KIND_BIT(ADIT_KIND_SYSCTL))

static gboolean
is_of_ipv6(AditKind kind, gconstpointer object)
{
    const AditSysctl *sysctl = object;
    const AditAddress *address = object;

    return kind == ADIT_KIND_SYSCTL
               ? g_str_has_prefix(sysctl->path, "net/ipv6/")
               : kind == ADIT_KIND_ADDRESS && address->prefix.addr.family == AF_INET6;
}

static AditState *
without_ipv6(const AditState *whole)
{
    AditState *want = adit_state_new();

    for (AditKind kind = 0; kind < ADIT_N_KINDS; kind++)
        for (guint i = 0; i < adit_state_len(whole, kind); i++)
            if (!is_of_ipv6(kind, adit_state_get(whole, kind, i)))
                adit_state_add(want, kind, adit_state_get(whole, kind, i));
    return adit_state_seal(want);
}

static AditState *
plan(const AditBackendGateway *gateway, gboolean up, gboolean mending)
{
    AditState *want = adit_state_new();

    if (up)
        adit_tunnel_plan(want, gateway->name, gateway->profile, gateway->endpoints,
                         gateway->selected);
    adit_state_seal(want);
    /* Somebody has switched it off since the link was made: that is his word. */
    if (mending && adit_mend_is_off(gateway->name)) {
        g_autoptr(AditState) whole = want;

        want = without_ipv6(whole);
    }
    return want;
}

static gboolean
reconcile(AditBackend *backend, const AditBackendGateway *gateway, gboolean up,
          gboolean mending, GError **error)
{
    Direct *self = (Direct *)backend;
    const char *const links[] = { gateway->name, NULL };
    const AditScope scope = { .kinds = TUNNEL_KINDS, .links = links };
    AditReconcileResult result = { 0 };
    g_autoptr(AditState) want = plan(gateway, up, mending);

    if (!adit_reconcile(self->kernel, want, &scope, &result, error))
        return FALSE;
    if (result.rounds > 0)
        g_info("kernel: %s: %u added, %u changed, %u deleted", gateway->name, result.added,
               result.changed, result.deleted);
    return TRUE;
}

static void
settle(AditBackend *backend, const AditBackendGateway *gateway, gboolean up,
       AditBackendDone done, gpointer data)
{
    g_autoptr(GError) error = NULL;

    reconcile(backend, gateway, up, FALSE, &error);
    done(NULL, error, data);
}

static void
create(AditBackend *backend, const AditBackendGateway *gateway, AditBackendDone done,
       gpointer data)
{
    done(gateway->name, NULL, data);
}

static void
update(AditBackend *backend, const AditBackendGateway *gateway, AditBackendDone done,
       gpointer data)
{
    settle(backend, gateway, gateway->up, done, data);
}

static void
activate(AditBackend *backend, const AditBackendGateway *gateway, AditBackendDone done,
         gpointer data)
{
    settle(backend, gateway, TRUE, done, data);
}

/* A removal is no more than this, either. */
static void
deactivate(AditBackend *backend, const AditBackendGateway *gateway, AditBackendDone done,
           gpointer data)
{
    settle(backend, gateway, FALSE, done, data);
}

static void
refuse(AditBackend *backend, const AditBackendGateway *gateway, AditBackendDone done,
       gpointer data)
{
    g_autoptr(GError) error =
        g_error_new(ADIT_ERROR, ADIT_ERROR_CONFIG,
                    "%s: aditd made it itself: nothing to adopt or release", gateway->name);

    done(NULL, error, data);
}

static void
read_one(AditBackend *backend, const char *word, AditBackendRead done, gpointer data)
{
    g_autoptr(GError) error =
        g_error_new(ADIT_ERROR, ADIT_ERROR_NOT_FOUND, "%s: no such gateway", word);

    done(NULL, error, data);
}

static gboolean
manages(AditBackend *backend, const char *link)
{
    return FALSE;
}

/* Nobody but us can add or remove one. */
static GStrv
list(AditBackend *backend)
{
    return NULL;
}

static gboolean
mend(AditBackend *backend, const AditBackendGateway *gateway, GError **error)
{
    return reconcile(backend, gateway, gateway->up, TRUE, error);
}

/* What becomes of a link the router's watch tells, whoever made it. */
static void
watch(AditBackend *backend, const AditBackendWatch *hears)
{
}

static void
direct_free(AditBackend *backend)
{
    g_free(backend);
}

AditBackend *
adit_direct_new(AditKernel *kernel)
{
    static const AditBackendOps ops = {
        .create = create,
        .update = update,
        .adopt = refuse,
        .release = refuse,
        .remove = deactivate,
        .activate = activate,
        .deactivate = deactivate,
        .read = read_one,
        .list = list,
        .manages = manages,
        .mend = mend,
        .watch = watch,
        .free = direct_free,
    };
    Direct *self = g_new0(Direct, 1);

    self->parent.ops = &ops;
    self->kernel = kernel;
    return &self->parent;
}
