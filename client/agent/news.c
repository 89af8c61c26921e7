/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/agent/news.h"

#include "client/agent/words.h"

#include <string.h>

/* Of every subject (a gateway, a publication, a question) there is one opinion at a time: what
 * ought to be said of it, in short its digest. One that has held for its patience is said if it
 * is another than was said last; what is over is taken off the screen. What was said of
 * publications and gateways is remembered, so that a login brings no news of yesterday. */

#define TROUBLE_PATIENCE 3  /* seconds: a tunnel that is made anew is no trouble */
#define LOST_PATIENCE 10    /* a server that restarts gives its ports back */
#define PROBLEM_PATIENCE 12 /* what a port has to say of itself is said by then */
#define SETTLE_PATIENCE 3   /* both families are told in one */
#define GONE_PATIENCE 5     /* a daemon that restarts has its list together by then */
#define ASK_PATIENCE 5      /* it goes on listening */
#define OFFER_PATIENCE 3    /* nobody is about to adopt it */
#define ASK_PAUSE 60        /* between two questions */

typedef struct {
    char *digest;     /* of the opinion that is held now; NULL: none */
    gint64 since;     /* it is held */
    char *said;       /* the digest of what was shown; NULL: nothing */
    gboolean open;    /* it is on the screen */
    guint round;      /* of the last opinion */
    gint64 gone;      /* since when there is none; 0: there is */
    AditPorts wanted; /* of a publication that was; proto 0: of none, or never */
} Subject;

struct _AditNews {
    AditMemory *memory;
    GHashTable *subjects; /* key -> Subject */
    GHashTable *later;    /* services and offers that were put off, until the next login */
    char *asked;          /* the service of the question that stands */
    gint64 next_question;
    guint round;
};

/* One step's way through the subjects. */
typedef struct {
    AditNews *news;
    const AditNewsWish *wish;
    const AditSeen *seen;
    gint64 now, wake;
    GPtrArray *items;
} Step;

static void
subject_free(Subject *subject)
{
    g_free(subject->digest);
    g_free(subject->said);
    g_free(subject);
}

static void
item_free(AditNewsItem *item)
{
    adit_notice_free(item->show);
    g_free(item->close);
    g_free(item);
}

AditNews *
adit_news_new(AditMemory *memory)
{
    AditNews *news = g_new0(AditNews, 1);
    GHashTableIter iter;
    gpointer key, digest;

    news->memory = memory;
    news->subjects =
        g_hash_table_new_full(g_str_hash, g_str_equal, g_free, (GDestroyNotify)subject_free);
    news->later = g_hash_table_new_full(g_str_hash, g_str_equal, g_free, NULL);
    g_hash_table_iter_init(&iter, memory->told);
    while (g_hash_table_iter_next(&iter, &key, &digest)) {
        Subject *subject = g_new0(Subject, 1);

        subject->said = g_strdup(digest);
        g_hash_table_insert(news->subjects, g_strdup(key), subject);
    }
    return news;
}

void
adit_news_free(AditNews *news)
{
    if (!news)
        return;
    g_hash_table_unref(news->subjects);
    g_hash_table_unref(news->later);
    g_free(news->asked);
    g_free(news);
}

static Subject *
subject_of(AditNews *news, const char *key)
{
    Subject *subject = g_hash_table_lookup(news->subjects, key);

    if (!subject) {
        subject = g_new0(Subject, 1);
        g_hash_table_insert(news->subjects, g_strdup(key), subject);
    }
    subject->round = news->round;
    subject->gone = 0;
    return subject;
}

static void
show(Step *step, Subject *subject, AditNotice *notice)
{
    AditNewsItem *item = g_new0(AditNewsItem, 1);

    item->show = notice;
    subject->open = TRUE;
    g_ptr_array_add(step->items, item);
}

static void
take_away(Step *step, const char *key, Subject *subject)
{
    AditNewsItem *item;

    if (!subject->open)
        return;
    item = g_new0(AditNewsItem, 1);
    item->close = g_strdup(key);
    subject->open = FALSE;
    g_ptr_array_add(step->items, item);
}

