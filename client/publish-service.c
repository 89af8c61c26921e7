/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/publish-service.h"

#include "client/authority.h"
#include "client/drops.h"
#include "libadit/core/error.h"
#include "libadit/sys/listening.h"
#include "pcp-client/listener.h"
#include "publisher-dbus-generated.h"

#include <string.h>

/* Whether the server is the one it was is asked after a silence; so somebody must hear it. */
#define LOOK_S 30
#define SETTLE_MS 200
#define ASKED_MAX 64 /* of one question */

struct _AditPublishService {
    AditDaemon *daemon;
    AditPubWanted *bus;
    guint look;
    GFileMonitor *files; /* NULL: there is no publish.d */
    guint reload;
};

static GVariant *
wanted_variant(const AditWanted *wanted)
{
    GVariantBuilder builder = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("a(ss)"));

    for (guint i = 0; i < wanted->publications->len; i++) {
        const AditPublication *p = g_ptr_array_index(wanted->publications, i);
        g_autofree char *text = adit_publication_print(p);

        g_variant_builder_add(&builder, "(ss)", text, p->source ? p->source : "");
    }
    return g_variant_builder_end(&builder);
}

static GVariant *
shared_variant(const AditWanted *wanted)
{
    GVariantBuilder builder = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("a(sb)"));

    for (guint i = 0; i < wanted->shares->len; i++) {
        const AditShare *share = g_ptr_array_index(wanted->shares, i);
        g_autofree char *network = adit_prefix_to_string(&share->network);

        g_variant_builder_add(&builder, "(sb)", network, share->keep_source);
    }
    return g_variant_builder_end(&builder);
}

static gboolean
on_look(gpointer data)
{
    AditPublishService *self = data;

    adit_daemon_look_at_status(self->daemon);
    return G_SOURCE_CONTINUE;
}

/* Nobody is looked after while nothing is published. */
static void
follow_handshakes(AditPublishService *self, gboolean wanted)
{
    if (wanted && self->look == 0)
        self->look = g_timeout_add_seconds(LOOK_S, on_look, self);
    else if (!wanted && self->look != 0)
        g_clear_handle_id(&self->look, g_source_remove);
}

void
adit_publish_service_refresh(AditPublishService *self)
{
    AditWantedStore *store = adit_daemon_wanted(self->daemon);
    const AditWanted *wanted = adit_wanted_store_get(store);
    const GPtrArray *problems = adit_wanted_store_problems(store);
    g_autoptr(GStrvBuilder) list = g_strv_builder_new();
    g_auto(GStrv) words = NULL;

    for (guint i = 0; i < problems->len; i++)
        g_strv_builder_add(list, g_ptr_array_index(problems, i));
    words = g_strv_builder_end(list);
    adit_pub_wanted_set_wanted(self->bus, wanted_variant(wanted));
    adit_pub_wanted_set_shared(self->bus, shared_variant(wanted));
    adit_pub_wanted_set_problems(self->bus, (const char *const *)words);
    follow_handshakes(self, wanted->publications->len > 0);
    /* At once, not when the loop is idle: who is answered after this and asks the publisher
     * finds it told already. */
    g_dbus_interface_skeleton_flush(G_DBUS_INTERFACE_SKELETON(self->bus));
}

/* What would never be reached is refused at once, while somebody is there to read why. */
static gboolean
check_publication(AditPublishService *self, const AditPublication *p, const GArray *listening,
                  GError **error)
{
    g_autofree char *name = adit_publication_name(p);
    g_autofree char *why = NULL;

    if (!adit_publication_leads_on(p)) {
        if (adit_listener_anywhere(listening, &p->ports) != ADIT_LISTENER_LOOPBACK)
            return TRUE;
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_DENIED, "%s: %s", name,
                    adit_listener_words(ADIT_LISTENER_LOOPBACK));
        return FALSE;
    }
    for (guint f = 0; f < 2 && !why; f++)
        if (adit_addr_is_set(&p->to[f].addr))
            why = adit_daemon_refuse_target(self->daemon, &p->to[f].addr);
    if (why)
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_DENIED, "%s: %s", name, why);
    return why == NULL;
}

