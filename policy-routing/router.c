/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "policy-routing/router.h"

#include "libadit/core/error.h"
#include "libadit/sys/nftdev.h"
#include "libadit/sys/sysctl-memory.h"
#include "libadit/sys/syserror.h"
#include "policy-routing/guard-files.h"
#include "policy-routing/reply-plan.h"
#include "policy-routing/reply-table.h"
#include "policy-routing/rpfilter.h"
#include "policy-routing/source-plan.h"

#include <errno.h>
#include <glib/gstdio.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

/* The order of a change. First the boot guard's files, for a machine may lose power at any
 * time. Then the table of nftables with what is wanted *and* what was there of gateways that go
 * and uplinks that were closed: nothing is opened while rules and routes still change. Then
 * rules and routes, in the order of core/diff. Then the table as wanted. */

struct _AditRouter {
    AditKernel *kernel;
    AditNl *nl; /* for looking around */
    AditWatch *watch;
    char *config_dir, *memory;
    AditNftBlueprint *bp;
    AditNftDev *nft;
    AditReplyOptions options; /* of @bp; its marks are @bypass */
    AditBypassMark *bypass;
    GArray *main; /* where the main table leads */
    AditFacts facts;
    GPtrArray *uplinks; /* names of links that were uplinks while a gateway was selected */
    guint left_out;
    AditState *guard; /* what was planned last; NULL: no gateways */
    gboolean left;    /* table, settings and files are gone: removing them is an event too */
};

/* Remembered; who goes through more of them has the others closed when we hear of them. */
#define MAX_UPLINKS 16

#define POLICY_KINDS                                                                           \
    (ADIT_KIND_BIT(ADIT_KIND_ROUTE) | ADIT_KIND_BIT(ADIT_KIND_RULE) |                          \
     ADIT_KIND_BIT(ADIT_KIND_SYSCTL) | ADIT_KIND_BIT(ADIT_KIND_ADDRESS))

/* Of addresses one alone; main is where a tunnel server on this machine has its routes. */
static AditScope
our_scope(void)
{
    return (AditScope){ .kinds = POLICY_KINDS,
                        .not_table = RT_TABLE_MAIN,
                        .own = adit_source_spare() };
}

AditRouter *
adit_router_open(AditKernel *kernel, const char *config_dir, const char *runtime_dir,
                 AditWatchFunc look, gpointer data, GError **error)
{
    g_autoptr(AditRouter) self = g_new0(AditRouter, 1);

    if (g_mkdir_with_parents(runtime_dir, 0755) != 0) {
        adit_syserror_set(error, errno, "%s", runtime_dir);
        return NULL;
    }
    self->kernel = kernel;
    self->uplinks = g_ptr_array_new_null_terminated(0, g_free, TRUE);
    self->config_dir = g_strdup(config_dir);
    self->memory = g_build_filename(runtime_dir, "sysctl", NULL);
    self->nl = adit_nl_open(NETLINK_ROUTE, error);
    self->watch = self->nl ? adit_watch_new(look, data, error) : NULL;
    if (!self->watch)
        return NULL;
    return g_steal_pointer(&self);
}

static void
close_table(AditRouter *self)
{
    g_clear_pointer(&self->nft, adit_nftdev_close);
    g_clear_pointer(&self->bp, adit_reply_table_free);
    g_clear_pointer(&self->bypass, g_free);
}

void
adit_router_free(AditRouter *self)
{
    if (!self)
        return;
    close_table(self);
    adit_watch_free(self->watch);
    adit_nl_close(self->nl);
    adit_facts_clear(&self->facts);
    g_clear_pointer(&self->main, g_array_unref);
    g_clear_pointer(&self->uplinks, g_ptr_array_unref);
    g_clear_pointer(&self->guard, adit_state_free);
    g_free(self->config_dir);
    g_free(self->memory);
    g_free(self);
}

const AditState *
adit_router_guard(const AditRouter *self)
{
    return self->guard;
}

const AditFacts *
adit_router_facts(const AditRouter *self)
{
    return &self->facts;
}

void
adit_router_again(AditRouter *self)
{
    adit_watch_again(self->watch);
}

static gboolean
same_options(const AditRouter *self, const AditPolicy *policy)
{
    const gsize size = policy->n_bypass * sizeof(AditBypassMark);

    return self->options.strict == policy->strict &&
           self->options.n_bypass == policy->n_bypass &&
           (size == 0 || memcmp(self->bypass, policy->bypass, size) == 0);
}

