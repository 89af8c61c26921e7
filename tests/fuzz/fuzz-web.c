/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/fuzz/target.h"
#include "tunnel-server/web/body.h"
#include "tunnel-server/web/host.h"

#include <string.h>

static const AditWebMember members[] = { { "name", ADIT_WEB_STRING, FALSE },
                                         { "on", ADIT_WEB_BOOL, FALSE },
                                         { "port", ADIT_WEB_INT, FALSE },
                                         { "nets", ADIT_WEB_STRINGS, FALSE },
                                         { 0 } };

/* A body, a path, a host and a cookie of the same bytes. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *)data, size);
    JsonObject *body = adit_web_body_parse((const char *)data, size, members, NULL);
    g_auto(GStrv) path = adit_web_path_split(text);
    g_autofree char *cookie = adit_web_cookie_get(text, "name");

    g_assert_true(!cookie || strlen(cookie) <= size);
    adit_web_host_is_ours(text, "vps.example");
    for (guint i = 0; path && path[i]; i++) {
        g_assert_cmpstr(path[i], !=, "..");
        g_assert_cmpstr(path[i], !=, "");
    }
    if (!body)
        return 0;
    g_assert_cmpuint(strlen(adit_web_body_string(body, "name")), <=, 512);
    g_variant_unref(g_variant_ref_sink(adit_web_body_strings(body, "nets")));
    adit_web_body_blame(body, members, text);
    json_object_unref(body);
    return 0;
}