/* @notice is said once @digest has held for @patience; it is taken. @known: it is no news. */
static void
hold(Step *step, AditNotice *notice, const char *digest, gint64 patience, gboolean known)
{
    g_autoptr(AditNotice) taken = notice;
    Subject *subject = subject_of(step->news, notice->key);

    if (g_strcmp0(subject->digest, digest) != 0) {
        g_free(subject->digest);
        subject->digest = g_strdup(digest);
        subject->since = step->now;
    }
    if (g_strcmp0(subject->said, digest) == 0)
        return;
    if (!known && step->now < subject->since + patience) {
        step->wake = MIN(step->wake, subject->since + patience);
        return;
    }
    g_free(subject->said);
    subject->said = g_strdup(digest);
    if (!known && (step->wish->tells || notice->kind != ADIT_NOTICE_NEWS))
        show(step, subject, g_steal_pointer(&taken));
}

/* It is over, and may come again. */
static void
end(Step *step, const char *key)
{
    Subject *subject = g_hash_table_lookup(step->news->subjects, key);

    if (!subject)
        return;
    take_away(step, key, subject);
    g_hash_table_remove(step->news->subjects, key);
}

/* As hold(), and remembered. */
static void
tell(Step *step, AditNotice *notice, const char *digest, gint64 patience, gboolean known)
{
    g_autofree char *key = g_strdup(notice->key);

    hold(step, notice, digest, patience, known);
    if (g_strcmp0(subject_of(step->news, key)->said, digest) == 0)
        adit_memory_tell(step->news->memory, key, digest);
}

/* "443/tcp at home by IPv4: ...", and the port's own notice has said that it is not reachable.
 */
static gboolean
is_told_by_port(const Step *step, const AditSeenGateway *gateway)
{
    g_auto(GStrv) parts = g_strsplit(gateway->problem, " at ", 2);
    g_autofree char *key = g_strconcat("reach:", parts[0], "@", gateway->name, NULL);
    const Subject *subject = g_hash_table_lookup(step->news->subjects, key);

    return subject &&
           (g_strcmp0(subject->said, "lost") == 0 || g_strcmp0(subject->said, "refused") == 0);
}

/* Behind what it is about without figures: "the last handshake was 200 s ago" is said once. */
static char *
digest_of(const char *problem)
{
    const char *about = strstr(problem, ": ");
    GString *digest = g_string_new(NULL);

    for (const char *c = problem; *c; c++)
        if (!about || c < about || !g_ascii_isdigit(*c))
            g_string_append_c(digest, *c);
    return g_string_free(digest, FALSE);
}

/* Once each, as long as it lasts. */
static void
judge_problem(Step *step, const AditSeenGateway *gateway)
{
    g_autofree char *digest = digest_of(gateway->problem);
    AditNotice *problem = adit_words_problem(gateway);

    if (problem && is_told_by_port(step, gateway))
        g_clear_pointer(&problem, adit_notice_free);
    if (problem)
        tell(step, problem, digest, PROBLEM_PATIENCE, FALSE);
}

static void
judge_gateway(Step *step, const AditSeenGateway *gateway)
{
    g_autofree char *key = g_strconcat("gateway:", gateway->name, NULL);
    g_autofree char *trouble_key = g_strconcat("trouble:", gateway->name, NULL);
    AditNotice *trouble = adit_words_trouble(gateway);

    subject_of(step->news, key);
    if (!g_str_equal(gateway->state, "connecting"))
        tell(step, adit_words_gateway(gateway), "here", 0, !step->news->memory->knows_gateways);
    if (trouble) {
        g_autofree char *digest = g_strconcat(trouble->summary, trouble->body, NULL);

        hold(step, trouble, digest, TROUBLE_PATIENCE, FALSE);
    } else if (g_str_equal(gateway->state, "connecting")) {
        subject_of(step->news, trouble_key); /* not over before it works */
    } else {
        end(step, trouble_key);
    }
    judge_problem(step, gateway);
}

