/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "nm-plugin/dry-run.h"

#include "nm-plugin/connection.h"
#include "nm-plugin/enrol.h"
#include "policy-routing/numbers.h"

char *
adit_nm_dry_run(const AditBackendGateway *gateway, GError **error)
{
    g_autoptr(NMConnection) connection =
        adit_nm_connection_new(gateway->profile, gateway->title, gateway->name,
                               ADIT_TABLE_BASE + gateway->slot, error);
    g_autoptr(GKeyFile) keyfile = NULL;
    g_autofree char *text = NULL;

    if (!connection || !adit_nm_enrol(connection, gateway, error))
        return NULL;
    nm_connection_clear_secrets(connection);
    keyfile = nm_keyfile_write(connection, NM_KEYFILE_HANDLER_FLAGS_NONE, NULL, NULL, error);
    if (!keyfile)
        return NULL;
    /* would be another one each time */
    g_key_file_remove_key(keyfile, "connection", "uuid", NULL);
    text = g_key_file_to_data(keyfile, NULL, error);
    return text ? g_strdup_printf("==> NetworkManager, %s (keys are not shown)\n%s",
                                  gateway->title, text)
                : NULL;
}
