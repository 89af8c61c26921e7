/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/inet.h"
#include "tests/fuzz/target.h"

#include <string.h>

static void
try_addr(const char *text)
{
    AditAddr addr, again;
    g_autofree char *out = NULL;

    if (!adit_addr_parse(text, &addr, NULL))
        return;
    out = adit_addr_to_string(&addr);
    g_assert_true(adit_addr_parse(out, &again, NULL));
    g_assert_cmpint(adit_addr_cmp(&addr, &again), ==, 0);
}

static void
try_prefix(const char *text)
{
    AditPrefix prefix, again;
    g_autofree char *out = NULL;

    if (!adit_prefix_parse(text, &prefix, NULL))
        return;
    out = adit_prefix_to_string(&prefix);
    g_assert_true(adit_prefix_parse(out, &again, NULL));
    g_assert_cmpint(adit_prefix_cmp(&prefix, &again), ==, 0);
}

static void
try_sockaddr(const char *text)
{
    AditSockAddr sa, again;
    g_autofree char *out = NULL;

    if (!adit_sockaddr_parse(text, &sa, NULL))
        return;
    out = adit_sockaddr_to_string(&sa);
    g_assert_true(adit_sockaddr_parse(out, &again, NULL));
    g_assert_cmpint(adit_sockaddr_cmp(&sa, &again), ==, 0);
}

static void
try_endpoint(const char *text)
{
    g_auto(AditEndpoint) endpoint = { 0 }, again = { 0 };
    g_autofree char *out = NULL;

    if (!adit_endpoint_parse(text, &endpoint, NULL))
        return;
    out = adit_endpoint_to_string(&endpoint);
    g_assert_true(adit_endpoint_parse(out, &again, NULL));
    g_assert_cmpint(adit_endpoint_cmp(&endpoint, &again), ==, 0);
    g_assert_cmpstr(endpoint.host, ==, again.host);
}

int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    g_autofree char *text = g_strndup((const char *)data, size);

    try_addr(text);
    try_prefix(text);
    try_sockaddr(text);
    try_endpoint(text);
    return 0;
}
