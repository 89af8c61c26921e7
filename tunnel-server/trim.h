/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* Something large was made and freed: gives its memory back to the machine, a moment later and
 * once for all that comes until then. For the main loop's thread. */
void adit_trim_later(void);
