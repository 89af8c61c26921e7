/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/agent/startup.h"

#include <glib.h>
#include <stdlib.h>
#include <string.h>
#include <xcb/xcb.h>

#define TOKEN_MAX 1024
#define CHUNK 20 /* bytes of a client message */

static xcb_atom_t
intern(xcb_connection_t *x, const char *name)
{
    xcb_intern_atom_reply_t *reply =
        xcb_intern_atom_reply(x, xcb_intern_atom(x, 0, (guint16)strlen(name), name), NULL);
    const xcb_atom_t atom = reply ? reply->atom : XCB_NONE;

    free(reply);
    return atom;
}

/* Startup Notification Protocol 0.1: a text with its end, in pieces, by a window that need not
 * be seen. */
static void
broadcast(xcb_connection_t *x, const char *text)
{
    const xcb_window_t root = xcb_setup_roots_iterator(xcb_get_setup(x)).data->root;
    const gsize len = strlen(text) + 1;
    xcb_client_message_event_t event = { .response_type = XCB_CLIENT_MESSAGE, .format = 8 };

    event.window = xcb_generate_id(x);
    event.type = intern(x, "_NET_STARTUP_INFO_BEGIN");
    xcb_create_window(x, XCB_COPY_FROM_PARENT, event.window, root, -1, -1, 1, 1, 0,
                      XCB_WINDOW_CLASS_INPUT_ONLY, XCB_COPY_FROM_PARENT, 0, NULL);
    for (gsize at = 0; at < len; at += CHUNK) {
        memset(event.data.data8, 0, CHUNK);
        memcpy(event.data.data8, text + at, MIN(CHUNK, len - at));
        xcb_send_event(x, 0, root, XCB_EVENT_MASK_PROPERTY_CHANGE, (const char *)&event);
        event.type = intern(x, "_NET_STARTUP_INFO");
    }
    xcb_flush(x);
}

void
adit_startup_finish(const char *token)
{
    g_autofree char *text = g_strdup_printf("remove: ID=\"%s\"", token);
    xcb_connection_t *x;

    if (strlen(token) > TOKEN_MAX || strpbrk(token, "\"\\"))
        return; /* of nobody that we know */
    x = xcb_connect(NULL, NULL);
    if (!xcb_connection_has_error(x))
        broadcast(x, text);
    xcb_disconnect(x);
}
