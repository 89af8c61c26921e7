/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/fuzz/target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What libFuzzer would find first, in every test run and with any compiler: each file of a
 * corpus, each of its truncations, and each of its bytes made wrong in a few ways. The target
 * asserts; here we only count. A large corpus is thinned out evenly, so that the work is the
 * same on every run and stays below RUNS calls and BYTES bytes. */

#define RUNS 400000
#define BYTES (64 * 1024 * 1024)

/* An allocation of the exact size, so that ASan and valgrind see an over-read. From malloc:
 * even of size 0 it is no NULL, like libFuzzer's. */
static void
run(const guint8 *bytes, gsize len)
{
    guint8 *copy = malloc(len);

    memcpy(copy, bytes, len);
    LLVMFuzzerTestOneInput(copy, len);
    free(copy);
}

static guint8
wrong(guint8 byte, guint way)
{
    switch (way) {
    case 0: return byte ^ 0x01;
    case 1: return byte ^ 0x20; /* the case of a letter */
    case 2: return byte ^ 0x80;
    case 3: return byte == 0x00 ? 0x7f : 0x00;
    case 4: return byte == 0xff ? 0xfe : 0xff;
    case 5: return byte == '\n' ? ' ' : '\n';
    default: g_assert_not_reached();
    }
}
#define N_WAYS 6

/* Case @n of the mutations of a file: first the truncations, then each way for each byte. */
static void
run_mutation(guint8 *bytes, gsize len, gsize n)
{
    gsize at;
    guint8 kept;

    if (n < len) {
        run(bytes, n);
        return;
    }
    at = (n - len) / N_WAYS;
    kept = bytes[at];
    bytes[at] = wrong(kept, (n - len) % N_WAYS);
    run(bytes, len);
    bytes[at] = kept;
}

static guint
replay_file(guint8 *bytes, gsize len, guint n_files)
{
    gsize all = len * (1 + N_WAYS);
    gsize may = MAX(1, MIN(RUNS, BYTES / MAX(len, 1)) / n_files);
    /* Odd and not a multiple of the ways: every way is met. */
    gsize stride = all <= may ? 1 : (all / may + 1) | 1;
    guint runs = 1;

    while (stride % 3 == 0)
        stride += 2;
    run(bytes, len);
    for (gsize n = 0; n < all; n += stride, runs++)
        run_mutation(bytes, len, n);
    return runs;
}

static int
name_cmp(gconstpointer a, gconstpointer b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static GPtrArray *
list(const char *dir_path)
{
    g_autoptr(GError) error = NULL;
    g_autoptr(GDir) dir = g_dir_open(dir_path, 0, &error);
    GPtrArray *names = g_ptr_array_new_with_free_func(g_free);
    const char *name;

    if (!dir)
        printf("# %s\n", error->message);
    while (dir && (name = g_dir_read_name(dir)))
        g_ptr_array_add(names, g_strdup(name));
    g_ptr_array_sort(names, name_cmp);
    return names;
}

int
main(int argc, char **argv)
{
    g_autoptr(GPtrArray) names = argc == 2 ? list(argv[1]) : NULL;

    if (!names || names->len == 0) {
        printf("Bail out! no corpus\n");
        return 1;
    }
    printf("1..%u\n", names->len);
    for (guint i = 0; i < names->len; i++) {
        g_autoptr(GError) error = NULL;
        g_autofree char *path = g_build_filename(argv[1], names->pdata[i], NULL);
        g_autofree char *bytes = NULL;
        gsize len;
        gboolean ok = g_file_get_contents(path, &bytes, &len, &error);

        /* Before the run: who crashes is known by the last line. */
        printf("# %s\n", (char *)names->pdata[i]);
        fflush(stdout);
        if (ok)
            printf("# %u inputs\n", replay_file((guint8 *)bytes, len, names->len));
        printf("%s %u - %s\n", ok ? "ok" : "not ok", i + 1, (char *)names->pdata[i]);
    }
    return 0;
}
