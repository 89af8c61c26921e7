/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "client/daemon-publish.h"

#include <gio/gio.h>

/* What is to be published, on aditd's bus: the user's commands come in, adit-publisher looks at
 * what is wanted. It can only look: nothing it may call changes anything. */

typedef struct _AditPublishService AditPublishService;

/* Adds its interface to @root. */
AditPublishService *adit_publish_service_new(AditDaemon *daemon, GDBusObjectSkeleton *root);
void adit_publish_service_refresh(AditPublishService *service); /* after any change */
void adit_publish_service_free(AditPublishService *service);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditPublishService, adit_publish_service_free)
