/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/inband.h"

#include "client/names.h"
#include "libadit/core/error.h"
#include "publisher-dbus-generated.h"

struct _AditInband {
    AditPubPublisher *publisher; /* NULL: not there yet */
    GCancellable *cancel;
    void (*changed)(gpointer data);
    gpointer data;
};

static void
on_sites(GObject *proxy, GParamSpec *property, gpointer data)
{
    AditInband *self = data;

    self->changed(self->data);
}

static void
on_publisher(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr(GError) error = NULL;
    AditPubPublisher *publisher = adit_pub_publisher_proxy_new_finish(result, &error);
    AditInband *self = data;

    if (!publisher) {
        if (!g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
            g_warning("adit-publisher: %s", error->message);
        return;
    }
    self->publisher = publisher;
    g_signal_connect(publisher, "notify::sites", G_CALLBACK(on_sites), self);
    self->changed(self->data);
}

AditInband *
adit_inband_new(GDBusConnection *bus, void (*changed)(gpointer data), gpointer data)
{
    AditInband *self = g_new0(AditInband, 1);

    self->cancel = g_cancellable_new();
    self->changed = changed;
    self->data = data;
    adit_pub_publisher_proxy_new(
        bus,
        G_DBUS_PROXY_FLAGS_DO_NOT_AUTO_START | G_DBUS_PROXY_FLAGS_GET_INVALIDATED_PROPERTIES,
        ADIT_PUBLISHER_BUS, ADIT_PUBLISHER_PATH "/publisher", self->cancel, on_publisher, self);
    return self;
}

void
adit_inband_free(AditInband *self)
{
    if (!self)
        return;
    g_cancellable_cancel(self->cancel);
    g_object_unref(self->cancel);
    if (self->publisher)
        g_signal_handlers_disconnect_by_data(self->publisher, self);
    g_clear_object(&self->publisher);
    g_free(self);
}

/* -- what was told -- */

static gboolean
read_addr(const char *text, AditAddr *ret)
{
    return !*text || adit_addr_parse(text, ret, NULL);
}

static gboolean
read_net(const char *text, AditPrefix *ret)
{
    return !*text || adit_prefix_parse(text, ret, NULL);
}

static AditInbandSite *
read_site(GVariant *row)
{
    AditInbandSite *site = g_new0(AditInbandSite, 1);
    AditAskSite *s = &site->site;
    const char *addr4, *addr6, *net6, *server4, *server6, *old6;

    g_variant_get(row, "(s&s&s&s&s&s&sub)", &site->gateway, &addr4, &addr6, &net6, &server4,
                  &server6, &old6, &s->old_left, &s->rotate);
    if (read_addr(addr4, &s->addr4) && read_addr(addr6, &s->addr6) &&
        read_net(net6, &s->net6) && read_addr(server4, &s->server4) &&
        read_addr(server6, &s->server6) && read_net(old6, &s->old6))
        return site;
    g_free(site->gateway);
    g_free(site);
    return NULL;
}

static void
free_site(gpointer data)
{
    AditInbandSite *site = data;

    g_free(site->gateway);
    g_free(site);
}

GPtrArray *
adit_inband_sites(const AditInband *self)
{
    GVariant *rows = self->publisher ? adit_pub_publisher_get_sites(self->publisher) : NULL;
    GPtrArray *list = g_ptr_array_new_with_free_func(free_site);

    for (gsize i = 0; rows && i < g_variant_n_children(rows); i++) {
        g_autoptr(GVariant) row = g_variant_get_child_value(rows, i);
        AditInbandSite *site = read_site(row);

        if (site)
            g_ptr_array_add(list, site);
    }
    return list;
}

/* -- what is asked -- */

typedef struct {
    AditInbandHeld held; /* one of both */
    AditInbandDone done;
    gpointer data;
} Question;

static Question *
question_new(AditInbandHeld held, AditInbandDone done, gpointer data)
{
    Question *question = g_new0(Question, 1);

    *question = (Question){ held, done, data };
    return question;
}

/* Takes @error and frees. Whoever asked may be gone when the call was cancelled. */
static void
answer(Question *question, const AditKey *held, GError *error)
{
    g_autoptr(GError) why = error;
    g_autofree Question *own = question;

    if (g_error_matches(why, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        return;
    if (why && why->domain != ADIT_ERROR) {
        g_clear_error(&why);
        why = g_error_new(ADIT_ERROR, ADIT_ERROR_NOT_FOUND,
                          "adit-publisher does not answer: systemctl status adit-publisher");
    }
    if (own->held)
        own->held(held, why, own->data);
    else
        own->done(why, own->data);
}

static gboolean
on_nobody(gpointer data)
{
    answer(data, NULL, g_error_new_literal(G_IO_ERROR, G_IO_ERROR_NOT_FOUND, "no publisher"));
    return G_SOURCE_REMOVE;
}

static void
on_held(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autofree char *text = NULL;
    GError *error = NULL;
    AditKey key = { 0 };

    if (adit_pub_publisher_call_ask_site_finish(ADIT_PUB_PUBLISHER(source), &text, result,
                                                &error))
        adit_key_parse(text, &key, &error);
    answer(data, &key, error);
}

void
adit_inband_ask(AditInband *self, const char *gateway, AditInbandHeld done, gpointer data)
{
    Question *question = question_new(done, NULL, data);

    if (self->publisher)
        adit_pub_publisher_call_ask_site(self->publisher, gateway,
                                         G_DBUS_CALL_FLAGS_NO_AUTO_START, -1, self->cancel,
                                         on_held, question);
    else
        g_idle_add(on_nobody, question);
}

static void
on_proposed(GObject *source, GAsyncResult *result, gpointer data)
{
    GError *error = NULL;
    guint stands;

    adit_pub_publisher_call_propose_key_finish(ADIT_PUB_PUBLISHER(source), &stands, result,
                                               &error);
    answer(data, NULL, error);
}

void
adit_inband_propose(AditInband *self, const char *gateway, const AditKey *public_key,
                    AditInbandDone done, gpointer data)
{
    Question *question = question_new(NULL, done, data);
    g_autofree char *text = adit_key_to_string(public_key);

    if (self->publisher)
        adit_pub_publisher_call_propose_key(self->publisher, gateway, text,
                                            G_DBUS_CALL_FLAGS_NO_AUTO_START, -1, self->cancel,
                                            on_proposed, question);
    else
        g_idle_add(on_nobody, question);
}
