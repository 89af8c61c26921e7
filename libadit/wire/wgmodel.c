/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/wire/wgmodel.h"

#include <string.h>

#include "libadit/core/error.h"

static void
peer_free(gpointer data)
{
    AditWgPeer *peer = data;

    adit_object_clear(ADIT_KIND_PEER, &peer->peer);
    g_free(peer);
}

AditWgDump *
adit_wg_dump_new(const char *link)
{
    AditWgDump *dump = g_new0(AditWgDump, 1);

    g_strlcpy(dump->device.link, link, sizeof(dump->device.link));
    dump->peers = g_ptr_array_new_with_free_func(peer_free);
    return dump;
}

AditWgPeer *
adit_wg_dump_peer(AditWgDump *dump, const AditKey *public_key)
{
    AditWgPeer *peer;

    if (dump->peers->len > 0) {
        peer = g_ptr_array_index(dump->peers, dump->peers->len - 1);
        if (adit_key_cmp(&peer->peer.public_key, public_key) == 0)
            return peer;
    }
    peer = g_new0(AditWgPeer, 1);
    memcpy(peer->peer.link, dump->device.link, sizeof(peer->peer.link));
    peer->peer.public_key = *public_key;
    g_ptr_array_add(dump->peers, peer);
    return peer;
}

void
adit_wg_peer_allow(AditWgPeer *peer, const AditPrefix *prefix)
{
    AditPeer *p = &peer->peer;

    if ((p->n_allowed & (p->n_allowed - 1)) == 0) /* full at every power of two */
        p->allowed = g_renew(AditPrefix, p->allowed, MAX(1, 2 * (gsize)p->n_allowed));
    p->allowed[p->n_allowed++] = adit_prefix_network(prefix);
}

static int
prefix_cmp(const void *a, const void *b)
{
    return adit_prefix_cmp(a, b);
}

/* A dump that was renewed half-way may name a prefix twice; as a set it means the same. */
static void
sort_allowed(AditPeer *peer)
{
    guint n = 0;

    if (peer->n_allowed < 2)
        return;
    qsort(peer->allowed, peer->n_allowed, sizeof(AditPrefix), prefix_cmp);
    for (guint i = 0; i < peer->n_allowed; i++)
        if (n == 0 || adit_prefix_cmp(&peer->allowed[n - 1], &peer->allowed[i]) != 0)
            peer->allowed[n++] = peer->allowed[i];
    peer->n_allowed = n;
}

static int
peer_cmp(gconstpointer a, gconstpointer b)
{
    const AditWgPeer *pa = *(AditWgPeer *const *)a;
    const AditWgPeer *pb = *(AditWgPeer *const *)b;

    return adit_key_cmp(&pa->peer.public_key, &pb->peer.public_key);
}

gboolean
adit_wg_dump_seal(AditWgDump *dump, GError **error)
{
    g_ptr_array_sort(dump->peers, peer_cmp);
    for (guint i = 0; i < dump->peers->len; i++) {
        AditWgPeer *peer = g_ptr_array_index(dump->peers, i);

        if (i > 0 && peer_cmp(&dump->peers->pdata[i - 1], &dump->peers->pdata[i]) == 0) {
            g_autofree char *key = adit_key_to_string(&peer->peer.public_key);

            g_set_error(error, ADIT_ERROR, ADIT_ERROR_PROTOCOL, "%s: peer %s: listed twice",
                        dump->device.link, key);
            return FALSE;
        }
        sort_allowed(&peer->peer);
    }
    return TRUE;
}

const AditWgPeer *
adit_wg_dump_find(const AditWgDump *dump, const AditKey *public_key)
{
    guint low = 0, high = dump->peers->len;

    while (low < high) {
        const guint middle = low + (high - low) / 2;
        const AditWgPeer *peer = g_ptr_array_index(dump->peers, middle);
        const int c = adit_key_cmp(public_key, &peer->peer.public_key);

        if (c == 0)
            return peer;
        if (c < 0)
            high = middle;
        else
            low = middle + 1;
    }
    return NULL;
}

void
adit_wg_dump_reset(AditWgDump *dump)
{
    g_ptr_array_set_size(dump->peers, 0);
    adit_key_clear(&dump->device.private_key);
    dump->device.listen_port = 0;
    dump->device.fwmark = 0;
}

void
adit_wg_dump_free(AditWgDump *dump)
{
    if (dump == NULL)
        return;
    g_ptr_array_unref(dump->peers);
    adit_object_clear(ADIT_KIND_DEVICE, &dump->device);
    g_free(dump);
}

/* Which of the wanted prefixes are new, and whether an old one must go: one walk over two
 * sorted lists. */
static void
plan_allowed(AditPeerEdit *edit, const AditPeer *have, const AditPeer *want)
{
    guint common = 0;

    for (guint h = 0, w = 0; w < want->n_allowed;) {
        int c =
            h == have->n_allowed ? 1 : adit_prefix_cmp(&have->allowed[h], &want->allowed[w]);

        if (c > 0)
            edit->allowed[edit->n_allowed++] = &want->allowed[w];
        common += c == 0;
        h += c <= 0;
        w += c >= 0;
    }
    edit->replace_allowed = common < have->n_allowed;
}

void
adit_peer_edit_init(AditPeerEdit *edit, const AditPeerChange *change)
{
    const AditPeer *want = change->peer;
    const AditPeer *have = change->verb == ADIT_OP_CHANGE ? change->before : NULL;

    *edit = (AditPeerEdit){ .peer = want, .remove = change->verb == ADIT_OP_DELETE };
    if (edit->remove)
        return;

    edit->update_only = change->verb == ADIT_OP_CHANGE;
    edit->preshared_key =
        have == NULL || !adit_key_equal(&have->preshared_key, &want->preshared_key);
    edit->endpoint = adit_addr_is_set(&want->endpoint.addr) &&
                     (have == NULL || adit_sockaddr_cmp(&have->endpoint, &want->endpoint) != 0);
    edit->keepalive = have == NULL || have->keepalive != want->keepalive;
    edit->replace_allowed = TRUE;
    edit->allowed = g_new(const AditPrefix *, MAX(1, want->n_allowed));
    if (have != NULL)
        plan_allowed(edit, have, want);
    if (!edit->replace_allowed)
        return;
    edit->n_allowed = want->n_allowed;
    for (guint i = 0; i < want->n_allowed; i++)
        edit->allowed[i] = &want->allowed[i];
}

void
adit_peer_edit_clear(AditPeerEdit *edit)
{
    g_clear_pointer(&edit->allowed, g_free);
    edit->n_allowed = 0;
}
