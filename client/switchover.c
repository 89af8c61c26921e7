/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/switchover.h"

#define FIRST_S 1
#define LONGEST_S 300

AditSwitch
adit_switch_begin(gboolean resumed, gboolean on_new)
{
    const AditSwitch self = { .state = resumed ? ADIT_SWITCH_ASKING : ADIT_SWITCH_OFFERING,
                              .on_new = on_new,
                              .changed = resumed };

    return self;
}

gboolean
adit_switch_is_done(const AditSwitch *self)
{
    return self->state == ADIT_SWITCH_ENDED && self->on_new;
}

static void
wait_longer(AditSwitch *self)
{
    self->state = ADIT_SWITCH_WAITING;
    self->pause_s = self->pause_s == 0 ? FIRST_S : MIN(self->pause_s * 2, LONGEST_S);
}

/* An offer that was refused, or not answered: no handshake by the new key can have taken it up,
 * and none will. */
static void
on_offered(AditSwitch *self, AditSwitchEvent event)
{
    self->state = event == ADIT_SWITCH_OK ? ADIT_SWITCH_CHANGING : ADIT_SWITCH_ENDED;
}

/* Whatever became of it, the server knows what it holds. */
static void
on_changed(AditSwitch *self, AditSwitchEvent event)
{
    self->changed = TRUE;
    if (event == ADIT_SWITCH_OK)
        self->on_new = !self->on_new;
    self->state = ADIT_SWITCH_ASKING;
}

static void
on_held(AditSwitch *self, gboolean is_new)
{
    if (is_new != self->on_new)
        self->state = ADIT_SWITCH_CHANGING;
    else
        self->state = is_new ? ADIT_SWITCH_ENDED : ADIT_SWITCH_TAKING;
}

static void
on_asked(AditSwitch *self, AditSwitchEvent event)
{
    switch (event) {
    case ADIT_SWITCH_HELD_NEW: on_held(self, TRUE); return;
    case ADIT_SWITCH_HELD_OLD: on_held(self, FALSE); return;
    case ADIT_SWITCH_HELD_NONE: self->state = ADIT_SWITCH_ENDED; return;
    case ADIT_SWITCH_OK:
    case ADIT_SWITCH_FAILED:
    case ADIT_SWITCH_SILENT:
    case ADIT_SWITCH_UNASKED: wait_longer(self); return;
    }
}

void
adit_switch_step(AditSwitch *self, AditSwitchEvent event)
{
    const gboolean silent = self->state == ADIT_SWITCH_ASKING && event == ADIT_SWITCH_SILENT;

    switch (self->state) {
    case ADIT_SWITCH_OFFERING: on_offered(self, event); break;
    case ADIT_SWITCH_CHANGING: on_changed(self, event); break;
    case ADIT_SWITCH_ASKING: on_asked(self, event); break;
    case ADIT_SWITCH_TAKING: self->state = ADIT_SWITCH_ENDED; break;
    /* Nobody answered to this key: the other one's turn. */
    case ADIT_SWITCH_WAITING:
        self->state = self->silent ? ADIT_SWITCH_CHANGING : ADIT_SWITCH_ASKING;
        break;
    case ADIT_SWITCH_ENDED: break;
    }
    self->silent = silent;
}
