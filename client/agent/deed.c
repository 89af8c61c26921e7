/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/agent/deed.h"

#include <string.h>

static const struct {
    const char *verb;
    gboolean takes_subject;
} verbs[] = {
    [ADIT_DEED_COPY] = { "copy", TRUE },     [ADIT_DEED_PUBLISH] = { "publish", TRUE },
    [ADIT_DEED_NEVER] = { "never", TRUE },   [ADIT_DEED_QUIET] = { "quiet", FALSE },
    [ADIT_DEED_ASK] = { "ask", FALSE },      [ADIT_DEED_UNPUBLISH] = { "unpublish", TRUE },
    [ADIT_DEED_OPEN] = { "open", FALSE },    [ADIT_DEED_UP] = { "up", TRUE },
    [ADIT_DEED_DOWN] = { "down", TRUE },     [ADIT_DEED_DEFAULT] = { "default", TRUE },
    [ADIT_DEED_DROP] = { "drop", TRUE },     [ADIT_DEED_REMOVE] = { "remove", TRUE },
    [ADIT_DEED_ADOPT] = { "adopt", TRUE },   [ADIT_DEED_PAGE] = { "page", TRUE },
    [ADIT_DEED_IMPORT] = { "import", TRUE }, [ADIT_DEED_CANCEL] = { "cancel", TRUE },
};
G_STATIC_ASSERT(G_N_ELEMENTS(verbs) == ADIT_N_DEEDS);

char *
adit_deed_print(AditDeedKind kind, const char *subject)
{
    g_assert(verbs[kind].takes_subject == (subject != NULL));
    return subject ? g_strconcat(verbs[kind].verb, " ", subject, NULL)
                   : g_strdup(verbs[kind].verb);
}

gboolean
adit_deed_parse(const char *text, AditDeedKind *ret, const char **ret_subject)
{
    for (guint i = 0; i < ADIT_N_DEEDS; i++) {
        const gsize len = strlen(verbs[i].verb);

        if (strncmp(text, verbs[i].verb, len) != 0)
            continue;
        if (verbs[i].takes_subject ? text[len] != ' ' || text[len + 1] == '\0'
                                   : text[len] != '\0')
            continue;
        *ret = (AditDeedKind)i;
        *ret_subject = verbs[i].takes_subject ? text + len + 1 : NULL;
        return TRUE;
    }
    return FALSE;
}
