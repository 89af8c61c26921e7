/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "tunnel-server/web/request.h"

/* Which handler answers what. One table a noun, each ended by a row without a path;
 * openapi.json describes them, and a test holds both together. */

extern const AditWebRoute adit_web_device_routes[];
extern const AditWebRoute adit_web_mapping_routes[];
extern const AditWebRoute adit_web_server_routes[];
extern const AditWebRoute adit_web_session_routes[];
extern const AditWebRoute adit_web_subnet_routes[];

/* All tables, ended by NULL. */
extern const AditWebRoute *const adit_web_routes[];

/* The row for @method and the decoded segments @path. NULL with TRUE in @ret_is_path: not by
 * this method. */
const AditWebRoute *adit_web_route_find(const char *method, char **path, gboolean *ret_is_path);
