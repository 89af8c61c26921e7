/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/key-pair.h"

#include "libadit/sys/syserror.h"

#include <errno.h>
#include <sodium.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#define OWN_KEY "(put the private key of this device here)"

void
adit_key_pair_make(AditKeyPair *pair)
{
    randombytes_buf(pair->private_key.bytes, ADIT_KEY_LEN);
    adit_key_clamp(&pair->private_key);
    adit_key_public(&pair->private_key, &pair->public_key);
}

void
adit_key_pair_clear(AditKeyPair *pair)
{
    adit_key_clear(&pair->private_key);
}

char *
adit_key_pair_fill(const AditKeyPair *pair, const char *text)
{
    const AditKey none = { 0 };
    g_autofree char *zeros = adit_key_to_string(&none);
    char *key = adit_key_is_zero(&pair->private_key) ? g_strdup(OWN_KEY)
                                                     : adit_key_to_string(&pair->private_key);
    const char *at = strstr(text, zeros);
    char *filled;

    g_assert(at);
    filled = g_strdup_printf("%.*s%s%s", (int)(at - text), text, key, at + strlen(zeros));
    adit_key_string_free(key);
    return filled;
}

GUnixFDList *
adit_hand_over(const char *bytes, gsize len, GError **error)
{
    int fd = memfd_create("adit", MFD_CLOEXEC);

    if (fd < 0 || write(fd, bytes, len) != (gssize)len || lseek(fd, 0, SEEK_SET) != 0) {
        adit_syserror_set(error, errno, "memory to hand over");
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    return g_unix_fd_list_new_from_array(&fd, 1);
}

char *
adit_handed_over_read(GUnixFDList *fds, GVariant *handle, GError **error)
{
    int fd = fds ? g_unix_fd_list_get(fds, g_variant_get_handle(handle), error) : -1;
    struct stat info;
    char *text = NULL;

    if (fd < 0)
        return NULL;
    if (fstat(fd, &info) == 0) {
        text = g_malloc0((gsize)info.st_size + 1);
        if (pread(fd, text, (gsize)info.st_size, 0) != info.st_size)
            g_clear_pointer(&text, adit_key_string_free);
    }
    if (!text)
        adit_syserror_set(error, errno, "what the daemon handed over");
    close(fd);
    return text;
}
