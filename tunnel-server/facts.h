/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "tunnel-server/plan.h"

/* Reads what the planner wants to know of this VPS. @wan NULL: the interface of the default
 * route. NOT_FOUND: there is none. */
gboolean adit_server_facts_read(const char *wan, AditServerFacts *ret, GError **error);
/* Whether this machine has a way to the Internet of either family. */
gboolean adit_server_facts_has_ipv4(void);
gboolean adit_server_facts_has_ipv6(void);
/* The next router there in IPv6; FALSE: none is known. */
gboolean adit_server_facts_find_router6(AditAddr *ret);
