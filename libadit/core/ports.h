/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <glib.h>

/* What both ends publish: PORT[-PORT][/tcp|udp|both]. */

typedef enum {
    ADIT_PROTO_TCP = 1 << 0,
    ADIT_PROTO_UDP = 1 << 1,
    ADIT_PROTO_BOTH = ADIT_PROTO_TCP | ADIT_PROTO_UDP,
} AditProto;

typedef struct {
    guint16 first, last;
    AditProto proto;
} AditPorts;

/* Without a protocol: TCP. */
gboolean adit_ports_parse(const char *text, AditPorts *ret, GError **error);
char *adit_ports_to_string(const AditPorts *ports);       /* "80-90/udp" */
gboolean adit_port_parse(const char *text, guint16 *ret); /* 1 to 65535 */
gboolean adit_ports_overlap(const AditPorts *a, const AditPorts *b);
guint adit_ports_count(const AditPorts *ports); /* of one protocol */
const char *adit_proto_name(AditProto proto);
gboolean adit_proto_parse(const char *text, AditProto *ret);
