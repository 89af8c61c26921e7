/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/wire/diag.h"

/* What listens in this network namespace: an array of AditListening, sorted, both families. */
GArray *adit_listening_dump(GError **error);
