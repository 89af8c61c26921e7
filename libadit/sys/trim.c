/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/sys/trim.h"

#include <glib.h>
#include <link.h>
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

static guint timer;
static gboolean again; /* asked for while the timer ran: what is to go may be there still */

/* Whether its code was written to when it was loaded: such pages exist nowhere else. */
static gboolean
is_relocated(const struct dl_phdr_info *object)
{
    for (guint i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &object->dlpi_phdr[i];

        if (header->p_type != PT_DYNAMIC)
            continue;
        for (const ElfW(Dyn) *d = (gpointer)(object->dlpi_addr + header->p_vaddr);
             d->d_tag != DT_NULL; d++)
            if (d->d_tag == DT_TEXTREL ||
                (d->d_tag == DT_FLAGS && (d->d_un.d_val & DF_TEXTREL) != 0))
                return TRUE;
    }
    return FALSE;
}

typedef struct {
    gpointer begin;
    gsize size;
} Range;

static int
add_ranges(struct dl_phdr_info *object, gsize size, gpointer ranges)
{
    const gsize page = (gsize)sysconf(_SC_PAGESIZE);

    if (is_relocated(object))
        return 0;
    for (guint i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *header = &object->dlpi_phdr[i];
        const guintptr begin = (object->dlpi_addr + header->p_vaddr) & ~(page - 1);
        const guintptr end = object->dlpi_addr + header->p_vaddr + header->p_memsz;
        const Range range = { (gpointer)begin, end - begin };

        if (header->p_type == PT_LOAD && (header->p_flags & PF_W) == 0)
            g_array_append_val(ranges, range);
    }
    return 0;
}

/* Code and constants that a start has touched are read from the file's pages again when they
 * are needed. As long as they are mapped the kernel takes them for in use, and gives up others
 * first. All headers are read before, for they are in such pages themselves. */
static void
unmap_files(void)
{
    g_autoptr(GArray) ranges = g_array_new(FALSE, FALSE, sizeof(Range));

    dl_iterate_phdr(add_ranges, ranges);
    for (guint i = 0; i < ranges->len; i++)
        madvise(g_array_index(ranges, Range, i).begin, g_array_index(ranges, Range, i).size,
                MADV_DONTNEED);
}

void
adit_trim(void)
{
    unmap_files();
    malloc_trim(0);
}

static gboolean
on_time(gpointer data)
{
    const gboolean more = again;

    adit_trim();
    again = FALSE;
    if (more)
        return G_SOURCE_CONTINUE;
    timer = 0;
    return G_SOURCE_REMOVE;
}

void
adit_trim_later(void)
{
    if (timer == 0)
        timer = g_timeout_add_seconds(2, on_time, NULL);
    else
        again = TRUE;
}
