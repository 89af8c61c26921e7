/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/backend.h"

#include "client/daemon.h"
#include "libadit/core/error.h"
#ifdef ADIT_WITH_NETWORKD
#include "networkd-hooks/render.h"
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
adit_backend_to_string(AditBackendKind backend)
{
    return names[backend];
}

static gboolean
refuse(AditBackendKind backend, const char *why, GError **error)
{
    g_set_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG, "--backend %s: %s",
                adit_backend_to_string(backend), why);
    return FALSE;
}

gboolean
adit_backend_can_drive(AditBackendKind backend, GError **error)
{
    switch (backend) {
    case ADIT_BACKEND_AUTO:
    case ADIT_BACKEND_DIRECT: return TRUE;
    case ADIT_BACKEND_NETWORKMANAGER:
        return refuse(backend, "this version drives only direct", error);
    case ADIT_BACKEND_NETWORKD:
        return refuse(backend, "this version drives only direct; --dry-run prints the files",
                      error);
    }
    g_assert_not_reached();
}

#ifdef ADIT_WITH_NETWORKD
static char *
networkd_dry_run(const char *name, const AditProfile *profile, GError **error)
{
    const AditNetworkdGateway gateway = { .link = name,
                                          .slot = FIRST_SLOT,
                                          .profile = profile };
    g_autoptr(GPtrArray) files = adit_networkd_render(&gateway, error);

    return files ? adit_networkd_files_to_string(files) : NULL;
}
#else
static char *
networkd_dry_run(const char *name, const AditProfile *profile, GError **error)
{
    refuse(ADIT_BACKEND_NETWORKD, "built without it", error);
    return NULL;
}
#endif

char *
adit_backend_dry_run(AditBackendKind backend, const char *name, const AditProfile *profile,
                     GError **error)
{
    switch (backend) {
    case ADIT_BACKEND_AUTO:
    case ADIT_BACKEND_DIRECT: return adit_daemon_dry_run(name, profile, error);
    case ADIT_BACKEND_NETWORKMANAGER:
        refuse(backend, "this version plans only direct and networkd", error);
        return NULL;
    case ADIT_BACKEND_NETWORKD: return networkd_dry_run(name, profile, error);
    }
    g_assert_not_reached();
}
