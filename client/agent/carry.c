/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/agent/carry.h"

#include "client/names.h"
#include "libadit/core/error.h"
#include "libadit/sys/bus.h"
#include "pcp-client/publication.h"

#include <string.h>

#define MANAGER_PATH "/org/adit/Client1/manager"
#define PATIENCE_MS (180 * 1000) /* a person finds a password */

typedef struct {
    AditCarried carried;
    gpointer data;
} Errand;

static void
on_answer(GObject *bus, GAsyncResult *result, gpointer data)
{
    g_autofree Errand *errand = data;
    GError *reason = NULL;
    GVariant *answer = g_dbus_connection_call_finish(G_DBUS_CONNECTION(bus), result, &reason);
    g_autoptr(GError) error = reason ? adit_bus_take_error(reason, "aditd") : NULL;

    g_clear_pointer(&answer, g_variant_unref); /* says no more than that it was done */
    errand->carried(error, errand->data);
}

static void
call(GDBusConnection *system, const char *interface, const char *method, GVariant *parameters,
     AditCarried carried, gpointer data)
{
    Errand *errand = g_new0(Errand, 1);

    errand->carried = carried;
    errand->data = data;
    g_dbus_connection_call(system, ADIT_CLIENT_BUS, MANAGER_PATH, interface, method, parameters,
                           NULL, G_DBUS_CALL_FLAGS_ALLOW_INTERACTIVE_AUTHORIZATION, PATIENCE_MS,
                           NULL, on_answer, errand);
}

/* A process may call itself anything, a section of a file, too. */
static gboolean
is_plain(const char *program)
{
    for (const char *c = program; *c; c++)
        if (!g_ascii_isalnum(*c) && !strchr("-_.+", *c))
            return FALSE;
    return *program != '\0' && strlen(program) <= ADIT_PUBLICATION_LABEL_MAX;
}

/* "443/tcp nginx" -> the section of publish.conf; NULL: no ports. */
static char *
section_of(const char *subject, GError **error)
{
    g_auto(GStrv) words = g_strsplit(subject, " ", 2);
    g_autoptr(AditPublication) publication = NULL;
    AditPorts ports;

    if (!adit_ports_parse(words[0], &ports, error))
        return NULL;
    publication = adit_publication_new(&ports);
    if (words[1] && is_plain(words[1]))
        publication->label = g_strdup(words[1]);
    return adit_publication_print(publication);
}

static void
publish(GDBusConnection *system, const char *subject, AditCarried carried, gpointer data)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *section = section_of(subject, &error);

    if (section)
        call(system, ADIT_CLIENT_BUS ".Publications", "Publish", g_variant_new("(s)", section),
             carried, data);
    else
        carried(error, data);
}

gboolean
adit_carry_can(AditDeedKind kind)
{
    return kind == ADIT_DEED_PUBLISH || kind == ADIT_DEED_UNPUBLISH || kind == ADIT_DEED_OPEN ||
           kind == ADIT_DEED_UP || kind == ADIT_DEED_DOWN || kind == ADIT_DEED_DEFAULT ||
           kind == ADIT_DEED_ADOPT || kind == ADIT_DEED_REMOVE;
}

void
adit_carry(GDBusConnection *system, AditDeedKind kind, const char *subject, AditCarried carried,
           gpointer data)
{
    g_assert(adit_carry_can(kind));
    if (kind == ADIT_DEED_PUBLISH)
        publish(system, subject, carried, data);
    else if (kind == ADIT_DEED_UNPUBLISH)
        call(system, ADIT_CLIENT_BUS ".Publications", "Unpublish",
             g_variant_new("(s)", subject), carried, data);
    else if (kind == ADIT_DEED_UP || kind == ADIT_DEED_DOWN)
        call(system, ADIT_CLIENT_BUS ".Manager", "SetUp",
             g_variant_new("(sb)", subject, kind == ADIT_DEED_UP), carried, data);
    else if (kind == ADIT_DEED_REMOVE)
        call(system, ADIT_CLIENT_BUS ".Manager", "Remove", g_variant_new("(s)", subject),
             carried, data);
    else if (kind == ADIT_DEED_ADOPT)
        call(system, ADIT_CLIENT_BUS ".Manager", "Adopt",
             g_variant_new("(s@a{sv})", subject, g_variant_new("a{sv}", NULL)), carried, data);
    else
        call(system, ADIT_CLIENT_BUS ".Manager", "SetDefault",
             g_variant_new("(sbb)", kind == ADIT_DEED_DEFAULT ? subject : "", TRUE, TRUE),
             carried, data);
}

void
adit_carry_import(GDBusConnection *system, const char *name, const char *text,
                  AditCarried carried, gpointer data)
{
    call(system, ADIT_CLIENT_BUS ".Manager", "Import",
         g_variant_new("(ss@a{sv})", name, text, g_variant_new("a{sv}", NULL)), carried, data);
}
