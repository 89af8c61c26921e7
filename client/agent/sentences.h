/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What aditd and adit-publisher may say of a gateway or a publication; ends with NULL. */
extern const char *const adit_sentences[];
