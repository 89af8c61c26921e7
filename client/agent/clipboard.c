/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/agent/clipboard.h"

#include <glib-unix.h>
#include <stdlib.h>
#include <string.h>
#include <xcb/xcb.h>

#define KLIPPER "org.kde.klipper"

/* In X a selection is no text that is put somewhere: who owns it is asked for the text, in a
 * form of the asker's choice (ICCCM 2.2). So we keep it and answer, until another program owns
 * the selection. */

typedef enum {
    CLIPBOARD,
    TARGETS,
    UTF8_STRING,
    TEXT,
    N_ATOMS,
} Atom;

static const char *const names[] = {
    [CLIPBOARD] = "CLIPBOARD",
    [TARGETS] = "TARGETS",
    [UTF8_STRING] = "UTF8_STRING",
    [TEXT] = "TEXT",
};

struct _AditClipboard {
    GDBusConnection *session;
    gboolean has_klipper;
    guint watch;
    xcb_connection_t *x; /* NULL: no X server */
    xcb_window_t window;
    xcb_atom_t atoms[N_ATOMS];
    guint source;
    char *text;
};

static void
answer(AditClipboard *self, const xcb_selection_request_event_t *request)
{
    const xcb_atom_t forms[] = { self->atoms[TARGETS], self->atoms[UTF8_STRING],
                                 self->atoms[TEXT], XCB_ATOM_STRING };
    /* A client of old gives no property: it means the form's own (ICCCM 2.2). */
    const xcb_atom_t property = request->property ? request->property : request->target;
    xcb_selection_notify_event_t notify = { .response_type = XCB_SELECTION_NOTIFY,
                                            .time = request->time,
                                            .requestor = request->requestor,
                                            .selection = request->selection,
                                            .target = request->target,
                                            .property = property };

    if (!self->text)
        notify.property = XCB_NONE;
    else if (request->target == self->atoms[TARGETS])
        xcb_change_property(self->x, XCB_PROP_MODE_REPLACE, request->requestor, property,
                            XCB_ATOM_ATOM, 32, G_N_ELEMENTS(forms), forms);
    else if (request->target == self->atoms[UTF8_STRING] ||
             request->target == XCB_ATOM_STRING || request->target == self->atoms[TEXT])
        xcb_change_property(self->x, XCB_PROP_MODE_REPLACE, request->requestor, property,
                            request->target == self->atoms[TEXT] ? self->atoms[UTF8_STRING]
                                                                 : request->target,
                            8, (guint32)strlen(self->text), self->text);
    else
        notify.property = XCB_NONE;
    xcb_send_event(self->x, 0, request->requestor, 0, (const char *)&notify);
    xcb_flush(self->x);
}

static gboolean
on_x(int fd, GIOCondition condition, gpointer data)
{
    AditClipboard *self = data;
    xcb_generic_event_t *event;

    while ((event = xcb_poll_for_event(self->x))) {
        if ((event->response_type & 0x7f) == XCB_SELECTION_REQUEST)
            answer(self, (const xcb_selection_request_event_t *)event);
        else if ((event->response_type & 0x7f) == XCB_SELECTION_CLEAR)
            g_clear_pointer(&self->text, g_free);
        free(event);
    }
    if (!xcb_connection_has_error(self->x))
        return G_SOURCE_CONTINUE;
    self->source = 0; /* the X server went; the session goes with it */
    return G_SOURCE_REMOVE;
}

static void
open_x(AditClipboard *self)
{
    xcb_intern_atom_cookie_t cookies[N_ATOMS];
    const xcb_screen_t *screen;

    self->x = xcb_connect(NULL, NULL);
    if (xcb_connection_has_error(self->x)) {
        xcb_disconnect(self->x);
        self->x = NULL;
        return;
    }
    screen = xcb_setup_roots_iterator(xcb_get_setup(self->x)).data;
    self->window = xcb_generate_id(self->x);
    xcb_create_window(self->x, XCB_COPY_FROM_PARENT, self->window, screen->root, -1, -1, 1, 1,
                      0, XCB_WINDOW_CLASS_INPUT_ONLY, XCB_COPY_FROM_PARENT, 0, NULL);
    for (guint i = 0; i < N_ATOMS; i++)
        cookies[i] = xcb_intern_atom(self->x, 0, (guint16)strlen(names[i]), names[i]);
    for (guint i = 0; i < N_ATOMS; i++) {
        xcb_intern_atom_reply_t *reply = xcb_intern_atom_reply(self->x, cookies[i], NULL);

        self->atoms[i] = reply ? reply->atom : XCB_NONE;
        free(reply);
    }
    self->source =
        g_unix_fd_add(xcb_get_file_descriptor(self->x), G_IO_IN | G_IO_HUP, on_x, self);
}

gboolean
adit_clipboard_works(const AditClipboard *self)
{
    return self->has_klipper || (self->x && !xcb_connection_has_error(self->x));
}

static gboolean
set_x(AditClipboard *self, const char *text)
{
    const xcb_atom_t selection = self->atoms[CLIPBOARD];
    xcb_get_selection_owner_reply_t *reply;
    gboolean ok;

    if (!self->x || xcb_connection_has_error(self->x))
        return FALSE;
    xcb_set_selection_owner(self->x, self->window, selection, XCB_CURRENT_TIME);
    reply = xcb_get_selection_owner_reply(self->x, xcb_get_selection_owner(self->x, selection),
                                          NULL);
    ok = reply && reply->owner == self->window;
    free(reply);
    if (ok) {
        g_free(self->text);
        self->text = g_strdup(text);
    }
    on_x(-1, G_IO_IN, self); /* what came while we waited for the reply */
    return ok;
}

gboolean
adit_clipboard_set(AditClipboard *self, const char *text)
{
    if (!self->has_klipper)
        return set_x(self, text);
    g_dbus_connection_call(self->session, KLIPPER, "/klipper", "org.kde.klipper.klipper",
                           "setClipboardContents", g_variant_new("(s)", text), NULL,
                           G_DBUS_CALL_FLAGS_NO_AUTO_START, -1, NULL, NULL, NULL);
    return TRUE;
}

static void
on_klipper(GDBusConnection *bus, const char *name, const char *owner, gpointer data)
{
    ((AditClipboard *)data)->has_klipper = TRUE;
}

static void
on_klipper_gone(GDBusConnection *bus, const char *name, gpointer data)
{
    ((AditClipboard *)data)->has_klipper = FALSE;
}

AditClipboard *
adit_clipboard_open(GDBusConnection *session)
{
    AditClipboard *self = g_new0(AditClipboard, 1);

    open_x(self);
    self->session = g_object_ref(session);
    self->watch =
        g_bus_watch_name_on_connection(session, KLIPPER, G_BUS_NAME_WATCHER_FLAGS_NONE,
                                       on_klipper, on_klipper_gone, self, NULL);
    return self;
}

void
adit_clipboard_free(AditClipboard *self)
{
    if (!self)
        return;
    g_bus_unwatch_name(self->watch);
    g_clear_handle_id(&self->source, g_source_remove);
    g_clear_pointer(&self->x, xcb_disconnect);
    g_object_unref(self->session);
    g_free(self->text);
    g_free(self);
}
