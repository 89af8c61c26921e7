/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/sys/cli.h"
#include "libadit/sys/places.h"
#include "server-dbus-generated.h"

/* The admin's command line: a client of the daemon (service.h). A file a group of verbs. */

extern AditPlaces adit_cli_places; /* as the command line set them; settle before use */

/* The daemon's object; NULL with an error that tells how to start it. */
AditSrvManager *adit_cli_connect(GError **error);
/* FALSE with the daemon's own sentence in @error. */
gboolean adit_cli_settle(gboolean ok, GError **reason, GError **error);
/* Said after what is stored: it does nothing yet while the server is taken down. */
void adit_cli_warn_if_down(AditCli *cli, AditSrvManager *manager);
/* "a, b" of "a b", "a,b" or several: what the user gave for a list. */
char **adit_cli_split_list(char **given);
/* One line of a JSON list or cell: a GVariant "as" joined by @separator, or "-". */
char *adit_cli_join(GVariant *strings, const char *separator);
void adit_cli_json_strings(JsonBuilder *json, const char *name, GVariant *strings);

extern const AditCommand adit_cli_subnet_verbs[];
extern const AditCommand adit_cli_device_verbs[];
extern const AditCommand adit_cli_forward_verbs[];
extern const AditCommand adit_cli_pinhole_verbs[];
extern const AditCommand adit_cli_web_verbs[];
extern const GOptionEntry adit_cli_setup_options[], adit_cli_check_options[],
    adit_cli_publish_options[], adit_cli_apply_options[], adit_cli_export_options[],
    adit_cli_import_options[], adit_cli_profile_options[], adit_cli_mappings_options[],
    adit_cli_probe_options[];

gboolean adit_cli_setup(AditCli *cli, char **args, GError **error);
gboolean adit_cli_down(AditCli *cli, char **args, GError **error);
gboolean adit_cli_status(AditCli *cli, char **args, GError **error);
gboolean adit_cli_check(AditCli *cli, char **args, GError **error);
gboolean adit_cli_probe(AditCli *cli, char **args, GError **error);
gboolean adit_cli_publish(AditCli *cli, char **args, GError **error);
gboolean adit_cli_mappings(AditCli *cli, char **args, GError **error);
gboolean adit_cli_export(AditCli *cli, char **args, GError **error);
gboolean adit_cli_import(AditCli *cli, char **args, GError **error);
gboolean adit_cli_apply(AditCli *cli, char **args, GError **error);
gboolean adit_cli_profile(AditCli *cli, char **args, GError **error);
/* The rows of `device list`. */
gboolean adit_cli_device_list(AditCli *cli, char **args, GError **error);
