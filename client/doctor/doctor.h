/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/core/finding.h"
#include "libadit/core/ports.h"
#include "libadit/core/profile.h"
#include "libadit/sys/probe.h"
#include "pcp-client/listener.h"

/* `adit doctor`: why is my service not reachable? Facts in, findings out, hop by hop. Pure. */

/* In the order of the way; ended by a zero. */
extern const AditHop adit_doctor_hops[];

typedef struct {
    char *name;
    AditProfile *profile;
    const char *backend; /* who makes its link; constant */
    gboolean wanted;     /* up, by its user's word */
    gboolean selected;   /* other traffic goes by it, in any family */
    gboolean publishes;  /* something is to be published by it */
    gboolean is_ours;    /* its server is an adit-server, by the profile's marker */
    gint64 clock_behind; /* seconds by which this clock is older than what it has written */
    gboolean natted;     /* the way out has a private address */

    gboolean has_link, link_up;
    char *missing;   /* an address of the profile that the link has not; NULL */
    gboolean is_off; /* the family of @missing, there */
    guint32 mtu;     /* of the link */

    AditSockAddr endpoint; /* where the tunnel's packets go; unset: no address yet */
    AditAddr named;        /* what the endpoint's name stands for now; unset: not known */
    char *lookup;          /* why the name has no address; NULL */
    gboolean has_way;      /* a route there by an uplink */
    AditProbeOutcome host, udp;
    gint64 up_for;     /* seconds since it was wanted up */
    gint64 silence;    /* seconds since the last handshake; -1: none yet */
    gboolean answered; /* something came back from there, whatever it was */

    AditProbeOutcome echo; /* of the server inside, a small one */
    guint32 passes;        /* the largest packet that came back; 0: none was asked */
    gboolean has_pcp[2];   /* a server's address in IPv4, IPv6 */
    AditProbeOutcome pcp[2];

    GPtrArray *drift; /* char *: what the kernel has otherwise than planned */
    char *rival;      /* somebody else's rule before ours; NULL */
    char *clash;      /* a LAN with the tunnel's numbers; NULL */
} AditDoctorGateway;

/* What the server says of a port. */
typedef struct {
    char *state; /* "open", "off", "denied", "none"; NULL: it has not said */
    guint64 packets_in, packets_out;
    char *drop; /* whose firewall there drops it; "": nobody's */
} AditDoctorSeen;

/* One publication at one gateway in one family. */
typedef struct {
    char *about;
    const AditDoctorGateway *gateway;
    guint family; /* 0: IPv4, 1: IPv6 */
    AditPorts ports;
    char *inside; /* "10.59.0.2:443" */
    gboolean led_on;
    AditListener listener;   /* of this machine */
    AditProbeOutcome target; /* led on: the other machine */
    char *drop;              /* whose firewall here drops it; NULL or "": nobody's */
    char *state;             /* as `adit published` says; NULL: it is not to be published */
    char *reason, *outside, *protocol;
    gint64 lease;                 /* seconds left */
    AditDoctorSeen before, after; /* it was dialled; without that the second is empty */
    AditProbeOutcome dialled;
    char *uplink;      /* by which it was dialled; NULL: it was not */
    char *not_dialled; /* why */
} AditDoctorReach;

typedef struct {
    const GPtrArray *gateways; /* AditDoctorGateway */
    const GPtrArray *reaches;  /* AditDoctorReach */
    gboolean has_publisher;
} AditDoctorFacts;

/* Array of AditFinding. */
GPtrArray *adit_doctor_judge(const AditDoctorFacts *facts);
/* Whether anything inside has answered: then all that is before it works. */
gboolean adit_doctor_is_heard(const AditDoctorGateway *gateway);
void adit_doctor_gateway_free(AditDoctorGateway *gateway);
void adit_doctor_reach_free(AditDoctorReach *reach);

/* What is known to be sound of the way to a gateway's server. */
typedef struct {
    gboolean tunnel, rules, pcp;
} AditDoctorWay;

/* In doctor-reach.c. */
void adit_doctor_judge_reach(const AditDoctorReach *reach, const AditDoctorWay *way,
                             GPtrArray *ret);
