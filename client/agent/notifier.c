/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/agent/notifier.h"

#define SERVER "org.freedesktop.Notifications"
#define SERVER_PATH "/org/freedesktop/Notifications"
#define CLOSED_BY_US 3
#define URGENCY_NORMAL 1
#define URGENCY_CRITICAL 2

/* One notice, from the wish to show it to its end. */
typedef struct {
    AditNotifier *notifier;
    AditNotice *notice;
    guint32 id;       /* the server's; 0: not shown yet */
    gboolean calling; /* its number is on the way */
    gboolean again;   /* its notice has changed meanwhile */
    gboolean closing; /* it is to go as soon as the number is here */
} Slot;

struct _AditNotifier {
    GDBusConnection *bus;
    AditNotifierCalls calls;
    GHashTable *slots; /* key -> Slot */
    GCancellable *cancellable;
    guint watch, actions, closings, tokens;
    gboolean is_there; /* and its capabilities are known */
    gboolean has_actions, has_markup;
};

static void
slot_free(Slot *slot)
{
    adit_notice_free(slot->notice);
    g_free(slot);
}

static Slot *
find(AditNotifier *self, guint32 id)
{
    GHashTableIter iter;
    gpointer slot;

    g_hash_table_iter_init(&iter, self->slots);
    while (g_hash_table_iter_next(&iter, NULL, &slot))
        if (id != 0 && ((Slot *)slot)->id == id)
            return slot;
    return NULL;
}

static GVariant *
actions_of(const AditNotifier *self, const AditNotice *notice)
{
    GVariantBuilder list = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("as"));

    if (self->has_actions && notice->click) {
        g_variant_builder_add(&list, "s", "default");
        g_variant_builder_add(
            &list, "s",
            notice->actions->len ? ((AditNoticeAction *)notice->actions->pdata[0])->label : "");
    }
    for (guint i = 0; self->has_actions && i < notice->actions->len; i++) {
        const AditNoticeAction *action = g_ptr_array_index(notice->actions, i);

        g_variant_builder_add(&list, "s", action->deed);
        g_variant_builder_add(&list, "s", action->label);
    }
    return g_variant_builder_end(&list);
}

/* Who cannot press a button reads what to type. */
static char *
body_of(const AditNotifier *self, const AditNotice *notice)
{
    g_autofree char *plain = self->has_actions || !notice->command
                                 ? g_strdup(notice->body)
                                 : g_strconcat(notice->body, "\n", notice->command, NULL);

    return self->has_markup ? g_markup_escape_text(plain, -1) : g_steal_pointer(&plain);
}

static GVariant *
hints_of(const AditNotice *notice)
{
    const gboolean stays =
        notice->kind == ADIT_NOTICE_TROUBLE || notice->kind == ADIT_NOTICE_REPLY;
    GVariantBuilder hints = G_VARIANT_BUILDER_INIT(G_VARIANT_TYPE("a{sv}"));

    g_variant_builder_add(&hints, "{sv}", "desktop-entry", g_variant_new_string(ADIT_AGENT_ID));
    g_variant_builder_add(&hints, "{sv}", "category", g_variant_new_string("network"));
    g_variant_builder_add(&hints, "{sv}", "urgency",
                          g_variant_new_byte(stays ? URGENCY_CRITICAL : URGENCY_NORMAL));
    return g_variant_builder_end(&hints);
}

static void
take_off(AditNotifier *self, guint32 id)
{
    if (id != 0)
        g_dbus_connection_call(self->bus, SERVER, SERVER_PATH, SERVER, "CloseNotification",
                               g_variant_new("(u)", id), NULL, G_DBUS_CALL_FLAGS_NO_AUTO_START,
                               -1, NULL, NULL, NULL);
}

static void put_on(Slot *slot);

static void
on_shown(GObject *bus, GAsyncResult *result, gpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) answer =
        g_dbus_connection_call_finish(G_DBUS_CONNECTION(bus), result, &error);
    Slot *slot = data;

    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        return; /* with its notifier */
    slot->calling = FALSE;
    if (answer)
        g_variant_get(answer, "(u)", &slot->id);
    else
        g_warning("notification: %s", error->message);
    if (slot->closing) {
        take_off(slot->notifier, slot->id);
        g_hash_table_remove(slot->notifier->slots, slot->notice->key);
    } else if (slot->again && answer) {
        put_on(slot);
    }
}

