/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/web/api.h"
#include "tunnel-server/web/routes.h"
#include "tunnel-server/web/row.h"

/* Private networks of devices. */

static const AditWebMember add_members[] = { { "network", ADIT_WEB_STRING, TRUE },
                                             { "name", ADIT_WEB_STRING, FALSE },
                                             { 0 } };
static const AditWebMember change_members[] = { { "ipv6", ADIT_WEB_STRING, FALSE },
                                                { "wan-address", ADIT_WEB_STRING, FALSE },
                                                { "dns", ADIT_WEB_STRINGS, FALSE },
                                                { 0 } };

static void
on_list(AditWebRequest *request, GVariant *reply, GUnixFDList *fds)
{
    adit_web_api_rows(request, reply, adit_web_subnet_names, NULL);
}

static void
list(AditWebRequest *request)
{
    adit_web_request_ask(request, "ListSubnets", NULL, on_list);
}

static void
on_added(AditWebRequest *request, GVariant *reply, GUnixFDList *fds)
{
    static const char *const names[] = { "name", NULL };

    adit_web_api_done(request, SOUP_STATUS_CREATED, reply, names);
}

static void
add(AditWebRequest *request)
{
    adit_web_request_ask(request, "AddSubnet",
                         g_variant_new("(ss)", adit_web_body_string(request->body, "network"),
                                       adit_web_body_string(request->body, "name")),
                         on_added);
}

static void
on_prefix(AditWebRequest *request, GVariant *reply, GUnixFDList *fds)
{
    static const char *const names[] = { "ipv6", "notes", NULL };

    adit_web_api_done(request, SOUP_STATUS_OK, reply, names);
}

static void
on_changed(AditWebRequest *request, GVariant *reply, GUnixFDList *fds)
{
    adit_web_api_done(request, SOUP_STATUS_NO_CONTENT, NULL, NULL);
}

static void
change(AditWebRequest *request)
{
    const char *member = adit_web_api_only_member(request);
    const char *subnet = request->path[3];

    if (!member)
        return;
    if (g_str_equal(member, "ipv6"))
        adit_web_request_ask(
            request, "SetSubnetIpv6",
            g_variant_new("(ss)", subnet, adit_web_body_string(request->body, "ipv6")),
            on_prefix);
    else if (g_str_equal(member, "wan-address"))
        adit_web_request_ask(
            request, "SetSubnetWan",
            g_variant_new("(ss)", subnet, adit_web_body_string(request->body, "wan-address")),
            on_changed);
    else
        adit_web_request_ask(
            request, "SetSubnetDns",
            g_variant_new("(s@as)", subnet, adit_web_body_strings(request->body, "dns")),
            on_changed);
}

static void
drop(AditWebRequest *request)
{
    adit_web_request_ask(request, "RemoveSubnet", g_variant_new("(s)", request->path[3]),
                         on_changed);
}

const AditWebRoute adit_web_subnet_routes[] = {
    { "GET", "/api/v1/subnets", ADIT_WEB_READ, list, NULL, NULL },
    { "POST", "/api/v1/subnets", ADIT_WEB_WRITE, add, add_members, "subnet add" },
    { "PATCH", "/api/v1/subnets/{name}", ADIT_WEB_WRITE, change, change_members,
      "subnet change" },
    { "DELETE", "/api/v1/subnets/{name}", ADIT_WEB_WRITE, drop, NULL, "subnet remove" },
    { 0 },
};
