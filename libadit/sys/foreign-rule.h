/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <glib.h>
#include <libmnl/libmnl.h>

/* What a rule of somebody else's says, read off its expressions: nft's own, and what iptables
 * makes of them. Nothing is run, so that each answer is about these bytes alone. */

gboolean adit_foreign_rule_names_link(const struct nlattr *exprs, const char *link);
gboolean adit_foreign_rule_names_port(const struct nlattr *exprs, guint16 port);
/* It asks nothing and refuses everything. */
gboolean adit_foreign_rule_refuses(const struct nlattr *exprs);
/* What was sent on by DNAT passes. */
gboolean adit_foreign_rule_lets_dnat(const struct nlattr *exprs);
/* It is about what leaves by the link. */
gboolean adit_foreign_rule_asks_way_out(const struct nlattr *exprs, const char *link);
/* What comes from elsewhere than its sender's side is dropped. */
gboolean adit_foreign_rule_checks_sender(const struct nlattr *exprs);
