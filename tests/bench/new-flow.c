/* SPDX-License-Identifier: GPL-2.0-or-later */
#include <arpa/inet.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>

/* new-flow ADDRESS FIRST PORTS SOCKETS: one datagram from each of so many sockets to each of so
 * many ports, every one of them a flow that nobody has seen. Prints nanoseconds a flow, of the
 * processor: what the sender's thread pays is the way through the router's kernel, too. */

#define SOCKETS_MAX 20000

static void
die(const char *what)
{
    perror(what);
    exit(1);
}

static double
now(void)
{
    struct timespec ts;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &ts);
    return (double)ts.tv_sec * 1e9 + (double)ts.tv_nsec;
}

int
main(int argc, char **argv)
{
    static int sockets[SOCKETS_MAX];
    struct sockaddr_in to = { .sin_family = AF_INET };
    const int n = argc == 5 ? atoi(argv[4]) : 0, ports = n > 0 ? atoi(argv[3]) : 0;
    const int first = n > 0 ? atoi(argv[2]) : 0;
    double begin;

    if (n < 1 || n > SOCKETS_MAX || ports < 1 ||
        inet_pton(AF_INET, argv[1], &to.sin_addr) != 1) {
        fprintf(stderr, "usage: new-flow ADDRESS FIRST PORTS SOCKETS\n");
        return 2;
    }
    for (int i = 0; i < n; i++) {
        struct sockaddr_in from = { .sin_family = AF_INET };

        sockets[i] = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        if (sockets[i] < 0 || bind(sockets[i], (struct sockaddr *)&from, sizeof(from)) != 0)
            die("socket");
    }
    begin = now();
    for (int i = 0; i < n; i++)
        for (int p = 0; p < ports; p++) {
            to.sin_port = htons((unsigned short)(first + p));
            sendto(sockets[i], "x", 1, 0, (struct sockaddr *)&to, sizeof(to));
        }
    printf("%.0f\n", (now() - begin) / ((double)n * ports));
    return 0;
}
