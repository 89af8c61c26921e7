/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "client/publisher/offer.h"

/* What org.adit.Publisher1.Reach says of an offer; all but its times, which go by two clocks
 * and are told as they were first seen (reaches.c). */

#define ADIT_OFFER_N_PROPERTIES 12

const char *adit_offer_property_name(guint i);
GVariant *adit_offer_property(const AditOffer *offer, guint i); /* floating */
