/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <glib.h>

/* What a request says of itself, judged without the world. */

/* Whether Host: @host names this server: an address literal, localhost or one of @names
 * (separated by blanks and commas). A name that is somebody else's is how DNS rebinding lets a
 * foreign page of the admin's browser talk to us; an address cannot be rebound. */
gboolean adit_web_host_is_ours(const char *host, const char *names);
/* Whether Origin: @origin is a page that came from @host itself. */
gboolean adit_web_origin_is_host(const char *origin, const char *host);
/* The decoded segments of an encoded path "/a/b%2Fc"; NULL: an escape is broken, a segment is
 * empty, "." or "..", holds a control character or is no UTF-8, or there are too many. */
char **adit_web_path_split(const char *path);
/* The value of one cookie in a Cookie: header, or NULL. */
char *adit_web_cookie_get(const char *header, const char *name);
