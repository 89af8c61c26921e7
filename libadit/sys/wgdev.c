/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/sys/wgdev.h"

#include <linux/wireguard.h>
#include <net/if.h>
#include <string.h>
#include <unistd.h>

#include "libadit/core/error.h"
#include "libadit/sys/sysctl.h"
#include "libadit/sys/uapi.h"
#include "libadit/sys/wgproc.h"
#include "libadit/wire/genl.h"
#include "libadit/wire/rtnl-link.h"
#include "libadit/wire/uapi.h"
#include "libadit/wire/wg.h"

struct _AditWgdev {
    AditNl *genl, *rtnl;
    guint16 family; /* of WireGuard in the kernel; 0: not there, or not wanted */
    gboolean no_kernel;
    char *program; /* NULL: none found */
    char *rundir;
    GArray *children; /* GPid of processes we started, to be reaped when they have ended */
};

AditWgdev *
adit_wgdev_open(const AditWgdevOptions *options, GError **error)
{
    static const AditWgdevOptions usual = { 0 };
    const AditWgdevOptions *o = options != NULL ? options : &usual;
    const char *named = o->program != NULL ? o->program : g_getenv("ADIT_WIREGUARD_GO");
    g_autoptr(AditWgdev) wg = g_new0(AditWgdev, 1);

    wg->children = g_array_new(FALSE, FALSE, sizeof(GPid));
    wg->no_kernel = o->no_kernel;
    wg->rundir = g_strdup(o->rundir != NULL ? o->rundir : ADIT_UAPI_RUNDIR);
    wg->program = g_find_program_in_path(named != NULL ? named : "wireguard-go");
    wg->genl = adit_nl_open(NETLINK_GENERIC, error);
    if (wg->genl == NULL)
        return NULL;
    wg->rtnl = adit_nl_open(NETLINK_ROUTE, error);
    if (wg->rtnl == NULL)
        return NULL;
    (void)adit_wgdev_probe(wg);
    return g_steal_pointer(&wg);
}

static void
reap(AditWgdev *wg)
{
    for (guint i = wg->children->len; i-- > 0;)
        if (adit_wgproc_reap(g_array_index(wg->children, GPid, i)))
            g_array_remove_index_fast(wg->children, i);
}

void
adit_wgdev_free(AditWgdev *wg)
{
    if (wg == NULL)
        return;
    reap(wg);
    g_array_unref(wg->children);
    g_clear_pointer(&wg->genl, adit_nl_close);
    g_clear_pointer(&wg->rtnl, adit_nl_close);
    g_free(wg->program);
    g_free(wg->rundir);
    g_free(wg);
}

static gboolean
on_family(const struct nlmsghdr *nlh, gpointer data, GError **error)
{
    AditWgdev *wg = data;

    (void)adit_genl_resolve_get(nlh, WG_GENL_NAME, &wg->family);
    return TRUE;
}

AditWgdevKind
adit_wgdev_probe(AditWgdev *wg)
{
    g_autoptr(AditMsg) m = adit_msg_new();
    g_autoptr(GError) error = NULL;

    wg->family = 0; /* a module that was taken out and put in again has another number */
    adit_genl_resolve_put(m, WG_GENL_NAME);
    if (!wg->no_kernel && !adit_nl_call(wg->genl, m, on_family, wg, NULL, &error))
        g_debug("no WireGuard in the kernel: %s", error->message);
    if (wg->family != 0)
        return ADIT_WGDEV_KERNEL;
    return wg->program != NULL ? ADIT_WGDEV_USERSPACE : ADIT_WGDEV_NONE;
}

/* A change that changes nothing: refused for a link that is not the kernel's WireGuard. */
static gboolean
is_kernels(AditWgdev *wg, const char *link)
{
    const AditWgSet nothing = { .link = link };
    g_autoptr(AditMsg) m = adit_msg_new();

    if (wg->family == 0)
        return FALSE;
    adit_wg_set_put(m, wg->family, &nothing);
    return adit_nl_call(wg->genl, m, NULL, NULL, NULL, NULL);
}

/* Where @link is spoken to: the kernel, or @ret_fd. */
static AditWgdevKind
find(AditWgdev *wg, const char *link, int *ret_fd, GError **error)
{
    g_autoptr(GError) local = NULL;
    int fd;

    if (is_kernels(wg, link))
        return ADIT_WGDEV_KERNEL;
    fd = adit_uapi_connect(wg->rundir, link, &local);
    if (fd >= 0) {
        *ret_fd = fd;
        return ADIT_WGDEV_USERSPACE;
    }
    if (g_error_matches(local, ADIT_ERROR, ADIT_ERROR_NOT_FOUND))
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_NOT_FOUND,
                    "%s: no WireGuard link of that name", link);
    else
        g_propagate_error(error, g_steal_pointer(&local));
    return ADIT_WGDEV_NONE;
}

AditWgdevKind
adit_wgdev_kind(AditWgdev *wg, const char *link)
{
    int fd = -1;
    const AditWgdevKind kind = find(wg, link, &fd, NULL);

    if (fd >= 0)
        close(fd);
    return kind;
}

static gboolean
link_call(AditWgdev *wg, AditOpVerb verb, const char *name, GError **error)
{
    g_autoptr(AditMsg) m = adit_msg_new();
    AditLink link = { 0 };

    g_strlcpy(link.name, name, sizeof(link.name));
    adit_link_put(m, verb, &link, if_nametoindex(name));
    if (adit_nl_call(wg->rtnl, m, NULL, NULL, NULL, error))
        return TRUE;
    g_prefix_error(error, "%s: ", name);
    return FALSE;
}

