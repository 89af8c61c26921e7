/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/daemon.h"

#include "libadit/sys/reconcile.h"
#include "libadit/sys/sysctl-memory.h"
#include "libadit/sys/syserror.h"
#include "libadit/sys/wgdev-front.h"
#include "tunnel-server/dataplane.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <linux/rtnetlink.h>

struct _AditServer {
    AditKernel *kernel;
    AditWgdev *wgdev;
    AditNftDev *nft;
    char *sysctls;    /* what they were before us */
    gboolean forgets; /* which could not be written down */
};

static const char *const links[] = { ADIT_SERVER_LINK, NULL };

/* Elements go by nftdev: the table's structure and all its elements are one transaction. */
/* Rules, and tables other than main, are a client's on this machine. */
static const AditScope scope = { .kinds = ADIT_KINDS_ALL & ~ADIT_KIND_BIT(ADIT_KIND_ELEMENT) &
                                          ~ADIT_KIND_BIT(ADIT_KIND_RULE),
                                 .only_table = RT_TABLE_MAIN,
                                 .links = links };

AditServer *
adit_server_open(const char *state_dir, GError **error)
{
    g_autoptr(AditServer) self = g_new0(AditServer, 1);

    if (g_mkdir_with_parents(state_dir, 0700) != 0) {
        adit_syserror_set(error, errno, "%s", state_dir);
        return NULL;
    }
    self->sysctls = g_build_filename(state_dir, "server.sysctls", NULL);

    self->kernel = adit_kernel_open(error);
    if (!self->kernel)
        return NULL;
    self->wgdev = adit_wgdev_open(NULL, error);
    if (!self->wgdev)
        return NULL;
    adit_wgdev_join(self->wgdev, self->kernel);
    self->nft = adit_nftdev_open(adit_dataplane_blueprint(FALSE), error);
    if (!self->nft)
        return NULL;
    return g_steal_pointer(&self);
}

void
adit_server_close(AditServer *self)
{
    if (!self)
        return;
    g_clear_pointer(&self->nft, adit_nftdev_close);
    g_clear_pointer(&self->kernel, adit_kernel_free);
    g_clear_pointer(&self->wgdev, adit_wgdev_free);
    g_free(self->sysctls);
    g_free(self);
}

void
adit_server_set_device_limits(AditServer *self, gboolean device_limits)
{
    adit_nftdev_set_blueprint(self->nft, adit_dataplane_blueprint(device_limits));
}

/* A disk that takes nothing is no reason to serve nobody. */
static void
remember_sysctls(AditServer *self, const AditState *rest)
{
    g_autoptr(GError) error = NULL;
    const gboolean forgets = !adit_sysctl_remember(self->sysctls, rest, &error);

    if (forgets && !self->forgets)
        g_warning("%s: adit-server down will not put the kernel's settings back",
                  error->message);
    self->forgets = forgets;
}

static void
tell_rest(const AditReconcileResult *result)
{
    if (result->rounds > 0)
        g_info("kernel: %u added, %u changed, %u deleted", result->added, result->changed,
               result->deleted);
}

gboolean
adit_server_apply_rest(AditServer *self, const AditModel *model, const AditServerFacts *facts,
                       GError **error)
{
    g_autoptr(AditState) rest = adit_server_plan_rest(model, facts);
    AditReconcileResult result = { 0 };

    remember_sysctls(self, rest);
    if (!adit_reconcile(self->kernel, rest, &scope, &result, error))
        return FALSE;
    tell_rest(&result);
    return TRUE;
}

