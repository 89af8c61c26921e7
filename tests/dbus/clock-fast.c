/* SPDX-License-Identifier: GPL-2.0-or-later */
/* For LD_PRELOAD: a program whose seconds pass five times as fast, so that a test waits for
 * what the program does and not for its patience. */
#include <poll.h>
#include <signal.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#define FAST 5
#define NS_PER_S 1000000000LL

int
clock_gettime(clockid_t clock, struct timespec *ret)
{
    const long failed = syscall(SYS_clock_gettime, clock, ret);
    long long ns;

    if (failed != 0 || clock != CLOCK_MONOTONIC)
        return (int)failed;
    ns = FAST * (NS_PER_S * ret->tv_sec + ret->tv_nsec);
    ret->tv_sec = (time_t)(ns / NS_PER_S);
    ret->tv_nsec = (long)(ns % NS_PER_S);
    return 0;
}

/* Rounded up: one that wakes too early turns its loop for nothing. */
int
ppoll(struct pollfd *fds, nfds_t n, const struct timespec *patience, const sigset_t *mask)
{
    struct timespec shorter;

    if (patience) {
        const long long ns =
            (NS_PER_S * patience->tv_sec + patience->tv_nsec + FAST - 1) / FAST;

        shorter = (struct timespec){ (time_t)(ns / NS_PER_S), (long)(ns % NS_PER_S) };
    }
    return (int)syscall(SYS_ppoll, fds, n, patience ? &shorter : NULL, mask, _NSIG / 8);
}

int
poll(struct pollfd *fds, nfds_t n, int patience)
{
    const struct timespec time = { patience / 1000, patience % 1000 * 1000000L };

    return ppoll(fds, n, patience < 0 ? NULL : &time, NULL);
}