static void
put_on(Slot *slot)
{
    AditNotifier *self = slot->notifier;
    const AditNotice *notice = slot->notice;
    g_autofree char *body = body_of(self, notice);

    slot->again = FALSE;
    slot->calling = TRUE;
    g_dbus_connection_call(
        self->bus, SERVER, SERVER_PATH, SERVER, "Notify",
        g_variant_new("(susss@as@a{sv}i)", "adit", slot->id, ADIT_AGENT_ID, notice->summary,
                      body, actions_of(self, notice), hints_of(notice),
                      notice->kind == ADIT_NOTICE_NEWS ? -1 : 0),
        G_VARIANT_TYPE("(u)"), G_DBUS_CALL_FLAGS_NONE, -1, self->cancellable, on_shown, slot);
}

void
adit_notifier_show(AditNotifier *self, AditNotice *notice)
{
    Slot *slot = g_hash_table_lookup(self->slots, notice->key);

    if (!slot) {
        slot = g_new0(Slot, 1);
        slot->notifier = self;
        slot->notice = notice;
        g_hash_table_insert(self->slots, g_strdup(notice->key), slot);
    } else {
        adit_notice_free(slot->notice);
        slot->notice = notice;
        slot->closing = FALSE;
    }
    if (slot->calling)
        slot->again = TRUE;
    else if (self->is_there)
        put_on(slot);
}

void
adit_notifier_close(AditNotifier *self, const char *key)
{
    Slot *slot = g_hash_table_lookup(self->slots, key);

    if (!slot)
        return;
    slot->closing = TRUE;
    if (slot->calling)
        return;
    take_off(self, slot->id);
    g_hash_table_remove(self->slots, key);
}

/* What is not on the notice is none of its buttons. */
static const char *
deed_of(const AditNotice *notice, const char *action)
{
    if (g_str_equal(action, "default"))
        return notice->click;
    for (guint i = 0; i < notice->actions->len; i++) {
        const AditNoticeAction *known = g_ptr_array_index(notice->actions, i);

        if (g_str_equal(known->deed, action))
            return known->deed;
    }
    return NULL;
}

static void
on_action(GDBusConnection *bus, const char *sender, const char *path, const char *interface,
          const char *signal, GVariant *parameters, gpointer data)
{
    AditNotifier *self = data;
    const char *action;
    guint32 id;
    Slot *slot;
    g_autofree char *deed = NULL;
    g_autofree char *key = NULL;

    if (!g_variant_is_of_type(parameters, G_VARIANT_TYPE("(us)")))
        return;
    g_variant_get(parameters, "(u&s)", &id, &action);
    slot = find(self, id);
    deed = slot ? g_strdup(deed_of(slot->notice, action)) : NULL;
    if (!deed)
        return; /* of another program, or unknown */
    key = g_strdup(slot->notice->key);
    /* Pressed it is over. Plasma takes it off a moment later, with whatever has taken its
     * number meanwhile: what comes next gets one of its own. */
    slot->id = 0;
    take_off(self, id);
    self->calls.deed(deed, key, self->calls.data);
}

/* The desktop waits for a window from now on. */
static void
on_token(GDBusConnection *bus, const char *sender, const char *path, const char *interface,
         const char *signal, GVariant *parameters, gpointer data)
{
    AditNotifier *self = data;
    const char *token;
    guint32 id;

    if (!g_variant_is_of_type(parameters, G_VARIANT_TYPE("(us)")))
        return;
    g_variant_get(parameters, "(u&s)", &id, &token);
    if (find(self, id))
        self->calls.token(token, self->calls.data);
}

