/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "tunnel-server/edit.h"

/* Models for tests. */

/* A server with a key and the subnet "home": @net4, and @net6 unless "". */
AditModel *sample_server(const char *net4, const char *net6);
/* A device with a key made of @n; @address "" for the next one. */
gboolean sample_add_device(AditModel *model, const char *name, const char *address, guint32 n,
                           GError **error);
gboolean sample_add_publish(AditModel *model, guint8 family, const char *ports,
                            const char *device, guint16 internal, GError **error);
AditPrefix sample_prefix(const char *text);
