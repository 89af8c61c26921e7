/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Gives back to the machine what memory the process holds and does not need. */
void adit_trim(void);
/* The same when something large is over, a start for one: a moment later, and once for all that
 * comes until then. For the main loop's thread. */
void adit_trim_later(void);
