/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/leases.h"

#include "libadit/core/error.h"
#include "tunnel-server/dataplane.h"
#include "tunnel-server/lease-flows.h"
#include "tunnel-server/lease-kernel.h"
#include "tunnel-server/lease-store.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#define EXPIRE_MAX 1024 /* of one tick; the rest is a second later */
#define JUMP_MS 2000    /* of the wall clock, beside what it is slewed by */
#define RETRY_MS 5000   /* between two attempts to have a file again */
#define TUNNEL_SET "tunnel"

struct _AditLeases {
    AditNftDev *nft;
    AditLeaseTable *table;
    char *path;
    AditLeaseStore *store; /* NULL: no file, for now */
    char *trouble;         /* why */
    gint64 retry_ms;
    gint64 wall_offset; /* of the wall clock to the one of this boot */
    AditLeaseFlows *flows;
    AditLeaseEpoch epoch;
    AditLeasesFunc tell;
    gpointer tell_data;
    void (*watch)(gpointer data);
    gpointer watch_data;
};

static gint64
clock_ms(clockid_t clock)
{
    struct timespec ts;

    clock_gettime(clock, &ts);
    return (gint64)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

gint64
adit_leases_now(void)
{
    return clock_ms(CLOCK_BOOTTIME);
}

static AditLeaseNow
both_clocks(void)
{
    const AditLeaseNow now = { clock_ms(CLOCK_BOOTTIME), clock_ms(CLOCK_REALTIME) };

    return now;
}

/* What is not written can be lost: then the epoch must not go on at the next start, and it does
 * not, because only a clean end says so. */
static void
drop_store(AditLeases *self, const GError *error)
{
    g_free(self->trouble);
    self->trouble =
        g_strdup_printf("%s: what devices opened is not kept for a reboot", error->message);
    g_warning("%s", self->trouble);
    g_clear_pointer(&self->store, adit_lease_store_close);
    self->retry_ms = adit_leases_now() + RETRY_MS;
    if (self->watch)
        self->watch(self->watch_data);
}

const char *
adit_leases_trouble(const AditLeases *self)
{
    return self->trouble;
}

AditLeases *
adit_leases_new(AditNftDev *nft, const char *path)
{
    AditLeases *self = g_new0(AditLeases, 1);
    g_autofree char *boot_id = NULL;
    g_autoptr(GError) error = NULL;

    self->nft = nft;
    self->table = adit_lease_table_new();
    self->flows = adit_lease_flows_new();
    self->path = g_strdup(path);
    self->store = adit_lease_store_open(path, &error);
    if (!self->store)
        drop_store(self, error);
    if (g_file_get_contents("/proc/sys/kernel/random/boot_id", &boot_id, NULL, NULL))
        g_strlcpy(self->epoch.boot_id, g_strstrip(boot_id), sizeof(self->epoch.boot_id));
    self->epoch.zero_boot_ms = adit_leases_now();
    self->wall_offset = both_clocks().wall_ms - self->epoch.zero_boot_ms;
    return self;
}

void
adit_leases_set_teller(AditLeases *self, AditLeasesFunc func, gpointer data)
{
    self->tell = func;
    self->tell_data = data;
}

void
adit_leases_watch(AditLeases *self, void (*func)(gpointer data), gpointer data)
{
    self->watch = func;
    self->watch_data = data;
}

/* Durable; @clean: and nothing will follow. */
static gboolean
keep_epoch(AditLeases *self, gboolean clean, GError **error)
{
    const AditLeaseNow now = both_clocks();

    self->epoch.clean = clean;
    self->epoch.zero_wall_ms = self->epoch.zero_boot_ms + now.wall_ms - now.boot_ms;
    return !self->store || adit_lease_store_set_epoch(self->store, &self->epoch, error);
}

static void
end(AditLeases *self)
{
    g_autoptr(GError) error = NULL;

    if (self->epoch.known && !keep_epoch(self, TRUE, &error))
        drop_store(self, error);
    self->epoch.known = FALSE;
}

void
adit_leases_free(AditLeases *self)
{
    if (!self)
        return;
    end(self);
    g_clear_pointer(&self->store, adit_lease_store_close);
    g_clear_pointer(&self->table, adit_lease_table_free);
    g_clear_pointer(&self->flows, adit_lease_flows_free);
    g_free(self->trouble);
    g_free(self->path);
    g_free(self);
}

/* -- start and end -- */

/* Whether the kernel's word on leases counts. A table without our link in it was never in
 * force; and one of another version of ours, before an upgrade, keeps them in another way. */
static gboolean
kernel_knows(const AditState *have, gboolean intact)
{
    gboolean link = FALSE, open = FALSE;

    for (guint i = 0; i < adit_state_len(have, ADIT_KIND_ELEMENT); i++) {
        const AditElement *e = adit_state_get(have, ADIT_KIND_ELEMENT, i);
        AditDataplaneMapping mapping;

        link = link || g_str_equal(e->set, TUNNEL_SET);
        open = open || adit_dataplane_mapping_from_element(e, &mapping);
    }
    return link && (intact || open);
}

/* Its device is reached by another address now, and believes in the old one. */
static gboolean
is_elsewhere(const AditLease *lease, const AditPcpSite *site)
{
    const AditPcpHost *host = adit_pcp_site_host(site, &lease->ends.internal);

    return host && host->device == lease->device &&
           !adit_addr_equal(&host->external, &lease->ends.external);
}

/* Whether devices have to ask anew, because they are reached otherwise than the file has it. */
static gboolean
restore_file(AditLeases *self, const AditPcpSite *site, const AditLeaseNow *now,
             gboolean kernel_holds)
{
    g_autoptr(GError) error = NULL;
    AditLeaseEpoch kept = { 0 };
    gboolean moved = FALSE;
    g_autoptr(GArray) leases =
        self->store ? adit_lease_store_load(self->store, now, &kept, &error) : NULL;

    if (error)
        drop_store(self, error);
    for (guint i = 0; leases && i < leases->len; i++) {
        const AditLease *lease = &g_array_index(leases, AditLease, i);

        moved = moved || (lease->expires_ms > now->boot_ms && is_elsewhere(lease, site));
        adit_lease_merge(self->table, lease, site, now->boot_ms, kernel_holds);
    }
    self->epoch.zero_boot_ms =
        moved ? now->boot_ms
              : adit_lease_epoch_zero(&kept, self->epoch.boot_id, now, kernel_holds);
    /* After a boot nothing goes through any port yet. */
    if (self->epoch.zero_boot_ms == now->boot_ms && kept.known &&
        g_str_equal(kept.boot_id, self->epoch.boot_id))
        adit_lease_flows_wait(self->flows);
    return moved;
}

gboolean
adit_leases_restore(AditLeases *self, const AditPcpSite *site, GError **error)
{
    const AditLeaseNow now = both_clocks();
    g_autoptr(AditState) have = adit_state_new();
    g_autoptr(GError) local = NULL;
    gboolean intact, moved;

    if (!adit_nftdev_dump(self->nft, have, &intact, error))
        return FALSE;
    adit_state_seal(have);
    adit_lease_table_free(self->table);
    self->table = adit_lease_table_new();
    adit_lease_restore(self->table, have, site, now.boot_ms);
    moved = restore_file(self, site, &now, kernel_knows(have, intact));
    self->epoch.known = TRUE;
    if ((moved && self->store &&
         !adit_lease_store_write_all(self->store, self->table, &now, &local)) ||
        !keep_epoch(self, FALSE, &local))
        drop_store(self, local);
    if (adit_lease_table_len(self->table) > 0)
        g_info("leases: %u found, epoch %u", adit_lease_table_len(self->table),
               adit_leases_epoch(self, now.boot_ms));
    return TRUE;
}

void
adit_leases_down(AditLeases *self)
{
    end(self);
    g_clear_pointer(&self->table, adit_lease_table_free);
    self->table = adit_lease_table_new();
}

/* -- with the model -- */

typedef struct {
    AditLeases *self;
    const AditPcpSite *site;
    AditState *want;
    gint64 now_ms;
    gboolean moved;
    GArray *followers; /* AditLease: off, and to be so elsewhere */
} Visit;

static void
plan_one(const AditLease *lease, gpointer data)
{
    const Visit *visit = data;

    if (adit_lease_fits(lease, visit->site))
        adit_lease_plan(lease, visit->site, visit->now_ms, ADIT_LEASE_AS_GRANTED, visit->want);
}

void
adit_leases_plan(AditLeases *self, const AditPcpSite *site, AditState *want)
{
    Visit visit = { .self = self, .site = site, .want = want, .now_ms = adit_leases_now() };

    adit_lease_foreach(self->table, plan_one, &visit);
}

typedef struct {
    Visit had, want;
} Step;

static void
plan_step(const AditLease *lease, gpointer data)
{
    Step *step = data;

    if (adit_lease_is_alike(lease, step->had.site, step->want.site))
        return;
    plan_one(lease, &step->had);
    plan_one(lease, &step->want);
}

void
adit_leases_plan_step(AditLeases *self, const AditPcpSite *before, const AditPcpSite *site,
                      AditState *ret_had, AditState *ret_want)
{
    const gint64 now_ms = adit_leases_now();
    Step step = { { .self = self, .site = before, .want = ret_had, .now_ms = now_ms },
                  { .self = self, .site = site, .want = ret_want, .now_ms = now_ms } };

    adit_lease_foreach(self->table, plan_step, &step);
}

/* Its redirect gives way to what the operator has put there. */
static void
yield_redirect(const AditLease *lease, const Visit *visit)
{
    const AditSockAddr at = { lease->ends.external, lease->redirect.external_port };
    AditLease next = *lease;

    if (lease->redirect.status != ADIT_PCP_REDIRECT_ACTIVE ||
        !adit_pcp_manuals_at(adit_pcp_site_manuals(visit->site), IPPROTO_TCP, &at))
        return;
    next.redirect.status = ADIT_PCP_REDIRECT_YIELDED;
    adit_lease_update(visit->self->table, lease, &next);
}

static void
adopt_one(const AditLease *lease, gpointer data)
{
    Visit *visit = data;
    AditLease next;

    if (adit_lease_fits(lease, visit->site)) {
        yield_redirect(lease, visit);
        return;
    }
    if (adit_lease_follow(lease, visit->site, &next)) {
        if (adit_addr_equal(&next.ends.external, &lease->ends.external))
            return; /* it has none at present */
        g_array_append_val(visit->followers, next);
    }
    visit->moved = visit->moved || is_elsewhere(lease, visit->site);
    adit_lease_remove(visit->self->table, lease, visit->now_ms, 0);
}

static void
write_file(AditLeases *self)
{
    const AditLeaseNow now = both_clocks();
    g_autoptr(GError) error = NULL;

    if (self->store && !adit_lease_store_write(self->store, self->table, &now, &error))
        drop_store(self, error);
}

/* A mere renewal changes nobody's way. */
static gboolean
concerns_flows(const AditLeaseChange *change)
{
    const AditLease *a = change->before, *b = change->lease;

    return !a || !b || a->ends.flags != b->ends.flags || a->n_filters > 0 || b->n_filters > 0 ||
           a->redirect.status != b->redirect.status || a->redirect.mode != b->redirect.mode;
}

/* In force: tell who has to know, keep it. */
static void
conclude(AditLeases *self, gboolean unasked)
{
    guint n;
    const AditLeaseChange *changes = adit_lease_changes(self->table, &n);

    for (guint i = 0; i < n; i++) {
        if (concerns_flows(&changes[i]))
            adit_lease_flows_touch(self->flows);
        if (unasked && self->tell)
            self->tell(&changes[i], self->tell_data);
    }
    if (n > 0 && self->watch)
        self->watch(self->watch_data);
    write_file(self);
    adit_lease_settle(self->table);
}

/* Where somebody else is already, it has nothing to keep closed. */
static void
follow(AditLeaseTable *table, const AditLease *lease)
{
    const AditSockAddr external = adit_lease_external(lease);

    if (!adit_lease_find_external(table, lease->ends.proto, &external) &&
        !adit_lease_find_internal(table, &lease->ends))
        adit_lease_add(table, lease);
}

gboolean
adit_leases_adopt(AditLeases *self, const AditPcpSite *before, const AditPcpSite *site)
{
    const AditAddr had = before ? adit_pcp_site_wan4(before) : (AditAddr){ 0 };
    const AditAddr has = adit_pcp_site_wan4(site);
    g_autoptr(GArray) followers = g_array_new(FALSE, FALSE, sizeof(AditLease));
    Visit visit = { .self = self, .site = site, .now_ms = adit_leases_now() };

    visit.moved =
        before && !adit_addr_equal(&had, &has); /* also who has no lease now had one */
    visit.followers = followers;
    adit_lease_foreach(self->table, adopt_one, &visit);
    for (guint i = 0; i < followers->len; i++)
        follow(self->table, &g_array_index(followers, AditLease, i));
    if (!before ||
        !adit_pcp_manuals_equal(adit_pcp_site_manuals(before), adit_pcp_site_manuals(site)) ||
        !adit_pcp_site_same_spares(before, site))
        adit_lease_flows_touch(self->flows);
    conclude(self, TRUE);
    if (visit.moved) {
        self->epoch.zero_boot_ms = visit.now_ms;
        adit_lease_flows_wait(self->flows);
    }
    return visit.moved;
}

/* -- with the devices -- */

AditLeaseTable *
adit_leases_table(AditLeases *self)
{
    return self->table;
}

guint32
adit_leases_epoch(const AditLeases *self, gint64 now_ms)
{
    return (guint32)((now_ms - self->epoch.zero_boot_ms) / 1000);
}

gboolean
adit_leases_commit(AditLeases *self, const AditPcpSite *site, gint64 now_ms, GArray *ret_lost,
                   GError **error)
{
    gboolean ok = adit_lease_commit(self->table, site, self->nft, now_ms, ret_lost, error);

    conclude(self, FALSE);
    return ok;
}

/* The wall clock was set: what the file says is by the old one. */
static void
follow_clock(AditLeases *self)
{
    const AditLeaseNow now = both_clocks();
    const gint64 offset = now.wall_ms - now.boot_ms;
    const gboolean jumped = ABS(offset - self->wall_offset) > JUMP_MS;
    g_autoptr(GError) error = NULL;

    if (jumped)
        self->wall_offset = offset;
    if (jumped && self->store && self->epoch.known &&
        (!adit_lease_store_write_all(self->store, self->table, &now, &error) ||
         !keep_epoch(self, FALSE, &error)))
        drop_store(self, error);
}

/* The disk may have room again. What the file says is of the day it was given up. */
static void
try_file(AditLeases *self)
{
    const AditLeaseNow now = both_clocks();

    if (self->store || !self->epoch.known || now.boot_ms < self->retry_ms)
        return;
    self->retry_ms = now.boot_ms + RETRY_MS;
    self->store = adit_lease_store_open(self->path, NULL);
    if (!self->store)
        return;
    if (!adit_lease_store_write_all(self->store, self->table, &now, NULL) ||
        !keep_epoch(self, FALSE, NULL)) {
        g_clear_pointer(&self->store, adit_lease_store_close);
        return;
    }
    g_clear_pointer(&self->trouble, g_free);
    g_message("%s: what devices open is kept again", self->path);
    if (self->watch)
        self->watch(self->watch_data);
}

void
adit_leases_tick(AditLeases *self, const AditPcpSite *site, gint64 recycle_ms)
{
    const gint64 now_ms = adit_leases_now();
    g_autoptr(GArray) lost = g_array_new(FALSE, FALSE, sizeof(AditSockAddr));
    g_autoptr(GError) error = NULL;
    const AditLease *lease;

    for (guint n = 0; n < EXPIRE_MAX && (lease = adit_lease_first_to_end(self->table)) &&
                      lease->expires_ms + ADIT_LEASE_GRACE_MS <= now_ms;
         n++)
        adit_lease_remove(self->table, lease, now_ms, recycle_ms);
    if (!adit_leases_commit(self, site, now_ms, lost, &error))
        g_warning("leases: %s", error->message);
    g_clear_error(&error);
    adit_lease_flows_sweep(self->flows, self->table, site);
    if (self->store && !adit_lease_store_commit(self->store, &error))
        drop_store(self, error);
    follow_clock(self);
    try_file(self);
}

/* -- with the operator -- */

gboolean
adit_leases_set_off(AditLeases *self, const AditPcpSite *site, const AditLease *lease,
                    guint8 off, guint32 lifetime, GError **error)
{
    const guint8 all = ADIT_LEASE_OFF | ADIT_LEASE_BY_DEVICE;
    const gint64 now_ms = adit_leases_now();
    g_autoptr(GArray) lost = g_array_new(FALSE, FALSE, sizeof(AditSockAddr));
    g_autoptr(GError) local = NULL;
    AditLease next = *lease;

    if ((lease->ends.flags & all) == off)
        return TRUE;
    if (!self->store) {
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_BUSY, "%s", self->trouble);
        return FALSE;
    }
    next.since_ms = now_ms;
    next.expires_ms = off ? ADIT_LEASE_NEVER : now_ms + lifetime * G_GINT64_CONSTANT(1000);
    next.ends.flags = (guint8)((next.ends.flags & ~all) | off);
    adit_lease_update(self->table, lease, &next);
    if (!adit_lease_commit(self->table, site, self->nft, now_ms, lost, error)) {
        conclude(self, FALSE);
        return FALSE;
    }
    conclude(self, TRUE);
    if (self->store && !keep_epoch(self, FALSE, &local))
        drop_store(self, local);
    if (self->store)
        return TRUE;
    g_set_error(error, ADIT_ERROR, ADIT_ERROR_BUSY, "in force, but not for good: %s",
                self->trouble);
    return FALSE;
}
