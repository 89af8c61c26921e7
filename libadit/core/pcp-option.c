/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "libadit/core/pcp-option.h"

#include "libadit/core/bytes.h"
#include "libadit/core/pcp.h"

#include <sys/socket.h>

/* Every option starts alike, RFC 6887 section 7.3; zeros pad it to a multiple of 4 octets,
 * which the length does not count:
 *
 *    0                   1                   2                   3
 *    0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1 2 3 4 5 6 7 8 9 0 1
 *   +---------------+---------------+-------------------------------+
 *   |  Option code  |   Reserved    |            Length             |
 *   +---------------+---------------+-------------------------------+
 *   :                             Data                              :
 *   +---------------------------------------------------------------+
 */
#define HEADER 4
#define MANDATORY_BELOW 128 /* codes that must be understood by whoever reads them */
#define MAPPED_BITS 96      /* of an IPv4 address that travels as ::ffff:a.b.c.d */

#define IN_MAP (1u << ADIT_PCP_MAP)
#define IN_PEER (1u << ADIT_PCP_PEER)

#define MAGIC "ADIT"

typedef struct {
    guint8 code;
    AditPcpHas has;
    guint32 opcodes; /* where it may stand */
    guint16 min, max;
    gboolean repeats;
    gboolean (*get)(const guint8 *data, gsize len, const AditPcpOptionRule *rule,
                    AditPcpOptions *ret);
    gsize (*put)(const AditPcpOptions *options, guint i, guint8 *ret); /* data octets */
} Kind;

/* Section 13.1, THIRD_PARTY: 16 octets, the internal address the mapping is for. */
static gboolean
get_third_party(const guint8 *data, gsize len, const AditPcpOptionRule *rule,
                AditPcpOptions *ret)
{
    ret->third_party = adit_addr_from_mapped(data);
    return TRUE;
}

static gsize
put_third_party(const AditPcpOptions *options, guint i, guint8 *ret)
{
    adit_addr_to_mapped(&options->third_party, ret);
    return 16;
}

/* Section 13.2, PREFER_FAILURE: no data, being there says it. */
static gboolean
get_flag(const guint8 *data, gsize len, const AditPcpOptionRule *rule, AditPcpOptions *ret)
{
    return TRUE;
}

static gsize
put_flag(const AditPcpOptions *options, guint i, guint8 *ret)
{
    return 0;
}

/* Section 13.3, FILTER:
 *
 *   +---------------+---------------+-------------------------------+
 *   |   Reserved    | Prefix length |        Remote peer port       |
 *   +---------------+---------------+-------------------------------+
 *   |           Remote peer address (128 bits)                      |
 *   +---------------------------------------------------------------+
 */
static gboolean
get_filter(const guint8 *data, gsize len, const AditPcpOptionRule *rule, AditPcpOptions *ret)
{
    AditAddr addr = adit_addr_from_mapped(data + 4);
    guint8 below = addr.family == AF_INET ? MAPPED_BITS : 0;
    guint8 bits = data[1];
    AditPcpFilter *filter;

    if (ret->n_filters == ADIT_PCP_FILTERS_MAX)
        return FALSE;
    filter = &ret->filters[ret->n_filters];
    if (bits != 0) { /* 0 forgets the filters before; port and address then mean nothing */
        if (bits > 128 || bits < below)
            return FALSE;
        filter->remote = adit_prefix_make(&addr, bits - below);
        filter->port = adit_get_be16(data + 2);
    }
    ret->n_filters++;
    return TRUE;
}

static gsize
put_filter(const AditPcpOptions *options, guint i, guint8 *ret)
{
    const AditPcpFilter *filter = &options->filters[i];
    const AditPrefix *remote = &filter->remote;

    memset(ret, 0, 20);
    if (adit_addr_is_set(&remote->addr)) {
        ret[1] = remote->len + (remote->addr.family == AF_INET ? MAPPED_BITS : 0);
        adit_put_be16(ret + 2, filter->port);
        adit_addr_to_mapped(&remote->addr, ret + 4);
    }
    return 20;
}