static gboolean
check(AditPublishService *self, const char *text, GError **error)
{
    g_autoptr(AditWanted) wanted =
        adit_wanted_parse("request", text, strlen(text), FALSE, error);
    g_autoptr(GArray) listening = wanted ? adit_listening_dump(error) : NULL;

    if (!listening)
        return FALSE;
    for (guint i = 0; i < wanted->publications->len; i++) {
        const AditPublication *p = g_ptr_array_index(wanted->publications, i);

        if (p->gateway && !adit_catalog_find(adit_daemon_entries(self->daemon), p->gateway)) {
            g_set_error(error, ADIT_ERROR, ADIT_ERROR_NOT_FOUND, "%s: no such gateway",
                        p->gateway);
            return FALSE;
        }
        if (!check_publication(self, p, listening, error))
            return FALSE;
    }
    return TRUE;
}

static gboolean
fail(GDBusMethodInvocation *call, GError *error)
{
    g_dbus_method_invocation_take_error(call, error);
    return TRUE;
}

/* After a change of what is wanted: the kernel first, then whoever looks. */
static gboolean
settle(AditPublishService *self, GDBusMethodInvocation *call,
       void (*complete)(AditPubWanted *bus, GDBusMethodInvocation *call))
{
    GError *error = NULL;

    if (!adit_daemon_wanted_changed(self->daemon, &error))
        return fail(call, error);
    complete(self->bus, call);
    return TRUE;
}

static gboolean
on_publish(AditPubWanted *bus, GDBusMethodInvocation *call, const char *sections,
           AditPublishService *self)
{
    GError *error = NULL;

    if (!check(self, sections, &error) ||
        !adit_wanted_store_add(adit_daemon_wanted(self->daemon), sections, &error))
        return fail(call, error);
    return settle(self, call, adit_pub_wanted_complete_publish);
}

static gboolean
on_unpublish(AditPubWanted *bus, GDBusMethodInvocation *call, const char *text,
             AditPublishService *self)
{
    GError *error = NULL;
    AditPorts ports;

    if (!adit_ports_parse(text, &ports, &error) ||
        !adit_wanted_store_drop(adit_daemon_wanted(self->daemon), &ports, &error))
        return fail(call, error);
    return settle(self, call, adit_pub_wanted_complete_unpublish);
}

static gboolean
share_one(AditPublishService *self, const char *network, gboolean keep, GError **error)
{
    g_autofree char *canonical = NULL;
    g_autofree char *text = NULL;
    AditPrefix prefix;

    if (!adit_prefix_parse(network, &prefix, error))
        return FALSE;
    canonical = adit_prefix_to_string(&prefix);
    text = g_strdup_printf("[Share]\nNetwork = %s\nKeepSource = %s\n", canonical,
                           keep ? "yes" : "no");
    return adit_wanted_store_add(adit_daemon_wanted(self->daemon), text, error);
}

static gboolean
on_share(AditPubWanted *bus, GDBusMethodInvocation *call, const char *const *networks,
         gboolean keep, AditPublishService *self)
{
    GError *error = NULL;

    for (guint i = 0; networks[i]; i++)
        if (!share_one(self, networks[i], keep, &error))
            return fail(call, error);
    return settle(self, call, adit_pub_wanted_complete_share);
}

static gboolean
on_unshare(AditPubWanted *bus, GDBusMethodInvocation *call, const char *const *networks,
           AditPublishService *self)
{
    GError *error = NULL;
    AditPrefix network;

    for (guint i = 0; networks[i]; i++)
        if (!adit_prefix_parse(networks[i], &network, &error) ||
            !adit_wanted_store_drop_share(adit_daemon_wanted(self->daemon), &network, &error))
            return fail(call, error);
    return settle(self, call, adit_pub_wanted_complete_unshare);
}

static gboolean
on_reload(gpointer data)
{
    AditPublishService *self = data;
    g_autoptr(GError) error = NULL;

    self->reload = 0;
    adit_wanted_store_load(adit_daemon_wanted(self->daemon));
    if (!adit_daemon_wanted_changed(self->daemon, &error))
        g_warning("%s", error->message);
    return G_SOURCE_REMOVE;
}

