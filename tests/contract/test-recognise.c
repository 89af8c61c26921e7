/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/recognise.h"
#include "libadit/core/pcp.h"

#include <glib-unix.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/contract/netns.h"

/* Somebody at the other end of a link, here lo, answers or not, as a tunnel server does or
 * otherwise. */

typedef enum {
    SILENT,
    PCP,        /* as a server of PCP */
    MAP_REPLY,  /* of another opcode */
    REFUSES,    /* with an error */
    NATPMP,     /* a server that knows NAT-PMP only */
    SHORT,      /* cut */
    REQUEST,    /* what we sent, back */
    SECOND_ASK, /* PCP, but the first question is lost */
    NEXT_TIME,  /* PCP, but only when the link has come up anew */
} Manner;

#define PATIENCE_MS 1500

typedef struct {
    const char *name;
    Manner manner;
    const char *host;
    gboolean is_server;
} Row;

static const Row rows[] = {
    { "pcp-4", PCP, "127.0.0.1", TRUE },        { "pcp-6", PCP, "::1", TRUE },
    { "second-ask", SECOND_ASK, "::1", TRUE },  { "next-time", NEXT_TIME, "127.0.0.1", TRUE },
    { "silent", SILENT, "127.0.0.1", FALSE },   { "map", MAP_REPLY, "127.0.0.1", FALSE },
    { "refuses", REFUSES, "127.0.0.1", FALSE }, { "natpmp", NATPMP, "127.0.0.1", FALSE },
    { "short", SHORT, "127.0.0.1", FALSE },     { "own-request", REQUEST, "127.0.0.1", FALSE },
};

typedef struct {
    Manner manner;
    guint asked;
    gboolean anew;
    AditRecognise *recognise;
    GMainLoop *loop;
    gboolean is_server;
} Site;

static gsize
answer(Site *site, const guint8 *asked, gsize len, guint8 *ret)
{
    static const guint8 natpmp[8] = { 0, 128, 0, 1 };
    AditPcpReply reply = { .version = ADIT_PCP_VERSION, .opcode = ADIT_PCP_ANNOUNCE };

    switch (site->manner) {
    case SILENT: return 0;
    case SECOND_ASK:
        if (site->asked < 2)
            return 0;
        return adit_pcp_reply_encode(&reply, ret);
    case NEXT_TIME:
        if (!site->anew)
            return 0;
        return adit_pcp_reply_encode(&reply, ret);
    case PCP: return adit_pcp_reply_encode(&reply, ret);
    case MAP_REPLY: reply.opcode = ADIT_PCP_MAP; return adit_pcp_reply_encode(&reply, ret);
    case REFUSES:
        reply.result = ADIT_PCP_NOT_AUTHORIZED;
        return adit_pcp_reply_encode(&reply, ret);
    case NATPMP: memcpy(ret, natpmp, sizeof(natpmp)); return sizeof(natpmp);
    case SHORT: return adit_pcp_reply_encode(&reply, ret) - 4;
    case REQUEST: memcpy(ret, asked, len); return len;
    }
    g_assert_not_reached();
}

static gboolean
on_asked(int fd, GIOCondition condition, gpointer data)
{
    Site *site = data;
    guint8 bytes[ADIT_PCP_MAX], reply[ADIT_PCP_MAX];
    struct sockaddr_storage peer;
    socklen_t peer_len = sizeof(peer);
    const gssize len =
        recvfrom(fd, bytes, sizeof(bytes), 0, (struct sockaddr *)&peer, &peer_len);
    gsize n;

    g_assert_cmpint(len, ==, ADIT_PCP_HEADER); /* nothing is asked to be opened */
    g_assert_cmpuint(bytes[1], ==, ADIT_PCP_ANNOUNCE);
    site->asked++;
    n = answer(site, bytes, (gsize)len, reply);
    if (site->manner == NEXT_TIME && site->asked == 4) {
        site->anew = TRUE;
        adit_recognise_again(site->recognise);
    }
    if (n > 0)
        g_assert_cmpint(sendto(fd, reply, n, 0, (struct sockaddr *)&peer, peer_len), ==, n);
    return G_SOURCE_CONTINUE;
}

static void
on_done(gboolean is_server, gpointer data)
{
    Site *site = data;

    site->is_server = is_server;
    g_main_loop_quit(site->loop);
}

static int
listen_at(const char *host)
{
    const int family = strchr(host, ':') ? AF_INET6 : AF_INET;
    const int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const struct sockaddr_in6 six = { .sin6_family = AF_INET6,
                                      .sin6_port = htons(ADIT_PCP_SERVER_PORT),
                                      .sin6_addr = in6addr_loopback };
    const struct sockaddr_in four = { .sin_family = AF_INET,
                                      .sin_port = htons(ADIT_PCP_SERVER_PORT),
                                      .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

    g_assert_cmpint(family == AF_INET6 ? bind(fd, (const struct sockaddr *)&six, sizeof(six))
                                       : bind(fd, (const struct sockaddr *)&four, sizeof(four)),
                    ==, 0);
    return fd;
}

static void
test_row(gconstpointer data)
{
    const Row *row = data;
    g_autofree char *text = g_strdup_printf(
        "[Interface]\nPrivateKey = AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n"
        "Address = 10.59.0.2/32, fd59::2/128\n"
        "[Peer]\nPublicKey = ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=\n"
        "AllowedIPs = %s/%u, 0.0.0.0/0, ::/0\n",
        row->host, strchr(row->host, ':') ? 128 : 32);
    g_autoptr(AditProfile) profile = adit_profile_parse("x", text, strlen(text), NULL);
    g_autoptr(AditRecognise) recognise = NULL;
    Site site = { .manner = row->manner, .loop = g_main_loop_new(NULL, FALSE) };
    const int fd = listen_at(row->host);
    const guint source = g_unix_fd_add(fd, G_IO_IN, on_asked, &site);

    g_assert_nonnull(profile);
    recognise = adit_recognise_new("lo", profile, PATIENCE_MS, on_done, &site);
    site.recognise = recognise;
    g_main_loop_run(site.loop);
    g_assert_cmpint(site.is_server, ==, row->is_server);
    g_assert_cmpint(site.anew, ==, row->manner == NEXT_TIME);
    g_assert_cmpuint(site.asked, >, 0);
    g_source_remove(source);
    close(fd);
    g_main_loop_unref(site.loop);
}

/* Whom there is nobody to ask. */
static void
test_no_server(void)
{
    static const char text[] = "[Interface]\n"
                               "PrivateKey = AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=\n";
    g_autoptr(AditProfile) profile = adit_profile_parse("x", text, strlen(text), NULL);
    g_autoptr(AditRecognise) recognise = NULL;
    Site site = { .loop = g_main_loop_new(NULL, FALSE), .is_server = TRUE };

    recognise = adit_recognise_new("lo", profile, PATIENCE_MS, on_done, &site);
    g_main_loop_run(site.loop);
    g_assert_false(site.is_server);
    g_main_loop_unref(site.loop);
}

int
main(int argc, char **argv)
{
    g_autofree char *why = NULL;

    g_test_init(&argc, &argv, NULL);
    if (!test_netns_enter(&why))
        return test_netns_skip(why);
    test_netns_do("link set lo up");
    for (guint i = 0; i < G_N_ELEMENTS(rows); i++) {
        g_autofree char *path = g_strconcat("/recognise/", rows[i].name, NULL);

        g_test_add_data_func(path, &rows[i], test_row);
    }
    g_test_add_func("/recognise/no-server", test_no_server);
    return g_test_run();
}
