/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

/* libadit-pcp: keep ports of this machine open at a PCP server (RFC 6887), or an old NAT-PMP
 * server. See adit-pcp(3). No thread, no main loop, no signal, no privilege; calls never block.
 * One thread at a time may use a struct adit_pcp and what belongs to it. */

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

struct adit_pcp;         /* one server in one family */
struct adit_pcp_mapping; /* one port asked of it; belongs to it */

struct adit_pcp_config {
    const char *server; /* "10.59.0.1" or "fd59::1"; several: "10.59.0.1,10.59.0.2" */
    const char *device; /* nothing comes or goes by another; NULL: any */
    const char *own;    /* where mappings lead; NULL: what this machine would ask from */
    const char *state;  /* a file, so that a restarted program renews; NULL: none */
    void *reserved[4];  /* NULL */
};

struct adit_pcp_wish {
    uint8_t protocol; /* IPPROTO_TCP, IPPROTO_UDP, ... */
    uint8_t exact;    /* not 0: no other external port will do */
    uint16_t internal_port;
    uint16_t external_port; /* 0: any */
    uint32_t lifetime;      /* seconds; 0: 7200 */
    uint32_t reserved[4];   /* 0 */
};

enum adit_pcp_event_type {
    ADIT_PCP_EVENT_GRANTED = 1,
    ADIT_PCP_EVENT_RENEWED = 2,
    ADIT_PCP_EVENT_CHANGED = 3, /* renewed, at another external address or port */
    ADIT_PCP_EVENT_LOST = 4,    /* not reachable any more; asked for again, if not dropped */
    ADIT_PCP_EVENT_REFUSED = 5, /* it is asked for again later */
    ADIT_PCP_EVENT_DELETED = 6, /* the end of a dropped mapping: its pointer is invalid */
};

struct adit_pcp_event {
    enum adit_pcp_event_type type;
    struct adit_pcp_mapping *mapping;
    char address[46];    /* external; "" where the server did not say */
    uint16_t port;       /* external */
    uint32_t lifetime;   /* seconds granted */
    int result;          /* REFUSED by the server: its result code, 0: not by it */
    const char *reason;  /* LOST, REFUSED: why, in English */
    const char *dialect; /* "PCP" or "NAT-PMP" */
    uint64_t reserved[4];
};

/* Milliseconds of CLOCK_BOOTTIME: what every `now` below is. */
int64_t adit_pcp_now(void);

/* 0, or a negative errno: -EINVAL, an address is none, or they are of two families. What else
 * is wrong now may be right later: it is no failure (adit_pcp_trouble). */
int adit_pcp_open(const struct adit_pcp_config *config, int64_t now, struct adit_pcp **ret);
/* Leases live on at the server until they end; adit_pcp_drain() before, to have them deleted.
 */
void adit_pcp_close(struct adit_pcp *pcp);

/* Readable when there is something to dispatch, timers included. */
int adit_pcp_get_fd(const struct adit_pcp *pcp);
/* When to dispatch at the latest, INT64_MAX: never. The descriptor knows it too. */
int64_t adit_pcp_deadline(const struct adit_pcp *pcp);
void adit_pcp_dispatch(struct adit_pcp *pcp, int64_t now);
/* 1, and what has happened; 0: no more. */
int adit_pcp_pop_event(struct adit_pcp *pcp, struct adit_pcp_event *ret);

/* 0, or -EBUSY: that protocol and internal port are asked for already; -EINVAL. */
int adit_pcp_add(struct adit_pcp *pcp, const struct adit_pcp_wish *wish, int64_t now,
                 struct adit_pcp_mapping **ret);
/* Has it deleted; DELETED follows within 10 s, whether or not the server answers. */
void adit_pcp_drop(struct adit_pcp *pcp, struct adit_pcp_mapping *mapping, int64_t now);
/* Has deleted what an earlier run left in the state file and this one did not add. */
void adit_pcp_sweep(struct adit_pcp *pcp, int64_t now);
/* Drops everything; go on dispatching until adit_pcp_is_drained(). */
void adit_pcp_drain(struct adit_pcp *pcp, int64_t now);
int adit_pcp_is_drained(const struct adit_pcp *pcp);

/* The way to the server is open again after a silence (a tunnel's handshake): ask at once. */
void adit_pcp_wake(struct adit_pcp *pcp, int64_t now);
/* Why the server cannot be reached or its notices not heard; NULL: nothing is known to be. It
 * holds until the next call of dispatch. */
const char *adit_pcp_trouble(const struct adit_pcp *pcp);
/* "NOT_AUTHORIZED" for 2, and so on. */
const char *adit_pcp_result_text(int result);

#ifdef __cplusplus
}
#endif
