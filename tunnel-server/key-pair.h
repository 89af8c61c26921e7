/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/core/key.h"

#include <gio/gunixfdlist.h>

/* A device's keys while its profile is made. The private one is born in the process that hands
 * the profile over and goes nowhere but into it: the daemon never sees it. */

typedef struct {
    AditKey private_key; /* zero: the device keeps it to itself */
    AditKey public_key;
} AditKeyPair;

void adit_key_pair_make(AditKeyPair *pair);
void adit_key_pair_clear(AditKeyPair *pair);
/* The daemon's profile @text, which has a key of zeros where ours belongs, with ours. Wipe it
 * with adit_key_string_free(). */
char *adit_key_pair_fill(const AditKeyPair *pair, const char *text);
/* Secrets go by memory that has a descriptor, not by messages: those are copied and seen. */
GUnixFDList *adit_hand_over(const char *bytes, gsize len, GError **error);
/* What the daemon handed over in @fds; wipe it with adit_key_string_free(). */
char *adit_handed_over_read(GUnixFDList *fds, GVariant *handle, GError **error);

G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(AditKeyPair, adit_key_pair_clear)
