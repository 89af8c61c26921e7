/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/core/pcp-ask.h"

#include <gio/gio.h>

/* What aditd has adit-publisher ask the servers, and what that was told. The arrow is this one:
 * aditd calls and reads; there is nothing by which the publisher could call it. */

typedef struct _AditInband AditInband;

typedef struct {
    char *gateway;
    AditAskSite site; /* without the key */
} AditInbandSite;

/* @error: NOT_FOUND: the publisher is not there, or knows of no such gateway that is up. */
typedef void (*AditInbandHeld)(const AditKey *held, const GError *error, gpointer data);
typedef void (*AditInbandDone)(const GError *error, gpointer data);

/* @changed: what was told is another. */
AditInband *adit_inband_new(GDBusConnection *bus, void (*changed)(gpointer data),
                            gpointer data);
void adit_inband_free(AditInband *self); /* nobody who waits is called any more */
/* AditInbandSite; what cannot be read is left out. */
GPtrArray *adit_inband_sites(const AditInband *self);
/* The public key that is in force at the server. */
void adit_inband_ask(AditInband *self, const char *gateway, AditInbandHeld done, gpointer data);
/* Offers it a public key; the present one: takes an offer back. */
void adit_inband_propose(AditInband *self, const char *gateway, const AditKey *public_key,
                         AditInbandDone done, gpointer data);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditInband, adit_inband_free)
