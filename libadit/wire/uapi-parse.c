/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <errno.h>
#include <string.h>

#include "libadit/core/error.h"
#include "libadit/core/number.h"
#include "libadit/wire/uapi.h"

typedef enum {
    AT_DEVICE, /* before the first public_key */
    AT_PEER,
    AT_END, /* after errno */
} Place;

typedef struct {
    const char *link;
    AditWgDump *dump;
    AditWgPeer *peer;
    Place place;
    guint32 seen; /* keys that stand once, of this device or peer */
    guint64 error_number;
} Reader;

typedef gboolean (*ValueFunc)(Reader *r, const char *value);

static gboolean
read_key(const char *value, AditKey *ret)
{
    g_auto(AditKey) key = { 0 };

    if (strlen(value) != 2 * ADIT_KEY_LEN)
        return FALSE;
    for (guint i = 0; i < 2 * ADIT_KEY_LEN; i++) {
        const int digit = g_ascii_isupper(value[i]) ? -1 : g_ascii_xdigit_value(value[i]);

        if (digit < 0)
            return FALSE;
        key.bytes[i / 2] |= i % 2 == 0 ? digit << 4 : digit;
    }
    *ret = key;
    return TRUE;
}

static gboolean
on_private_key(Reader *r, const char *value)
{
    return read_key(value, &r->dump->device.private_key);
}

static gboolean
on_listen_port(Reader *r, const char *value)
{
    guint64 port;

    if (!adit_number_parse(value, 10, 0, G_MAXUINT16, &port))
        return FALSE;
    r->dump->device.listen_port = port;
    return TRUE;
}

static gboolean
on_fwmark(Reader *r, const char *value)
{
    guint64 mark;

    if (!adit_number_parse(value, 10, 0, G_MAXUINT32, &mark))
        return FALSE;
    r->dump->device.fwmark = mark;
    return TRUE;
}

/* In this protocol a peer comes in one piece: the same key twice in a row is a fault. */
static gboolean
on_public_key(Reader *r, const char *value)
{
    const guint before = r->dump->peers->len;
    AditKey key;

    if (!read_key(value, &key))
        return FALSE;
    r->peer = adit_wg_dump_peer(r->dump, &key);
    r->seen = 0;
    r->place = AT_PEER;
    return r->dump->peers->len == before + 1;
}

static gboolean
on_preshared_key(Reader *r, const char *value)
{
    return read_key(value, &r->peer->peer.preshared_key);
}

static gboolean
on_protocol_version(Reader *r, const char *value)
{
    return strcmp(value, "1") == 0;
}

/* A peer on the same wire shows as [fe80::1%3]:51820. The zone is for the daemon alone: our
 * addresses have none, and a peer that comes that way must not make the answer unreadable. */
static gboolean
on_endpoint(Reader *r, const char *value)
{
    g_autofree char *text = g_strdup(value);
    char *zone = strchr(text, '%');
    char *close = zone == NULL ? NULL : strchr(zone, ']');

    if (close != NULL && close > zone + 1 && g_str_has_prefix(text, "[fe"))
        memmove(zone, close, strlen(close) + 1);
    if (!adit_sockaddr_parse(text, &r->peer->status.endpoint, NULL))
        return FALSE;
    r->peer->peer.endpoint = r->peer->status.endpoint;
    return TRUE;
}

static gboolean
on_handshake_sec(Reader *r, const char *value)
{
    guint64 sec;

    if (!adit_number_parse(value, 10, 0, G_MAXINT64, &sec))
        return FALSE;
    r->peer->status.handshake_sec = sec;
    return TRUE;
}

static gboolean
on_handshake_nsec(Reader *r, const char *value)
{
    guint64 nsec;

    if (!adit_number_parse(value, 10, 0, 999999999, &nsec))
        return FALSE;
    r->peer->status.handshake_nsec = nsec;
    return TRUE;
}

static gboolean
on_tx_bytes(Reader *r, const char *value)
{
    return adit_number_parse(value, 10, 0, G_MAXUINT64, &r->peer->status.tx_bytes);
}

static gboolean
on_rx_bytes(Reader *r, const char *value)
{
    return adit_number_parse(value, 10, 0, G_MAXUINT64, &r->peer->status.rx_bytes);
}

static gboolean
on_keepalive(Reader *r, const char *value)
{
    guint64 seconds;

    if (!adit_number_parse(value, 10, 0, G_MAXUINT16, &seconds))
        return FALSE;
    r->peer->peer.keepalive = seconds;
    return TRUE;
}

static gboolean
on_allowed_ip(Reader *r, const char *value)
{
    AditPrefix prefix;

    if (strchr(value, '/') == NULL || !adit_prefix_parse(value, &prefix, NULL))
        return FALSE;
    adit_wg_peer_allow(r->peer, &prefix);
    return TRUE;
}

