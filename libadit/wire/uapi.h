/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/wire/wgmodel.h"

/* The text protocol of userspace WireGuard: lines of key=value, keys in hex, an empty line at
 * the end. Every text built here holds keys: free it with adit_key_string_free(). */

#define ADIT_UAPI_GET "get=1\n\n"
#define ADIT_UAPI_END "\n\n" /* ends every request and every answer */

/* A request that makes a change. */
char *adit_uapi_set_build(const AditWgSet *set);
/* The answer to a get, as a device gives it. */
char *adit_uapi_dump_build(const AditWgDump *dump);
/* Reads that answer; strict: an unknown, repeated or misplaced key is an error that names its
 * line and never quotes it. An errno in it is an error too. Sealed. */
AditWgDump *adit_uapi_dump_parse(const char *link, const char *bytes, gsize len,
                                 GError **error);
/* Reads the answer to a set. */
gboolean adit_uapi_ack_parse(const char *link, const char *bytes, gsize len, GError **error);