static gboolean
any_is(const AditSeenGroup *group, const char *state)
{
    for (guint i = 0; i < group->reaches->len; i++)
        if (g_str_equal(((AditSeenReach *)g_ptr_array_index(group->reaches, i))->state, state))
            return TRUE;
    return FALSE;
}

/* Its notice tells why nothing is reachable; one of every port would say it again. */
static gboolean
is_gateway_well(const Step *step, const AditSeenGroup *group)
{
    const AditSeenGateway *gateway = adit_seen_gateway(step->seen, group->first->gateway);

    return gateway && g_str_equal(gateway->state, "up");
}

static void
judge_group(Step *step, const AditSeenGroup *group)
{
    g_autofree char *name = adit_seen_group_key(group);
    g_autofree char *key = g_strconcat("reach:", name, NULL);
    g_autofree char *addresses = adit_words_addresses(group);
    const gboolean known = !step->news->memory->knows_reaches;
    Subject *subject = subject_of(step->news, key);
    const gboolean was = subject->said && !g_str_equal(subject->said, "refused");
    const gboolean told = was && !g_str_equal(subject->said, "lost");
    const gboolean unsettled =
        any_is(group, "asking") || any_is(group, "lost") || any_is(group, "waiting");
    AditPorts ports;

    if (adit_ports_parse(group->first->ports, &ports, NULL) &&
        adit_seen_is_wanted(step->seen, &ports))
        subject->wanted = ports;
    /* the families change one after the other, and a look may fall between them */
    if (*addresses)
        tell(step, adit_words_published(group, step->wish->can_copy), addresses,
             unsettled ? (was ? LOST_PATIENCE : SETTLE_PATIENCE)
             : told    ? SETTLE_PATIENCE
                       : 0,
             known);
    else if (!is_gateway_well(step, group) || any_is(group, "waiting"))
        return;
    else if (was)
        tell(step, adit_words_lost(group), "lost", LOST_PATIENCE, known);
    else if (any_is(group, "refused") && !unsettled)
        tell(step, adit_words_refused(group), "refused", SETTLE_PATIENCE, known);
}

static gboolean
may_ask(const Step *step, const AditSeenService *service)
{
    g_autofree char *key = adit_seen_service_key(service);

    return !g_hash_table_contains(step->news->memory->answered, key) &&
           !g_hash_table_contains(step->news->later, key) &&
           !adit_seen_is_wanted(step->seen, &service->ports);
}

/* A tunnel server's connection that was left as it is. */
static void
judge_offer(Step *step, const char *title)
{
    g_autofree char *key = g_strconcat(ADIT_WORDS_OFFER, title, NULL);

    if (!g_hash_table_contains(step->news->memory->answered, key) &&
        !g_hash_table_contains(step->news->later, key))
        hold(step, adit_words_offer(title, key), "offered", OFFER_PATIENCE, FALSE);
}

/* The one that is asked about stays the one, whatever starts meanwhile. */
static const AditSeenService *
choose(const Step *step)
{
    const AditSeenService *first = NULL;

    for (guint i = 0; i < step->seen->services->len; i++) {
        const AditSeenService *service = g_ptr_array_index(step->seen->services, i);
        g_autofree char *key = adit_seen_service_key(service);

        if (!may_ask(step, service))
            continue;
        if (g_strcmp0(key, step->news->asked) == 0)
            return service;
        first = first ? first : service;
    }
    return first;
}

static void
judge_services(Step *step)
{
    AditNews *news = step->news;
    const gboolean asks = step->wish->asks && !news->memory->quiet;
    const AditSeenService *service = asks && adit_seen_has_up(step->seen) ? choose(step) : NULL;
    Subject *subject = g_hash_table_lookup(news->subjects, "ask");
    g_autofree char *key = service ? adit_seen_service_key(service) : NULL;

    if (!service || (subject && subject->said && g_strcmp0(key, subject->said) != 0)) {
        end(step, "ask");
        g_clear_pointer(&news->asked, g_free);
    }
    if (!service)
        return;
    if (step->now < news->next_question) {
        step->wake = MIN(step->wake, news->next_question);
        return;
    }
    g_free(news->asked);
    news->asked = g_strdup(key);
    hold(step, adit_words_question(service), key, ASK_PATIENCE, FALSE);
}