/* The rules of the table depend on the policy; with another one they are other rules. */
static gboolean
open_table(AditRouter *self, const AditPolicy *policy, GError **error)
{
    if (self->nft && same_options(self, policy))
        return TRUE;
    close_table(self);
    self->bypass = g_memdup2(policy->bypass, policy->n_bypass * sizeof(AditBypassMark));
    self->options = (AditReplyOptions){ policy->strict, self->bypass, policy->n_bypass };
    self->bp = adit_reply_table_new(&self->options);
    self->nft = adit_nftdev_open(self->bp, error);
    return self->nft != NULL;
}

static GStrv
gateway_links(const AditRouterWish *wish)
{
    g_autoptr(GStrvBuilder) names = g_strv_builder_new();

    for (guint i = 0; i < wish->n_gateways; i++)
        g_strv_builder_add(names, wish->gateways[i]->link);
    return g_strv_builder_end(names);
}

/* While a gateway is selected: the links that have or had a default route. */
static void
note_uplinks(AditRouter *self, const AditRouterWish *wish)
{
    gboolean selected = FALSE;

    for (guint i = 0; i < wish->n_gateways; i++)
        selected |= wish->gateways[i]->selected[0] || wish->gateways[i]->selected[1];
    if (!selected)
        g_ptr_array_set_size(self->uplinks, 0);
    for (guint i = 0; selected && i < self->facts.n_main; i++) {
        const AditAddress *route = &self->facts.main[i];

        if (route->prefix.len == 0 && self->uplinks->len < MAX_UPLINKS &&
            !g_ptr_array_find_with_equal_func(self->uplinks, route->link, g_str_equal, NULL))
            g_ptr_array_add(self->uplinks, g_strdup(route->link));
    }
    self->facts.past_uplinks = (const char *const *)self->uplinks->pdata;
}

static gboolean
read_facts(AditRouter *self, const AditRouterWish *wish, GError **error)
{
    g_auto(GStrv) links = gateway_links(wish);
    const char *const *ours = (const char *const *)links;
    g_auto(AditFacts) facts = { 0 };

    adit_watch_set_ours(self->watch, ADIT_REPLY_TABLE, ours);
    if (adit_watch_take_main(self->watch) || !self->main) {
        g_clear_pointer(&self->main, g_array_unref);
        self->main = adit_facts_read_main(self->nl, error);
    }
    if (!self->main || !adit_facts_read(ours, self->main, self->memory, &facts, error))
        return FALSE;
    adit_facts_clear(&self->facts);
    self->facts = facts;
    memset(&facts, 0, sizeof(facts));
    note_uplinks(self, wish);
    return TRUE;
}

static void
add_objects(AditState *to, const AditState *from, guint kinds)
{
    for (AditKind kind = 0; kind < ADIT_N_KINDS; kind++)
        for (guint i = 0; (kinds & ADIT_KIND_BIT(kind)) && i < adit_state_len(from, kind); i++)
            adit_state_add(to, kind, adit_state_get(from, kind, i));
}

static void
free_copy(gpointer data)
{
    g_free(((AditGateway *)data)->routes);
    g_free(data);
}

/* A copy that borrows all but its routes, which are those that can be made now. */
static AditGateway *
see_link(const AditGateway *gateway, const GArray *own)
{
    AditGateway *copy = g_memdup2(gateway, sizeof(*gateway));
    const gboolean ready[2] = { adit_facts_is_ready(gateway, AF_INET, own),
                                adit_facts_is_ready(gateway, AF_INET6, own) };

    copy->routes = g_new0(AditPrefix, gateway->n_routes);
    copy->n_routes = 0;
    for (guint i = 0; i < gateway->n_routes; i++)
        if (ready[gateway->routes[i].addr.family == AF_INET6])
            copy->routes[copy->n_routes++] = gateway->routes[i];
    copy->link_up = gateway->link_up && (ready[0] || ready[1]);
    return copy;
}

/* A link may not be there yet, whoever makes it: its guard stands all the same, and the event
 * of its coming brings us back. */
static GPtrArray *
see_links(const AditRouterWish *wish, const AditGateway **ret, GError **error)
{
    g_autoptr(GPtrArray) copies = g_ptr_array_new_with_free_func(free_copy);
    g_autoptr(GArray) own = NULL;

    for (guint i = 0; i < wish->n_gateways; i++) {
        ret[i] = wish->gateways[i];
        if (!ret[i]->link_up)
            continue;
        own = own ? own : adit_addresses_read(error);
        if (!own)
            return NULL;
        ret[i] = see_link(ret[i], own);
        g_ptr_array_add(copies, (gpointer)ret[i]);
    }
    return g_steal_pointer(&copies);
}

