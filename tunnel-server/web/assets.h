/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "tunnel-server/web/request.h"

/* The page itself: files built into the program. */

/* FALSE: the path is none of them, or not asked for by GET. */
gboolean adit_web_asset_answer(AditWebRequest *request);
