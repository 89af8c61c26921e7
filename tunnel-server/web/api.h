/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "tunnel-server/web/request.h"

/* What the api-*.c files have in common. */

/* The rows of @reply, its first child; for a device only those that its name stands in, at the
 * place that @names calls @own (NULL: everybody sees all). */
void adit_web_api_rows(AditWebRequest *request, GVariant *reply, const char *const *names,
                       const char *own);
/* A change is done: audited and answered, with @reply's tuple as an object if there are @names.
 */
void adit_web_api_done(AditWebRequest *request, guint status, GVariant *reply,
                       const char *const *names);
/* A PATCH changes one thing, so that it happens or does not. NULL: it is answered. */
const char *adit_web_api_only_member(AditWebRequest *request);
