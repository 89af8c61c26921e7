/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/core/state.h"

/* States for the kernel of kernel.h. */

AditAddr sample_addr(const char *text); /* NULL: unset */
AditPrefix sample_prefix(const char *text);
/* Unsealed, with both links as they are from the start: their removal is a test of its own. */
AditState *sample_wanted(void);
void sample_add_address(AditState *want, const char *link, const char *text,
                        gboolean deprecated, gboolean no_prefix_route);
/* Sealed. Rules of few preferences and fields, so that many describe one another; routes,
 * addresses and neighbours that can stand together. */
AditState *sample_random(GRand *dice);
