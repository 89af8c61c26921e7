/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/publisher/told.h"

#include "libadit/core/error.h"
#include "pcp-client/match.h"

#define FIRST_S 2
#define LONGEST_S 1024 /* between questions to a server that does not know them */
#define SOONEST_S 5
#define LATEST_S 3600

typedef struct {
    AditTold *book;
    char *name, *link;
    AditAddr own, server;
    gboolean kept, has_spoken;
    AditAskSite site;
    AditAsker *asker; /* NULL: no question is out */
    gboolean again;   /* asked for while one was */
    guint timer, pause_s;
} Page;

struct _AditTold {
    GPtrArray *pages; /* Page */
    void (*changed)(gpointer data);
    gpointer data;
};

static void
close_page(gpointer data)
{
    Page *page = data;

    adit_asker_free(page->asker);
    g_clear_handle_id(&page->timer, g_source_remove);
    g_free(page->name);
    g_free(page->link);
    g_free(page);
}

AditTold *
adit_told_new(void (*changed)(gpointer data), gpointer data)
{
    AditTold *self = g_new0(AditTold, 1);

    self->pages = g_ptr_array_new_with_free_func(close_page);
    self->changed = changed;
    self->data = data;
    return self;
}

void
adit_told_free(AditTold *self)
{
    if (!self)
        return;
    g_ptr_array_unref(self->pages);
    g_free(self);
}

static gboolean
on_timer(gpointer data)
{
    Page *page = data;
    const guint pause_s = page->pause_s;

    page->timer = 0;
    adit_told_stir(page->book, page->name, TRUE);
    page->pause_s = pause_s; /* the same silence goes on */
    return G_SOURCE_REMOVE;
}

static void
wait_page(Page *page, guint seconds)
{
    g_clear_handle_id(&page->timer, g_source_remove);
    page->timer = g_timeout_add_seconds(seconds, on_timer, page);
}

static gboolean
knows(const Page *page, const AditAskReply *reply)
{
    return page->has_spoken && adit_ask_site_equal(&page->site, &reply->site);
}

static void
hear(Page *page, const AditAskReply *reply)
{
    const gboolean same = knows(page, reply);

    g_debug("%s: told: %s%s, again in %u s", page->name, same ? "as before" : "news",
            reply->site.rotate ? ", another key is wanted" : "", reply->lifetime);
    page->has_spoken = TRUE;
    page->site = reply->site;
    page->pause_s = 0;
    wait_page(page, CLAMP(reply->lifetime, SOONEST_S, LATEST_S));
    if (!same)
        page->book->changed(page->book->data);
}

static void
on_answer(const AditAskReply *reply, const GError *error, gpointer data)
{
    Page *page = data;

    page->asker = NULL;
    if (reply) {
        hear(page, reply);
    } else {
        g_debug("%s: %s", page->name, error->message);
        page->pause_s = page->pause_s == 0 ? FIRST_S : MIN(page->pause_s * 2, LONGEST_S);
        wait_page(page, page->pause_s);
    }
    if (page->again)
        adit_told_stir(page->book, page->name, TRUE);
}

static void
ask_page(Page *page)
{
    const AditAskerWay way = { page->link, page->own, page->server };
    const AditAsk ask = { .kind = ADIT_ASK_ADDRESS };

    page->again = page->asker != NULL;
    if (page->asker)
        return;
    page->asker = adit_asker_new(&way, &ask, on_answer, page);
}

static Page *
find(const AditTold *self, const char *name)
{
    for (guint i = 0; i < self->pages->len; i++) {
        Page *page = g_ptr_array_index(self->pages, i);

        if (g_str_equal(page->name, name))
            return page;
    }
    return NULL;
}

/* By IPv4, whose addresses stay; by IPv6 where there is nothing else. */
static gboolean
way_of(const AditPublishGateway *gateway, AditAskerWay *ret)
{
    for (guint f = 0; f < 2; f++)
        if (adit_addr_is_set(&gateway->own[f]) && adit_addr_is_set(&gateway->server[f])) {
            *ret = (AditAskerWay){ gateway->link, gateway->own[f], gateway->server[f] };
            return gateway->up;
        }
    return FALSE;
}

