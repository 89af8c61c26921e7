/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/web/make-certificate.h"

#include "libadit/core/error.h"
#include "libadit/sys/store.h"
#include "tunnel-server/web/certificate.h"
#include "tunnel-server/web/share.h"

#include <string.h>

static char **
split(const char *names)
{
    g_auto(GStrv) words = g_strsplit_set(names, ", ", -1);
    g_autoptr(GStrvBuilder) list = g_strv_builder_new();

    for (guint i = 0; words[i]; i++)
        if (*words[i])
            g_strv_builder_add(list, words[i]);
    return g_strv_builder_end(list);
}

/* The key first: a certificate without one is worth nothing. */
static gboolean
write_files(const AditCertificate *made, const char *certificate, const char *key,
            GError **error)
{
    return adit_store_write(key, made->key, strlen(made->key), 0600, error) &&
           adit_web_share(key, 0640, error) &&
           adit_store_write(certificate, made->certificate, strlen(made->certificate), 0644,
                            error);
}

gboolean
adit_web_make_certificate(const AditPlaces *places, const char *names, GError **error)
{
    g_auto(GStrv) list = split(names);
    g_autofree char *certificate = g_build_filename(places->config, "web.crt", NULL);
    g_autofree char *key = g_build_filename(places->config, "web.key", NULL);
    g_auto(AditCertificate) made = { 0 };

    if (!list[0]) {
        g_set_error_literal(error, ADIT_ERROR, ADIT_ERROR_CONFIG,
                            "certificate: a name or address is wanted");
        return FALSE;
    }
    if (g_file_test(key, G_FILE_TEST_EXISTS)) {
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_DENIED,
                    "%s: there is one already: move it away first", key);
        return FALSE;
    }
    if (!adit_certificate_make(&made, (const char *const *)list,
                               g_get_real_time() / G_USEC_PER_SEC, error) ||
        !write_files(&made, certificate, key, error))
        return FALSE;
    g_print("SHA-256 fingerprint: %s\n"
            "Your browser shows the same one when it asks whether to trust the page.\n"
            "To serve it publicly, write into %s/web.conf, section [Web]:\n"
            "  Listen = tunnel, loopback, public\n  Names = %s\n"
            "  Certificate = %s\n  Key = %s\n",
            made.fingerprint, places->config, names, certificate, key);
    return TRUE;
}
