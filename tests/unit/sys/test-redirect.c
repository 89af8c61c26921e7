/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/sys/redirect.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "libadit/core/redirect-http.h"

/* The responder on real sockets of this machine's loopback, with a clock of the test's own. */

#define DEADLINE_MS 10000

typedef struct {
    AditRedirect *redirect;
    struct sockaddr_in at;
    gint64 now;
} Site;

static void
site_open(Site *site)
{
    socklen_t len = sizeof(site->at);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    site->at = (struct sockaddr_in){ .sin_family = AF_INET };
    site->at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    g_assert_cmpint(bind(fd, (struct sockaddr *)&site->at, len), ==, 0);
    g_assert_cmpint(listen(fd, ADIT_REDIRECT_CONNECTIONS), ==, 0);
    g_assert_cmpint(getsockname(fd, (struct sockaddr *)&site->at, &len), ==, 0);
    site->now = 1000;
    site->redirect = adit_redirect_new(NULL);
    adit_redirect_listen(site->redirect, &fd, 1);
}

static int
visit(const Site *site)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

    g_assert_cmpint(connect(fd, (const struct sockaddr *)&site->at, sizeof(site->at)), ==, 0);
    return fd;
}

static void
say(int fd, const char *text)
{
    g_assert_cmpint(send(fd, text, strlen(text), MSG_NOSIGNAL), ==, (gssize)strlen(text));
}

/* Lets the responder work until it has nothing to do at once. */
static void
settle(Site *site)
{
    struct pollfd fd = { adit_redirect_get_fd(site->redirect), POLLIN, 0 };

    for (guint i = 0; i < 1000 && poll(&fd, 1, 0) == 1; i++)
        adit_redirect_dispatch(site->redirect, site->now);
    adit_redirect_dispatch(site->redirect, site->now);
}

static void
wait_for(Site *site, guint connections)
{
    gint64 end = g_get_monotonic_time() + DEADLINE_MS * 1000;

    do
        settle(site);
    while (adit_redirect_connections(site->redirect) != connections &&
           g_get_monotonic_time() < end);
    g_assert_cmpuint(adit_redirect_connections(site->redirect), ==, connections);
}

/* All that comes until the other side hangs up. */
static char *
hear(Site *site, int fd)
{
    GString *text = g_string_new(NULL);
    gint64 end = g_get_monotonic_time() + DEADLINE_MS * 1000;
    char bytes[4096];
    gssize n;

    do {
        settle(site);
        n = recv(fd, bytes, sizeof(bytes), MSG_DONTWAIT);
        if (n > 0)
            g_string_append_len(text, bytes, n);
    } while (n != 0 && g_get_monotonic_time() < end);
    g_assert_cmpint(n, ==, 0);
    return g_string_free(text, FALSE);
}

static void
test_pieces(void)
{
    static const char request[] = "GET /x HTTP/1.1\r\nHost: a.b\r\n\r\n";
    Site site;
    g_autofree char *answer = NULL;
    int fd;

    site_open(&site);
    fd = visit(&site);
    for (const char *c = request; *c; c++) {
        g_assert_cmpint(send(fd, c, 1, MSG_NOSIGNAL), ==, 1);
        settle(&site);
    }
    answer = hear(&site, fd);
    g_assert_nonnull(strstr(answer, "Location: https://a.b/x\r\n"));
    g_assert_cmpuint(adit_redirect_connections(site.redirect), ==, 1);
    close(fd);
    wait_for(&site, 0);
    g_assert_cmpint(adit_redirect_deadline(site.redirect), ==, 0);
    adit_redirect_free(site.redirect);
}

static void
test_too_long(void)
{
    g_autofree char *name = g_strnfill(ADIT_REDIRECT_REQUEST_MAX, 'a');
    g_autofree char *request = g_strdup_printf("GET / HTTP/1.1\r\nX: %s\r\n\r\n", name);
    g_autofree char *answer = NULL;
    Site site;
    int fd;

    site_open(&site);
    fd = visit(&site);
    say(fd, request);
    answer = hear(&site, fd); /* although he said more than was read */
    g_assert_true(g_str_has_prefix(answer, "HTTP/1.1 431 "));
    close(fd);
    adit_redirect_free(site.redirect);
}

/* Five seconds in all, however busy he is. */
static void
test_slow(void)
{
    Site site;
    int fd;

    site_open(&site);
    fd = visit(&site);
    say(fd, "GET / HT");
    wait_for(&site, 1);
    g_assert_cmpint(adit_redirect_deadline(site.redirect), ==, site.now + ADIT_REDIRECT_TIME);
    site.now += ADIT_REDIRECT_TIME - 1;
    say(fd, "TP/1.1");
    settle(&site);
    g_assert_cmpuint(adit_redirect_connections(site.redirect), ==, 1);
    site.now++;
    settle(&site);
    g_assert_cmpuint(adit_redirect_connections(site.redirect), ==, 0);
    close(fd);
    adit_redirect_free(site.redirect);
}

/* More silent ones than there are places do not keep a visitor out. */
static void
test_crowd(void)
{
    g_autoptr(GArray) silent = g_array_new(FALSE, FALSE, sizeof(int));
    g_autofree char *answer = NULL;
    Site site;
    int fd;

    site_open(&site);
    for (guint i = 0; i < ADIT_REDIRECT_CONNECTIONS + 10; i++) {
        fd = visit(&site);
        g_array_append_val(silent, fd);
        site.now++;
        settle(&site);
    }
    wait_for(&site, ADIT_REDIRECT_CONNECTIONS);
    fd = visit(&site);
    say(fd, "GET / HTTP/1.1\r\nHost: a.b\r\n\r\n");
    answer = hear(&site, fd);
    g_assert_true(g_str_has_prefix(answer, "HTTP/1.1 308 "));
    g_assert_cmpint(recv(g_array_index(silent, int, 0), &(char){ 0 }, 1, MSG_DONTWAIT), ==, 0);
    close(fd);
    for (guint i = 0; i < silent->len; i++)
        close(g_array_index(silent, int, i));
    wait_for(&site, 0);
    adit_redirect_free(site.redirect);
}

/* Who never hangs up is hung up on; so is who never stops talking. */
static void
test_drain(void)
{
    g_autofree char *body = g_strnfill(200 * 1024, 'b');
    g_autofree char *request = g_strconcat("GET / HTTP/1.1\r\nHost: a.b\r\n\r\n", body, NULL);
    Site site;
    int fd;

    site_open(&site);
    fd = visit(&site);
    for (gsize at = 0, len = strlen(request); at < len;) {
        gssize n = send(fd, request + at, len - at, MSG_NOSIGNAL | MSG_DONTWAIT);

        settle(&site);
        if (n < 0 && errno != EAGAIN)
            break;
        at += n > 0 ? (gsize)n : 0;
    }
    wait_for(&site, 0);
    close(fd);
    adit_redirect_free(site.redirect);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/redirect/pieces", test_pieces);
    g_test_add_func("/redirect/too-long", test_too_long);
    g_test_add_func("/redirect/slow", test_slow);
    g_test_add_func("/redirect/crowd", test_crowd);
    g_test_add_func("/redirect/drain", test_drain);
    return g_test_run();
}
