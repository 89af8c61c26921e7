/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tests/unit/pcp/pool-fixture.h"

#include <string.h>

const AditAddr server4 = { AF_INET, { 10, 59, 0, 1 } };
const AditAddr client4 = { AF_INET, { 10, 59, 0, 2 } };
const AditAddr other4 = { AF_INET, { 10, 59, 0, 3 } };
const AditAddr wan4 = { AF_INET, { 203, 0, 113, 7 } };
const AditWish wish443 = {
    .protocol = IPPROTO_TCP, .internal_port = 443, .external_port = 443, .lifetime = LIFETIME
};
static const AditWish wish53 = {
    .protocol = IPPROTO_UDP, .internal_port = 53, .external_port = 53, .lifetime = LIFETIME
};

void
fixture_set_up(Fixture *f, gconstpointer data)
{
    f->now = T0;
    f->pool = adit_pool_new(&server4, &client4);
    f->m[0] = adit_pool_add(f->pool, &wish443, NULL, (const guint8 *)"abcdefghijkl");
    f->m[1] = adit_pool_add(f->pool, &wish53, NULL, (const guint8 *)"mnopqrstuvwx");
    for (guint i = 0; i < 2; i++)
        adit_pool_start(f->pool, f->m[i], T0, NULL);
}

void
fixture_tear_down(Fixture *f, gconstpointer data)
{
    adit_pool_free(f->pool);
}

guint
drain(Fixture *f)
{
    guint8 bytes[ADIT_PCP_MAX];
    guint n = 0;

    while (adit_pool_pop_packet(f->pool, bytes) > 0)
        n++;
    return n;
}

guint
dispatch(Fixture *f)
{
    adit_pool_dispatch(f->pool, f->now, HALF);
    return drain(f);
}

AditMappingNews
next_news(Fixture *f)
{
    AditPoolNews news;

    return adit_pool_pop_news(f->pool, &news) ? news.what : ADIT_MAPPING_NO_NEWS;
}

void
hear(Fixture *f, const guint8 *bytes, gsize len, gboolean notice)
{
    const AditPoolMessage message = { .now = f->now,
                                      .dice = HALF,
                                      .from = { server4, ADIT_PCP_SERVER_PORT },
                                      .bytes = bytes,
                                      .len = len,
                                      .notice = notice };

    adit_pool_receive(f->pool, &message);
}

AditPcpReply
reply_to(const Fixture *f, guint i, guint32 epoch)
{
    AditPcpRequest request;
    AditPcpReply reply;

    adit_mapping_request(f->m[i], &client4, &request);
    adit_pcp_reply_init(&request, &reply);
    memset(&reply.options, 0, sizeof(reply.options));
    reply.lifetime = LIFETIME;
    reply.epoch = epoch;
    reply.body.external = wan4;
    return reply;
}

void
hear_reply(Fixture *f, const AditPcpReply *reply, gboolean notice)
{
    guint8 bytes[ADIT_PCP_MAX];
    gsize len = adit_pcp_reply_encode(reply, bytes);

    hear(f, bytes, len, notice);
}

void
grant(Fixture *f, guint i, guint32 epoch)
{
    const AditPcpReply reply = reply_to(f, i, epoch);

    hear_reply(f, &reply, FALSE);
}

void
hear_announce(Fixture *f, guint32 epoch, gboolean notice)
{
    const AditPcpReply reply = { .version = ADIT_PCP_VERSION,
                                 .opcode = ADIT_PCP_ANNOUNCE,
                                 .epoch = epoch };

    hear_reply(f, &reply, notice);
}

void
grant_both(Fixture *f)
{
    g_assert_cmpuint(dispatch(f), ==, 2);
    grant(f, 0, 1000);
    grant(f, 1, 1000);
    g_assert_cmpint(next_news(f), ==, ADIT_MAPPING_NEWS_GRANTED);
    g_assert_cmpint(next_news(f), ==, ADIT_MAPPING_NEWS_GRANTED);
    g_assert_cmpint(next_news(f), ==, ADIT_MAPPING_NO_NEWS);
}

void
assert_both(const Fixture *f, AditMappingState state)
{
    for (guint i = 0; i < 2; i++)
        g_assert_cmpint(f->m[i]->state, ==, state);
}
