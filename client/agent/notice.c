/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/agent/notice.h"

static void
action_free(AditNoticeAction *action)
{
    g_free(action->deed);
    g_free(action->label);
    g_free(action);
}

AditNotice *
adit_notice_new(const char *key, AditNoticeKind kind, char *summary, char *body)
{
    AditNotice *notice = g_new0(AditNotice, 1);

    notice->key = g_strdup(key);
    notice->kind = kind;
    notice->summary = summary;
    notice->body = body;
    notice->actions = g_ptr_array_new_with_free_func((GDestroyNotify)action_free);
    return notice;
}

void
adit_notice_free(AditNotice *notice)
{
    if (!notice)
        return;
    g_free(notice->key);
    g_free(notice->summary);
    g_free(notice->body);
    g_free(notice->command);
    g_free(notice->click);
    g_ptr_array_unref(notice->actions);
    g_free(notice);
}

void
adit_notice_add(AditNotice *notice, char *deed, const char *label)
{
    AditNoticeAction *action = g_new0(AditNoticeAction, 1);

    action->deed = deed;
    action->label = g_strdup(label);
    g_ptr_array_add(notice->actions, action);
}
