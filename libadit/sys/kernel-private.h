/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/sys/kernel.h"
#include "libadit/sys/nl.h"

/* Shared by kernel.c, kernel-dump.c and kernel-apply.c. */

struct _AditKernel {
    AditNl *nl;
    AditFront front[ADIT_N_KINDS]; /* by kind; .kinds 0: none */
    GHashTable *index_of;          /* name -> ifindex, as of the last look */
    GHashTable *name_of;           /* ifindex -> name */
    gboolean insist;               /* add rules that the kernel takes to be there already */
};

/* Looks which links there are; @ret_links (may be NULL) gets each as an AditLink. */
gboolean adit_kernel_look(AditKernel *kernel, GArray *ret_links, GError **error);
/* 0: there is none of that name. */
guint32 adit_kernel_index_of(const AditKernel *kernel, const char *name);
const char *adit_kernel_name_of(const AditKernel *kernel, guint32 ifindex); /* or NULL */