static gboolean
start(AditWgdev *wg, const char *link, GError **error)
{
    g_autofree char *path = g_strdup_printf("net/ipv6/conf/%s/addr_gen_mode", link);
    GPid pid;

    if (!adit_wgproc_start(wg->program, wg->rundir, link, &pid, error))
        return FALSE;
    g_array_append_val(wg->children, pid);
    /* As the kernel's own: no link-local address, no router solicitation into the tunnel. Not
     * there when IPv6 is off. */
    (void)adit_sysctl_write(path, "1", NULL);
    return TRUE;
}

gboolean
adit_wgdev_create(AditWgdev *wg, const char *link, GError **error)
{
    reap(wg);
    if (adit_wgdev_kind(wg, link) != ADIT_WGDEV_NONE)
        return TRUE;
    if (if_nametoindex(link) != 0) {
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_BUSY,
                    "%s: there is a link of that name that is not WireGuard", link);
        return FALSE;
    }
    switch (adit_wgdev_probe(wg)) {
    case ADIT_WGDEV_KERNEL: return link_call(wg, ADIT_OP_ADD, link, error);
    case ADIT_WGDEV_USERSPACE: return start(wg, link, error);
    case ADIT_WGDEV_NONE: break;
    }
    g_set_error(error, ADIT_ERROR, ADIT_ERROR_NOT_FOUND,
                "%s: the kernel has no WireGuard, and wireguard-go is not installed", link);
    return FALSE;
}

/* A process whose number is not known ends by itself when its link goes. */
static gboolean
stop(AditWgdev *wg, const char *link, int fd, GError **error)
{
    if (adit_uapi_get_pid(fd, link) == 0 && !link_call(wg, ADIT_OP_DELETE, link, error))
        return FALSE;
    return adit_wgproc_stop(wg->rundir, link, fd, error);
}

gboolean
adit_wgdev_destroy(AditWgdev *wg, const char *link, GError **error)
{
    g_autoptr(GError) local = NULL;
    int fd = -1;
    gboolean ok = FALSE;

    switch (find(wg, link, &fd, &local)) {
    case ADIT_WGDEV_KERNEL: return link_call(wg, ADIT_OP_DELETE, link, error);
    case ADIT_WGDEV_USERSPACE:
        ok = stop(wg, link, fd, error);
        close(fd);
        reap(wg);
        return ok;
    case ADIT_WGDEV_NONE: break;
    }
    if (g_error_matches(local, ADIT_ERROR, ADIT_ERROR_NOT_FOUND)) {
        adit_uapi_sweep(wg->rundir, link);
        return TRUE;
    }
    g_propagate_error(error, g_steal_pointer(&local));
    return FALSE;
}

static gboolean
on_device(const struct nlmsghdr *nlh, gpointer data, GError **error)
{
    AditWgDump *dump = data;

    if (adit_wg_get(nlh, dump))
        return TRUE;
    g_set_error(error, ADIT_ERROR, ADIT_ERROR_PROTOCOL, "malformed WireGuard device");
    return FALSE;
}

static void
forget(gpointer data)
{
    adit_wg_dump_reset(data);
}

static AditWgDump *
get_kernel(AditWgdev *wg, const char *link, GError **error)
{
    g_autoptr(AditMsg) m = adit_msg_new();
    g_autoptr(AditWgDump) dump = adit_wg_dump_new(link);

    adit_wg_get_put(m, wg->family, link);
    if (!adit_nl_dump(wg->genl, m, on_device, forget, dump, error)) {
        g_prefix_error(error, "%s: ", link);
        return NULL;
    }
    if (!adit_wg_dump_seal(dump, error))
        return NULL;
    return g_steal_pointer(&dump);
}

static AditWgDump *
get_user(int fd, const char *link, GError **error)
{
    AditWgDump *dump = NULL;
    gsize len;
    char *text = adit_uapi_ask(fd, link, ADIT_UAPI_GET, &len, error);

    if (text != NULL)
        dump = adit_uapi_dump_parse(link, text, len, error);
    adit_key_string_free(text);
    return dump;
}

AditWgDump *
adit_wgdev_get(AditWgdev *wg, const char *link, GError **error)
{
    AditWgDump *dump = NULL;
    int fd = -1;

    switch (find(wg, link, &fd, error)) {
    case ADIT_WGDEV_KERNEL: return get_kernel(wg, link, error);
    case ADIT_WGDEV_USERSPACE:
        dump = get_user(fd, link, error);
        close(fd);
        return dump;
    case ADIT_WGDEV_NONE: break;
    }
    return NULL;
}

static gboolean
set_kernel(AditWgdev *wg, const AditWgSet *set, GError **error)
{
    g_autoptr(AditMsg) m = adit_msg_new();

    adit_wg_set_put(m, wg->family, set);
    if (adit_nl_call(wg->genl, m, NULL, NULL, NULL, error))
        return TRUE;
    g_prefix_error(error, "%s: ", set->link);
    return FALSE;
}

static gboolean
set_user(int fd, const AditWgSet *set, GError **error)
{
    gsize len;
    char *request = adit_uapi_set_build(set);
    char *answer = adit_uapi_ask(fd, set->link, request, &len, error);
    const gboolean ok = answer != NULL && adit_uapi_ack_parse(set->link, answer, len, error);

    adit_key_string_free(request);
    adit_key_string_free(answer);
    return ok;
}

gboolean
adit_wgdev_set(AditWgdev *wg, const AditWgSet *set, GError **error)
{
    gboolean ok = FALSE;
    int fd = -1;

    switch (find(wg, set->link, &fd, error)) {
    case ADIT_WGDEV_KERNEL: return set_kernel(wg, set, error);
    case ADIT_WGDEV_USERSPACE:
        ok = set_user(fd, set, error);
        close(fd);
        return ok;
    case ADIT_WGDEV_NONE: break;
    }
    return FALSE;
}
