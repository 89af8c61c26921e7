/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* A desktop that starts a program, or passes a press on to one, waits for a window of its (the
 * cursor turns, and GNOME does not start it once more): adit-agent has none, and says so. */

/* Ends the waiting that @token stands for, where an X server hears of it. */
void adit_startup_finish(const char *token);
