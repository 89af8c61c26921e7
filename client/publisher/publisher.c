/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/publisher/engine.h"

#include "client/names.h"
#include "client/publisher/publish-bus.h"
#include "client/publisher/publish-source.h"
#include "client/publisher/publish-units.h"
#include "libadit/sys/bus.h"
#include "libadit/sys/listening.h"
#include "libadit/sys/notify.h"
#include "libadit/sys/places.h"
#include "libadit/sys/trim.h"

#include <glib-unix.h>

/* adit-publisher: the one process of the client that reads what servers send. It has no
 * privilege, and nothing it may ask of aditd changes anything. */

#define LISTEN_MS 1000 /* who listens is seen within that, and published within 3 s */
#define NEW_MS 2000    /* so long after its grant a mapping is a new one */

typedef struct {
    GMainLoop *loop;
    AditPlaces places;
    AditEngine *engine;
    AditPublishBus *bus;
    AditPublishSource *source;
    AditPublishUnits *units;
    AditTold *told;
    guint settle, listen, drops;
    int status;
} Main;

/* -- who listens -- */

static gboolean
look_at_listeners(Main *self)
{
    g_autoptr(GError) error = NULL;
    GArray *listening = adit_listening_dump(&error);

    if (!listening)
        g_warning("%s", error->message);
    return listening && adit_engine_set_listening(self->engine, listening);
}

static gboolean
on_listen(gpointer data)
{
    Main *self = data;

    if (look_at_listeners(self))
        adit_engine_settle(self->engine);
    return G_SOURCE_CONTINUE;
}

/* The kernel tells nobody without privilege who begins to listen. */
static void
follow_listeners(Main *self)
{
    const gboolean wanted = adit_engine_wants_listening(self->engine);

    if (wanted && self->listen == 0) {
        look_at_listeners(self);
        self->listen = g_timeout_add(LISTEN_MS, on_listen, self);
    } else if (!wanted) {
        g_clear_handle_id(&self->listen, g_source_remove);
    }
}

/* -- who drops -- */

typedef struct {
    Main *main;
    GStrv keys;
} Drops;

static AditOffer *
find_offer(Main *self, const char *key)
{
    const GPtrArray *offers = adit_engine_offers(self->engine);

    for (guint i = 0; i < offers->len; i++) {
        AditOffer *offer = g_ptr_array_index(offers, i);

        if (g_str_equal(offer->key, key))
            return offer;
    }
    return NULL;
}

static void
on_drops(const char *const *answers, gpointer data)
{
    Drops *drops = data;

    for (guint i = 0; answers && answers[i] && drops->keys[i]; i++) {
        AditOffer *offer = find_offer(drops->main, drops->keys[i]);

        if (!offer)
            continue;
        g_free(offer->problem);
        offer->problem = *answers[i] ? g_strdup(answers[i]) : NULL;
        adit_publish_bus_show(drops->main->bus, offer);
    }
    g_strfreev(drops->keys);
    g_free(drops);
}

/* Asked of aditd, for only root may read the rules. */
static gboolean
on_ask_drops(gpointer data)
{
    Main *self = data;
    const GPtrArray *offers = adit_engine_offers(self->engine);
    g_autofree AditDropQuestion *asked = g_new0(AditDropQuestion, offers->len);
    g_autoptr(GStrvBuilder) keys = g_strv_builder_new();
    Drops *drops = g_new0(Drops, 1);
    guint n = 0;

    self->drops = 0;
    for (guint i = 0; i < offers->len; i++) {
        AditOffer *offer = g_ptr_array_index(offers, i);
        const AditPorts *ports = &offer->publication->ports;

        if (!offer->unsure || offer->n_mappings == 0)
            continue;
        offer->unsure = FALSE;
        asked[n++] =
            (AditDropQuestion){ offer->gateway, offer->family, ports->proto, ports->first };
        g_strv_builder_add(keys, offer->key);
    }
    *drops = (Drops){ self, g_strv_builder_end(keys) };
    adit_publish_source_find_drops(self->source, asked, n, on_drops, drops);
    return G_SOURCE_REMOVE;
}

/* Soon, once for all that come until then. */
static void
ask_drops(Main *self, AditOffer *offer)
{
    offer->unsure = TRUE;
    if (self->source && self->drops == 0)
        self->drops = g_timeout_add(100, on_ask_drops, self);
}

/* -- the middle -- */

static void
on_changed(AditEngine *engine, AditOffer *offer, gpointer data)
{
    Main *self = data;
    const AditReachStatus status = adit_offer_status(offer);

    adit_publish_bus_show(self->bus, offer);
    if (status.state != ADIT_REACH_PUBLISHED)
        return;
    if (!offer->problem)
        ask_drops(self, offer);
    if (adit_client_now() - status.since < NEW_MS)
        adit_trim_later(); /* no renewal: there nobody is to be woken a second time */
}

static void
on_gone(AditEngine *engine, const AditOffer *offer, gpointer data)
{
    Main *self = data;

    adit_publish_bus_hide(self->bus, offer);
}

static void
on_stirred(AditEngine *engine, const char *gateway, gpointer data)
{
    Main *self = data;

    adit_told_stir(self->told, gateway, TRUE);
}

static void
on_told(gpointer data)
{
    Main *self = data;
    g_autoptr(GArray) list = adit_told_list(self->told);

    adit_publish_bus_show_sites(self->bus, list);
}

