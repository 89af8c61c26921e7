/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/web/certificate.h"

#include <gio/gio.h>

#define NOW 1800000000

static GTlsCertificate *
load(const AditCertificate *made)
{
    g_autofree char *pem = g_strconcat(made->certificate, made->key, NULL);
    g_autoptr(GError) error = NULL;
    GTlsCertificate *certificate = g_tls_certificate_new_from_pem(pem, -1, &error);

    g_assert_no_error(error);
    return certificate;
}

/* GIO takes it, for each of its names and for no other. */
static void
test_names(void)
{
    static const char *const names[] = { "vps.example", "203.0.113.7", "2001:db8::1", NULL };
    static const char *const others[] = { "example", "203.0.113.8", NULL };
    g_auto(AditCertificate) made = { 0 };
    g_autoptr(GTlsCertificate) certificate = NULL;
    g_autoptr(GError) error = NULL;

    g_assert_true(adit_certificate_make(&made, names, NOW, &error));
    g_assert_no_error(error);
    certificate = load(&made);
    for (guint i = 0; names[i]; i++) {
        g_autoptr(GSocketConnectable) who = g_network_address_new(names[i], 443);

        g_assert_cmpint(g_tls_certificate_verify(certificate, who, certificate) &
                            G_TLS_CERTIFICATE_BAD_IDENTITY,
                        ==, 0);
    }
    for (guint i = 0; others[i]; i++) {
        g_autoptr(GSocketConnectable) who = g_network_address_new(others[i], 443);

        g_assert_cmpint(g_tls_certificate_verify(certificate, who, certificate) &
                            G_TLS_CERTIFICATE_BAD_IDENTITY,
                        !=, 0);
    }
}

static void
test_fresh(void)
{
    static const char *const names[] = { "vps", NULL };
    g_auto(AditCertificate) a = { 0 }, b = { 0 };
    g_autoptr(GTlsCertificate) certificate = NULL;
    g_autoptr(GDateTime) end = NULL;

    g_assert_true(adit_certificate_make(&a, names, NOW, NULL));
    g_assert_true(adit_certificate_make(&b, names, NOW, NULL));
    g_assert_cmpstr(a.fingerprint, !=, b.fingerprint);
    g_assert_cmpuint(strlen(a.fingerprint), ==, 32 * 3 - 1);
    certificate = load(&a);
    end = g_tls_certificate_get_not_valid_after(certificate);
    g_assert_cmpint(g_date_time_to_unix(end), ==, NOW + (gint64)10 * 365 * 86400);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/web/certificate/names", test_names);
    g_test_add_func("/web/certificate/fresh", test_fresh);
    return g_test_run();
}
