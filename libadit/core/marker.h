/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What a server writes into the profiles it makes and a client recognises it by: a table that
 * no rule reads before enrolment, and the mark of the tunnel's own packets. Stock importers
 * keep both, where they drop comments. */

#define ADIT_TABLE_BASE 20100       /* plus a slot of 1 to 62 */
#define ADIT_MARK_OUTER 0x3f000000u /* below 2^31: some importers read marks as signed */
