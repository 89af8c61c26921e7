/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/sys/nl.h"
#include "libadit/wire/wgmodel.h"

/* WireGuard devices, whoever makes them: the kernel, or where it has no WireGuard a userspace
 * program (wireguard-go) that holds the link and listens on a socket. Which one a present link
 * belongs to is asked of the link itself, each time. */

typedef struct _AditWgdev AditWgdev;

typedef enum {
    ADIT_WGDEV_NONE, /* this machine has neither */
    ADIT_WGDEV_KERNEL,
    ADIT_WGDEV_USERSPACE,
} AditWgdevKind;

/* NULL takes the usual one. */
typedef struct {
    const char *program; /* ADIT_WIREGUARD_GO, else wireguard-go in PATH */
    const char *rundir;  /* of the sockets; wireguard-go knows only the usual one */
    gboolean no_kernel;  /* userspace even where the kernel could */
} AditWgdevOptions;

/* In the network namespace of this thread, now and for good. @options may be NULL. */
AditWgdev *adit_wgdev_open(const AditWgdevOptions *options, GError **error);
/* What a new link would be made by. Loads the kernel's module if there is one. */
AditWgdevKind adit_wgdev_probe(AditWgdev *wg);
/* What the link is made by; NONE: it is no WireGuard link, or there is none. */
AditWgdevKind adit_wgdev_kind(AditWgdev *wg, const char *link);
/* Makes the link, down and without keys. One that is there already is kept as it is: a
 * userspace device outlives the daemon that started it. */
gboolean adit_wgdev_create(AditWgdev *wg, const char *link, GError **error);
/* Removes the link, and the process and the socket behind it. None there: done. */
gboolean adit_wgdev_destroy(AditWgdev *wg, const char *link, GError **error);
/* The whole device, sealed. NOT_FOUND: no WireGuard link of that name. */
AditWgDump *adit_wgdev_get(AditWgdev *wg, const char *link, GError **error);
/* One change of one device. */
gboolean adit_wgdev_set(AditWgdev *wg, const AditWgSet *set, GError **error);
void adit_wgdev_free(AditWgdev *wg); /* links and processes stay */

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditWgdev, adit_wgdev_free)
