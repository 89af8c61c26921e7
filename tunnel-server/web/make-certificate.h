/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/sys/places.h"

/* adit-web --make-certificate: web.crt and web.key beside web.conf, for @names (separated by
 * blanks and commas), and the fingerprint and what to write into web.conf on standard output.
 * Refuses to replace a key. */
gboolean adit_web_make_certificate(const AditPlaces *places, const char *names, GError **error);
