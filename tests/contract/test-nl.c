/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/sys/nl.h"

#include <linux/rtnetlink.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>

#include "libadit/core/error.h"
#include "libadit/wire/rtnl-address.h"
#include "libadit/wire/rtnl-link.h"
#include "libadit/wire/rtnl-rule.h"
#include "tests/contract/netns.h"

/* The netlink socket against the kernel it was made for. */

#define MANY 10000

static AditNl *
open_nl(void)
{
    g_autoptr(GError) error = NULL;
    AditNl *nl = adit_nl_open(NETLINK_ROUTE, &error);

    g_assert_no_error(error);
    return nl;
}

static void
put_rules(AditMsg *m, AditOpVerb verb, guint n)
{
    for (guint i = 0; i < n; i++)
        adit_rule_put(m, verb, &(AditRule){ AF_INET, 1000 + i, ADIT_RULE_LOOKUP, 20101 });
}

static void
change_rules(AditNl *nl, AditOpVerb verb, guint n)
{
    g_autoptr(AditMsg) m = adit_msg_new();
    g_autoptr(GError) error = NULL;

    put_rules(m, verb, n);
    adit_nl_call(nl, m, NULL, NULL, NULL, &error);
    g_assert_no_error(error);
}

static gboolean
count_rule(const struct nlmsghdr *nlh, gpointer data, GError **error)
{
    AditRule rule;

    *(guint *)data += adit_rule_get(nlh, &rule);
    return TRUE;
}

static guint
dump_rules(AditNl *nl)
{
    g_autoptr(AditMsg) m = adit_msg_new();
    g_autoptr(GError) error = NULL;
    guint n = 0;

    adit_rule_put_dump(m);
    adit_nl_dump(nl, m, count_rule, NULL, &n, &error);
    g_assert_no_error(error);
    return n;
}

static void
test_many(void)
{
    g_autoptr(AditNl) nl = open_nl();

    change_rules(nl, ADIT_OP_ADD, MANY);
    g_assert_cmpuint(dump_rules(nl), ==, MANY);
    change_rules(nl, ADIT_OP_DELETE, MANY);
    g_assert_cmpuint(dump_rules(nl), ==, 0);
}

/* The number of the first refusal, though the batch goes in many pieces; and what is left of
 * its answers does not disturb the next call. */
static void
test_first_refusal(void)
{
    const AditRule there = { AF_INET, 1000 + 5000, ADIT_RULE_LOOKUP, 20101 };
    g_autoptr(AditNl) nl = open_nl();
    g_autoptr(AditMsg) one = adit_msg_new();
    g_autoptr(AditMsg) many = adit_msg_new();
    g_autoptr(GError) error = NULL;
    guint failed = 0, n;

    adit_rule_put(one, ADIT_OP_ADD, &there);
    g_assert_true(adit_nl_call(nl, one, NULL, NULL, NULL, &error));
    put_rules(many, ADIT_OP_ADD, MANY);
    g_assert_false(adit_nl_call(nl, many, NULL, NULL, &failed, &error));
    g_assert_cmpuint(failed, ==, 5000);
    g_assert_error(error, ADIT_ERROR, ADIT_ERROR_BUSY);
    g_assert_cmpstr(error->message, ==, "kernel: File exists");

    n = dump_rules(nl); /* the rest of that write was carried out, the others were not */
    g_assert_cmpuint(n, >, 5000);
    g_assert_cmpuint(n, <, MANY);
    change_rules(nl, ADIT_OP_DELETE, n);
    g_assert_cmpuint(dump_rules(nl), ==, 0);
}

/* The kernel's number, its words, and the attribute it points at. */
static void
test_words(void)
{
    const struct rtmsg route = { .rtm_family = AF_INET,
                                 .rtm_dst_len = 8,
                                 .rtm_table = 100,
                                 .rtm_protocol = ADIT_RTPROT,
                                 .rtm_type = RTN_BLACKHOLE };
    const AditAddress address = { "", { { AF_INET, { 10, 59, 0, 2 } }, 24 } };
    g_autoptr(AditNl) nl = open_nl();
    g_autoptr(AditMsg) host_bits = adit_msg_new();
    g_autoptr(AditMsg) short_attr = adit_msg_new();
    g_autoptr(AditMsg) no_link = adit_msg_new();
    g_autoptr(GError) error = NULL;

    adit_msg_begin(host_bits, RTM_NEWROUTE, NLM_F_CREATE, &route, sizeof(route));
    adit_msg_bytes(host_bits, RTA_DST, "\x0a\x01\x02\x03", 4);
    g_assert_false(adit_nl_call(nl, host_bits, NULL, NULL, NULL, &error));
    g_assert_error(error, ADIT_ERROR, ADIT_ERROR_KERNEL);
    g_assert_cmpstr(error->message, ==,
                    "kernel: Invalid argument: Invalid prefix for given prefix length");
    g_clear_error(&error);

    adit_msg_begin(short_attr, RTM_NEWROUTE, NLM_F_CREATE, &route, sizeof(route));
    adit_msg_bytes(short_attr, RTA_PRIORITY, "", 1);
    g_assert_false(adit_nl_call(nl, short_attr, NULL, NULL, NULL, &error));
    g_assert_nonnull(strstr(error->message, "kernel: "));
    g_assert_nonnull(strstr(error->message, " (attribute 6 at byte 28)"));
    g_clear_error(&error);

    adit_address_put(no_link, ADIT_OP_ADD, &address, 9999);
    g_assert_false(adit_nl_call(nl, no_link, NULL, NULL, NULL, &error));
    g_assert_error(error, ADIT_ERROR, ADIT_ERROR_NOT_FOUND);
}

