/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/backend.h"

#include "client/daemon.h"
#include "client/direct.h"
#include "libadit/core/error.h"
#ifdef ADIT_WITH_NM
#include "nm-plugin/backend.h"
#include "nm-plugin/dry-run.h"
#endif
#ifdef ADIT_WITH_NETWORKD
#include "networkd-hooks/backend.h"
#include "networkd-hooks/file-diff.h"
#endif

#define FIRST_SLOT 1 /* of a machine without gateways: a dry run asks no daemon */

static const char *const names[] = {
    [ADIT_BACKEND_AUTO] = "auto",
    [ADIT_BACKEND_DIRECT] = "direct",
    [ADIT_BACKEND_NETWORKMANAGER] = "networkmanager",
    [ADIT_BACKEND_NETWORKD] = "networkd",
};

gboolean
adit_backend_parse(const char *text, AditBackendKind *ret)
{
    for (guint i = 0; i < G_N_ELEMENTS(names); i++)
        if (g_str_equal(text, names[i])) {
            *ret = (AditBackendKind)i;
            return TRUE;
        }
    return FALSE;
}

const char *
adit_backend_to_string(AditBackendKind kind)
{
    return names[kind];
}

static gboolean
refuse(AditBackendKind kind, const char *why, GError **error)
{
    g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG, "--backend %s: %s",
                adit_backend_to_string(kind), why);
    return FALSE;
}

static const gboolean built[] = {
    [ADIT_BACKEND_AUTO] = TRUE,
    [ADIT_BACKEND_DIRECT] = TRUE,
#ifdef ADIT_WITH_NM
    [ADIT_BACKEND_NETWORKMANAGER] = TRUE,
#endif
#ifdef ADIT_WITH_NETWORKD
    [ADIT_BACKEND_NETWORKD] = TRUE,
#endif
};

gboolean
adit_backend_can_drive(AditBackendKind kind, GError **error)
{
    return ((guint)kind < G_N_ELEMENTS(built) && built[kind]) ||
           refuse(kind, "this adit was built without it", error);
}

void
adit_backends_open(AditBackend *ret[ADIT_N_BACKENDS], AditKernel *kernel, const char *state_dir)
{
    ret[ADIT_BACKEND_DIRECT] = adit_direct_new(kernel);
#ifdef ADIT_WITH_NM
    ret[ADIT_BACKEND_NETWORKMANAGER] = adit_nm_backend_new(kernel, state_dir);
#endif
#ifdef ADIT_WITH_NETWORKD
    ret[ADIT_BACKEND_NETWORKD] = adit_networkd_backend_new(kernel, NULL);
#endif
}

#ifdef ADIT_WITH_NETWORKD
/* With the rights of who asks: what he may not read is as if it were not there. */
static char *
present_file(const char *name, gpointer data)
{
    g_autofree char *path = g_build_filename(ADIT_NETWORKD_FOLDER, name, NULL);
    char *text = NULL;

    g_file_get_contents(path, &text, NULL, NULL);
    return text;
}

static char *
networkd_dry_run(const char *name, const AditProfile *profile, GError **error)
{
    const AditNetworkdGateway gateway = { .link = name,
                                          .slot = FIRST_SLOT,
                                          .profile = profile };
    g_autoptr(GPtrArray) files = adit_networkd_render(&gateway, error);

    return files ? adit_networkd_files_to_diff(files, present_file, NULL) : NULL;
}
#else
static char *
networkd_dry_run(const char *name, const AditProfile *profile, GError **error)
{
    refuse(ADIT_BACKEND_NETWORKD, "this adit was built without it", error);
    return NULL;
}
#endif

#ifdef ADIT_WITH_NM
static char *
nm_dry_run(const char *name, const AditProfile *profile, GError **error)
{
    const AditBackendGateway gateway = {
        .name = name, .title = name, .slot = FIRST_SLOT, .up = TRUE, .profile = profile
    };

    return adit_nm_dry_run(&gateway, error);
}
#else
static char *
nm_dry_run(const char *name, const AditProfile *profile, GError **error)
{
    refuse(ADIT_BACKEND_NETWORKMANAGER, "this adit was built without it", error);
    return NULL;
}
#endif

char *
adit_backend_dry_run(AditBackendKind kind, const char *name, const AditProfile *profile,
                     GError **error)
{
    switch (kind) {
    case ADIT_BACKEND_AUTO:
    case ADIT_BACKEND_DIRECT: return adit_daemon_dry_run(name, profile, error);
    case ADIT_BACKEND_NETWORKMANAGER: return nm_dry_run(name, profile, error);
    case ADIT_BACKEND_NETWORKD: return networkd_dry_run(name, profile, error);
    }
    g_assert_not_reached();
}