/* A package manager writes a file in several steps. */
static void
on_file(GFileMonitor *files, GFile *file, GFile *other, GFileMonitorEvent event, gpointer data)
{
    AditPublishService *self = data;

    if (self->reload == 0)
        self->reload = g_timeout_add(SETTLE_MS, on_reload, self);
}

/* A folder that is not there would be looked for every few seconds: SIGHUP does for that. */
static void
watch_files(AditPublishService *self)
{
    g_autoptr(GFile) folder =
        g_file_new_for_path(adit_wanted_store_folder(adit_daemon_wanted(self->daemon)));

    if (!g_file_query_exists(folder, NULL))
        return;
    self->files = g_file_monitor_directory(folder, G_FILE_MONITOR_WATCH_MOVES, NULL, NULL);
    if (self->files)
        g_signal_connect(self->files, "changed", G_CALLBACK(on_file), self);
}

/* Answers what adit-publisher may not see. A link that is none of ours is nobody's business. */
static gboolean
on_find_drops(AditPubWanted *bus, GDBusMethodInvocation *call, GVariant *asked,
              AditPublishService *self)
{
    g_autoptr(GStrvBuilder) answers = g_strv_builder_new();
    g_auto(GStrv) list = NULL;
    GVariantIter iter;
    const char *gateway, *proto;
    guint8 family;
    guint16 port;
    guint n = 0;

    g_variant_iter_init(&iter, asked);
    while (g_variant_iter_next(&iter, "(&sy&sq)", &gateway, &family, &proto, &port)) {
        AditPorts ports = { port, port, ADIT_PROTO_TCP };
        const gboolean known = adit_proto_parse(proto, &ports.proto) && n++ < ASKED_MAX &&
                               adit_catalog_find(adit_daemon_entries(self->daemon), gateway);
        g_autofree char *answer =
            known ? adit_drops_find(self->daemon, gateway, family, &ports) : g_strdup("");

        g_strv_builder_add(answers, answer);
    }
    list = g_strv_builder_end(answers);
    adit_pub_wanted_complete_find_drops(bus, call, (const char *const *)list);
    return TRUE;
}

static const AditAuthorityRow actions[] = {
    { "Publish", "org.adit.Client1.publish" },
    { "Unpublish", "org.adit.Client1.publish" },
    { "Share", "org.adit.Client1.publish" },
    { "Unshare", "org.adit.Client1.publish" },
    { 0 },
};

AditPublishService *
adit_publish_service_new(AditDaemon *daemon, GDBusObjectSkeleton *root)
{
    AditPublishService *self = g_new0(AditPublishService, 1);

    self->daemon = daemon;
    self->bus = adit_pub_wanted_skeleton_new();
    g_signal_connect(self->bus, "handle-publish", G_CALLBACK(on_publish), self);
    g_signal_connect(self->bus, "handle-unpublish", G_CALLBACK(on_unpublish), self);
    g_signal_connect(self->bus, "handle-share", G_CALLBACK(on_share), self);
    g_signal_connect(self->bus, "handle-unshare", G_CALLBACK(on_unshare), self);
    g_signal_connect(self->bus, "handle-find-drops", G_CALLBACK(on_find_drops), self);
    adit_authority_guard(G_DBUS_INTERFACE_SKELETON(self->bus), actions);
    g_dbus_object_skeleton_add_interface(root, G_DBUS_INTERFACE_SKELETON(self->bus));
    watch_files(self);
    adit_publish_service_refresh(self);
    return self;
}

void
adit_publish_service_free(AditPublishService *self)
{
    if (!self)
        return;
    follow_handshakes(self, FALSE);
    g_clear_handle_id(&self->reload, g_source_remove);
    if (self->files)
        g_signal_handlers_disconnect_by_data(self->files, self);
    g_clear_object(&self->files);
    g_signal_handlers_disconnect_by_data(self->bus, self);
    g_object_unref(self->bus);
    g_free(self);
}