/* The switches of forwarding, but for links that are not there yet. */
static void
add_forwarding(AditState *want, const AditState *forwards, const AditGateway *const *gateways,
               guint n_gateways)
{
    for (guint i = 0; i < adit_state_len(forwards, ADIT_KIND_SYSCTL); i++) {
        const AditSysctl *sysctl = adit_state_get(forwards, ADIT_KIND_SYSCTL, i);
        gboolean there = TRUE;

        for (guint g = 0; g < n_gateways && there; g++) {
            g_autofree char *path =
                g_strdup_printf("net/ipv4/conf/%s/forwarding", gateways[g]->link);

            there = gateways[g]->link_up || strcmp(sysctl->path, path) != 0;
        }
        if (there)
            adit_state_add_sysctl(want, sysctl);
    }
}

static AditState *
plan_kernel(const AditRouter *self, const AditRouterWish *wish, GError **error)
{
    g_autofree const AditGateway **gateways = g_new(const AditGateway *, wish->n_gateways);
    g_autoptr(GPtrArray) copies = see_links(wish, gateways, error);
    g_autoptr(AditState) want =
        copies ? adit_plan(gateways, wish->n_gateways, &self->facts, wish->policy, error)
               : NULL;

    if (!want)
        return NULL;
    adit_rpfilter_plan(want, gateways, wish->n_gateways, &self->facts);
    if (wish->forwards)
        add_forwarding(want, wish->forwards, gateways, wish->n_gateways);
    adit_source_plan(want, gateways, wish->n_gateways, &self->facts);
    adit_source_plan_spare(want, gateways, wish->n_gateways, &self->facts);
    return adit_state_seal(g_steal_pointer(&want));
}

static AditState *
plan_elements(AditRouter *self, const AditRouterWish *wish)
{
    AditState *want = adit_state_new();
    const guint left_out =
        adit_reply_plan(want, wish->gateways, wish->n_gateways, &self->facts, wish->policy);

    if (left_out > 0 && left_out != self->left_out)
        g_warning("%u routes of main are beyond the %u a closed uplink keeps open: what they "
                  "lead to waits until no gateway is selected",
                  left_out, ADIT_LAN_MAX);
    self->left_out = left_out;
    if (wish->forwards)
        add_objects(want, wish->forwards, ADIT_KIND_BIT(ADIT_KIND_ELEMENT));
    return adit_state_seal(want);
}

/* Of what is there and no longer wanted: whether it closes something. Networks of the LAN open,
 * and the bits of a slot belong together. */
static gboolean
closes(const AditElement *element)
{
    static const char *const sets[] = { "gateway", "own4",    "own6",    "home4", "home6",
                                        "uplink",  "closed4", "closed6", "names", NULL };

    return g_strv_contains(sets, element->set);
}

/* What the table needs: nothing, @want, or first @want with what closes of the present. */
typedef struct {
    gboolean equal;
    AditState *between; /* or NULL */
} TablePlan;

static gboolean
plan_table(AditRouter *self, const AditState *want, TablePlan *ret, GError **error)
{
    g_autoptr(AditState) have = adit_state_new();
    g_autoptr(AditState) both = adit_state_new();
    g_autoptr(AditOps) ops = NULL;
    gboolean intact, any = FALSE;

    if (!adit_nftdev_dump(self->nft, have, &intact, error))
        return FALSE;
    ops = adit_diff(adit_state_seal_dump(have), want);
    add_objects(both, want, ADIT_KIND_BIT(ADIT_KIND_ELEMENT));
    for (guint i = 0; i < ops->len; i++)
        if (ops->op[i].verb == ADIT_OP_DELETE && closes(ops->op[i].object)) {
            adit_state_add_element(both, ops->op[i].object);
            any = TRUE;
        }
    ret->equal = intact && ops->len == 0;
    ret->between = any ? adit_state_seal(g_steal_pointer(&both)) : NULL;
    return TRUE;
}

static void
add_result(AditReconcileResult *ret, const AditNftResult *nft)
{
    ret->added += nft->added;
    ret->changed += nft->changed;
    ret->deleted += nft->deleted;
    if (nft->rebuilt || nft->added + nft->changed + nft->deleted > 0)
        ret->rounds++;
}

static gboolean
apply_elements(AditRouter *self, const AditState *want, AditReconcileResult *ret,
               GError **error)
{
    AditNftResult result = { 0 };

    if (!adit_nftdev_reconcile(self->nft, want, &result, error))
        return FALSE;
    add_result(ret, &result);
    return TRUE;
}

