/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <glib.h>

/* Whether a resolver answers, asked once over UDP from this machine; TIMEOUT: it does not. So
 * that no profile names one that is not there. */
gboolean adit_cli_dns_answers(const char *addr, GError **error);
