/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/sys/trim.h"

#include <glib.h>
#include <link.h>
#include <stdio.h>
#include <string.h>

static const char constant[] = "as in the file";
static char variable[] = "as in the file";

/* kB of files that are mapped into this process, not to be written to. An emulator of processes
 * (qemu-user) knows nothing of pages, and says 0. */
static guint
mapped_kb(void)
{
    g_autofree char *text = NULL;
    g_auto(GStrv) lines = NULL;
    gboolean counts = FALSE;
    guint sum = 0, kb;
    char mode[5];

    g_assert_true(g_file_get_contents("/proc/self/smaps", &text, NULL, NULL));
    lines = g_strsplit(text, "\n", -1);
    for (char **line = lines; *line; line++)
        if (sscanf(*line, "%*x-%*x %4s", mode) == 1)
            counts = mode[1] == '-' && strchr(*line, '/') != NULL;
        else if (counts && sscanf(*line, "Rss: %u kB", &kb) == 1)
            sum += kb;
    return sum;
}

static int
read_object(struct dl_phdr_info *object, gsize size, gpointer data)
{
    for (guint i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &object->dlpi_phdr[i];
        const volatile char *begin = (gpointer)(object->dlpi_addr + header->p_vaddr);

        if (header->p_type == PT_LOAD)
            for (gsize at = 0; at < header->p_memsz; at += 4096)
                (void)begin[at];
    }
    return 0;
}

static void
test_gives_back(void)
{
    g_autofree char *heap = g_strdup("as made");
    guint before;

    memcpy(variable, "written", sizeof "written");
    dl_iterate_phdr(read_object, NULL);
    before = mapped_kb();
    adit_trim();
    g_assert_cmpuint(mapped_kb(), <=, before / 2);
    g_assert_cmpstr(constant, ==, "as in the file");
    g_assert_cmpstr(variable, ==, "written");
    g_assert_cmpstr(heap, ==, "as made");
}

static gboolean
on_time(gpointer loop)
{
    g_main_loop_quit(loop);
    return G_SOURCE_REMOVE;
}

/* Asked for twice in a row. */
static void
test_later(void)
{
    g_autoptr(GMainLoop) loop = g_main_loop_new(NULL, FALSE);
    guint before;

    dl_iterate_phdr(read_object, NULL);
    adit_trim_later();
    adit_trim_later();
    before = mapped_kb();
    while (mapped_kb() > before / 2) {
        g_timeout_add(100, on_time, loop);
        g_main_loop_run(loop);
    }
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/trim/gives-back", test_gives_back);
    g_test_add_func("/trim/later", test_later);
    return g_test_run();
}