/* RFC 7220, DESCRIPTION: UTF-8 text without a NUL. */
static gboolean
get_description(const guint8 *data, gsize len, const AditPcpOptionRule *rule,
                AditPcpOptions *ret)
{
    if (!g_utf8_validate((const char *)data, len, NULL)) /* which refuses a NUL as well */
        return FALSE;
    memcpy(ret->description, data, len);
    ret->description[len] = '\0';
    return TRUE;
}

static gsize
put_description(const AditPcpOptions *options, guint i, guint8 *ret)
{
    gsize len = strlen(options->description);

    memcpy(ret, options->description, len);
    return len;
}

/* RFC 7753 section 4.1, PORT_SET:
 *
 *   +-------------------------------+-------------------------------+
 *   |         Port set size         |      First internal port      |
 *   +-------------+-+---------------+-------------------------------+
 *   |  Reserved   |P|
 *   +-------------+-+
 *
 * That the set does not end beyond port 65535 is not required: the server grants fewer. */
static gboolean
get_port_set(const guint8 *data, gsize len, const AditPcpOptionRule *rule, AditPcpOptions *ret)
{
    ret->port_set.size = adit_get_be16(data);
    ret->port_set.first_internal = adit_get_be16(data + 2);
    ret->port_set.parity = data[4] & 1;
    return ret->port_set.size != 0;
}

static gsize
put_port_set(const AditPcpOptions *options, guint i, guint8 *ret)
{
    adit_put_be16(ret, options->port_set.size);
    adit_put_be16(ret + 2, options->port_set.first_internal);
    ret[4] = options->port_set.parity ? 1 : 0;
    return 5;
}

/* Ours, REDIRECT (DESIGN.md section 5):
 *
 *   +---------------+---------------+---------------+---------------+
 *   |      'A'      |      'D'      |      'I'      |      'T'      |
 *   +---------------+---------------+---------------+---------------+
 *   |     Mode      |    Status     |         External port         |
 *   +---------------+---------------+-------------------------------+
 */
static gboolean
get_redirect(const guint8 *data, gsize len, const AditPcpOptionRule *rule, AditPcpOptions *ret)
{
    ret->redirect.mode = data[4];
    ret->redirect.status = data[5];
    ret->redirect.external_port = adit_get_be16(data + 6);
    if (!rule->reply)
        return ret->redirect.status == ADIT_PCP_REDIRECT_ASKED;
    return ret->redirect.status <= ADIT_PCP_REDIRECT_YIELDED;
}

static gsize
put_redirect(const AditPcpOptions *options, guint i, guint8 *ret)
{
    memcpy(ret, MAGIC, 4);
    ret[4] = options->redirect.mode;
    ret[5] = options->redirect.status;
    adit_put_be16(ret + 6, options->redirect.external_port);
    return 8;
}

/* In the order in which we write them. */
static const Kind kinds[] = {
    { 1, ADIT_PCP_HAS_THIRD_PARTY, IN_MAP | IN_PEER, 16, 16, FALSE, get_third_party,
      put_third_party },
    { 2, ADIT_PCP_HAS_PREFER_FAILURE, IN_MAP, 0, 0, FALSE, get_flag, put_flag },
    { 3, ADIT_PCP_HAS_FILTER, IN_MAP, 20, 20, TRUE, get_filter, put_filter },
    { 128, ADIT_PCP_HAS_DESCRIPTION, IN_MAP | IN_PEER, 0, ADIT_PCP_DESCRIPTION_MAX, FALSE,
      get_description, put_description },
    { 129, ADIT_PCP_HAS_PREFIX64 },
    { 130, ADIT_PCP_HAS_PORT_SET, IN_MAP, 5, 5, FALSE, get_port_set, put_port_set },
    { 224, ADIT_PCP_HAS_HOSTNAME },
    { 225, ADIT_PCP_HAS_CAPABILITY },
    { 230, ADIT_PCP_HAS_REDIRECT, IN_MAP, 8, 8, FALSE, get_redirect, put_redirect },
};

