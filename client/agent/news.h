/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "client/agent/memory.h"
#include "client/agent/notice.h"
#include "client/agent/seen.h"

/* When something is said: what is seen, against what was said before. Pure: the clock is
 * passed in (seconds that only grow), and what is to be shown comes out. */

typedef struct _AditNews AditNews;

/* Of both one is set. */
typedef struct {
    AditNotice *show; /* in place of another one with its key */
    char *close;      /* the key of one that is over */
} AditNewsItem;

typedef struct {
    gboolean can_copy; /* there is a clipboard */
    gboolean asks;     /* about services: the user's settings allow it */
    gboolean tells;    /* what went well, too */
} AditNewsWish;

AditNews *adit_news_new(AditMemory *memory); /* borrowed */
/* AditNewsItem in order. *@ret_wake: when it has something to say though nothing new is seen;
 * G_MAXINT64: never. */
GPtrArray *adit_news_step(AditNews *news, const AditNewsWish *wish, const AditSeen *seen,
                          gint64 now, gint64 *ret_wake);
/* The user, or a desktop, has put it away. */
void adit_news_closed(AditNews *news, const char *key, gint64 now);
/* What is asked about, a service or "offer:CONNECTION", was answered. */
void adit_news_answered(AditNews *news, const char *subject);
void adit_news_free(AditNews *news);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditNews, adit_news_free)
