/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/core/state.h"

/* Objects to build tests from; text that does not parse fails the test. */
AditAddr sample_addr(const char *text); /* "" is the unset one */
AditPrefix sample_prefix(const char *text);
AditKey sample_key(guint32 n); /* another for every @n; 0 is no key */
AditLink sample_link(const char *name);
AditDevice sample_device(const char *link);
AditAddress sample_address(const char *link, const char *prefix);
AditRoute sample_route(const char *dst, guint32 table, AditRouteType type, const char *link);
AditRule sample_rule(guint8 family, guint32 priority, AditRuleAction action, guint32 table);
/* @allowed ends with NULL; clear the peer with adit_object_clear(). */
AditPeer sample_peer(const char *link, guint32 n, const char *const *allowed);
AditElement sample_element(const char *set, guint32 key, guint32 data);
AditNeighbour sample_neighbour(const char *link, const char *addr);
/* A sealed state with one object or more of each kind: a client with one gateway. */
AditState *sample_state(void);
