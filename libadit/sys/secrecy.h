/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <glib.h>

/* For a process whose memory holds keys: no core is dumped, of its children neither. systemd's
 * LimitCORE= says the same; this holds without systemd. */
void adit_secrecy_no_core(void);
