/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/core/state.h"

/* Keys and data of nftables elements, field by field, as the kernel stores a concatenation:
 * each field padded to 4 bytes; addresses and ports in network order, marks in the machine's.
 *
 *     AditElement e = adit_element_make("open4");
 *     adit_element_key_addr(&e, &wan);
 *     adit_element_key_proto(&e, IPPROTO_TCP);
 *     adit_element_key_port(&e, 443);
 *     adit_element_data_addr(&e, &device);
 *     adit_element_data_port(&e, 443);
 */

AditElement adit_element_make(const char *set);
void adit_element_key_addr(AditElement *e, const AditAddr *addr);
void adit_element_key_proto(AditElement *e, guint8 proto);
void adit_element_key_port(AditElement *e, guint16 port);
void adit_element_key_ifname(AditElement *e, const char *name);
void adit_element_key_mark(AditElement *e, guint32 mark);
void adit_element_data_addr(AditElement *e, const AditAddr *addr);
void adit_element_data_port(AditElement *e, guint16 port);
void adit_element_data_mark(AditElement *e, guint32 mark);

/* Interval sets: @e and @last begin as equals; plain fields go into both, a prefix sets its
 * first address in @e and its last one in @last; at the end @last is joined to @e. */
void adit_element_key_prefix(AditElement *e, AditElement *last, const AditPrefix *prefix);
void adit_element_join(AditElement *e, const AditElement *last);

/* Reading back: each call takes the next field. At the end adit_element_read_done() tells
 * whether the layout was exactly the one asked for; until then values may be zero. */
typedef struct {
    const guint8 *at;
    gsize left;
    gboolean bad;
} AditElementReader;

AditElementReader adit_element_read_key(const AditElement *e);
AditElementReader adit_element_read_data(const AditElement *e);
AditAddr adit_element_read_addr(AditElementReader *r, guint8 family);
guint8 adit_element_read_proto(AditElementReader *r);
guint16 adit_element_read_port(AditElementReader *r);
guint32 adit_element_read_mark(AditElementReader *r);
void adit_element_read_ifname(AditElementReader *r, char ret[ADIT_NAME_LEN]);
gboolean adit_element_read_done(const AditElementReader *r);
