/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <glib.h>

/* From one key to another, in step with a server that may have heard of it, or not, or half. No
 * bus, clock or key in here: what happened goes in, what to do comes out.
 *
 * Both keys are on the disk from before the server hears of the new one until it has said which
 * it holds. So wherever this is interrupted, by a crash, a lost packet or a server that was
 * away, it goes on from the file: the key of the profile is asked about, and while nobody
 * answers to it, the other one is tried. One of them works. */

typedef enum {
    ADIT_SWITCH_OFFERING, /* the new key is offered */
    ADIT_SWITCH_CHANGING, /* the profile gets the other key, and a handshake is waited for */
    ADIT_SWITCH_ASKING,   /* which one the server holds */
    ADIT_SWITCH_TAKING,   /* the offer is taken back */
    ADIT_SWITCH_WAITING,  /* before the next try */
    ADIT_SWITCH_ENDED,
} AditSwitchState;

typedef enum {
    ADIT_SWITCH_OK,       /* offered, changed, taken back, waited */
    ADIT_SWITCH_FAILED,   /* refused; changed: no handshake, the key of before is back */
    ADIT_SWITCH_HELD_NEW, /* the answer to ASKING, three ways */
    ADIT_SWITCH_HELD_OLD,
    ADIT_SWITCH_HELD_NONE, /* another: the operator has given this device a key himself */
    ADIT_SWITCH_SILENT,    /* nobody answers */
    ADIT_SWITCH_UNASKED,   /* nobody could be asked: adit-publisher is not there */
} AditSwitchEvent;

typedef struct {
    AditSwitchState state;
    gboolean on_new;  /* the key in the profile */
    gboolean changed; /* once: from then on the server may hold either */
    gboolean silent;  /* nobody answered to it */
    guint pause_s;    /* WAITING: how long */
} AditSwitch;

/* @resumed: from the file; @on_new: what the profile has then. */
AditSwitch adit_switch_begin(gboolean resumed, gboolean on_new);
/* What is to be done is the state it is in afterwards: once it is, the next event is due. */
void adit_switch_step(AditSwitch *self, AditSwitchEvent event);
/* ENDED: the new key is in force. */
gboolean adit_switch_is_done(const AditSwitch *self);
