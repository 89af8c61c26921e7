/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/core/settings.h"

/* One value of a settings file and its field. The error says only "value: why". */

/* @field holds a value of the row's type, or zeros; it is replaced, on failure left alone. */
gboolean adit_setting_value_parse(const AditSetting *row, const char *text, gpointer field,
                                  GError **error);
char *adit_setting_value_to_string(const AditSetting *row, gconstpointer field);
void adit_setting_value_clear(const AditSetting *row, gpointer field);
