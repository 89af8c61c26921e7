/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <glib.h>

/* What a tunnel's facts mean, in a word and a sentence. Pure. */

typedef enum {
    ADIT_HEALTH_DOWN,       /* as its user wants */
    ADIT_HEALTH_CONNECTING, /* up for less than ADIT_HEALTH_PATIENCE, and not heard yet */
    ADIT_HEALTH_UP,
    ADIT_HEALTH_BROKEN,
} AditHealth;

#define ADIT_HEALTH_PATIENCE 15 /* seconds: three handshakes are tried in this time */
#define ADIT_HEALTH_STALE 190   /* a session is refused after 180 s */
#define ADIT_HEALTH_OVERDUE                                                                    \
    150                     /* with a keepalive of 25 s it is made anew after 145 s at most */
#define ADIT_HEALTH_FIRST 5 /* a first handshake is tried this often */

typedef struct {
    gboolean wanted;     /* up, by its user's word */
    gboolean has_link;   /* the kernel knows a WireGuard link of its name */
    gboolean keeps;      /* sends by itself: a silence means something */
    gboolean unresolved; /* the endpoint is a name without address yet */
    gint64 up_for;       /* seconds since it was wanted up */
    gint64 silence;      /* seconds since the last handshake; -1: none yet */
} AditHealthFacts;

/* When to look again, by itself, in seconds; 0: only when something happens. */
typedef struct {
    guint wait;
    gboolean overdue; /* a handshake is: look its name up anew */
    gboolean next;    /* and try another of its addresses */
} AditHealthCare;

/* @tries: how often it has been overdue in a row. */
AditHealthCare adit_health_care(const AditHealthFacts *facts, guint tries);
/* *@ret_problem: a constant sentence, or NULL. */
AditHealth adit_health_judge(const AditHealthFacts *facts, const char **ret_problem);
const char *adit_health_to_string(AditHealth health);
