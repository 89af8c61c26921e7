/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/core/state.h"
#include "libadit/wire/msg.h"

/* ADD refuses a rule that is there already; CHANGE adds it all the same, for the kernel takes a
 * rule without "from" or "to" to be there when one with them is. */
void adit_rule_put(AditMsg *m, AditOpVerb verb, const AditRule *rule);
void adit_rule_put_dump(AditMsg *m); /* both families */
/* FALSE: malformed, not of ours, or with a selector that AditRule cannot tell. */
gboolean adit_rule_get(const struct nlmsghdr *nlh, AditRule *ret);
/* Whether deleting @rule may hit @other instead: for the kernel what @rule leaves out is any.
 */
gboolean adit_rule_delete_hits(const AditRule *rule, const AditRule *other);
