/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* keep-open SERVER PORT [DEVICE [STATE]]: keeps a TCP port open until SIGTERM (adit-pcp(3)). */
#include <adit-pcp.h>

#include <netinet/in.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/signalfd.h>

static void
tell(struct adit_pcp *pcp)
{
    static const char *const words[] = { "",     "granted", "renewed", "changed",
                                         "lost", "refused", "deleted" };
    struct adit_pcp_event e;

    while (adit_pcp_pop_event(pcp, &e)) {
        printf("%s %s %u %u s %s", words[e.type], e.address, e.port, e.lifetime, e.dialect);
        if (e.type == ADIT_PCP_EVENT_LOST || e.type == ADIT_PCP_EVENT_REFUSED)
            printf(": %s %s", e.reason, e.result ? adit_pcp_result_text(e.result) : "");
        puts("");
    }
}

int
main(int argc, char **argv)
{
    struct adit_pcp_config config = { .server = argc > 1 ? argv[1] : NULL };
    struct adit_pcp_wish wish = { .protocol = IPPROTO_TCP };
    struct pollfd fds[2] = { { .events = POLLIN }, { .events = POLLIN } };
    struct adit_pcp *pcp;
    sigset_t signals;

    config.device = argc > 3 ? argv[3] : NULL;
    config.state = argc > 4 ? argv[4] : NULL;
    wish.internal_port = wish.external_port = argc > 2 ? atoi(argv[2]) : 0;
    if (adit_pcp_open(&config, adit_pcp_now(), &pcp) != 0 ||
        adit_pcp_add(pcp, &wish, adit_pcp_now(), NULL) != 0)
        return fputs("usage: keep-open SERVER PORT [DEVICE [STATE]]\n", stderr), 2;

    setlinebuf(stdout);
    sigemptyset(&signals);
    sigaddset(&signals, SIGTERM);
    sigprocmask(SIG_BLOCK, &signals, NULL);
    fds[0].fd = adit_pcp_get_fd(pcp);
    fds[1].fd = signalfd(-1, &signals, 0);
    while (!adit_pcp_is_drained(pcp)) {
        poll(fds, 2, -1);
        if (fds[1].revents) {
            adit_pcp_drain(pcp, adit_pcp_now());
            fds[1].fd = -1;
        }
        adit_pcp_dispatch(pcp, adit_pcp_now());
        tell(pcp);
    }
    adit_pcp_close(pcp);
    return 0;
}
