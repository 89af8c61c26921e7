/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/core/pcp-ask.h"
#include "libadit/core/profile.h"

/* What a server is said to say of this device, judged by the profile. Who says so is a process
 * without privilege that reads the network, so no more is believed than can be checked: the
 * addresses of IPv4 are those of the profile, and the one of IPv6 is made of a public prefix
 * and our own IPv4 address, as our servers make it. Pure. */

#define ADIT_SITE_NET6_MIN                                                                     \
    48 /* a shorter prefix would take much of the world from its routes */

/* @ret: the profile as it should be, NULL: as it is. FALSE: not believed. */
gboolean adit_site_judge(const AditProfile *profile, const AditAskSite *site, AditProfile **ret,
                         GError **error);
