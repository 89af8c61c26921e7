/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "tunnel-server/pcp-exchange.h"

/* A server with the devices nas, disk and phone, and requests of theirs in one family. */

typedef struct {
    guint8 family;
    AditModel *model;
    AditServerSettings *rules;
    AditPcpSite *site;
    AditLeaseTable *table;
    AditPrefix wan[2];
    AditServerFacts facts;
    AditPcpDesk desk;
    AditPcpReply reply;
    AditPcpRefusal refusal;
    AditPcpRequest request; /* of `nas`, to be changed before it is sent */
} PcpFixture;

typedef void (*PcpTest)(PcpFixture *f, gconstpointer data);

typedef struct {
    const char *name;
    PcpTest func;
} PcpCase;

AditAddr pcp_addr(const char *text);
const AditPcpHost *pcp_host(PcpFixture *f, const char *name);
void pcp_make_site(PcpFixture *f); /* anew, after a change of the model */
/* @f->request becomes a MAP of that TCP port, inside and outside. */
void pcp_ask_for(PcpFixture *f, guint16 port);
AditPcpResult pcp_send_as(PcpFixture *f, const char *name);
void pcp_other_nonce(PcpFixture *f);
void pcp_prefer_failure(PcpFixture *f);
void pcp_publish(PcpFixture *f, const char *ports, const char *device); /* by hand */
/* The lease that ends next is off, as these flags say. */
const AditLease *pcp_turn_off(PcpFixture *f, guint8 off);
/* Each case in both families. */
void pcp_add_cases(const char *path, const PcpCase *cases, guint n);

AditPcpResult pcp_send(PcpFixture *f); /* as nas */
