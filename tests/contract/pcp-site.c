/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/contract/pcp-site.h"

#include <fcntl.h>
#include <glib/gstdio.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <string.h>
#include <unistd.h>

#define DEADLINE_MS 20000
#define QUIET_MS 100

static int server_ns = -1, client_ns = -1;

static void
enter(int ns)
{
    g_assert_cmpint(setns(ns, CLONE_NEWNET), ==, 0);
}

static void
ip(const char *words)
{
    g_autofree char *line = g_strconcat("ip ", words, NULL);
    g_autoptr(GError) error = NULL;
    int status;

    g_assert_true(g_spawn_command_line_sync(line, NULL, NULL, &status, &error));
    g_assert_no_error(error);
    if (status != 0)
        g_error("%s: failed", line);
}

void
pcp_site_do(gboolean server, const char *words)
{
    enter(server ? server_ns : client_ns);
    ip(words);
    enter(client_ns);
}

void
pcp_site_plug(void)
{
    g_autofree char *words = g_strdup_printf(
        "link add c0 type veth peer name s0 netns /proc/%d/fd/%d", getpid(), server_ns);

    pcp_site_do(FALSE, words);
    pcp_site_do(TRUE, "addr add 10.59.0.1/24 dev s0");
    pcp_site_do(TRUE, "addr add fd59::1/64 dev s0 nodad");
    pcp_site_do(TRUE, "link set s0 up");
    pcp_site_do(FALSE, "addr add 10.59.0.2/24 dev c0");
    pcp_site_do(FALSE, "addr add fd59::2/64 dev c0 nodad");
    pcp_site_do(FALSE, "link set c0 up");
}

void
pcp_site_pull(void)
{
    pcp_site_do(TRUE, "link del s0");
}

gboolean
pcp_site_build(void)
{
    int *const ns[] = { &server_ns, &client_ns };

    for (guint i = 0; i < G_N_ELEMENTS(ns); i++) {
        if (unshare(CLONE_NEWNET) != 0)
            return FALSE;
        *ns[i] = open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC);
        ip("link set lo up");
    }
    return TRUE;
}

void
pcp_site_demolish(void)
{
    close(server_ns);
    close(client_ns);
}

AditAddr
pcp_site_server_addr(guint8 family)
{
    AditAddr ret;

    g_assert_true(adit_addr_parse(family == AF_INET ? "10.59.0.1" : "fd59::1", &ret, NULL));
    return ret;
}

AditAddr
pcp_site_client_addr(guint8 family)
{
    AditAddr ret;

    g_assert_true(adit_addr_parse(family == AF_INET ? "10.59.0.2" : "fd59::2", &ret, NULL));
    return ret;
}

AditUdp *
pcp_site_open_udp(gboolean server, const AditUdpConfig *config)
{
    g_autoptr(GError) error = NULL;
    AditUdp *udp;

    enter(server ? server_ns : client_ns);
    udp = adit_udp_open(config, &error);
    enter(client_ns);
    g_assert_no_error(error);
    return udp;
}

void
pcp_site_serve(PcpSite *site)
{
    const AditUdpConfig config = {
        .family = site->family,
        .device = "s0",
        .local = pcp_site_server_addr(site->family),
        .port = ADIT_PCP_SERVER_PORT,
        .share = TRUE,
    };

    site->server.udp = pcp_site_open_udp(TRUE, &config);
}

void
pcp_site_set_up(PcpSite *site, guint8 family)
{
    g_autofree char *dir = g_dir_make_tmp("adit-pcp-XXXXXX", NULL);

    memset(site, 0, sizeof(*site));
    pcp_site_plug();
    site->family = family;
    site->state = g_build_filename(dir, "state", NULL);
    site->events = g_array_new(FALSE, FALSE, sizeof(AditPoolNews));
    site->server.requests = g_array_new(FALSE, FALSE, sizeof(AditPcpRequest));
    site->server.sources = g_array_new(FALSE, FALSE, sizeof(AditSockAddr));
    site->server.lifetime = 7200;
    site->server.epoch = 1000;
    site->server.epoch_at = pcp_site_now(site);
}

void
pcp_site_tear_down(PcpSite *site)
{
    g_autofree char *dir = g_path_get_dirname(site->state);

    g_clear_pointer(&site->client, adit_client_free);
    g_clear_pointer(&site->server.udp, adit_udp_close);
    g_clear_pointer(&site->server.liar, adit_udp_close);
    pcp_site_pull();
    g_unlink(site->state);
    g_assert_cmpint(g_rmdir(dir), ==, 0);
    g_free(site->state);
    g_array_unref(site->events);
    g_array_unref(site->server.requests);
    g_array_unref(site->server.sources);
}

