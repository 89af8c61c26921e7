/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <glib.h>

#include "libadit/core/profile.h"
#include "libadit/sys/reconcile.h"
#include "libadit/sys/wgdev-front.h"

/* wg-peers LINK FILE: what `wg setconf` does with the same file, by the product's own code: the
 * link gets this key, port and peers, and no others. For the virtual machine that counts what
 * either takes. */

static AditState *
plan(const char *link, const AditProfile *profile)
{
    AditState *state = adit_state_new();
    AditDevice device = { .private_key = profile->private_key,
                          .listen_port = profile->listen_port };

    g_strlcpy(device.link, link, sizeof(device.link));
    adit_state_add_device(state, &device);
    adit_key_clear(&device.private_key);
    for (guint i = 0; i < profile->n_peers; i++) {
        const AditProfilePeer *of = &profile->peers[i];
        AditPeer peer = { .public_key = of->public_key,
                          .preshared_key = of->preshared_key,
                          .keepalive = of->keepalive,
                          .allowed = of->allowed,
                          .n_allowed = of->n_allowed };

        g_strlcpy(peer.link, link, sizeof(peer.link));
        adit_state_add_peer(state, &peer);
    }
    return adit_state_seal(state);
}

static gboolean
run(const char *link, const char *path, GError **error)
{
    const char *const links[] = { link, NULL };
    const AditScope scope = {
        .kinds = ADIT_KIND_BIT(ADIT_KIND_DEVICE) | ADIT_KIND_BIT(ADIT_KIND_PEER), .links = links
    };
    g_autoptr(AditWgdev) wg = adit_wgdev_open(NULL, error);
    g_autoptr(AditKernel) kernel = wg ? adit_kernel_open(error) : NULL;
    g_autoptr(AditProfile) profile = NULL;
    g_autoptr(AditState) want = NULL;
    g_autofree char *text = NULL;
    gsize len;

    if (!kernel || !g_file_get_contents(path, &text, &len, error))
        return FALSE;
    profile = adit_profile_parse(path, text, len, error);
    if (!profile)
        return FALSE;
    want = plan(link, profile);
    adit_wgdev_join(wg, kernel);
    return adit_reconcile(kernel, want, &scope, NULL, error);
}

int
main(int argc, char **argv)
{
    g_autoptr(GError) error = NULL;

    if (argc != 3) {
        g_printerr("usage: wg-peers LINK FILE\n");
        return 2;
    }
    if (run(argv[1], argv[2], &error))
        return 0;
    g_printerr("wg-peers: %s\n", error->message);
    return 1;
}
