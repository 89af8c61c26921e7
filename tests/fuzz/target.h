/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <glib.h>
#include <stddef.h>
#include <stdint.h>

/* A fuzz target: takes any bytes; aborts (g_assert) when the parser breaks a promise, which is
 * as a rule: what it accepts prints and parses to the same again. Returns 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