static gboolean
on_ask(const char *gateway, const AditAsk *ask, AditAskerDone done, gpointer done_data,
       gpointer data)
{
    Main *self = data;

    return adit_told_ask(self->told, gateway, ask, done, done_data);
}

static gboolean
on_settle(gpointer data)
{
    Main *self = data;

    self->settle = 0;
    follow_listeners(self);
    adit_engine_settle(self->engine);
    adit_trim_later();
    return G_SOURCE_REMOVE;
}

/* Several words of aditd that come together are one change. */
static void
settle_soon(Main *self)
{
    if (self->settle == 0)
        self->settle = g_idle_add(on_settle, self);
}

static void
on_gateways(GPtrArray *gateways, gpointer data)
{
    Main *self = data;

    adit_told_set_gateways(self->told, gateways);
    adit_engine_set_gateways(self->engine, gateways);
    settle_soon(self);
}

static void
on_wanted(GPtrArray *publications, gpointer data)
{
    Main *self = data;

    adit_engine_set_wanted(self->engine, 0, publications);
    settle_soon(self);
}

static void
on_units(GPtrArray *publications, gpointer data)
{
    Main *self = data;

    adit_engine_set_wanted(self->engine, 1, publications);
    settle_soon(self);
}

static void
on_handshake(const char *gateway, gpointer data)
{
    Main *self = data;

    adit_engine_handshake(self->engine, gateway);
    adit_told_stir(self->told, gateway, FALSE);
}

static void
on_refresh(gpointer data)
{
    Main *self = data;
    const GPtrArray *offers = adit_engine_offers(self->engine);

    if (self->settle != 0) {
        g_source_remove(self->settle);
        on_settle(self);
    }
    if (self->listen != 0 && look_at_listeners(self))
        adit_engine_settle(self->engine);
    for (guint i = 0; i < offers->len; i++) {
        adit_publish_bus_show(self->bus, g_ptr_array_index(offers, i));
        ask_drops(self, g_ptr_array_index(offers, i));
    }
}

static void
on_drain(const char *gateway, AditEndDone done, gpointer done_data, gpointer data)
{
    Main *self = data;

    adit_engine_leave(self->engine, gateway, done, done_data);
}

/* -- the process -- */

static gboolean
on_stop(gpointer data)
{
    Main *self = data;

    g_main_loop_quit(self->loop);
    return G_SOURCE_CONTINUE;
}

static void
on_bus(GDBusConnection *bus, const char *name, gpointer data)
{
    Main *self = data;
    const AditPublishSourceWatch watch = { on_gateways, on_wanted, on_handshake, self };
    g_autoptr(GError) error = NULL;

    if (!adit_publish_bus_connect(self->bus, bus, &error)) {
        g_warning("%s: %s", ADIT_PUBLISHER_PATH, error->message);
        self->status = 1;
        g_main_loop_quit(self->loop);
        return;
    }
    self->source = adit_publish_source_new(bus, &watch);
    self->units = adit_publish_units_new(bus, on_units, self);
}

static void
on_name_acquired(GDBusConnection *bus, const char *name, gpointer data)
{
    g_message("ready");
    adit_notify_ready("publishing what aditd wants");
    adit_trim_later();
}

static void
on_name_lost(GDBusConnection *bus, const char *name, gpointer data)
{
    Main *self = data;

    g_warning("%s: %s", name,
              bus ? "another adit-publisher owns this name, or this user may not"
                  : "no system bus");
    self->status = 1;
    g_main_loop_quit(self->loop);
}

static void
run(Main *self)
{
    guint owner;

    g_unix_signal_add(SIGTERM, on_stop, self);
    g_unix_signal_add(SIGINT, on_stop, self);
    owner = g_bus_own_name(G_BUS_TYPE_SYSTEM, ADIT_PUBLISHER_BUS, G_BUS_NAME_OWNER_FLAGS_NONE,
                           on_bus, on_name_acquired, on_name_lost, self, NULL);
    g_main_loop_run(self->loop);
    adit_notify_stopping("leases live on");
    g_bus_unown_name(owner);
}

int
main(int argc, char **argv)
{
    Main self = { 0 };
    g_autoptr(GError) error = NULL;
    g_autofree char *state = NULL;
    const AditEngineWatch watch = { on_changed, on_gone, on_stirred, &self };
    const AditPublishBusCalls calls = { on_refresh, on_drain, on_ask, &self };

    adit_bus_register_errors();
    if (!adit_places_parse(&self.places, "Asks the tunnel servers for what is published.",
                           &argc, &argv, &error)) {
        g_printerr("adit-publisher: %s\n", error->message);
        return 2;
    }
    state = g_build_filename(self.places.state, "pcp", NULL);
    self.engine = adit_engine_new(state, &watch);
    self.bus = adit_publish_bus_new(&calls);
    self.told = adit_told_new(on_told, &self);
    self.loop = g_main_loop_new(NULL, FALSE);
    run(&self);
    adit_publish_units_free(self.units);
    adit_publish_source_free(self.source);
    adit_told_free(self.told);
    adit_engine_free(self.engine);
    adit_publish_bus_free(self.bus);
    g_main_loop_unref(self.loop);
    adit_places_clear(&self.places);
    return self.status;
}
