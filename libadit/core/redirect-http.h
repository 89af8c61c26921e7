/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <glib.h>

/* HTTP/1.x (RFC 9112), as much of it as it takes to say "the same, by https". Pure. */

#define ADIT_REDIRECT_REQUEST_MAX 8192 /* bytes of request line and headers */

/* Whether the headers end within @len bytes, of which the first @seen were asked about before.
 */
gboolean adit_redirect_http_is_whole(const char *bytes, gsize len, gsize seen);
/* The whole answer to a request: 308 to the same path of the same host, or what is wrong with
 * it. @bytes has all of its headers; what follows them is ignored. */
char *adit_redirect_http_answer(const char *bytes, gsize len);
/* The answer to a request whose headers do not fit. */
char *adit_redirect_http_too_long(void);
