/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/health.h"

static AditHealth
judge_unheard(const AditHealthFacts *facts, const char **ret_problem)
{
    if (facts->up_for < ADIT_HEALTH_PATIENCE)
        return ADIT_HEALTH_CONNECTING;
    if (!facts->has_link)
        *ret_problem = "no link: its network manager has not made it; adit up tries again";
    else if (facts->unresolved)
        *ret_problem = "no address for the server's name: is a name server reachable?";
    else
        *ret_problem = "no handshake: key, PSK, endpoint or blocked UDP";
    return ADIT_HEALTH_BROKEN;
}

AditHealth
adit_health_judge(const AditHealthFacts *facts, const char **ret_problem)
{
    *ret_problem = NULL;
    if (!facts->wanted)
        return ADIT_HEALTH_DOWN;
    if (!facts->has_link || facts->silence < 0)
        return judge_unheard(facts, ret_problem);
    if (facts->keeps && facts->silence > ADIT_HEALTH_STALE) {
        *ret_problem = "no handshake any more: server down, changed key or blocked UDP";
        return ADIT_HEALTH_BROKEN;
    }
    return ADIT_HEALTH_UP;
}

/* An idle tunnel that sends nothing by itself has no reason to be heard. */
AditHealthCare
adit_health_care(const AditHealthFacts *facts, guint tries)
{
    static const guint waits[] = { 5, 10, 20, 40, 60 };
    const gboolean unheard = facts->silence < 0;
    const gint64 left =
        unheard ? ADIT_HEALTH_FIRST - facts->up_for : ADIT_HEALTH_OVERDUE - facts->silence;
    AditHealthCare care = { 0 };

    if (!facts->wanted || !facts->has_link ||
        (!facts->keeps && (!unheard || facts->up_for > ADIT_HEALTH_PATIENCE)))
        return care;
    if (left > 0) {
        care.wait = unheard ? 1 : (guint)left;
        return care;
    }
    care.wait = waits[MIN(tries, G_N_ELEMENTS(waits) - 1)];
    care.overdue = TRUE;
    care.next = unheard || tries > 0;
    return care;
}

const char *
adit_health_to_string(AditHealth health)
{
    switch (health) {
    case ADIT_HEALTH_DOWN: return "down";
    case ADIT_HEALTH_CONNECTING: return "connecting";
    case ADIT_HEALTH_UP: return "up";
    case ADIT_HEALTH_BROKEN: return "broken";
    }
    g_assert_not_reached();
}
