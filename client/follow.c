/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/follow.h"

#include "client/daemon-private.h"
#include "client/site.h"
#include "client/update.h"

#define AGAIN_S 1
#define ROTATE_GAP_US (30 * G_USEC_PER_SEC) /* between attempts that a server asks for */

struct _AditFollow {
    AditDaemon *daemon;
    AditInband *inband;
    AditRotor *rotor;
    GHashTable *refused; /* gateway -> why, said once */
    GHashTable *rotated; /* gateway -> gint64, monotonic: when it was tried */
    guint timer;
    gint64 due; /* when it goes off, monotonic */
};

static gboolean
on_again(gpointer data)
{
    AditFollow *self = data;

    self->timer = 0;
    adit_follow_look(self);
    return G_SOURCE_REMOVE;
}

/* The earliest of all wishes: what one gateway can wait for another cannot. */
static void
look_later(AditFollow *self, guint seconds)
{
    const gint64 due = g_get_monotonic_time() + seconds * (gint64)G_USEC_PER_SEC;

    if (self->timer != 0 && self->due <= due)
        return;
    g_clear_handle_id(&self->timer, g_source_remove);
    self->timer = g_timeout_add_seconds(seconds, on_again, self);
    self->due = due;
}

static void
say_once(AditFollow *self, const char *name, const char *why)
{
    if (g_strcmp0(g_hash_table_lookup(self->refused, name), why) == 0)
        return;
    g_hash_table_replace(self->refused, g_strdup(name), g_strdup(why));
    g_warning("%s: %s", name, why);
}

static char *
addresses_of(const AditProfile *profile)
{
    g_autoptr(GString) text = g_string_new(NULL);

    for (guint i = 0; i < profile->n_addresses; i++) {
        g_autofree char *addr = adit_addr_to_string(&profile->addresses[i].addr);

        g_string_append_printf(text, "%s%s", i > 0 ? ", " : "", addr);
    }
    return g_string_free(g_steal_pointer(&text), FALSE);
}

/* Whoever hears the bus has been told by then: the gateway's Addresses are others. */
static void
on_followed(const char *name, const GError *error, gpointer data)
{
    AditFollow *self = data;
    const AditEntry *entry = adit_catalog_find(self->daemon->entries, name);
    g_autofree char *addresses = entry ? addresses_of(entry->profile) : NULL;

    if (error)
        say_once(self, name, error->message);
    else if (addresses)
        g_message("%s: its server gives it %s", name, addresses);
    look_later(self, error ? 60 : AGAIN_S);
}

static void
follow_address(AditFollow *self, AditEntry *entry, const AditAskSite *site)
{
    g_autoptr(AditProfile) next = NULL;
    g_autoptr(GError) error = NULL;

    if (!adit_site_judge(entry->profile, site, &next, &error))
        say_once(self, entry->name, error->message);
    else if (next)
        adit_update_profile(self->daemon, entry->name, next, on_followed, self);
}

static gboolean
has_just_rotated(AditFollow *self, const char *name)
{
    const gint64 now = g_get_monotonic_time();
    const gint64 *at = g_hash_table_lookup(self->rotated, name);

    if (at && now - *at < ROTATE_GAP_US)
        return TRUE;
    g_hash_table_replace(self->rotated, g_strdup(name), g_memdup2(&now, sizeof(now)));
    return FALSE;
}

static void
follow_one(AditFollow *self, const AditInbandSite *told)
{
    AditEntry *entry = adit_catalog_find(self->daemon->entries, told->gateway);

    if (!entry || !entry->up)
        return;
    if (entry->busy || adit_rotor_is_at(self->rotor, entry->name)) {
        look_later(self, AGAIN_S);
        return;
    }
    follow_address(self, entry, &told->site);
    if (!told->site.rotate || entry->busy)
        return;
    if (has_just_rotated(self, told->gateway))
        look_later(self, ROTATE_GAP_US / G_USEC_PER_SEC);
    else
        adit_rotor_rotate(self->rotor, told->gateway, NULL, NULL);
}

void
adit_follow_look(AditFollow *self)
{
    g_autoptr(GPtrArray) sites = adit_inband_sites(self->inband);

    for (guint i = 0; i < sites->len; i++)
        follow_one(self, g_ptr_array_index(sites, i));
}

AditFollow *
adit_follow_new(AditDaemon *daemon, AditInband *inband, AditRotor *rotor)
{
    AditFollow *self = g_new0(AditFollow, 1);

    self->daemon = daemon;
    self->inband = inband;
    self->rotor = rotor;
    self->refused = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    self->rotated = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, g_free);
    return self;
}

void
adit_follow_free(AditFollow *self)
{
    if (!self)
        return;
    g_clear_handle_id(&self->timer, g_source_remove);
    g_hash_table_unref(self->refused);
    g_hash_table_unref(self->rotated);
    g_free(self);
}
