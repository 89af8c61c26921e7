/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/server/pcp-fixture.h"
#include "tests/unit/server/sample.h"

#include "libadit/core/error.h"
#include "tunnel-server/own.h"

#include <netinet/in.h>
#include <sys/socket.h>

/* What devices may change on the page, and what not; each in both families. */

static AditOwnDesk
desk_of(PcpFixture *f, const char *address)
{
    const AditOwnDesk desk = { address, f->site, f->table, f->rules, f->desk.now_ms };

    return desk;
}

/* The new model is taken if it is good. NULL: done; otherwise why not. */
static char *
publish_to(PcpFixture *f, const char *address, const char *ports, guint16 internal,
           AditRedirectKind redirect)
{
    const AditOwnDesk desk = desk_of(f, address);
    const guchar family = f->family == AF_INET ? 4 : 6;
    AditPublishWish wish = {
        .address = "", .label = "mine", .internal = internal, .redirect = redirect
    };
    g_autoptr(AditModel) next = adit_model_copy(f->model);
    g_autoptr(GError) error = NULL;

    adit_ports_parse(ports, &wish.ports, &error);
    g_assert_no_error(error);
    if (!adit_own_publish(next, &desk, family, &wish, &error) ||
        !adit_model_settle(next, &error))
        return g_strdup(error->message);
    adit_model_free(f->model);
    f->model = g_steal_pointer(&next);
    pcp_make_site(f);
    return NULL;
}

static void
check(PcpFixture *f, const char *address, const char *ports, const char *words)
{
    g_autofree char *said = publish_to(f, address, ports, 0, ADIT_REDIRECT_NONE);

    g_assert_cmpstr(said, ==, words);
}

static const char *
key_of(PcpFixture *f, const char *of4, const char *of6)
{
    return f->family == AF_INET ? of4 : of6;
}

static AditError
find_as(PcpFixture *f, const char *address, const char *key, char **ret_words)
{
    const AditOwnDesk desk = desk_of(f, address);
    g_autoptr(GError) error = NULL;
    guint at;

    if (adit_own_find(f->model, &desk, f->family, key, &at, &error)) {
        *ret_words = NULL;
        return 0;
    }
    g_assert_true(error->domain == ADIT_ERROR);
    *ret_words = g_strdup(error->message);
    return (AditError)error->code;
}

static AditPublish *
last(PcpFixture *f)
{
    return g_ptr_array_index(f->model->publishes, f->model->publishes->len - 1);
}

/* Its addresses of both families are one device. */
static void
test_own(PcpFixture *f, gconstpointer data)
{
    g_autofree char *said = NULL;

    check(f, "10.59.0.2", "8080/tcp", NULL);
    g_assert_cmpint(last(f)->owner, ==, ADIT_OWNER_DEVICE);
    g_assert_cmpstr(last(f)->label, ==, "mine");
    g_assert_cmpint(find_as(f, "2a11:1:2::a3b:2", key_of(f, "8080/tcp", "nas:8080/tcp"), &said),
                    ==, 0);
    g_assert_null(said);
    check(f, "2a11:1:2::a3b:2", "8081/both", NULL);
    g_assert_cmpuint(f->model->publishes->len, ==, 2);
}

static void
test_nobody(PcpFixture *f, gconstpointer data)
{
    check(f, "10.59.0.99", "8080/tcp", "10.59.0.99: no device has this address");
    check(f, "10.59.0.1", "8080/tcp", "10.59.0.1: no device has this address");
    check(f, "203.0.113.7", "8080/tcp", "203.0.113.7: no device has this address");
    check(f, "nas", "8080/tcp", "nas: no device has this address");
    check(f, "", "8080/tcp", ": no device has this address");
    g_assert_cmpuint(f->model->publishes->len, ==, 0);
}

