/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/sys/listening.h"

#include <netinet/in.h>

#include "libadit/sys/nl.h"

typedef struct {
    GArray *all;
    guint before; /* of this dump */
    guint8 protocol;
} Dump;

static gboolean
on_socket(const struct nlmsghdr *nlh, gpointer data, GError **error)
{
    Dump *dump = data;
    AditListening listening;

    if (adit_listening_get(nlh, dump->protocol, &listening))
        g_array_append_val(dump->all, listening);
    return TRUE;
}

static void
forget(gpointer data)
{
    Dump *dump = data;

    g_array_set_size(dump->all, dump->before);
}

static int
cmp(gconstpointer a, gconstpointer b)
{
    return adit_listening_cmp(a, b);
}

GArray *
adit_listening_dump(GError **error)
{
    static const struct {
        guint8 family, protocol;
    } asked[] = { { AF_INET, IPPROTO_TCP },
                  { AF_INET6, IPPROTO_TCP },
                  { AF_INET, IPPROTO_UDP },
                  { AF_INET6, IPPROTO_UDP } };
    g_autoptr(AditNl) nl = adit_nl_open(NETLINK_SOCK_DIAG, error);
    g_autoptr(GArray) all = g_array_new(FALSE, FALSE, sizeof(AditListening));

    if (nl == NULL)
        return NULL;
    for (guint i = 0; i < G_N_ELEMENTS(asked); i++) {
        g_autoptr(AditMsg) m = adit_msg_new();
        Dump dump = { all, all->len, asked[i].protocol };

        adit_listening_get_put(m, asked[i].family, asked[i].protocol);
        if (!adit_nl_dump(nl, m, on_socket, forget, &dump, error)) {
            g_prefix_error(error, "listening sockets: ");
            return NULL;
        }
    }
    g_array_sort(all, cmp);
    return g_steal_pointer(&all);
}
