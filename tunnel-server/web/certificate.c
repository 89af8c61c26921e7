/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/web/certificate.h"

#include "libadit/core/error.h"
#include "libadit/core/inet.h"
#include "libadit/core/key.h"

#include <gnutls/crypto.h>
#include <gnutls/x509.h>
#include <string.h>

#define YEARS 10
#define SERIAL_LEN 16
#define SHA256_LEN 32

G_DEFINE_AUTO_CLEANUP_FREE_FUNC(gnutls_x509_crt_t, gnutls_x509_crt_deinit, NULL)
G_DEFINE_AUTO_CLEANUP_FREE_FUNC(gnutls_x509_privkey_t, gnutls_x509_privkey_deinit, NULL)

/* The first failure of a row of calls, each done only while all went well. */
static gboolean
check(int code, const char *what, GError **error)
{
    if (code >= 0)
        return TRUE;
    g_set_error(error, ADIT_ERROR, ADIT_ERROR_PROTOCOL, "certificate: %s: %s", what,
                gnutls_strerror(code));
    return FALSE;
}

static gboolean
add_name(gnutls_x509_crt_t crt, const char *name, GError **error)
{
    AditAddr addr;

    if (adit_addr_parse(name, &addr, NULL))
        return check(gnutls_x509_crt_set_subject_alt_name(crt, GNUTLS_SAN_IPADDRESS, addr.bytes,
                                                          adit_addr_size(&addr),
                                                          GNUTLS_FSAN_APPEND),
                     name, error);
    return check(gnutls_x509_crt_set_subject_alt_name(
                     crt, GNUTLS_SAN_DNSNAME, name, (unsigned)strlen(name), GNUTLS_FSAN_APPEND),
                 name, error);
}

static gboolean
describe(gnutls_x509_crt_t crt, const char *const *names, gint64 now, GError **error)
{
    guint8 serial[SERIAL_LEN];

    g_assert(names[0]); /* the subject */
    if (!check(gnutls_rnd(GNUTLS_RND_NONCE, serial, sizeof(serial)), "dice", error))
        return FALSE;
    serial[0] &= 0x7f; /* positive, as X.509 wants it */
    for (guint i = 0; names[i]; i++)
        if (!add_name(crt, names[i], error))
            return FALSE;
    return check(gnutls_x509_crt_set_version(crt, 3), "version", error) &&
           check(gnutls_x509_crt_set_serial(crt, serial, sizeof(serial)), "serial", error) &&
           check(gnutls_x509_crt_set_activation_time(crt, now - 86400), "begin", error) &&
           check(gnutls_x509_crt_set_expiration_time(crt, now + YEARS * 365 * 86400), "end",
                 error) &&
           check(gnutls_x509_crt_set_dn_by_oid(crt, GNUTLS_OID_X520_COMMON_NAME, 0, names[0],
                                               (unsigned)strlen(names[0])),
                 "subject", error) &&
           check(gnutls_x509_crt_set_key_usage(crt, GNUTLS_KEY_DIGITAL_SIGNATURE), "usage",
                 error) &&
           check(gnutls_x509_crt_set_key_purpose_oid(crt, GNUTLS_KP_TLS_WWW_SERVER, 0),
                 "purpose", error) &&
           check(gnutls_x509_crt_set_basic_constraints(crt, 0, -1), "constraints", error);
}

static char *
take_text(gnutls_datum_t *datum)
{
    char *text = g_strndup((const char *)datum->data, datum->size);

    gnutls_memset(datum->data, 0, datum->size);
    gnutls_free(datum->data);
    return text;
}

static char *
fingerprint_of(gnutls_x509_crt_t crt)
{
    guint8 sum[SHA256_LEN];
    gsize len = sizeof(sum);
    GString *text = g_string_new(NULL);

    gnutls_x509_crt_get_fingerprint(crt, GNUTLS_DIG_SHA256, sum, &len);
    for (gsize i = 0; i < len; i++)
        g_string_append_printf(text, "%s%02X", i ? ":" : "", sum[i]);
    return g_string_free(text, FALSE);
}

static gboolean export(AditCertificate *ret, gnutls_x509_crt_t crt, gnutls_x509_privkey_t key,
                       GError **error)
{
    gnutls_datum_t certificate = { 0 }, secret = { 0 };

    if (!check(gnutls_x509_crt_export2(crt, GNUTLS_X509_FMT_PEM, &certificate), "print", error))
        return FALSE;
    if (!check(gnutls_x509_privkey_export2(key, GNUTLS_X509_FMT_PEM, &secret), "print",
               error)) {
        gnutls_free(certificate.data);
        return FALSE;
    }
    ret->certificate = take_text(&certificate);
    ret->key = take_text(&secret);
    ret->fingerprint = fingerprint_of(crt);
    return TRUE;
}

gboolean
adit_certificate_make(AditCertificate *ret, const char *const *names, gint64 now,
                      GError **error)
{
    g_auto(gnutls_x509_crt_t) crt = NULL;
    g_auto(gnutls_x509_privkey_t) key = NULL;

    return check(gnutls_x509_crt_init(&crt), "memory", error) &&
           check(gnutls_x509_privkey_init(&key), "memory", error) &&
           check(gnutls_x509_privkey_generate(
                     key, GNUTLS_PK_ECDSA, GNUTLS_CURVE_TO_BITS(GNUTLS_ECC_CURVE_SECP256R1), 0),
                 "key", error) &&
           describe(crt, names, now, error) &&
           check(gnutls_x509_crt_set_key(crt, key), "key", error) &&
           check(gnutls_x509_crt_sign2(crt, crt, key, GNUTLS_DIG_SHA256, 0), "sign", error) &&
           export(ret, crt, key, error);
}

void
adit_certificate_clear(AditCertificate *self)
{
    g_clear_pointer(&self->certificate, g_free);
    g_clear_pointer(&self->key, adit_key_string_free);
    g_clear_pointer(&self->fingerprint, g_free);
}