/* A user took it back: it has not gone with a daemon that comes again. */
static gboolean
is_taken_back(const Step *step, const Subject *subject)
{
    return subject->wanted.proto != 0 && !adit_seen_is_wanted(step->seen, &subject->wanted);
}

/* What nobody had an opinion of in this round leaves the screen, and is forgotten a little
 * later. What @lingers stays for as long: a daemon that restarts looks around before it offers
 * anything or finds something wrong, and what was taken away would not be said again. */
static void
sweep(Step *step, const char *prefix, gboolean lingers)
{
    GHashTableIter iter;
    gpointer key, value;

    g_hash_table_iter_init(&iter, step->news->subjects);
    while (g_hash_table_iter_next(&iter, &key, &value)) {
        Subject *subject = value;
        gboolean soon, stays;

        if (!g_str_has_prefix(key, prefix) || subject->round == step->news->round)
            continue;
        subject->gone = subject->gone ? subject->gone : step->now;
        soon = step->now < subject->gone + GONE_PATIENCE && !is_taken_back(step, subject);
        stays = soon && lingers && !g_hash_table_contains(step->news->memory->answered, key);
        if (!stays)
            take_away(step, key, subject);
        if (soon) {
            step->wake = MIN(step->wake, subject->gone + GONE_PATIENCE);
            continue;
        }
        adit_memory_forget(step->news->memory, key);
        g_hash_table_iter_remove(&iter);
    }
}

static void
judge_daemon(Step *step)
{
    AditMemory *memory = step->news->memory;

    for (guint i = 0; i < step->seen->gateways->len; i++)
        judge_gateway(step, g_ptr_array_index(step->seen->gateways, i));
    for (guint i = 0; step->seen->offered[i]; i++)
        judge_offer(step, step->seen->offered[i]);
    judge_services(step);
    sweep(step, "gateway:", FALSE);
    sweep(step, ADIT_WORDS_OFFER, TRUE);
    sweep(step, "trouble:", TRUE);
    sweep(step, "problem:", TRUE);
    memory->changed |= !memory->knows_gateways;
    memory->knows_gateways = TRUE;
}

static void
judge_publisher(Step *step)
{
    AditMemory *memory = step->news->memory;
    g_autoptr(GPtrArray) groups = adit_seen_groups(step->seen);

    for (guint i = 0; i < groups->len; i++)
        judge_group(step, g_ptr_array_index(groups, i));
    sweep(step, "reach:", FALSE);
    memory->changed |= !memory->knows_reaches;
    memory->knows_reaches = TRUE;
}

GPtrArray *
adit_news_step(AditNews *news, const AditNewsWish *wish, const AditSeen *seen, gint64 now,
               gint64 *ret_wake)
{
    Step step = { news, wish,       seen,
                  now,  G_MAXINT64, g_ptr_array_new_with_free_func((GDestroyNotify)item_free) };

    news->round++;
    if (seen->has_daemon)
        judge_daemon(&step);
    if (seen->has_daemon && seen->has_publisher)
        judge_publisher(&step);
    *ret_wake = step.wake;
    return step.items;
}

void
adit_news_closed(AditNews *news, const char *key, gint64 now)
{
    Subject *subject = g_hash_table_lookup(news->subjects, key);

    if (subject)
        subject->open = FALSE;
    if (g_str_has_prefix(key, ADIT_WORDS_OFFER))
        g_hash_table_add(news->later, g_strdup(key));
    if (!g_str_equal(key, "ask") || !news->asked)
        return;
    g_hash_table_add(news->later, g_steal_pointer(&news->asked));
    g_hash_table_remove(news->subjects, "ask");
    news->next_question = now + ASK_PAUSE;
}

void
adit_news_answered(AditNews *news, const char *subject)
{
    adit_memory_answer(news->memory, subject);
    if (g_strcmp0(news->asked, subject) != 0)
        return;
    g_clear_pointer(&news->asked, g_free);
    g_hash_table_remove(news->subjects, "ask");
}