static const Kind *
find(guint8 code)
{
    for (guint i = 0; i < G_N_ELEMENTS(kinds); i++) {
        if (kinds[i].code == code)
            return &kinds[i];
    }
    return NULL;
}

/* Codes from 224 on are for private use: without our name on it, it is somebody else's. */
static gboolean
is_stranger(const Kind *kind, const guint8 *data, gsize len)
{
    return kind->has == ADIT_PCP_HAS_REDIRECT && (len < 4 || memcmp(data, MAGIC, 4) != 0);
}

static AditPcpResult
decode_one(guint8 code, const guint8 *data, gsize len, const AditPcpOptionRule *rule,
           AditPcpOptions *ret)
{
    const Kind *kind = find(code);

    if (kind != NULL && kind->get == NULL)
        ret->has |= kind->has;
    if (kind == NULL || kind->get == NULL || !(rule->offered & kind->has))
        return code < MANDATORY_BELOW && !rule->reply ? ADIT_PCP_UNSUPP_OPTION
                                                      : ADIT_PCP_SUCCESS;
    if (is_stranger(kind, data, len))
        return ADIT_PCP_SUCCESS;

    if (!(kind->opcodes & (1u << rule->opcode)) || len < kind->min || len > kind->max)
        return ADIT_PCP_MALFORMED_OPTION;
    if ((ret->has & kind->has) && !kind->repeats)
        return ADIT_PCP_MALFORMED_OPTION;
    if (!kind->get(data, len, rule, ret))
        return ADIT_PCP_MALFORMED_OPTION;

    ret->has |= kind->has;
    return ADIT_PCP_SUCCESS;
}

AditPcpResult
adit_pcp_options_decode(const guint8 *bytes, gsize len, const AditPcpOptionRule *rule,
                        AditPcpOptions *ret, gsize *ret_at)
{
    gsize next;

    g_assert(len % 4 == 0);
    memset(ret, 0, sizeof(*ret));
    for (gsize at = 0; at < len; at = next) {
        const guint8 *option = bytes + at;
        guint16 data_len = adit_get_be16(option + 2);
        AditPcpResult result = ADIT_PCP_MALFORMED_OPTION;

        if (data_len <= len - at - HEADER)
            result = decode_one(option[0], option + HEADER, data_len, rule, ret);
        if (result != ADIT_PCP_SUCCESS) {
            *ret_at = at;
            return result;
        }
        next = at + HEADER + (data_len + 3u) / 4 * 4;
    }
    return ADIT_PCP_SUCCESS;
}

gssize
adit_pcp_options_encode(const AditPcpOptions *options, guint8 *ret, gsize max)
{
    /* The longest single option, so that @max is compared before anything is copied there. */
    guint8 data[ADIT_PCP_DESCRIPTION_MAX];
    gsize at = 0;

    for (guint k = 0; k < G_N_ELEMENTS(kinds); k++) {
        const Kind *kind = &kinds[k];
        guint n = kind->repeats ? options->n_filters : 1;

        if (kind->put == NULL || !(options->has & kind->has))
            continue;
        for (guint i = 0; i < n; i++) {
            gsize len = kind->put(options, i, data);
            gsize padded = (len + 3) / 4 * 4;

            if (at + HEADER + padded > max)
                return -1;
            memset(ret + at, 0, HEADER + padded);
            ret[at] = kind->code;
            adit_put_be16(ret + at + 2, len);
            memcpy(ret + at + HEADER, data, len);
            at += HEADER + padded;
        }
    }
    return at;
}

gboolean
adit_pcp_filters_suit(const AditPcpOptions *options, guint8 family)
{
    for (guint i = 0; i < options->n_filters; i++) {
        guint8 remote = options->filters[i].remote.addr.family;

        if (remote != 0 && remote != family)
            return FALSE;
    }
    return TRUE;
}
