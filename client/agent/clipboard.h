/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <gio/gio.h>

/* The clipboard of a desktop, without its toolkit: Klipper where there is KDE, else the X
 * server, which GNOME's Wayland session has, too. */

typedef struct _AditClipboard AditClipboard;

AditClipboard *adit_clipboard_open(GDBusConnection *session);
gboolean adit_clipboard_works(const AditClipboard *self); /* there is one of them */
gboolean adit_clipboard_set(AditClipboard *self, const char *text);
void adit_clipboard_free(AditClipboard *self);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditClipboard, adit_clipboard_free)
