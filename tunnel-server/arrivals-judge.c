/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/arrivals-judge.h"

#include <netinet/in.h>
#include <string.h>

typedef struct {
    const AditArrivalSight *sight;
    char *name;
    GPtrArray *ret;
} Judge;

static const char *
proto_of(const AditArrival *arrival)
{
    return arrival->proto == IPPROTO_UDP ? "udp" : "tcp";
}

char *
adit_arrival_name(const AditArrival *arrival)
{
    g_autofree char *end = adit_sockaddr_to_string(&arrival->external);

    return g_strdup_printf("%s/%s", end, proto_of(arrival));
}

static void
say(const Judge *j, AditVerdict verdict, char *what, char *why, char *remedy)
{
    adit_findings_add(j->ret, "arrivals", j->name, verdict, what, why, remedy);
}

static void
judge_nobodys(const Judge *j)
{
    const AditArrival *a = j->sight->arrival;

    if (a->seen.answered > 0)
        say(j, ADIT_VERDICT_OK, g_strdup("a program of this machine itself has answered"), NULL,
            NULL);
    else
        say(j, ADIT_VERDICT_BROKEN, g_strdup("nothing is published there"),
            g_strdup("no forward, pinhole or lease has that port"),
            g_strdup_printf("adit-server publish DEVICE %u/%s", a->external.port, proto_of(a)));
}

static void
judge_device(const Judge *j)
{
    const AditArrival *a = j->sight->arrival;
    const char *device = j->sight->device;

    if (a->seen.answered > 0)
        say(j, ADIT_VERDICT_OK, g_strdup("answered"), NULL, NULL);
    else if (a->seen.refused > 0)
        say(j, ADIT_VERDICT_BROKEN, g_strdup_printf("%s refuses it", device),
            g_strdup("nothing listens there"),
            g_strdup_printf("at %s: adit doctor %u", device, a->external.port));
    else if (a->proto == IPPROTO_UDP)
        say(j, ADIT_VERDICT_NOT_TESTED,
            g_strdup_printf("sent on to %s, which has said nothing; UDP need not", device),
            NULL, NULL);
    else
        say(j, ADIT_VERDICT_BROKEN, g_strdup_printf("%s does not answer", device),
            g_strdup("it is off, or a firewall there drops it"),
            g_strdup_printf("at %s: adit doctor %u", device, a->external.port));
}

static void
judge_lost(const Judge *j)
{
    const AditArrivalSight *s = j->sight;
    const char *run = s->drop ? strstr(s->drop, "; run: ") : NULL;

    if (s->off)
        say(j, ADIT_VERDICT_BROKEN, g_strdup("it is turned off"),
            g_strdup("that is the operator's word"),
            g_strdup_printf("adit-server %s set-enabled %s on",
                            s->arrival->external.addr.family == AF_INET6 ? "pinhole"
                                                                         : "forward",
                            s->key ? s->key : ""));
    else if (s->drop)
        say(j, ADIT_VERDICT_BROKEN,
            g_strndup(s->drop, run ? (gsize)(run - s->drop) : strlen(s->drop)),
            g_strdup("a firewall of this machine has not been told of the tunnel"),
            g_strdup(run ? run + strlen("; run: ") : ""));
    else
        say(j, ADIT_VERDICT_BROKEN, g_strdup("dropped here"),
            g_strdup("those who came are not among the allowed, or connections are at their "
                     "limit"),
            g_strdup("adit-server mappings"));
}

void
adit_arrival_judge(const AditArrivalSight *sight, GPtrArray *findings)
{
    const AditArrived *seen = &sight->arrival->seen;
    g_autofree char *name = adit_arrival_name(sight->arrival);
    const Judge j = { sight, name, findings };

    if (seen->came == 0)
        say(&j, ADIT_VERDICT_NOT_TESTED,
            g_strdup("nothing came: nobody has tried, or the provider's firewall drops it"),
            NULL, NULL);
    else if (!sight->device)
        judge_nobodys(&j);
    else if (seen->passed == 0 || sight->off) /* this machine itself may have taken it in */
        judge_lost(&j);
    else
        judge_device(&j);
}