static void
open_page(AditTold *self, const AditPublishGateway *gateway, const AditAskerWay *way)
{
    Page *page = g_new0(Page, 1);

    page->book = self;
    page->name = g_strdup(gateway->name);
    page->link = g_strdup(way->link);
    page->own = way->own;
    page->server = way->server;
    page->kept = TRUE;
    g_ptr_array_add(self->pages, page);
    ask_page(page);
}

static gboolean
is_of(const Page *page, const AditAskerWay *way)
{
    return g_str_equal(page->link, way->link) && adit_addr_cmp(&page->own, &way->own) == 0 &&
           adit_addr_cmp(&page->server, &way->server) == 0;
}

void
adit_told_set_gateways(AditTold *self, const GPtrArray *gateways)
{
    for (guint i = 0; i < self->pages->len; i++)
        ((Page *)g_ptr_array_index(self->pages, i))->kept = FALSE;
    for (guint i = 0; i < gateways->len; i++) {
        const AditPublishGateway *gateway = g_ptr_array_index(gateways, i);
        Page *page = find(self, gateway->name);
        AditAskerWay way;

        if (!way_of(gateway, &way))
            continue;
        if (page && is_of(page, &way)) {
            page->kept = TRUE;
            continue;
        }
        if (page)
            g_ptr_array_remove(self->pages, page);
        open_page(self, gateway, &way);
    }
    for (guint i = self->pages->len; i-- > 0;)
        if (!((Page *)g_ptr_array_index(self->pages, i))->kept)
            g_ptr_array_remove_index(self->pages, i);
    self->changed(self->data);
}

void
adit_told_stir(AditTold *self, const char *gateway, gboolean always)
{
    Page *page = find(self, gateway);

    if (!page || (!always && page->has_spoken))
        return;
    g_debug("%s: stirred%s", gateway, page->asker ? " while a question is out" : "");
    if (always) /* that it was silent before is no reason to be patient now */
        page->pause_s = 0;
    ask_page(page);
}

GArray *
adit_told_list(const AditTold *self)
{
    GArray *list = g_array_new(FALSE, FALSE, sizeof(AditTelling));

    for (guint i = 0; i < self->pages->len; i++) {
        const Page *page = g_ptr_array_index(self->pages, i);
        const AditTelling telling = { page->name, page->site };

        if (page->has_spoken)
            g_array_append_val(list, telling);
    }
    return list;
}

/* A question of aditd. */
typedef struct {
    AditTold *book;
    char *gateway;
    AditAskerDone done;
    gpointer data;
} Errand;

/* What is news to the page as well is asked about once more rather than taken: of two answers
 * on their way this may be the older one. */
static void
on_errand(const AditAskReply *reply, const GError *error, gpointer data)
{
    Errand *errand = data;
    const Page *page =
        reply && reply->kind == ADIT_ASK_ADDRESS ? find(errand->book, errand->gateway) : NULL;

    errand->done(reply, error, errand->data);
    if (page && !knows(page, reply))
        adit_told_stir(errand->book, errand->gateway, TRUE);
    g_free(errand->gateway);
    g_free(errand);
}

gboolean
adit_told_ask(AditTold *self, const char *gateway, const AditAsk *ask, AditAskerDone done,
              gpointer data)
{
    const Page *page = find(self, gateway);
    const AditAskerWay way =
        page ? (AditAskerWay){ page->link, page->own, page->server } : (AditAskerWay){ 0 };
    Errand *errand;

    if (!page)
        return FALSE;
    errand = g_new0(Errand, 1);
    *errand = (Errand){ self, g_strdup(gateway), done, data };
    adit_asker_new(&way, ask, on_errand, errand);
    return TRUE;
}
