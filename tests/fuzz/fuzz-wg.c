/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/wire/wg.h"

#include <string.h>

#include "tests/fuzz/messages.h"
#include "tests/fuzz/target.h"

/* A run of netlink messages, as a dump of the device "wg0" comes. */
static AditWgDump *
read_device(const guint8 *bytes, gsize len)
{
    g_autoptr(AditWgDump) dump = adit_wg_dump_new("wg0");
    const struct nlmsghdr *nlh;

    while ((nlh = next_message(&bytes, &len)) != NULL)
        if (!adit_wg_get(nlh, dump))
            return NULL;
    if (!adit_wg_dump_seal(dump, NULL))
        return NULL;
    return g_steal_pointer(&dump);
}

static AditMsg *
write_device(const AditWgDump *dump)
{
    g_autofree AditPeerChange *peers = g_new0(AditPeerChange, dump->peers->len + 1);
    const AditWgSet set = { dump->device.link, &dump->device, TRUE, peers, dump->peers->len };
    AditMsg *m = adit_msg_new();

    for (guint i = 0; i < dump->peers->len; i++) {
        const AditWgPeer *peer = g_ptr_array_index(dump->peers, i);

        peers[i].peer = &peer->peer;
    }
    adit_wg_set_put(m, 29, &set);
    return m;
}

/* What is accepted is written, read and written the same. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree guint8 *aligned = g_memdup2(data, size);
    g_autoptr(AditWgDump) dump = read_device(aligned, size);
    g_autoptr(AditWgDump) back = NULL;
    g_autoptr(AditMsg) once = NULL;
    g_autoptr(AditMsg) twice = NULL;
    const guint8 *once_bytes, *twice_bytes;
    gsize once_len, twice_len;

    if (dump == NULL)
        return 0;
    once = write_device(dump);
    g_assert_true(adit_msg_check(once, NULL));
    once_bytes = adit_msg_data(once, &once_len);
    back = read_device(once_bytes, once_len);
    g_assert_nonnull(back);
    twice = write_device(back);
    twice_bytes = adit_msg_data(twice, &twice_len);
    g_assert_cmpmem(once_bytes, once_len, twice_bytes, twice_len);
    return 0;
}