void
pcp_site_open(PcpSite *site, const char *device, const char *own)
{
    AditClientConfig config = {
        .device = device,
        .server = pcp_site_server_addr(site->family),
        .state = site->state,
    };
    g_autoptr(GError) error = NULL;

    if (own)
        g_assert_true(adit_addr_parse(own, &config.own, NULL));
    site->client = adit_client_new(&config, pcp_site_now(site), &error);
    g_assert_no_error(error);
}

const AditMapping *
pcp_site_add(PcpSite *site, guint16 port)
{
    const AditWish wish = {
        .protocol = IPPROTO_TCP,
        .internal_port = port,
        .external_port = port,
        .lifetime = 7200,
    };
    g_autoptr(GError) error = NULL;
    const AditMapping *mapping =
        adit_client_add(site->client, &wish, NULL, pcp_site_now(site), &error);

    g_assert_no_error(error);
    return mapping;
}

gint64
pcp_site_now(const PcpSite *site)
{
    return adit_client_now() + site->leap;
}

static guint32
epoch_now(const PcpSite *site)
{
    return site->server.epoch + (pcp_site_now(site) - site->server.epoch_at) / 1000;
}

void
pcp_site_reply(const PcpSite *site, guint i, AditPcpReply *ret)
{
    const AditPcpRequest *request = &g_array_index(site->server.requests, AditPcpRequest, i);

    adit_pcp_reply_init(request, ret);
    ret->epoch = epoch_now(site);
    ret->lifetime = MIN(request->lifetime, site->server.lifetime);
    if (request->opcode == ADIT_PCP_MAP) {
        ret->body.external = pcp_site_server_addr(site->family);
        ret->body.external_port = request->body.external_port ?: request->body.internal_port;
    }
}

static void
answer(PcpSite *site, const AditUdpPacket *packet)
{
    guint8 bytes[ADIT_PCP_MAX];
    AditUdpPacket out = { .peer = packet->peer, .bytes = bytes };
    AditPcpReply reply;

    pcp_site_reply(site, site->server.requests->len - 1, &reply);
    if (site->server.fickle)
        reply.epoch = site->server.requests->len % 2 ? 1 : 1u << 31;
    out.len = adit_pcp_reply_encode(&reply, bytes);
    g_assert_cmpuint(adit_udp_send(site->server.udp, &out, 1), ==, 1);
}

static void
serve(PcpSite *site)
{
    AditUdpPacket packet;

    while (site->server.udp && adit_udp_receive(site->server.udp, &packet, 1, NULL) == 1) {
        AditPcpRequest request;

        g_assert_cmpint(adit_pcp_request_decode(packet.bytes, packet.len, &packet.peer.addr,
                                                &adit_pcp_offer_all, &request),
                        ==, ADIT_PCP_SUCCESS);
        g_array_append_val(site->server.requests, request);
        g_array_append_val(site->server.sources, packet.peer);
        if (!site->server.mute)
            answer(site, &packet);
    }
}

void
pcp_site_answer(PcpSite *site, int wait_ms)
{
    struct pollfd fd = { adit_udp_get_fd(site->server.udp), POLLIN, 0 };

    poll(&fd, 1, wait_ms);
    serve(site);
}

static void
work(PcpSite *site)
{
    AditPoolNews news;

    adit_client_dispatch(site->client, pcp_site_now(site));
    while (adit_client_pop_event(site->client, &news))
        g_array_append_val(site->events, news);
}

void
pcp_site_turn(PcpSite *site, int wait_ms)
{
    struct pollfd fds[] = {
        { adit_client_get_fd(site->client), POLLIN, 0 },
        { site->server.udp ? adit_udp_get_fd(site->server.udp) : -1, POLLIN, 0 },
    };
    gint64 left = adit_client_deadline(site->client) - pcp_site_now(site);

    poll(fds, G_N_ELEMENTS(fds), CLAMP(left, 0, wait_ms));
    serve(site);
    if (fds[0].revents != 0 || adit_client_deadline(site->client) <= pcp_site_now(site))
        work(site);
}

void
pcp_site_reach(PcpSite *site, const AditMapping *mapping, AditMappingState state)
{
    const gint64 end = g_get_monotonic_time() + DEADLINE_MS * 1000;

    while (mapping->state != state && g_get_monotonic_time() < end)
        pcp_site_turn(site, QUIET_MS);
    g_assert_cmpstr(adit_mapping_state_name(mapping->state), ==,
                    adit_mapping_state_name(state));
}

