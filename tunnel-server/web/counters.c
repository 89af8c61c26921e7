/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/web/counters.h"

static const char *const names[] = {
    [ADIT_WEB_REFUSED_HOST] = "host",         [ADIT_WEB_REFUSED_ORIGIN] = "origin",
    [ADIT_WEB_REFUSED_CSRF] = "csrf",         [ADIT_WEB_REFUSED_PASSWORD] = "password",
    [ADIT_WEB_REFUSED_BACKOFF] = "backoff",   [ADIT_WEB_REFUSED_LOGIN] = "login",
    [ADIT_WEB_REFUSED_SCOPE] = "scope",       [ADIT_WEB_REFUSED_PATH] = "path",
    [ADIT_WEB_REFUSED_METHOD] = "method",     [ADIT_WEB_REFUSED_BODY] = "body",
    [ADIT_WEB_REFUSED_DEADLINE] = "deadline", [ADIT_WEB_REFUSED_CONNECTIONS] = "connections",
    [ADIT_WEB_REFUSED_STRANGER] = "stranger",
};

G_STATIC_ASSERT(G_N_ELEMENTS(names) == ADIT_WEB_REFUSALS);

const char *
adit_web_refusal_name(AditWebRefusal refusal)
{
    return names[refusal];
}
