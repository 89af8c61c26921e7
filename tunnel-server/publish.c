/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/publish.h"

static void
publish_free(gpointer data)
{
    AditPublish *publish = data;

    g_free(publish->label);
    g_free(publish->allow_from);
    g_free(publish);
}

AditPublishes *
adit_publishes_new(void)
{
    AditPublishes *self = g_new0(AditPublishes, 1);

    self->list = g_ptr_array_new_with_free_func(publish_free);
    self->sharers = 1;
    return self;
}

AditPublishes *
adit_publishes_ref(AditPublishes *self)
{
    self->sharers++;
    return self;
}

void
adit_publishes_unref(AditPublishes *self)
{
    if (!self || --self->sharers > 0)
        return;
    g_ptr_array_unref(self->list);
    g_free(self);
}

static AditPublish *
copy_publish(const AditPublish *publish)
{
    AditPublish *copy = g_memdup2(publish, sizeof(*publish));

    copy->label = g_strdup(publish->label);
    copy->allow_from =
        g_memdup2(publish->allow_from, publish->n_allow_from * sizeof(AditPrefix));
    return copy;
}

AditPublishes *
adit_publishes_own(AditPublishes *self)
{
    AditPublishes *own;

    if (self->sharers == 1)
        return self;
    own = adit_publishes_new();
    for (guint i = 0; i < self->list->len; i++)
        g_ptr_array_add(own->list, copy_publish(g_ptr_array_index(self->list, i)));
    adit_publishes_unref(self);
    return own;
}

gboolean
adit_publish_has_port(const AditPublish *publish, AditProto proto, guint16 port)
{
    return publish->proto & proto && publish->first <= port && port <= publish->last;
}
