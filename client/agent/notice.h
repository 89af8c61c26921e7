/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <glib.h>

/* One notification as a value: what is said, and what may be done about it. */

typedef enum {
    ADIT_NOTICE_NEWS,     /* goes by itself */
    ADIT_NOTICE_QUESTION, /* stays until it is answered */
    ADIT_NOTICE_TROUBLE,  /* stays until it is over */
    ADIT_NOTICE_REPLY,    /* the user has asked for it, and waits */
} AditNoticeKind;

typedef struct {
    char *deed; /* see deed.h */
    char *label;
} AditNoticeAction;

typedef struct {
    char *key; /* of several with one key the last one counts */
    AditNoticeKind kind;
    char *summary;
    char *body;         /* plain text, lines */
    char *command;      /* the same from a terminal, where no action can be shown; or NULL */
    char *click;        /* the deed of a click on the whole, or NULL */
    GPtrArray *actions; /* AditNoticeAction, three at most: GNOME shows no more */
} AditNotice;

/* Takes @summary and @body. */
AditNotice *adit_notice_new(const char *key, AditNoticeKind kind, char *summary, char *body);
void adit_notice_free(AditNotice *notice);
/* Takes @deed. */
void adit_notice_add(AditNotice *notice, char *deed, const char *label);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditNotice, adit_notice_free)
