/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <glib.h>

#define ADIT_IFNAME_MAX 15

/* Interface names: people call a profile "My home (1).conf", the kernel wants "my-home-1". */

/* What a person sees: the file's name without folder and ".conf". */
char *adit_ifname_title(const char *path);
gboolean adit_ifname_is_valid(const char *name); /* by the kernel's rule */
/* Valid and not among @taken (NULL-terminated, may be NULL). */
char *adit_ifname_derive(const char *wish, const char *const *taken);
