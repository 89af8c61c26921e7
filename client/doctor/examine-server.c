/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/doctor/examine-server.h"

#include "client/names.h"

#define ASK_MS 600

typedef struct {
    guint left; /* questions that are out, and one for the round itself */
    GCancellable *cancel;
    AditExamineTold told;
    gpointer data;
} Round;

typedef struct {
    Round *round;
    AditDoctorSeen *seen;
} Question;

static void
end_one(Round *round)
{
    if (--round->left > 0)
        return;
    if (!g_cancellable_is_cancelled(round->cancel))
        round->told(round->data);
    g_object_unref(round->cancel);
    g_free(round);
}

static gboolean
on_begun(gpointer data)
{
    end_one(data);
    return G_SOURCE_REMOVE;
}

static void
on_answer(GObject *bus, GAsyncResult *result, gpointer data)
{
    g_autofree Question *question = data;
    AditDoctorSeen *seen = question->seen;
    g_autoptr(GVariant) answer =
        g_dbus_connection_call_finish(G_DBUS_CONNECTION(bus), result, NULL);

    if (answer && !g_cancellable_is_cancelled(question->round->cancel))
        g_variant_get(answer, "(stts)", &seen->state, &seen->packets_in, &seen->packets_out,
                      &seen->drop);
    end_one(question->round);
}

static gboolean
is_asked(const AditDoctorReach *reach, gboolean after)
{
    const gboolean held =
        g_strcmp0(reach->state, "published") == 0 || g_strcmp0(reach->state, "renewing") == 0;
    const gboolean refused = g_strcmp0(reach->state, "refused") == 0;

    return (held || (refused && !after)) && (!after || (reach->uplink && reach->before.state &&
                                                        reach->dialled != ADIT_PROBE_ANSWERED));
}

void
adit_examine_ask(GDBusConnection *bus, const GPtrArray *reaches, gboolean after, guint most,
                 GCancellable *cancel, AditExamineTold told, gpointer data)
{
    Round *round = g_new0(Round, 1);

    *round = (Round){ 1, g_object_ref(cancel), told, data };
    for (guint i = 0; bus && i < reaches->len && round->left <= most; i++) {
        AditDoctorReach *reach = g_ptr_array_index(reaches, i);
        Question *question;

        if (!is_asked(reach, after))
            continue;
        question = g_new0(Question, 1);
        *question = (Question){ round, after ? &reach->after : &reach->before };
        round->left++;
        g_dbus_connection_call(
            bus, ADIT_PUBLISHER_BUS, ADIT_PUBLISHER_PATH "/publisher",
            ADIT_PUBLISHER_BUS ".Publisher", "AskPort",
            g_variant_new("(sysq)", reach->gateway->name, reach->family ? 6 : 4,
                          reach->ports.proto == ADIT_PROTO_UDP ? "udp" : "tcp",
                          reach->ports.first),
            G_VARIANT_TYPE("(stts)"), G_DBUS_CALL_FLAGS_NO_AUTO_START, ASK_MS, cancel,
            on_answer, question);
    }
    g_idle_add(on_begun, round);
}