/* Somebody changes addresses while we list them. */
typedef struct {
    AditNl *other;
    guint32 ifindex;
    guint spoil; /* how many dumps to disturb */
    guint restarts;
    guint seen; /* of the dump under way */
    guint32 last;
} Disturbed;

static void
restarted(gpointer data)
{
    Disturbed *d = data;

    d->restarts++;
    d->seen = 0;
}

static void
add_address(AditNl *nl, guint32 ifindex, guint32 n)
{
    const AditAddress address = {
        "", { { AF_INET, { 10, n >> 16, n >> 8, n } }, 32 }, FALSE, FALSE
    };
    g_autoptr(AditMsg) m = adit_msg_new();
    g_autoptr(GError) error = NULL;

    adit_address_put(m, ADIT_OP_ADD, &address, ifindex);
    adit_nl_call(nl, m, NULL, NULL, NULL, &error);
    g_assert_no_error(error);
}

static gboolean
disturb(const struct nlmsghdr *nlh, gpointer data, GError **error)
{
    Disturbed *d = data;

    if (++d->seen == 1 && d->restarts < d->spoil)
        add_address(d->other, d->ifindex, ++d->last);
    return TRUE;
}

static gboolean
take_index(const struct nlmsghdr *nlh, gpointer data, GError **error)
{
    AditLink link;
    char kind[ADIT_NAME_LEN];
    guint32 ifindex;

    if (adit_link_get(nlh, &link, &ifindex, kind) && g_str_equal(link.name, "lo"))
        *(guint32 *)data = ifindex;
    return TRUE;
}