static void
on_closed(GDBusConnection *bus, const char *sender, const char *path, const char *interface,
          const char *signal, GVariant *parameters, gpointer data)
{
    AditNotifier *self = data;
    guint32 id, why;
    const Slot *slot;
    g_autofree char *key = NULL;

    if (!g_variant_is_of_type(parameters, G_VARIANT_TYPE("(uu)")))
        return;
    g_variant_get(parameters, "(uu)", &id, &why);
    slot = find(self, id);
    if (!slot || slot->calling)
        return;
    key = g_strdup(slot->notice->key);
    g_hash_table_remove(self->slots, key);
    if (why != CLOSED_BY_US)
        self->calls.closed(key, self->calls.data);
}

/* What waited for a server is shown now; a server that is new knows none of what was. */
static void
on_capabilities(GObject *bus, GAsyncResult *result, gpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GVariant) answer =
        g_dbus_connection_call_finish(G_DBUS_CONNECTION(bus), result, &error);
    AditNotifier *self = data;
    g_autofree const char **words = NULL;
    GHashTableIter iter;
    gpointer slot;

    if (g_error_matches(error, G_IO_ERROR, G_IO_ERROR_CANCELLED))
        return;
    if (answer)
        g_variant_get(answer, "(^a&s)", &words);
    self->has_actions = words && g_strv_contains(words, "actions");
    self->has_markup = words && g_strv_contains(words, "body-markup");
    self->is_there = TRUE;
    g_hash_table_iter_init(&iter, self->slots);
    while (g_hash_table_iter_next(&iter, NULL, &slot))
        if (((Slot *)slot)->id == 0 && !((Slot *)slot)->calling)
            put_on(slot);
}

static void
on_server(GDBusConnection *bus, const char *name, const char *owner, gpointer data)
{
    AditNotifier *self = data;

    g_dbus_connection_call(bus, SERVER, SERVER_PATH, SERVER, "GetCapabilities", NULL,
                           G_VARIANT_TYPE("(as)"), G_DBUS_CALL_FLAGS_NONE, -1,
                           self->cancellable, on_capabilities, self);
}

static void
on_server_gone(GDBusConnection *bus, const char *name, gpointer data)
{
    AditNotifier *self = data;
    GHashTableIter iter;
    gpointer slot;

    self->is_there = FALSE;
    g_hash_table_iter_init(&iter, self->slots);
    while (g_hash_table_iter_next(&iter, NULL, &slot))
        ((Slot *)slot)->id = 0;
}

AditNotifier *
adit_notifier_new(GDBusConnection *session, const AditNotifierCalls *calls)
{
    AditNotifier *self = g_new0(AditNotifier, 1);

    self->bus = g_object_ref(session);
    self->calls = *calls;
    self->slots =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)slot_free);
    self->cancellable = g_cancellable_new();
    self->actions = g_dbus_connection_signal_subscribe(
        session, SERVER, SERVER, "ActionInvoked", SERVER_PATH, NULL, G_DBUS_SIGNAL_FLAGS_NONE,
        on_action, self, NULL);
    self->tokens = g_dbus_connection_signal_subscribe(
        session, SERVER, SERVER, "ActivationToken", SERVER_PATH, NULL, G_DBUS_SIGNAL_FLAGS_NONE,
        on_token, self, NULL);
    self->closings = g_dbus_connection_signal_subscribe(
        session, SERVER, SERVER, "NotificationClosed", SERVER_PATH, NULL,
        G_DBUS_SIGNAL_FLAGS_NONE, on_closed, self, NULL);
    self->watch =
        g_bus_watch_name_on_connection(session, SERVER, G_BUS_NAME_WATCHER_FLAGS_AUTO_START,
                                       on_server, on_server_gone, self, NULL);
    return self;
}

void
adit_notifier_free(AditNotifier *self)
{
    if (!self)
        return;
    g_cancellable_cancel(self->cancellable);
    g_bus_unwatch_name(self->watch);
    g_dbus_connection_signal_unsubscribe(self->bus, self->actions);
    g_dbus_connection_signal_unsubscribe(self->bus, self->closings);
    g_dbus_connection_signal_unsubscribe(self->bus, self->tokens);
    g_object_unref(self->cancellable);
    g_hash_table_unref(self->slots);
    g_object_unref(self->bus);
    g_free(self);
}
