/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/arrivals.h"

#include "libadit/core/element.h"
#include "libadit/sys/nftdev.h"
#include "libadit/wire/nft-words.h"

#include <string.h>
#include <sys/socket.h>

#define SYN 0x02
#define RST 0x04
#define ACK 0x10

#define KEY4                                                                                   \
    {                                                                                          \
        ADIT_NFT_IPV4_ADDR, ADIT_NFT_INET_PROTO, ADIT_NFT_INET_SERVICE                         \
    }
#define KEY6                                                                                   \
    {                                                                                          \
        ADIT_NFT_IPV6_ADDR, ADIT_NFT_INET_PROTO, ADIT_NFT_INET_SERVICE                         \
    }
#define PACKET4 IP_DADDR, L4PROTO, DPORT
#define PACKET6 IP6_DADDR, L4PROTO, DPORT
/* As the flow's first packet had it, whatever NAT did. */
#define FLOW4 CT_IP_DADDR, L4PROTO, CT_DPORT
#define FLOW6 CT_IP6_DADDR, L4PROTO, CT_DPORT

static const AditNftSet sets[] = {
    { "came4", KEY4, .flags = ADIT_NFT_COUNTER },
    { "came6", KEY6, .flags = ADIT_NFT_COUNTER },
    { "passed4", KEY4, .flags = ADIT_NFT_COUNTER },
    { "passed6", KEY6, .flags = ADIT_NFT_COUNTER },
    { "answered4", KEY4, .flags = ADIT_NFT_COUNTER },
    { "answered6", KEY6, .flags = ADIT_NFT_COUNTER },
    { "refused4", KEY4, .flags = ADIT_NFT_COUNTER },
    { "refused6", KEY6, .flags = ADIT_NFT_COUNTER },
};

static const AditNftChain chains[] = {
    { "first", "filter", NF_INET_PRE_ROUTING, -1000 }, /* before everybody */
    { "taken_in", "filter", NF_INET_LOCAL_IN, 1000 },  /* after everybody */
    { "sent_on", "filter", NF_INET_POST_ROUTING, 1000 },
};

/* Only counts. A device's answer is sent on to the visitor, a program's here too. */
static const AditNftRule rules[] = {
    { "first", "came", { MASK_IS(TCP_FLAGS, SYN | ACK, SYN), IN("came4", PACKET4) } },
    { "first", "came", { MASK_IS(TCP_FLAGS, SYN | ACK, SYN), IN("came6", PACKET6) } },
    { "first", "came", { UDP, IN("came4", PACKET4) } },
    { "first", "came", { UDP, IN("came6", PACKET6) } },
    { "taken_in", "passed", { HAS(CT_STATE, NEW), IN("passed4", FLOW4) } },
    { "taken_in", "passed", { HAS(CT_STATE, NEW), IN("passed6", FLOW6) } },
    { "sent_on", "passed", { HAS(CT_STATE, NEW), IN("passed4", FLOW4) } },
    { "sent_on", "passed", { HAS(CT_STATE, NEW), IN("passed6", FLOW6) } },
    { "sent_on", "no answer", { IS(CT_DIRECTION, ORIGINAL), ACCEPT } },
    { "sent_on",
      "answered",
      { MASK_IS(TCP_FLAGS, SYN | ACK, SYN | ACK), IN("answered4", FLOW4) } },
    { "sent_on",
      "answered",
      { MASK_IS(TCP_FLAGS, SYN | ACK, SYN | ACK), IN("answered6", FLOW6) } },
    { "sent_on", "answered", { UDP, IN("answered4", FLOW4) } },
    { "sent_on", "answered", { UDP, IN("answered6", FLOW6) } },
    { "sent_on", "refused", { HAS(TCP_FLAGS, RST), IN("refused4", FLOW4) } },
    { "sent_on", "refused", { HAS(TCP_FLAGS, RST), IN("refused6", FLOW6) } },
};

static const AditNftBlueprint blueprint = {
    "adit_server_probe", chains, G_N_ELEMENTS(chains), sets,
    G_N_ELEMENTS(sets),  rules,  G_N_ELEMENTS(rules),
};

struct _AditArrivals {
    AditNftDev *dev;
    GArray *ends; /* AditArrival */
};

static const struct {
    const char *set;
    gsize offset;
} counters[] = {
    { "came", G_STRUCT_OFFSET(AditArrived, came) },
    { "passed", G_STRUCT_OFFSET(AditArrived, passed) },
    { "answered", G_STRUCT_OFFSET(AditArrived, answered) },
    { "refused", G_STRUCT_OFFSET(AditArrived, refused) },
};

static AditElement
element_of(const AditArrival *end, guint counter)
{
    char name[ADIT_SET_NAME_LEN];
    AditElement e;

    g_snprintf(name, sizeof(name), "%s%c", counters[counter].set,
               end->external.addr.family == AF_INET6 ? '6' : '4');
    e = adit_element_make(name);
    adit_element_key_addr(&e, &end->external.addr);
    adit_element_key_proto(&e, end->proto);
    adit_element_key_port(&e, end->external.port);
    return e;
}

AditArrivals *
adit_arrivals_new(const GArray *ends, GError **error)
{
    g_autoptr(AditArrivals) self = g_new0(AditArrivals, 1);
    g_autoptr(AditState) want = adit_state_new();

    self->ends = g_array_copy((GArray *)ends);
    self->dev = adit_nftdev_open(&blueprint, error);
    /* What was counted for somebody else is not for this one. */
    if (!self->dev || !adit_nftdev_remove(self->dev, error))
        return NULL;
    for (guint i = 0; i < ends->len; i++)
        for (guint c = 0; c < G_N_ELEMENTS(counters); c++) {
            const AditElement e = element_of(&g_array_index(ends, AditArrival, i), c);

            adit_state_add_element(want, &e);
        }
    adit_state_seal(want);
    return adit_nftdev_reconcile(self->dev, want, NULL, error) ? g_steal_pointer(&self) : NULL;
}

static void
on_element(const AditElement *element, gpointer data)
{
    AditArrivals *self = data;

    for (guint i = 0; i < self->ends->len; i++) {
        AditArrival *end = &g_array_index(self->ends, AditArrival, i);

        for (guint c = 0; c < G_N_ELEMENTS(counters); c++) {
            const AditElement own = element_of(end, c);

            if (g_str_equal(own.set, element->set) && own.key_len == element->key_len &&
                memcmp(own.key, element->key, own.key_len) == 0)
                G_STRUCT_MEMBER(guint64, &end->seen, counters[c].offset) = element->packets;
        }
    }
}

const GArray *
adit_arrivals_look(AditArrivals *self, GError **error)
{
    for (guint s = 0; s < G_N_ELEMENTS(sets); s++)
        if (!adit_nftdev_foreach(self->dev, sets[s].name, on_element, self, error))
            return NULL;
    return self->ends;
}

void
adit_arrivals_free(AditArrivals *self)
{
    if (!self)
        return;
    if (self->dev)
        adit_nftdev_remove(self->dev, NULL);
    adit_nftdev_close(self->dev);
    g_array_unref(self->ends);
    g_free(self);
}
