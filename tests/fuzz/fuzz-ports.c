/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/ports.h"
#include "pcp-client/unit-file.h"
#include "tests/fuzz/target.h"

#include <string.h>

static void
ignore(const char *domain, GLogLevelFlags level, const char *message, gpointer data)
{
    g_assert_true(g_utf8_validate(message, -1, NULL));
}

static void
try_ports(const char *text)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *printed = NULL;
    AditPorts ports, again;

    if (!adit_ports_parse(text, &ports, &error)) {
        g_assert_true(g_utf8_validate(error->message, -1, NULL));
        return;
    }
    g_assert_cmpuint(ports.first, >, 0);
    g_assert_cmpuint(ports.first, <=, ports.last);
    printed = adit_ports_to_string(&ports);
    g_assert_true(adit_ports_parse(printed, &again, NULL));
    g_assert_cmpuint(ports.first, ==, again.first);
    g_assert_cmpuint(ports.last, ==, again.last);
    g_assert_cmpint(ports.proto, ==, again.proto);
}

/* A unit's file names publications that are whole, of one protocol each. */
static void
try_unit(const char *text)
{
    g_autoptr(GPtrArray) found =
        g_ptr_array_new_with_free_func((GDestroyNotify)adit_publication_free);

    adit_unit_file_read(found, "x.service", "x", text);
    for (guint i = 0; i < found->len; i++) {
        AditPublication *p = g_ptr_array_index(found, i);
        g_autofree char *name = adit_publication_name(p);

        g_assert_nonnull(name);
        g_assert_cmpstr(p->source, ==, "x.service");
        g_assert_true(adit_publication_settle(p, NULL));
    }
}

/* Ports as a person writes them, alone and in a unit's file. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *)data, size);
    guint handler = g_log_set_handler("adit", G_LOG_LEVEL_WARNING, ignore, NULL);

    try_ports(text);
    try_unit(text);
    g_log_remove_handler("adit", handler);
    return 0;
}