static gboolean
on_errno(Reader *r, const char *value)
{
    r->place = AT_END;
    return adit_number_parse(value[0] == '-' ? value + 1 : value, 10, 0, 4095,
                             &r->error_number);
}

/* The grammar. A key that stands in two places has two rows. */
static const struct {
    Place place;
    const char *key;
    ValueFunc func;
    gboolean many;
} keys[] = {
    { AT_DEVICE, "private_key", on_private_key },
    { AT_DEVICE, "listen_port", on_listen_port },
    { AT_DEVICE, "fwmark", on_fwmark },
    { AT_DEVICE, "public_key", on_public_key, TRUE },
    { AT_DEVICE, "errno", on_errno },
    { AT_PEER, "public_key", on_public_key, TRUE },
    { AT_PEER, "preshared_key", on_preshared_key },
    { AT_PEER, "protocol_version", on_protocol_version },
    { AT_PEER, "endpoint", on_endpoint },
    { AT_PEER, "last_handshake_time_sec", on_handshake_sec },
    { AT_PEER, "last_handshake_time_nsec", on_handshake_nsec },
    { AT_PEER, "tx_bytes", on_tx_bytes },
    { AT_PEER, "rx_bytes", on_rx_bytes },
    { AT_PEER, "persistent_keepalive_interval", on_keepalive },
    { AT_PEER, "allowed_ip", on_allowed_ip, TRUE },
    { AT_PEER, "errno", on_errno },
};

/* NULL, or why the line is refused. */
static const char *
read_line(Reader *r, char *line)
{
    char *equals = strchr(line, '=');

    if (equals == NULL)
        return "not a key=value line";
    *equals = '\0';
    for (guint i = 0; i < G_N_ELEMENTS(keys); i++) {
        if (keys[i].place != r->place || strcmp(keys[i].key, line) != 0)
            continue;
        if (!keys[i].many && (r->seen & (1u << i)) != 0)
            return "the key stands twice";
        r->seen |= keys[i].many ? 0 : 1u << i;
        return keys[i].func(r, equals + 1) ? NULL : "the value is malformed";
    }
    return "the key is unknown here";
}

static gboolean
fail_line(const Reader *r, guint line, const char *why, GError **error)
{
    g_set_error(error, ADIT_ERROR, ADIT_ERROR_PROTOCOL, "%s: answer of WireGuard: line %u: %s",
                r->link, line, why);
    return FALSE;
}

#define LINE_MAX_LEN 255

/* One line at a time in a buffer that is wiped; the text itself stays as it is. */
static gboolean
read_text(Reader *r, const char *bytes, gsize len, GError **error)
{
    char line[LINE_MAX_LEN + 1];
    const char *end = len > 0 ? bytes + len : bytes; /* NULL + 0 is undefined in C */
    const char *why = NULL;
    guint number = 0;

    while (why == NULL && bytes < end && r->place != AT_END) {
        const char *stop = memchr(bytes, '\n', end - bytes);

        number++;
        if (stop == NULL || stop - bytes > LINE_MAX_LEN ||
            memchr(bytes, '\0', stop - bytes) != NULL) {
            why = "not a line";
            break;
        }
        memcpy(line, bytes, stop - bytes);
        line[stop - bytes] = '\0';
        why = read_line(r, line);
        bytes = stop + 1;
    }
    explicit_bzero(line, sizeof(line));
    if (why != NULL)
        return fail_line(r, number, why, error);
    if (r->place != AT_END || end - bytes != 1 || *bytes != '\n')
        return fail_line(r, number + 1, "does not end in errno and an empty line", error);
    if (r->error_number == 0)
        return TRUE;

    g_set_error(error, ADIT_ERROR, ADIT_ERROR_KERNEL, "%s: WireGuard refused: %s", r->link,
                g_strerror(r->error_number));
    return FALSE;
}

AditWgDump *
adit_uapi_dump_parse(const char *link, const char *bytes, gsize len, GError **error)
{
    g_autoptr(AditWgDump) dump = adit_wg_dump_new(link);
    Reader r = { .link = link, .dump = dump };

    if (!read_text(&r, bytes, len, error) || !adit_wg_dump_seal(dump, error))
        return NULL;
    return g_steal_pointer(&dump);
}

gboolean
adit_uapi_ack_parse(const char *link, const char *bytes, gsize len, GError **error)
{
    g_autoptr(AditWgDump) dump = adit_wg_dump_new(link);
    Reader r = { .link = link, .dump = dump };

    /* What precedes errno there would be another answer than the one asked for. */
    if (len < 6 || memcmp(bytes, "errno=", 6) != 0)
        return fail_line(&r, 1, "errno expected", error);
    return read_text(&r, bytes, len, error);
}
