/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/sys/redirect.h"

#include "libadit/core/redirect-http.h"
#include "libadit/sys/syserror.h"

#include <errno.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#define LISTENER G_MAXUINT32  /* epoll's number of every listening socket */
#define EVENTS_MAX 64         /* of one dispatch */
#define DRAIN_MAX (64 * 1024) /* bytes of a body that is not wanted */

/* Edge-triggered: each step goes on until the socket has no more to give or take. */
typedef struct {
    int fd; /* -1: free */
    gint64 deadline;
    char *request; /* until it is answered */
    gsize len, drained;
    char *answer; /* until it is sent */
    gsize sent;
} Connection;

struct _AditRedirect {
    int epoll;
    GArray *listeners; /* int */
    Connection connections[ADIT_REDIRECT_CONNECTIONS];
};

AditRedirect *
adit_redirect_new(GError **error)
{
    g_autoptr(AditRedirect) self = g_new0(AditRedirect, 1);

    self->listeners = g_array_new(FALSE, FALSE, sizeof(int));
    for (guint i = 0; i < ADIT_REDIRECT_CONNECTIONS; i++)
        self->connections[i].fd = -1;
    self->epoll = epoll_create1(EPOLL_CLOEXEC);
    if (self->epoll < 0) {
        adit_syserror_set(error, errno, "epoll");
        return NULL;
    }
    return g_steal_pointer(&self);
}

static void
hang_up(Connection *c)
{
    if (c->fd >= 0)
        close(c->fd); /* leaves epoll with it */
    g_free(c->request);
    g_free(c->answer);
    *c = (Connection){ .fd = -1 };
}

static void
watch(AditRedirect *self, int fd, guint32 number, guint32 events)
{
    struct epoll_event event = { .events = events, .data.u64 = (guint64)number << 32 };

    event.data.u64 |= (guint32)fd;
    if (epoll_ctl(self->epoll, EPOLL_CTL_ADD, fd, &event) != 0)
        g_warning("epoll: %s", g_strerror(errno));
}

/* A free place, or that of the oldest: whoever is slow has had the longest time. */
static Connection *
make_room(AditRedirect *self)
{
    Connection *oldest = &self->connections[0];

    for (guint i = 0; i < ADIT_REDIRECT_CONNECTIONS; i++) {
        Connection *c = &self->connections[i];

        if (c->fd < 0)
            return c;
        if (c->deadline < oldest->deadline)
            oldest = c;
    }
    hang_up(oldest);
    return oldest;
}

/* -- a connection: read, answer, drain -- */

/* FALSE: there is nothing more to do now. */
static gboolean
read_request(Connection *c)
{
    gssize n =
        recv(c->fd, c->request + c->len, ADIT_REDIRECT_REQUEST_MAX - c->len, MSG_DONTWAIT);
    gsize seen = c->len;

    if (n <= 0) {
        if (n == 0 || errno != EAGAIN)
            hang_up(c);
        return FALSE;
    }
    c->len += (gsize)n;
    if (adit_redirect_http_is_whole(c->request, c->len, seen))
        c->answer = adit_redirect_http_answer(c->request, c->len);
    else if (c->len == ADIT_REDIRECT_REQUEST_MAX)
        c->answer = adit_redirect_http_too_long();
    if (c->answer)
        g_clear_pointer(&c->request, g_free);
    return TRUE;
}

static gboolean
send_answer(Connection *c)
{
    gsize left = strlen(c->answer) - c->sent;
    gssize n = send(c->fd, c->answer + c->sent, left, MSG_DONTWAIT | MSG_NOSIGNAL);

    if (n < 0) {
        if (errno != EAGAIN)
            hang_up(c);
        return FALSE;
    }
    c->sent += (gsize)n;
    if ((gsize)n == left) {
        g_clear_pointer(&c->answer, g_free);
        shutdown(c->fd, SHUT_WR);
    }
    return TRUE;
}

/* Closed with unread bytes, the kernel resets the connection, and the visitor may lose the
 * answer: so the rest is read until he hangs up. */
static gboolean
drain(Connection *c)
{
    char rest[4096];
    gssize n = recv(c->fd, rest, sizeof(rest), MSG_DONTWAIT);

    if (n < 0 && errno == EAGAIN)
        return FALSE;
    if (n > 0)
        c->drained += (gsize)n;
    if (n > 0 && c->drained <= DRAIN_MAX)
        return TRUE;
    hang_up(c);
    return FALSE;
}

static void
go_on(Connection *c)
{
    gboolean more = TRUE;

    while (more && c->fd >= 0)
        more = c->request ? read_request(c) : c->answer ? send_answer(c) : drain(c);
}

/* -- the loop -- */

static void
on_listener(AditRedirect *self, int listener, gint64 now)
{
    for (guint i = 0; i < EVENTS_MAX; i++) { /* more wait for the next dispatch */
        int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
        Connection *c;

        if (fd < 0)
            return;
        c = make_room(self);
        c->fd = fd;
        c->deadline = now + ADIT_REDIRECT_TIME;
        c->request = g_malloc(ADIT_REDIRECT_REQUEST_MAX);
        watch(self, fd, (guint32)(c - self->connections), EPOLLIN | EPOLLOUT | EPOLLET);
        go_on(c);
    }
}

/* Times out those whose time is over. An event of a connection that made room meanwhile finds
 * the place free or another's, who has nothing to lose by being looked at. */
void
adit_redirect_dispatch(AditRedirect *self, gint64 now)
{
    struct epoll_event events[EVENTS_MAX];
    int n = epoll_wait(self->epoll, events, EVENTS_MAX, 0);

    for (int i = 0; i < n; i++) {
        guint32 number = (guint32)(events[i].data.u64 >> 32);

        if (number == LISTENER)
            on_listener(self, (int)(guint32)events[i].data.u64, now);
        else
            go_on(&self->connections[number]);
    }
    for (guint i = 0; i < ADIT_REDIRECT_CONNECTIONS; i++)
        if (self->connections[i].fd >= 0 && self->connections[i].deadline <= now)
            hang_up(&self->connections[i]);
}

void
adit_redirect_listen(AditRedirect *self, const int *fds, guint n)
{
    for (guint i = 0; i < self->listeners->len; i++)
        close(g_array_index(self->listeners, int, i));
    g_array_set_size(self->listeners, 0);
    for (guint i = 0; i < n; i++) {
        g_array_append_val(self->listeners, fds[i]);
        watch(self, fds[i], LISTENER, EPOLLIN);
    }
}

int
adit_redirect_get_fd(const AditRedirect *self)
{
    return self->epoll;
}

gint64
adit_redirect_deadline(const AditRedirect *self)
{
    gint64 first = 0;

    for (guint i = 0; i < ADIT_REDIRECT_CONNECTIONS; i++) {
        const Connection *c = &self->connections[i];

        if (c->fd >= 0 && (first == 0 || c->deadline < first))
            first = c->deadline;
    }
    return first;
}

guint
adit_redirect_connections(const AditRedirect *self)
{
    guint n = 0;

    for (guint i = 0; i < ADIT_REDIRECT_CONNECTIONS; i++)
        n += self->connections[i].fd >= 0;
    return n;
}

void
adit_redirect_free(AditRedirect *self)
{
    if (!self)
        return;
    for (guint i = 0; i < ADIT_REDIRECT_CONNECTIONS; i++)
        hang_up(&self->connections[i]);
    if (self->listeners)
        adit_redirect_listen(self, NULL, 0);
    g_clear_pointer(&self->listeners, g_array_unref);
    if (self->epoll >= 0)
        close(self->epoll);
    g_free(self);
}
