/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <glib.h>

/* Fails unless @text is what tests/data/@name holds; ADIT_TEST_REGENERATE=1 writes it there. */
void golden_check(const char *name, const char *text);
