/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/sys/kernel.h"

#include <linux/netlink.h>

#include "libadit/sys/kernel-private.h"
#include "libadit/wire/rtnl-link.h"

AditKernel *
adit_kernel_open(GError **error)
{
    g_autoptr(AditNl) nl = adit_nl_open(NETLINK_ROUTE, error);
    AditKernel *kernel;

    if (nl == NULL)
        return NULL;
    kernel = g_new0(AditKernel, 1);
    kernel->nl = g_steal_pointer(&nl);
    kernel->index_of = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    kernel->name_of = g_hash_table_new_full(NULL, NULL, NULL, g_free);
    return kernel;
}

const AditNl *
adit_kernel_socket(const AditKernel *kernel)
{
    return kernel->nl;
}

void
adit_kernel_free(AditKernel *kernel)
{
    if (kernel == NULL)
        return;
    adit_nl_close(kernel->nl);
    g_hash_table_unref(kernel->index_of);
    g_hash_table_unref(kernel->name_of);
    g_free(kernel);
}

void
adit_kernel_add_front(AditKernel *kernel, const AditFront *front)
{
    for (AditKind kind = 0; kind < ADIT_N_KINDS; kind++)
        if ((front->kinds & ADIT_KIND_BIT(kind)) != 0) {
            g_assert(kernel->front[kind].kinds == 0);
            kernel->front[kind] = *front;
        }
}

typedef struct {
    AditKernel *kernel;
    GArray *links;
} Look;

static void
forget(gpointer data)
{
    Look *look = data;

    g_hash_table_remove_all(look->kernel->index_of);
    g_hash_table_remove_all(look->kernel->name_of);
    if (look->links != NULL)
        g_array_set_size(look->links, 0);
}

static gboolean
on_link(const struct nlmsghdr *nlh, gpointer data, GError **error)
{
    Look *look = data;
    AditLink link;
    guint32 ifindex;
    char kind[ADIT_NAME_LEN];

    if (!adit_link_get(nlh, &link, &ifindex, kind))
        return TRUE; /* a name longer than any of ours: nothing to us */
    g_hash_table_replace(look->kernel->index_of, g_strdup(link.name),
                         GUINT_TO_POINTER(ifindex));
    g_hash_table_replace(look->kernel->name_of, GUINT_TO_POINTER(ifindex), g_strdup(link.name));
    if (look->links != NULL)
        g_array_append_val(look->links, link);
    return TRUE;
}

gboolean
adit_kernel_look(AditKernel *kernel, GArray *ret_links, GError **error)
{
    g_autoptr(AditMsg) m = adit_msg_new();
    Look look = { kernel, ret_links };

    forget(&look);
    adit_link_put_dump(m);
    return adit_nl_dump(kernel->nl, m, on_link, forget, &look, error);
}

guint32
adit_kernel_index_of(const AditKernel *kernel, const char *name)
{
    return GPOINTER_TO_UINT(g_hash_table_lookup(kernel->index_of, name));
}

const char *
adit_kernel_name_of(const AditKernel *kernel, guint32 ifindex)
{
    return g_hash_table_lookup(kernel->name_of, GUINT_TO_POINTER(ifindex));
}