/* Another's does not exist for it, and is not named. */
static void
test_others(PcpFixture *f, gconstpointer data)
{
    const char *key = key_of(f, "8080/tcp", "nas:8080/tcp");
    g_autofree char *words = g_strdup_printf("%s: no such mapping", key);
    g_autofree char *said = NULL;
    g_autofree char *redirect = NULL;

    check(f, "10.59.0.2", "8080/tcp", NULL);
    g_assert_cmpint(find_as(f, "10.59.0.3", key, &said), ==, ADIT_ERROR_NOT_FOUND);
    g_assert_cmpstr(said, ==, words);
    if (f->family == AF_INET6) {
        check(f, "10.59.0.3", "8080/tcp", NULL); /* on an address of its own */
        return;
    }
    check(f, "10.59.0.3", "8080/tcp", "port 8080/tcp: taken");
    check(f, "10.59.0.3", "8000-8100/tcp", "port 8080/tcp: taken");
    check(f, "10.59.0.3", "8080/udp", NULL);
    pcp_publish(f, "80/tcp", "nas");
    redirect = publish_to(f, "10.59.0.3", "443/tcp", 0, ADIT_REDIRECT_HTTPS);
    g_assert_cmpstr(redirect, ==, "redirect from port 80: port 80/tcp is taken");
}

/* A lease of another device's stays, and for a while its port; its own becomes this. */
static void
test_leases(PcpFixture *f, gconstpointer data)
{
    const AditLease *lease;

    g_assert_cmpint(pcp_send_as(f, "disk"), ==, ADIT_PCP_SUCCESS);
    check(f, "10.59.0.3", "443/tcp", NULL);
    pcp_ask_for(f, 444);
    g_assert_cmpint(pcp_send_as(f, "disk"), ==, ADIT_PCP_SUCCESS);
    if (f->family == AF_INET6)
        return;
    check(f, "10.59.0.2", "444/tcp", "port 444/tcp: taken");
    lease = adit_lease_find_external(f->table, IPPROTO_TCP,
                                     &(AditSockAddr){ pcp_host(f, "disk")->external, 444 });
    adit_lease_remove(f->table, lease, f->desk.now_ms, 60000);
    check(f, "10.59.0.2", "444/tcp", "port 444/tcp: taken");
    f->desk.now_ms += 60001;
    check(f, "10.59.0.2", "444/tcp", NULL);
}

static void
test_reserved(PcpFixture *f, gconstpointer data)
{
    const gboolean v4 = f->family == AF_INET;

    check(f, "10.59.0.2", "22/tcp", v4 ? "port 22/tcp: reserved for the server itself" : NULL);
    check(f, "10.59.0.2", "51820/udp",
          v4 ? "port 51820/udp: reserved for the server itself" : NULL);
}

static void
test_permission(PcpFixture *f, gconstpointer data)
{
    check(f, "10.59.0.2", "8080/tcp", NULL);
    pcp_publish(f, "8081/tcp", "nas");
    adit_edit_set_may_publish(f->model, g_ptr_array_index(f->model->devices, 0), FALSE);
    g_assert_false(adit_model_publish(f->model, 0)->enabled);
    g_assert_true(adit_model_publish(f->model, 1)->enabled); /* the operator's */
    pcp_make_site(f);
    check(f, "10.59.0.2", "8082/tcp",
          "nas: the server does not let this device publish: adit-server device set-publish");
}

/* Of the operator's word there are two kinds: what he has made, and what he has switched off.
 */
static void
test_operator(PcpFixture *f, gconstpointer data)
{
    const char *manual = key_of(f, "8081/tcp", "nas:8081/tcp");
    const char *own = key_of(f, "8080/tcp", "nas:8080/tcp");
    g_autofree char *a = NULL;
    g_autofree char *b = NULL;
    g_autofree char *c = NULL;

    pcp_publish(f, "8081/tcp", "nas");
    g_assert_cmpint(find_as(f, "10.59.0.2", manual, &a), ==, ADIT_ERROR_DENIED);
    g_assert_true(g_str_has_suffix(a, ": the operator's, not this device's"));
    check(f, "10.59.0.2", "8080/tcp", NULL);
    adit_edit_set_enabled(last(f), FALSE);
    g_assert_cmpint(last(f)->owner, ==, ADIT_OWNER_HELD);
    g_assert_cmpint(find_as(f, "10.59.0.2", own, &b), ==, ADIT_ERROR_DENIED);
    g_assert_true(g_str_has_suffix(b, ": switched off by the operator"));
    adit_edit_set_enabled(last(f), TRUE);
    g_assert_cmpint(find_as(f, "10.59.0.2", own, &c), ==, 0);
}

