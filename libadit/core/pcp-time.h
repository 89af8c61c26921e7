/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>

/* When to send what: RFC 6887 and RFC 6886 as arithmetic. There is no clock and no dice in
 * here: @dice is a random number, uniform over all its 32 bits, thrown by the caller. */

#define ADIT_PCP_ANNOUNCE_COUNT 10 /* how often a restarted server says so */

/* RFC 6887 section 8.5: is the epoch that the server sends now in step with the one it sent
 * before? Client times are seconds of a clock that runs on while the machine sleeps. FALSE: the
 * server lost its state. Either way the caller remembers the present pair. */
gboolean adit_pcp_epoch_valid(guint32 prev_server, gint64 prev_client, guint32 server,
                              gint64 client);
/* Section 8.1.1: milliseconds from the first transmission to the second. */
guint32 adit_pcp_retry_first_ms(guint32 dice);
/* ... and from each later one to the next, @previous being the interval before it. */
guint32 adit_pcp_retry_next_ms(guint32 previous, guint32 dice);
/* Section 11.2.1: milliseconds after the grant at which renewal request number @attempt (0, 1,
 * ...) goes out; @previous is the last answer of this function (0 at first). FALSE: what is
 * left of the lifetime has no room for another one. */
gboolean adit_pcp_renewal_ms(guint32 lifetime, guint attempt, guint32 previous, guint32 dice,
                             guint32 *ret);
/* Section 8.5: the pause of 0 to 5 s before a client answers a notice that all clients got. */
guint32 adit_pcp_notice_pause_ms(guint32 dice);
/* From unsolicited announcement number @sent (1, 2, ...) to the next; 0: that was the last. */
guint32 adit_pcp_announce_gap_ms(guint sent);
/* RFC 6886 section 3.1: from transmission number @sent to the next, or to giving up after the
 * ninth; 0: given up. */
guint32 adit_natpmp_retry_ms(guint sent);
