/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/ports.h"

#include "libadit/core/error.h"
#include "libadit/core/number.h"

static const char *const proto_names[] = { "", "tcp", "udp", "both" };

const char *
adit_proto_name(AditProto proto)
{
    return proto_names[proto];
}

gboolean
adit_proto_parse(const char *text, AditProto *ret)
{
    for (guint i = ADIT_PROTO_TCP; i <= ADIT_PROTO_BOTH; i++)
        if (g_str_equal(proto_names[i], text)) {
            *ret = (AditProto)i;
            return TRUE;
        }
    return FALSE;
}

gboolean
adit_port_parse(const char *text, guint16 *ret)
{
    guint64 number;

    if (!adit_number_parse(text, 10, 1, 65535, &number))
        return FALSE;
    *ret = (guint16)number;
    return TRUE;
}

static gboolean
refuse(GError **error, const char *what, const char *why)
{
    g_autofree char *quoted = adit_error_quote(what);

    g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG, "%s: %s", quoted, why);
    return FALSE;
}

gboolean
adit_ports_parse(const char *text, AditPorts *ret, GError **error)
{
    g_auto(GStrv) sides = g_strsplit(text, "/", 2);
    g_auto(GStrv) ends = g_strsplit(sides[0] ? sides[0] : "", "-", 2);
    AditPorts ports = { .proto = ADIT_PROTO_TCP };

    if (!ends[0] || !adit_port_parse(ends[0], &ports.first))
        return refuse(error, text, "not a port (1 to 65535)");
    ports.last = ports.first;
    if (ends[1] && !adit_port_parse(ends[1], &ports.last))
        return refuse(error, text, "the range does not end in a port (1 to 65535)");
    if (ports.last < ports.first)
        return refuse(error, text, "the range ends before it begins");
    if (sides[0] && sides[1] && !adit_proto_parse(sides[1], &ports.proto))
        return refuse(error, text, "the protocol is neither tcp, udp nor both");
    *ret = ports;
    return TRUE;
}

char *
adit_ports_to_string(const AditPorts *ports)
{
    if (ports->first == ports->last)
        return g_strdup_printf("%u/%s", ports->first, adit_proto_name(ports->proto));
    return g_strdup_printf("%u-%u/%s", ports->first, ports->last,
                           adit_proto_name(ports->proto));
}

gboolean
adit_ports_overlap(const AditPorts *a, const AditPorts *b)
{
    return (a->proto & b->proto) && a->first <= b->last && b->first <= a->last;
}

guint
adit_ports_count(const AditPorts *ports)
{
    return ports->last - ports->first + 1u;
}
