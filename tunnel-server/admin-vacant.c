/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/admin-private.h"
#include "tunnel-server/vacant.h"

#include <string.h>

/* For the time of a check the server has an address more in each prefix. It is planned like any
 * other, so that a server which dies meanwhile finds and removes it at the next start. */

static void
pick(const AditModel *model, AditSubnet *subnet)
{
    guint32 dice[ADIT_VACANT_DICE / sizeof(guint32)];

    for (guint i = 0; i < G_N_ELEMENTS(dice); i++)
        dice[i] = g_random_int();
    adit_vacant_pick(model, subnet, (const guint8 *)dice, &subnet->vacant6);
}

static void
choose(AditModel *model, gboolean on)
{
    for (guint i = 0; i < model->subnets->len; i++) {
        AditSubnet *subnet = g_ptr_array_index(model->subnets, i);

        memset(&subnet->vacant6, 0, sizeof(subnet->vacant6));
        if (on)
            pick(model, subnet);
    }
}

/* Not of a server that could not do its work: it is looked at as it is. */
static void
place(AditAdmin *self, gboolean on)
{
    const gboolean up = g_str_equal(adit_admin_state(self), "up");
    g_autoptr(GError) error = NULL;

    choose(self->model, on && up);
    if (up && !adit_admin_look_again(self, FALSE, &error)) {
        g_debug("a vacant address: %s", error->message);
        choose(self->model, FALSE);
    }
}

void
adit_admin_hold_vacant(AditAdmin *self)
{
    if (self->n_vacant++ == 0)
        place(self, TRUE);
}

void
adit_admin_release_vacant(AditAdmin *self)
{
    if (--self->n_vacant == 0)
        place(self, FALSE);
}