void
pcp_site_hear(PcpSite *site, guint n)
{
    const gint64 end = g_get_monotonic_time() + DEADLINE_MS * 1000;

    while (site->server.requests->len < n && g_get_monotonic_time() < end)
        pcp_site_turn(site, QUIET_MS);
    g_assert_cmpuint(site->server.requests->len, ==, n);
}

void
pcp_site_leap(PcpSite *site)
{
    const gint64 deadline = adit_client_deadline(site->client);

    g_assert_cmpint(deadline, !=, ADIT_NEVER);
    site->leap += MAX(0, deadline - pcp_site_now(site));
}

void
pcp_site_quiet(PcpSite *site)
{
    const guint events = site->events->len, requests = site->server.requests->len;
    const gint64 end = g_get_monotonic_time() + QUIET_MS * 1000;

    while (g_get_monotonic_time() < end)
        pcp_site_turn(site, QUIET_MS / 4);
    g_assert_cmpuint(site->events->len, ==, events);
    g_assert_cmpuint(site->server.requests->len, ==, requests);
}

guint
pcp_site_count(const PcpSite *site, AditMappingNews what)
{
    guint n = 0;

    for (guint i = 0; i < site->events->len; i++)
        n += g_array_index(site->events, AditPoolNews, i).what == what;
    return n;
}

void
pcp_site_send(const PcpSite *site, AditUdp *udp, guint16 port, const void *bytes, gsize len)
{
    AditUdpPacket packet = {
        .peer = { pcp_site_client_addr(site->family), port },
        .bytes = bytes,
        .len = len,
    };

    g_assert_cmpuint(adit_udp_send(udp, &packet, 1), ==, 1);
}

/* A link that has just come up takes a while to carry IPv6 multicast. */
static void
send_until_heard(PcpSite *site, AditUdpPacket *packet)
{
    const gint64 end = g_get_monotonic_time() + DEADLINE_MS * 1000;
    const guint64 heard = adit_client_get_counts(site->client).pool.notices;

    do {
        adit_udp_send(site->server.udp, packet, 1);
        pcp_site_turn(site, QUIET_MS);
    } while (adit_client_get_counts(site->client).pool.notices == heard &&
             g_get_monotonic_time() < end);
    g_assert_cmpuint(adit_client_get_counts(site->client).pool.notices, ==, heard + 1);
}

void
pcp_site_announce(PcpSite *site, guint32 epoch, gboolean group)
{
    const AditPcpReply reply = { .version = 2, .epoch = epoch };
    guint8 bytes[ADIT_PCP_MAX];
    AditUdpPacket packet = {
        .peer = { pcp_site_client_addr(site->family), ADIT_PCP_CLIENT_PORT },
        .bytes = bytes,
        .len = adit_pcp_reply_encode(&reply, bytes),
    };

    if (group) {
        enter(server_ns);
        packet.ifindex = if_nametoindex("s0");
        enter(client_ns);
        g_assert_true(adit_addr_parse(site->family == AF_INET ? "224.0.0.1" : "ff02::1",
                                      &packet.peer.addr, NULL));
    }
    site->server.epoch = epoch;
    site->server.epoch_at = pcp_site_now(site);
    send_until_heard(site, &packet);
}

const AditPcpRequest *
pcp_site_request(const PcpSite *site, guint i)
{
    return &g_array_index(site->server.requests, AditPcpRequest, i);
}

const AditMapping *
pcp_site_begin(PcpSite *site, guint8 family)
{
    const AditMapping *mapping;

    pcp_site_set_up(site, family);
    pcp_site_serve(site);
    pcp_site_open(site, "c0", NULL);
    mapping = pcp_site_add(site, 443);
    pcp_site_reach(site, mapping, ADIT_MAPPING_GRANTED);
    return mapping;
}

gboolean
pcp_site_has_way(const PcpSite *site)
{
    const AditAddr own = adit_client_get_own(site->client);

    return adit_addr_is_set(&own);
}

void
pcp_site_wait_way(PcpSite *site, gboolean way)
{
    for (guint i = 0; i < 100 && pcp_site_has_way(site) != way; i++)
        pcp_site_turn(site, 100);
    g_assert_cmpint(pcp_site_has_way(site), ==, way);
}

void
pcp_site_replug(PcpSite *site)
{
    g_clear_pointer(&site->server.udp, adit_udp_close);
    pcp_site_plug();
    pcp_site_serve(site);
}
