/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "client/daemon-private.h"
#include "client/doctor/doctor.h"

/* What can be seen of gateways and publications without asking anybody outside. */

/* AditDoctorGateway, of all or of @name. */
GPtrArray *adit_examine_gateways(AditDaemon *daemon, const char *name);
/* Of @first (of the gateways): what is wrong with the rules of this machine, once more. */
void adit_examine_rules(AditDaemon *daemon, AditDoctorGateway *first);
/* AditDoctorReach of @gateways: what adit-publisher shows, of @ports or all (NULL). @managed:
 * its objects, a{oa{sa{sv}}}; NULL: it is not there, and what is wanted is looked at. Of @ports
 * that nobody publishes there is one in each family. */
GPtrArray *adit_examine_reaches(AditDaemon *daemon, const GPtrArray *gateways,
                                GVariant *managed, const AditPorts *ports);
/* The first port of "192.168.1.9:80-90". */
gboolean adit_examine_first(const char *text, AditSockAddr *ret);
/* How packets with the tunnels' own mark leave for @to: from which address by which link.
 * FALSE: not at all. */
gboolean adit_examine_way(const AditSockAddr *to, AditAddr *ret_from, char ret[ADIT_NAME_LEN]);