/* The rules before the link: what they drop must not get through in between. */
gboolean
adit_server_apply(AditServer *self, const AditModel *model, const AditServerFacts *facts,
                  AditState *leases, GError **error)
{
    g_autoptr(AditState) ports = leases;
    AditNftResult nft = { 0 };

    adit_server_add_ports(ports, model, facts);
    adit_state_seal(ports);
    if (!adit_nftdev_reconcile(self->nft, ports, &nft, error))
        return FALSE;
    if (nft.rebuilt || nft.added + nft.changed + nft.deleted > 0)
        g_info("ports: %s%u added, %u changed, %u deleted", nft.rebuilt ? "table made, " : "",
               nft.added, nft.changed, nft.deleted);
    return adit_server_apply_rest(self, model, facts, error);
}

static gboolean
step_ports(AditServer *self, const AditServerSide *had, const AditServerSide *want,
           const AditServerFacts *facts, GError **error)
{
    g_autoptr(AditState) before = had->leases;
    g_autoptr(AditState) after = want->leases;
    g_autoptr(AditOps) ops = NULL;

    adit_server_add_ports_step(before, after, had->model, want->model, facts);
    adit_state_seal(before);
    adit_state_seal(after);
    ops = adit_diff(before, after);
    if (ops->len == 0)
        return TRUE;
    if (!adit_nftdev_apply(self->nft, ops->op, ops->len, NULL, error))
        return FALSE;
    g_info("ports: %u operations", ops->len);
    return TRUE;
}

static gboolean
step_rest(AditServer *self, const AditModel *had, const AditModel *want,
          const AditServerFacts *facts, GError **error)
{
    g_autoptr(AditState) before = NULL;
    g_autoptr(AditState) after = NULL;
    AditReconcileResult result = { 0 };

    adit_server_plan_step(had, want, facts, &before, &after);
    remember_sysctls(self, after);
    if (!adit_reconcile_step(self->kernel, before, after, &result, error))
        return FALSE;
    tell_rest(&result);
    return TRUE;
}

gboolean
adit_server_step(AditServer *self, const AditServerSide *had, const AditServerSide *want,
                 const AditServerFacts *facts)
{
    g_autoptr(GError) error = NULL;

    if (step_ports(self, had, want, facts, &error) &&
        step_rest(self, had->model, want->model, facts, &error))
        return TRUE;
    g_info("%s; looking again", error->message);
    return FALSE;
}

gboolean
adit_server_find_drift(AditServer *self, const AditModel *model, const AditServerFacts *facts,
                       GPtrArray *ret, GError **error)
{
    g_autoptr(AditState) want = adit_server_plan_rest(model, facts);
    g_autoptr(AditState) have = adit_kernel_dump(self->kernel, &scope, want, error);
    g_autoptr(AditState) elements = adit_state_new();
    g_autoptr(AditOps) ops = NULL;
    gboolean intact;

    if (!have || !adit_nftdev_dump(self->nft, elements, &intact, error))
        return FALSE;
    if (!intact)
        g_ptr_array_add(ret, g_strdup("the rules of table inet " ADIT_DATAPLANE_TABLE));
    ops = adit_diff(have, want);
    for (guint i = 0; i < ops->len; i++)
        g_ptr_array_add(ret, adit_op_to_string(&ops->op[i]));
    return TRUE;
}

/* The link first: while it stands the rules stand too. */
gboolean
adit_server_down(AditServer *self, GError **error)
{
    g_autoptr(AditState) nothing = adit_state_seal(adit_state_new());

    return adit_reconcile(self->kernel, nothing, &scope, NULL, error) &&
           adit_sysctl_restore(self->sysctls, error) && adit_nftdev_remove(self->nft, error);
}

const AditNl *
adit_server_routes(const AditServer *server)
{
    return adit_kernel_socket(server->kernel);
}

AditNftDev *
adit_server_nft(AditServer *self)
{
    return self->nft;
}

AditWgDump *
adit_server_peers(AditServer *self, GError **error)
{
    return adit_wgdev_get(self->wgdev, ADIT_SERVER_LINK, error);
}

AditTrafficTable *
adit_server_traffic(AditServer *self, GError **error)
{
    return adit_traffic_table_read(self->nft, error);
}