static void
check_held(PcpFixture *f, const char *ports, guint16 internal, gboolean is_held)
{
    g_autofree char *said = publish_to(f, "10.59.0.2", ports, internal, ADIT_REDIRECT_NONE);

    g_assert_cmpstr(said, ==, is_held ? "ports: switched off by the operator" : NULL);
}

/* What the operator has switched off is not opened under another number, nor made anew. */
static void
test_held(PcpFixture *f, gconstpointer data)
{
    g_autofree char *redirect = NULL;

    pcp_ask_for(f, 80);
    g_assert_cmpint(pcp_send(f), ==, ADIT_PCP_SUCCESS);
    pcp_turn_off(f, ADIT_LEASE_OFF);
    check_held(f, "80/tcp", 0, TRUE);
    check_held(f, "80/tcp", 8080, TRUE);
    check_held(f, "8079-8090/both", 79, TRUE);
    redirect = publish_to(f, "10.59.0.2", "443/tcp", 0, ADIT_REDIRECT_HTTPS);
    g_assert_cmpstr(redirect, ==, "ports: switched off by the operator");
    check_held(f, "80/udp", 0, FALSE);

    pcp_publish(f, "9000-9009/tcp", "nas");
    adit_edit_set_enabled(last(f), FALSE);
    check_held(f, "7000/tcp", 9009, TRUE);
    check_held(f, "7000/tcp", 9010, FALSE);
    check_held(f, "7001/udp", 9009, FALSE);
    adit_edit_set_enabled(last(f), FALSE);
    check_held(f, "7002/udp", 9009, TRUE);
    check(f, "10.59.0.3", "7002/udp", NULL); /* disk's own service is another */
}

/* What it has switched off itself is its own to open. */
static void
test_own_word(PcpFixture *f, gconstpointer data)
{
    g_assert_cmpint(pcp_send(f), ==, ADIT_PCP_SUCCESS);
    pcp_turn_off(f, ADIT_LEASE_OFF | ADIT_LEASE_BY_DEVICE);
    check_held(f, "444/tcp", 443, FALSE);
    last(f)->enabled = FALSE;
    check_held(f, "445/tcp", 443, FALSE);
}

/* PCP and the page share one quota, whichever comes first. */
static void
test_quota(PcpFixture *f, gconstpointer data)
{
    const char *full = "ports: this device has as many as the server allows";

    f->rules->quota = 4;
    check(f, "10.59.0.2", "8000-8004/tcp", full);
    check(f, "10.59.0.2", "8000-8002/both", full);
    check(f, "10.59.0.2", "8000-8002/tcp", NULL);
    g_assert_cmpint(pcp_send(f), ==, ADIT_PCP_SUCCESS);
    check(f, "10.59.0.2", "8003/tcp", full);
    pcp_ask_for(f, 444);
    g_assert_cmpint(pcp_send(f), ==, ADIT_PCP_USER_EX_QUOTA);
    check(f, "10.59.0.3", "8003/tcp", NULL); /* disk has one of its own */
}

static void
test_low(PcpFixture *f, gconstpointer data)
{
    const gboolean v4 = f->family == AF_INET;

    f->rules->low_quota = 2;
    check(f, "10.59.0.2", "1000-1002/tcp",
          v4 ? "ports: this device has as many as the server allows" : NULL);
    check(f, "10.59.0.2", "1022-1030/tcp", NULL);
    pcp_ask_for(f, 443);
    g_assert_cmpint(pcp_send(f), ==, v4 ? ADIT_PCP_USER_EX_QUOTA : ADIT_PCP_SUCCESS);
}

int
main(int argc, char **argv)
{
    static const PcpCase cases[] = {
        { "own", test_own },           { "nobody", test_nobody },
        { "others", test_others },     { "leases", test_leases },
        { "reserved", test_reserved }, { "permission", test_permission },
        { "operator", test_operator }, { "quota", test_quota },
        { "low", test_low },           { "held", test_held },
        { "own-word", test_own_word },
    };

    g_test_init(&argc, &argv, NULL);
    pcp_add_cases("own", cases, G_N_ELEMENTS(cases));
    return g_test_run();
}