static gboolean
apply_kernel(AditRouter *self, const AditState *want, AditReconcileResult *ret, GError **error)
{
    const AditScope scope = our_scope();
    AditReconcileResult result = { 0 };

    if (!adit_sysctl_remember(self->memory, want, error) ||
        !adit_reconcile(self->kernel, want, &scope, &result, error))
        return FALSE;
    ret->added += result.added;
    ret->changed += result.changed;
    ret->deleted += result.deleted;
    ret->rounds += result.rounds;
    return TRUE;
}

/* Nothing of ours is left. */
static gboolean
leave(AditRouter *self, const AditState *want, AditReconcileResult *ret, GError **error)
{
    if (!apply_kernel(self, want, ret, error))
        return FALSE;
    if (self->left)
        return TRUE;
    self->left = adit_nftdev_remove(self->nft, error) &&
                 adit_sysctl_restore(self->memory, error) &&
                 adit_guard_files_remove(self->config_dir, error);
    return self->left;
}

/* What closes stands first; each step is tried whatever became of the one before, because
 * rules and table are guards of their own. The first failure is told. */
static gboolean
enforce(AditRouter *self, const AditRouterWish *wish, const AditState *want,
        AditReconcileResult *ret, GError **error)
{
    g_autoptr(AditState) elements = plan_elements(self, wish);
    g_autoptr(AditState) between = NULL;
    g_autoptr(GError) disk = NULL, table = NULL;
    TablePlan plan = { 0 };

    self->left = FALSE;
    adit_guard_files_write(self->config_dir, want, self->bp, elements, &disk);
    if (plan_table(self, elements, &plan, &table) && !plan.equal) {
        between = plan.between;
        apply_elements(self, between ? between : elements, ret, &table);
    }
    if (!apply_kernel(self, want, ret, error))
        return FALSE;
    if (!table && between)
        apply_elements(self, elements, ret, &table);
    if (!table && !disk)
        return TRUE;
    g_propagate_error(error, table ? g_steal_pointer(&table) : g_steal_pointer(&disk));
    return FALSE;
}

gboolean
adit_router_apply(AditRouter *self, const AditRouterWish *wish, AditReconcileResult *ret,
                  GError **error)
{
    AditReconcileResult result = { 0 };
    g_autoptr(AditState) want = NULL;

    if (!open_table(self, wish->policy, error) || !read_facts(self, wish, error))
        return FALSE;
    want = plan_kernel(self, wish, error);
    if (!want || !(wish->n_gateways > 0 ? enforce(self, wish, want, &result, error)
                                        : leave(self, want, &result, error)))
        return FALSE;
    g_clear_pointer(&self->guard, adit_state_free);
    self->guard = wish->n_gateways > 0 ? g_steal_pointer(&want) : NULL;
    if (ret)
        *ret = result;
    return TRUE;
}

/* -- what is otherwise -- */

static void
add_drift(GPtrArray *ret, const AditOps *ops)
{
    for (guint i = 0; i < ops->len; i++)
        g_ptr_array_add(ret, adit_op_to_string(&ops->op[i]));
}

static gboolean
check_table(AditRouter *self, const AditState *want, GPtrArray *ret, GError **error)
{
    g_autoptr(AditState) have = adit_state_new();
    g_autoptr(AditOps) ops = NULL;
    gboolean intact;

    if (!adit_nftdev_dump(self->nft, have, &intact, error))
        return FALSE;
    if (!intact)
        g_ptr_array_add(ret, g_strdup("the rules of table inet " ADIT_REPLY_TABLE));
    ops = adit_diff(adit_state_seal_dump(have), want);
    add_drift(ret, ops);
    return TRUE;
}

gboolean
adit_router_check(AditRouter *self, const AditRouterWish *wish, GPtrArray *ret, GError **error)
{
    const AditScope scope = our_scope();
    g_autoptr(AditState) want = NULL;
    g_autoptr(AditState) elements = NULL;
    g_autoptr(AditState) have = NULL;
    g_autoptr(AditOps) ops = NULL;

    if (wish->n_gateways == 0)
        return TRUE;
    if (!open_table(self, wish->policy, error) || !read_facts(self, wish, error))
        return FALSE;
    want = plan_kernel(self, wish, error);
    have = want ? adit_kernel_dump(self->kernel, &scope, want, error) : NULL;
    if (!have)
        return FALSE;
    ops = adit_diff(have, want);
    add_drift(ret, ops);
    elements = plan_elements(self, wish);
    adit_guard_files_check(self->config_dir, want, self->bp, elements, ret);
    return check_table(self, elements, ret, error);
}