static guint32
loopback(AditNl *nl)
{
    g_autoptr(AditMsg) m = adit_msg_new();
    g_autoptr(GError) error = NULL;
    guint32 ifindex = 0;

    adit_link_put_dump(m);
    adit_nl_dump(nl, m, take_index, NULL, &ifindex, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(ifindex, !=, 0);
    return ifindex;
}

static void
test_interrupted(void)
{
    g_autoptr(AditNl) nl = open_nl();
    g_autoptr(AditNl) other = open_nl();
    g_autoptr(AditMsg) m = adit_msg_new();
    g_autoptr(GError) error = NULL;
    Disturbed d = { .other = other, .ifindex = loopback(nl), .spoil = 3 };

    while (d.last < 2000) /* more than one datagram can hold */
        add_address(other, d.ifindex, ++d.last);
    adit_address_put_dump(m);
    adit_nl_dump(nl, m, disturb, restarted, &d, &error);
    g_assert_no_error(error);
    g_assert_cmpuint(d.restarts, ==, 3);
    g_assert_cmpuint(d.seen, >=, 2003);

    d.seen = 0;
    d.spoil = G_MAXUINT;
    d.restarts = 0;
    g_assert_false(adit_nl_dump(nl, m, disturb, restarted, &d, &error));
    g_assert_error(error, ADIT_ERROR, ADIT_ERROR_BUSY);
    g_assert_cmpuint(d.restarts, ==, 7);
}

static gboolean
give_up(const struct nlmsghdr *nlh, gpointer data, GError **error)
{
    guint *calls = data;

    ++*calls;
    g_set_error(error, ADIT_ERROR, ADIT_ERROR_PROTOCOL, "enough");
    return FALSE;
}

/* A dump that its reader ends is read to its end all the same: the kernel runs one a socket. */
static void
test_abandoned(void)
{
    g_autoptr(AditNl) nl = open_nl();
    g_autoptr(AditMsg) m = adit_msg_new();
    g_autoptr(GError) error = NULL;
    guint calls = 0;

    change_rules(nl, ADIT_OP_ADD, 3000);
    adit_rule_put_dump(m);
    g_assert_false(adit_nl_dump(nl, m, give_up, NULL, &calls, &error));
    g_assert_cmpstr(error->message, ==, "enough");
    g_assert_cmpuint(calls, ==, 1);
    g_assert_cmpuint(dump_rules(nl), ==, 3000);
    change_rules(nl, ADIT_OP_DELETE, 3000);
}

typedef struct {
    guint added, deleted;
    AditRule last;
} Events;

static gboolean
on_event(const struct nlmsghdr *nlh, gpointer data, GError **error)
{
    Events *events = data;

    if (!adit_rule_get(nlh, &events->last))
        return TRUE;
    events->added += nlh->nlmsg_type == RTM_NEWRULE;
    events->deleted += nlh->nlmsg_type == RTM_DELRULE;
    return TRUE;
}

static void
wait_for(AditNl *nl)
{
    struct pollfd pfd = { .fd = adit_nl_get_fd(nl), .events = POLLIN };

    g_assert_cmpint(poll(&pfd, 1, 5000), ==, 1);
}

/* Somebody deletes a rule of ours: we hear of it, with all that is needed to put it back. */
static void
test_events(void)
{
    const AditRule rule = { AF_INET6, 1741, ADIT_RULE_BLACKHOLE, 0, 0x1000000, 0x3f000000 };
    g_autoptr(AditNl) nl = open_nl();
    g_autoptr(AditNl) listener = open_nl();
    g_autoptr(AditMsg) m = adit_msg_new();
    g_autoptr(GError) error = NULL;
    Events events = { 0 };

    g_assert_true(adit_nl_subscribe(listener, RTNLGRP_IPV6_RULE, &error));
    g_assert_true(adit_nl_dispatch(listener, on_event, &events, &error)); /* nothing yet */
    g_assert_cmpuint(events.added + events.deleted, ==, 0);

    adit_rule_put(m, ADIT_OP_ADD, &rule);
    g_assert_true(adit_nl_call(nl, m, NULL, NULL, NULL, &error));
    test_netns_do("-6 rule del pref 1741");
    wait_for(listener);
    g_assert_true(adit_nl_dispatch(listener, on_event, &events, &error));
    g_assert_cmpuint(events.added, ==, 1);
    g_assert_cmpuint(events.deleted, ==, 1);
    g_assert_cmpint(adit_object_cmp(ADIT_KIND_RULE, &events.last, &rule), ==, 0);
}

/* More happened than the buffer held: the listener is told, and hears again afterwards. */
static void
test_overrun(void)
{
    g_autoptr(AditNl) nl = open_nl();
    g_autoptr(AditNl) listener = open_nl();
    g_autoptr(GError) error = NULL;
    Events events = { 0 };
    int size = 4096;

    g_assert_cmpint(
        setsockopt(adit_nl_get_fd(listener), SOL_SOCKET, SO_RCVBUF, &size, sizeof(size)), ==,
        0);
    g_assert_true(adit_nl_subscribe(listener, RTNLGRP_IPV4_RULE, &error));
    change_rules(nl, ADIT_OP_ADD, 500);
    g_assert_false(adit_nl_dispatch(listener, on_event, &events, &error));
    g_assert_error(error, ADIT_ERROR, ADIT_ERROR_BUSY);
    g_clear_error(&error);
    g_assert_true(adit_nl_dispatch(listener, on_event, &events, &error));

    memset(&events, 0, sizeof(events));
    change_rules(nl, ADIT_OP_DELETE, 1);
    g_assert_true(adit_nl_dispatch(listener, on_event, &events, &error));
    g_assert_cmpuint(events.deleted, ==, 1);
    test_netns_do("rule flush protocol 173");
}

/* What another process writes to our socket is not the kernel's word. */
static void
test_impostor(void)
{
    const AditRule rule = { AF_INET, 1741, ADIT_RULE_BLACKHOLE };
    g_autoptr(AditNl) listener = open_nl();
    g_autoptr(AditNl) impostor = open_nl();
    g_autoptr(AditMsg) m = adit_msg_new();
    g_autoptr(GError) error = NULL;
    struct sockaddr_nl to;
    socklen_t to_len = sizeof(to);
    Events events = { 0 };
    const guint8 *bytes;
    gsize len;

    g_assert_cmpint(getsockname(adit_nl_get_fd(listener), (struct sockaddr *)&to, &to_len), ==,
                    0);
    adit_rule_put(m, ADIT_OP_DELETE, &rule);
    bytes = adit_msg_data(m, &len);
    g_assert_cmpint(
        sendto(adit_nl_get_fd(impostor), bytes, len, 0, (struct sockaddr *)&to, to_len), ==,
        (gssize)len);
    wait_for(listener);
    g_assert_true(adit_nl_dispatch(listener, on_event, &events, &error));
    g_assert_cmpuint(events.deleted, ==, 0);
}

int
main(int argc, char **argv)
{
    g_autofree char *why = NULL;

    g_setenv("LC_ALL", "C", TRUE);
    g_test_init(&argc, &argv, NULL);
    if (!test_netns_enter(&why))
        return test_netns_skip(why);
    g_test_add_func("/nl/many", test_many);
    g_test_add_func("/nl/first-refusal", test_first_refusal);
    g_test_add_func("/nl/words", test_words);
    g_test_add_func("/nl/interrupted", test_interrupted);
    g_test_add_func("/nl/abandoned", test_abandoned);
    g_test_add_func("/nl/events", test_events);
    g_test_add_func("/nl/overrun", test_overrun);
    g_test_add_func("/nl/impostor", test_impostor);
    return g_test_run();
}
