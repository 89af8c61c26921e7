/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <libnftnl/rule.h>

#include "libadit/wire/nft.h"

/* The rule as the kernel's little machine runs it: loads into registers, comparisons,
 * verdicts. Freed with nftnl_rule_free(). */
struct nftnl_rule *adit_nft_rule_build(const AditNftBlueprint *bp, const AditNftRule *rule);
