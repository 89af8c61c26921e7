/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/sys/wgdev.h"

/* A machine of the test's own: network, mount and process namespace, with an empty /run. No
 * WireGuard socket of the host is seen or made, and no process outlives the test. */

/* What every test gets: the kind of WireGuard it shall use. */
typedef struct {
    AditWgdevOptions options;
    const char *name; /* in the path of the test */
} WgdevKind;

typedef void (*WgdevTest)(const WgdevKind *kind);

/* FALSE: not to be had here, @ret_why says why. */
gboolean wgdev_enter(char **ret_why);
/* Registers @func once for each kind that this machine has: nothing is ever skipped. */
void wgdev_add_test(const char *name, WgdevTest func);
void wgdev_add_user_test(const char *name, WgdevTest func); /* only about processes */
AditWgdev *wgdev_open(const WgdevKind *kind);
/* Makes @link anew. */
void wgdev_create(AditWgdev *wg, const char *link);
void wgdev_destroy(AditWgdev *wg, const char *link);
void wgdev_set(AditWgdev *wg, const AditWgSet *set);
AditWgDump *wgdev_get(AditWgdev *wg, const char *link);
/* Runs a command line, asserts that it succeeds, and returns what it printed. */
char *wgdev_run(const char *line);
/* The process that holds @link; 0: the kernel, or nobody. */
GPid wgdev_pid(const char *link);
/* Whether such a process runs (one that ended and was not collected does not). */
gboolean wgdev_runs(GPid pid);
int wgdev_netns_new(void);       /* a network namespace beside ours; close it */
void wgdev_netns_switch(int fd); /* -1: home */
