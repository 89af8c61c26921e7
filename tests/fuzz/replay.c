/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/fuzz/target.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* What libFuzzer would find first, in every test run and with any compiler: each file of a
 * corpus, each of its truncations, and each of its bytes with each of the 255 values that it
 * does not have. The target asserts; here we only count.
 *
 * With ADIT_FULL nothing is left out. Without it the mutations of four corpora (profile,
 * starttunnel, nft, pcp-server) are too many: they are thinned out evenly to RUNS calls and
 * BYTES bytes, the same ones on every run. A sanitizer, ten times slower, gets fewer. */

#if defined(__has_feature)
#define SANITIZED __has_feature(address_sanitizer)
#elif defined(__SANITIZE_ADDRESS__)
#define SANITIZED 1
#else
#define SANITIZED 0
#endif
#define RUNS (SANITIZED ? 400000 : 2000000)
#define BYTES ((SANITIZED ? 64 : 448) * (gsize)(1024 * 1024))

/* An allocation of the exact size, so that ASan and valgrind see an over-read. From malloc:
 * even of size 0 it is no NULL, like libFuzzer's. */
static void
run(const guint8 *bytes, gsize len)
{
    guint8 *copy = malloc(len);

    if (len > 0) /* of nothing @bytes is NULL */
        memcpy(copy, bytes, len);
    LLVMFuzzerTestOneInput(copy, len);
    free(copy);
}

#define N_WRONG 255

/* Case @n: of each byte each wrong value. */
static void
run_mutation(guint8 *bytes, gsize len, gsize n)
{
    const guint8 kept = bytes[n / N_WRONG];

    bytes[n / N_WRONG] ^= (guint8)(1 + n % N_WRONG);
    run(bytes, len);
    bytes[n / N_WRONG] = kept;
}

/* Every how manieth mutation is run of a corpus that comes to so many calls and bytes. With no
 * divisor of the number of wrong values in it, each value is met. */
static gsize
choose_stride(gsize runs, gsize bytes)
{
    gsize stride = MAX((runs + RUNS - 1) / RUNS, (bytes + BYTES - 1) / BYTES);

    if (g_getenv("ADIT_FULL"))
        return 1;
    while (stride % 3 == 0 || stride % 5 == 0 || stride % 17 == 0)
        stride++;
    return stride;
}

static gsize
replay_file(guint8 *bytes, gsize len, gsize stride)
{
    gsize runs = len + 1;

    for (gsize n = 0; n <= len; n++)
        run(bytes, n);
    for (gsize n = 0; n < len * N_WRONG; n += stride, runs++)
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

static GPtrArray *
read_all(const char *dir, const GPtrArray *names, gsize *ret_stride)
{
    GPtrArray *all = g_ptr_array_new_with_free_func((GDestroyNotify)g_bytes_unref);
    gsize runs = 0, volume = 0;

    for (guint i = 0; i < names->len; i++) {
        g_autofree char *path = g_build_filename(dir, names->pdata[i], NULL);
        char *bytes;
        gsize len;

        if (!g_file_get_contents(path, &bytes, &len, NULL)) {
            printf("Bail out! %s: cannot be read\n", path);
            exit(1);
        }
        g_ptr_array_add(all, g_bytes_new_take(bytes, len));
        runs += len * N_WRONG;
        volume += len * len * N_WRONG;
    }
    *ret_stride = choose_stride(runs, volume);
    return all;
}

int
main(int argc, char **argv)
{
    g_autoptr(GPtrArray) names = argc == 2 ? list(argv[1]) : NULL;
    g_autoptr(GPtrArray) files = NULL;
    gsize stride;

    if (!names || names->len == 0) {
        printf("Bail out! no corpus\n");
        return 1;
    }
    files = read_all(argv[1], names, &stride);
    printf("1..%u\n# one of %zu mutations is run\n", names->len, stride);
    for (guint i = 0; i < names->len; i++) {
        gsize len;
        g_autofree guint8 *bytes = g_bytes_unref_to_data(g_bytes_ref(files->pdata[i]), &len);

        /* Before the run: who crashes is known by the last line. */
        printf("# %s\n", (char *)names->pdata[i]);
        fflush(stdout);
        printf("# %zu inputs\n", replay_file(bytes, len, stride));
        printf("ok %u - %s\n", i + 1, (char *)names->pdata[i]);
    }
    return 0;
}
