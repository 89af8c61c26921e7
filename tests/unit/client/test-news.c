/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/agent/news.h"

#include <string.h>

/* Stories: at each moment what is seen, and what is said about it.
 *
 *   gateways  "home=up", "home=broken*" (everything goes through it), separated by blanks;
 *             "vpn=offered": it could become one; "home=up?443/tcp": vigil has found something
 *   reaches   "443/tcp@home/4=published:203.0.113.7:443", "443/tcp@home/6=lost"
 *   services  "8080/tcp:nginx"
 *   wanted    "443/tcp"
 *   said      "gateway:home -trouble:home": shown, and closed */

typedef struct {
    gint64 at;
    const char *gateways, *reaches, *services, *wanted;
    const char *said;
    const char *then; /* "closed KEY", "answered SERVICE", "login", "quiet" */
} Moment;

typedef struct {
    const char *name;
    Moment moments[12];
} Story;

#define V4 "443/tcp@home/4=published:203.0.113.7:443"
#define V6 "443/tcp@home/6=published:[2001:db8::2]:443"
#define BOTH V4 " " V6

static const Story stories[] = {
    { "what-was-there-is-no-news",
      { { 0, "home=up", BOTH, "", "443/tcp", "", NULL },
        { 9, "home=up", BOTH, "", "443/tcp", "", NULL } } },
    { "a-gateway-is-added",
      { { 0, "", "", "", "", "", NULL },
        { 1, "home=connecting", "", "", "", "", NULL },
        { 2, "home=up", "", "", "", "gateway:home", NULL },
        { 3, "home=up", "", "", "", "", NULL } } },
    { "told-once-whatever-the-logins",
      { { 0, "", "", "", "", "", NULL },
        { 1, "home=up", BOTH, "", "443/tcp", "gateway:home reach:443/tcp@home", "login" },
        { 2, "home=up", BOTH, "", "443/tcp", "", NULL },
        { 3, "home=up", BOTH, "", "443/tcp", "", NULL } } },
    { "removed-and-added-again",
      { { 0, "", "", "", "", "", NULL },
        { 1, "home=up", "", "", "", "gateway:home", NULL },
        { 2, "", "", "", "", "-gateway:home", NULL },
        { 7, "", "", "", "", "", NULL },
        { 8, "home=up", "", "", "", "gateway:home", NULL } } },
    { "a-daemon-restarts",
      { { 0, "", "", "", "", "", NULL },
        { 1, "home=up", BOTH, "", "443/tcp", "gateway:home reach:443/tcp@home", NULL },
        { 2, NULL, NULL, "", "", "", NULL },
        { 60, "home=up", NULL, "", "443/tcp", "", NULL },
        { 61, "home=up", "", "", "443/tcp", "-reach:443/tcp@home", NULL },
        { 62, "home=up", "443/tcp@home/4=asking", "", "443/tcp", "", NULL },
        { 63, "home=up", BOTH, "", "443/tcp", "", NULL } } },
    { "taken-back-and-published-again",
      { { 0, "home=up", "", "", "", "", NULL },
        { 1, "home=up", BOTH, "", "443/tcp", "reach:443/tcp@home", NULL },
        { 20, "home=up", BOTH, "", "", "", NULL },
        { 20, "home=up", "", "", "", "-reach:443/tcp@home", NULL },
        { 21, "home=up", "443/tcp@home/4=asking", "", "443/tcp", "", NULL },
        { 22, "home=up", BOTH, "", "443/tcp", "reach:443/tcp@home", NULL } } },
    { "a-publisher-restarts",
      { { 0, "home=up", "", "", "", "", NULL },
        { 1, "home=up", BOTH, "", "443/tcp", "reach:443/tcp@home", NULL },
        { 20, "home=up", "", "", "443/tcp", "-reach:443/tcp@home", NULL },
        { 22, "home=up", BOTH, "", "443/tcp", "", NULL } } },
    { "a-publisher-restarts-and-has-one-family-first",
      { { 0, "home=up", "", "", "", "", NULL },
        { 1, "home=up", BOTH, "", "443/tcp", "reach:443/tcp@home", NULL },
        { 20, "home=up", V4 " 443/tcp@home/6=waiting", "", "443/tcp", "", NULL },
        { 22, "home=up", BOTH, "", "443/tcp", "", NULL },
        { 30, "home=up", V4, "", "443/tcp", "", NULL },
        { 31, "home=up", BOTH, "", "443/tcp", "", NULL },
        { 40, "home=up", V4, "", "443/tcp", "", NULL },
        { 43, "home=up", V4, "", "443/tcp", "reach:443/tcp@home", NULL } } },
    { "of-a-unit-whose-publisher-restarts",
      { { 0, "home=up", "", "", "", "", NULL },
        { 1, "home=up", BOTH, "", "", "reach:443/tcp@home", NULL },
        { 20, "home=up", "", "", "", "-reach:443/tcp@home", NULL },
        { 22, "home=up", BOTH, "", "", "", NULL } } },
    { "both-families-in-one",
      { { 0, "home=up", "", "", "", "", NULL },
        { 1, "home=up", V4 " 443/tcp@home/6=asking", "", "443/tcp", "", NULL },
        { 2, "home=up", BOTH, "", "443/tcp", "reach:443/tcp@home", NULL } } },
    { "the-other-family-never-comes",
      { { 0, "home=up", "", "", "", "", NULL },
        { 1, "home=up", V4 " 443/tcp@home/6=asking", "", "443/tcp", "", NULL },
        { 4, "home=up", V4 " 443/tcp@home/6=asking", "", "443/tcp", "reach:443/tcp@home",
          NULL } } },
    { "lost-for-a-moment",
      { { 0, "home=up", BOTH, "", "443/tcp", "", NULL },
        { 1, "home=up", "443/tcp@home/4=lost 443/tcp@home/6=lost", "", "443/tcp", "", NULL },
        { 9, "home=up", BOTH, "", "443/tcp", "", NULL },
        { 30, "home=up", BOTH, "", "443/tcp", "", NULL } } },
    { "lost-and-found",
      { { 0, "home=up", BOTH, "", "443/tcp", "", NULL },
        { 1, "home=up", "443/tcp@home/4=lost 443/tcp@home/6=lost", "", "443/tcp", "", NULL },
        { 11, "home=up", "443/tcp@home/4=lost 443/tcp@home/6=lost", "", "443/tcp",
          "reach:443/tcp@home", NULL },
        { 12, "home=up", BOTH, "", "443/tcp", "reach:443/tcp@home", NULL } } },
    { "one-family-is-lost",
      { { 0, "home=up", BOTH, "", "443/tcp", "", NULL },
        { 1, "home=up", V4 " 443/tcp@home/6=lost", "", "443/tcp", "", NULL },
        { 11, "home=up", V4 " 443/tcp@home/6=lost", "", "443/tcp", "reach:443/tcp@home",
          NULL } } },
    { "refused",
      { { 0, "home=up", "", "", "", "", NULL },
        { 1, "home=up", "443/tcp@home/4=refused", "", "443/tcp", "", NULL },
        { 4, "home=up", "443/tcp@home/4=refused", "", "443/tcp", "reach:443/tcp@home", NULL },
        { 5, "home=up", V4, "", "443/tcp", "reach:443/tcp@home", NULL } } },
    { "waits-for-a-listener",
      { { 0, "home=up", BOTH, "", "443/tcp", "", NULL },
        { 1, "home=up", "443/tcp@home/4=waiting 443/tcp@home/6=waiting", "", "443/tcp", "",
          NULL },
        { 99, "home=up", BOTH, "", "443/tcp", "", NULL } } },
    { "unpublished-by-its-user",
      { { 0, "home=up", "", "", "", "", NULL },
        { 1, "home=up", V4, "", "443/tcp", "reach:443/tcp@home", NULL },
        { 2, "home=up", "", "", "", "-reach:443/tcp@home", NULL } } },
    { "the-gateway-tells-for-its-ports",
      { { 0, "home=up", BOTH, "", "443/tcp", "", NULL },
        { 1, "home=broken", "443/tcp@home/4=lost", "", "443/tcp", "", NULL },
        { 4, "home=broken", "443/tcp@home/4=lost", "", "443/tcp", "trouble:home", NULL },
        { 60, "home=broken", "443/tcp@home/4=lost", "", "443/tcp", "", NULL },
        { 61, "home=connecting", "443/tcp@home/4=lost", "", "443/tcp", "", NULL },
        { 62, "home=up", BOTH, "", "443/tcp", "-trouble:home", NULL } } },
    { "blocked-by-the-guard",
      { { 0, "home=up*", "", "", "", "", NULL },
        { 1, "home=down*", "", "", "", "", NULL },
        { 4, "home=down*", "", "", "", "trouble:home", NULL },
        { 5, "home=broken*", "", "", "", "", NULL },
        { 8, "home=broken*", "", "", "", "trouble:home", NULL },
        { 9, "home=broken", "", "", "", "", NULL },
        { 12, "home=broken", "", "", "", "trouble:home", "closed trouble:home" },
        { 13, "home=up", "", "", "", "", NULL } } },
    { "switched-off-is-no-trouble",
      { { 0, "home=up", "", "", "", "", NULL },
        { 1, "home=down", "", "", "", "", NULL },
        { 60, "home=down", "", "", "", "", NULL } } },
    { "a-service-is-asked-about",
      { { 0, "home=up", "", "", "", "", NULL },
        { 1, "home=up", "", "8080/tcp:nginx", "", "", NULL },
        { 6, "home=up", "", "8080/tcp:nginx", "", "ask", "answered 8080/tcp nginx" },
        { 7, "home=up", "", "8080/tcp:nginx", "", "", "login" },
        { 99, "home=up", "", "8080/tcp:nginx", "", "", NULL },
        { 200, "home=up", "", "8080/tcp:caddy", "", "", NULL },
        { 205, "home=up", "", "8080/tcp:caddy", "", "ask", NULL } } },
    { "it-was-there-for-a-moment",
      { { 0, "home=up", "", "8080/tcp:nginx", "", "", NULL },
        { 4, "home=up", "", "", "", "", NULL },
        { 6, "home=up", "", "8080/tcp:nginx", "", "", NULL },
        { 10, "home=up", "", "8080/tcp:nginx", "", "", NULL },
        { 11, "home=up", "", "8080/tcp:nginx", "", "ask", NULL },
        { 12, "home=up", "", "", "", "-ask", NULL } } },
    { "published-meanwhile",
      { { 0, "home=up", "", "8080/tcp:nginx", "", "", NULL },
        { 5, "home=up", "", "8080/tcp:nginx", "", "ask", NULL },
        { 6, "home=up", "", "8080/tcp:nginx", "8080-8090/tcp", "-ask", NULL } } },
    { "put-off-until-the-next-login",
      { { 0, "home=up", "", "80/tcp:nginx 8080/tcp:java", "", "", NULL },
        { 5, "home=up", "", "80/tcp:nginx 8080/tcp:java", "", "ask", "closed ask" },
        { 6, "home=up", "", "80/tcp:nginx 8080/tcp:java", "", "", NULL },
        { 65, "home=up", "", "80/tcp:nginx 8080/tcp:java", "", "", NULL },
        { 70, "home=up", "", "80/tcp:nginx 8080/tcp:java", "", "ask",
          "answered 8080/tcp java" },
        { 500, "home=up", "", "80/tcp:nginx 8080/tcp:java", "", "", "login" },
        { 501, "home=up", "", "80/tcp:nginx", "", "", NULL },
        { 506, "home=up", "", "80/tcp:nginx", "", "ask", NULL } } },
    { "one-question-at-a-time",
      { { 0, "home=up", "", "8080/tcp:java", "", "", NULL },
        { 5, "home=up", "", "8080/tcp:java", "", "ask", NULL },
        { 6, "home=up", "", "80/tcp:nginx 8080/tcp:java", "", "", NULL },
        { 60, "home=up", "", "80/tcp:nginx 8080/tcp:java", "", "", NULL } } },
    { "no-gateway-no-question",
      { { 0, "", "", "8080/tcp:nginx", "", "", NULL },
        { 60, "home=down", "", "8080/tcp:nginx", "", "gateway:home", NULL },
        { 99, "home=down", "", "8080/tcp:nginx", "", "", NULL } } },
    { "a-connection-is-offered-and-adopted",
      { { 0, "vpn=offered", "", "", "", "", NULL },
        { 2, "vpn=offered", "", "", "", "", NULL },
        { 3, "vpn=offered", "", "", "", "offer:vpn", "closed offer:vpn" },
        { 4, "vpn=offered", "", "", "", "", NULL },
        { 5, "vpn=up", "", "", "", "gateway:vpn", NULL } } },
    { "an-offer-is-declined-for-good",
      { { 0, "home=up vpn=offered", "", "", "", "", NULL },
        { 3, "home=up vpn=offered", "", "", "", "offer:vpn", "answered offer:vpn" },
        { 4, "home=up vpn=offered", "", "", "", "-offer:vpn", "login" },
        { 60, "home=up vpn=offered lab=offered", "", "", "", "", NULL },
        { 63, "home=up vpn=offered lab=offered", "", "", "", "offer:lab", NULL } } },
    { "an-offer-is-put-off-until-the-next-login",
      { { 0, "vpn=offered", "", "", "", "", NULL },
        { 3, "vpn=offered", "", "", "", "offer:vpn", "closed offer:vpn" },
        { 4, "", "", "", "", "", NULL },
        { 60, "vpn=offered", "", "", "", "", NULL },
        { 99, "vpn=offered", "", "", "", "", "login" },
        { 100, "vpn=offered", "", "", "", "", NULL },
        { 103, "vpn=offered", "", "", "", "offer:vpn", NULL } } },
    { "adopted-in-a-terminal-meanwhile",
      { { 0, "vpn=offered", "", "", "", "", NULL },
        { 3, "vpn=offered", "", "", "", "offer:vpn", NULL },
        { 4, "", "", "", "", "", NULL },
        { 9, "", "", "", "", "-offer:vpn", NULL } } },
    { "the-daemon-restarts-and-has-not-looked-yet",
      { { 0, "home=up vpn=offered", "", "", "", "", NULL },
        { 3, "home=up vpn=offered", "", "", "", "offer:vpn", NULL },
        { 4, "home=up", "", "", "", "", NULL },
        { 5, "home=up vpn=offered", "", "", "", "", NULL },
        { 60, "home=up", "", "", "", "", NULL },
        { 65, "home=up", "", "", "", "-offer:vpn", NULL } } },
    { "the-daemon-restarts-and-finds-the-same-trouble",
      { { 0, "home=broken", "", "", "", "", NULL },
        { 3, "home=broken", "", "", "", "trouble:home", NULL },
        { 4, "", "", "", "", "", NULL },
        { 6, "home=broken", "", "", "", "", NULL },
        { 60, "", "", "", "", "", NULL },
        { 65, "", "", "", "", "-trouble:home", NULL } } },
    { "the-daemon-restarts-and-finds-the-same-problem",
      { { 0, "home=up?443/tcp", "", "", "", "", NULL },
        { 12, "home=up?443/tcp", "", "", "", "problem:home", NULL },
        { 13, "", "", "", "", "", NULL },
        { 14, "home=up", "", "", "", "", NULL },
        { 17, "home=up?443/tcp", "", "", "", "", NULL },
        { 60, "home=up", "", "", "", "", NULL },
        { 65, "home=up", "", "", "", "-problem:home", NULL } } },
    { "up-but-something-is-wrong",
      { { 0, "home=up", BOTH, "", "443/tcp", "", NULL },
        { 1, "home=up?443/tcp", BOTH, "", "443/tcp", "", NULL },
        { 12, "home=up?443/tcp", BOTH, "", "443/tcp", "", NULL },
        { 13, "home=up?443/tcp", BOTH, "", "443/tcp", "problem:home", "closed problem:home" },
        { 99, "home=up?443/tcp", BOTH, "", "443/tcp", "", "login" },
        { 200, "home=up?443/tcp", BOTH, "", "443/tcp", "", NULL },
        { 201, "home=up?25/tcp", BOTH, "", "443/tcp", "", NULL },
        { 213, "home=up?25/tcp", BOTH, "", "443/tcp", "problem:home", NULL },
        { 214, "home=up", BOTH, "", "443/tcp", "", NULL },
        { 219, "home=up", BOTH, "", "443/tcp", "-problem:home", NULL },
        { 220, "home=up?25/tcp", BOTH, "", "443/tcp", "", NULL },
        { 232, "home=up?25/tcp", BOTH, "", "443/tcp", "problem:home", NULL } } },
    { "wrong-for-a-moment",
      { { 0, "home=up", "", "", "", "", NULL },
        { 1, "home=up?443/tcp", "", "", "", "", NULL },
        { 9, "home=up", "", "", "", "", NULL },
        { 60, "home=up", "", "", "", "", NULL } } },
    { "the-port-tells-for-itself",
      { { 0, "home=up", V4, "", "443/tcp", "", NULL },
        { 1, "home=up?443/tcp", "443/tcp@home/4=lost", "", "443/tcp", "", NULL },
        { 11, "home=up?443/tcp", "443/tcp@home/4=lost", "", "443/tcp", "reach:443/tcp@home",
          NULL },
        { 60, "home=up?443/tcp", "443/tcp@home/4=lost", "", "443/tcp", "", NULL } } },
    { "stop-asking",
      { { 0, "home=up", "", "8080/tcp:nginx", "", "", NULL },
        { 5, "home=up", "", "8080/tcp:nginx", "", "ask", "quiet" },
        { 6, "home=up", "", "8080/tcp:nginx", "", "-ask", "login" },
        { 60, "home=up", "", "8080/tcp:nginx", "", "", NULL },
        { 99, "home=up", "", "8080/tcp:nginx", "", "", NULL } } },
};

static void
add_gateway(AditSeen *seen, const char *word)
{
    g_auto(GStrv) parts = g_strsplit(word, "=", 2);
    const gboolean selected = g_str_has_suffix(parts[1], "*");
    static guint seconds; /* a figure that is another each time */
    AditSeenGateway *gateway;

    if (g_str_equal(parts[1], "offered")) {
        const guint n = g_strv_length(seen->offered);

        seen->offered = g_renew(char *, seen->offered, n + 2);
        seen->offered[n] = g_strdup(parts[0]);
        seen->offered[n + 1] = NULL;
        return;
    }
    gateway = g_new0(AditSeenGateway, 1);
    gateway->name = g_strdup(parts[0]);
    gateway->state = g_strdelimit(g_strdup(parts[1]), "*?", '\0');
    if (strchr(parts[1], '?'))
        gateway->problem = g_strdup_printf("%s at %s by IPv4: silent for %u s",
                                           strchr(parts[1], '?') + 1, parts[0], ++seconds);
    else
        gateway->problem =
            g_strdup(g_str_equal(gateway->state, "broken") ? "no handshake" : "");
    gateway->selected[0] = gateway->selected[1] = selected;
    gateway->addresses = g_strsplit("10.59.0.2", " ", -1);
    g_ptr_array_add(seen->gateways, gateway);
}

static void
add_reach(AditSeen *seen, const char *word)
{
    g_auto(GStrv) parts = g_strsplit_set(word, "@=", 3);
    g_auto(GStrv) state = g_strsplit(parts[2], ":", 2);
    AditSeenReach *reach = g_new0(AditSeenReach, 1);

    reach->ports = g_strdup(parts[0]);
    reach->family = (guint8)g_ascii_digit_value(parts[1][strlen(parts[1]) - 1]);
    reach->gateway = g_strndup(parts[1], strlen(parts[1]) - 2);
    reach->state = g_strdup(state[0]);
    reach->outside = g_strdup(state[1] ? state[1] : "");
    reach->label = g_strdup("web");
    reach->source = g_strdup("");
    reach->reason = g_strdup("");
    reach->problem = g_strdup("");
    g_ptr_array_add(seen->reaches, reach);
}

static void
add_service(AditSeen *seen, const char *word)
{
    g_auto(GStrv) parts = g_strsplit(word, ":", 2);
    AditPorts ports;

    g_assert_true(adit_ports_parse(parts[0], &ports, NULL));
    g_ptr_array_add(seen->services, adit_seen_service_new(&ports, parts[1]));
}

static void
add_wanted(AditSeen *seen, const char *word)
{
    AditPorts ports;

    g_assert_true(adit_ports_parse(word, &ports, NULL));
    g_ptr_array_add(seen->wanted, adit_publication_new(&ports));
}

static void
add_words(AditSeen *seen, const char *words, void (*add)(AditSeen *seen, const char *word))
{
    g_auto(GStrv) list = g_strsplit(words ? words : "", " ", -1);

    for (guint i = 0; list[i]; i++)
        if (*list[i])
            add(seen, list[i]);
}

static AditSeen *
see(const Moment *m)
{
    AditSeen *seen = adit_seen_new();

    seen->has_daemon = m->gateways != NULL;
    seen->has_publisher = m->reaches != NULL;
    add_words(seen, m->gateways, add_gateway);
    add_words(seen, m->reaches, add_reach);
    add_words(seen, m->services, add_service);
    add_words(seen, m->wanted, add_wanted);
    return seen;
}

static char *
to_string(const GPtrArray *items)
{
    GString *text = g_string_new(NULL);

    for (guint i = 0; i < items->len; i++) {
        const AditNewsItem *item = g_ptr_array_index(items, i);

        g_string_append_printf(text, "%s%s%s", i ? " " : "", item->show ? "" : "-",
                               item->show ? item->show->key : item->close);
    }
    return g_string_free(text, FALSE);
}

/* What is remembered goes by the file, as from one session to the next. */
static void
login(AditMemory **memory, AditNews **news)
{
    g_autofree char *text = adit_memory_print(*memory);
    g_autoptr(GError) error = NULL;

    adit_news_free(*news);
    adit_memory_free(*memory);
    *memory = adit_memory_parse(text, strlen(text), &error);
    g_assert_no_error(error);
    *news = adit_news_new(*memory);
}

static void
happen(const Moment *m, AditMemory **memory, AditNews **news)
{
    g_auto(GStrv) words = g_strsplit(m->then, " ", 2);

    if (g_str_equal(words[0], "login"))
        login(memory, news);
    else if (g_str_equal(words[0], "quiet"))
        adit_memory_set_quiet(*memory, TRUE);
    else if (g_str_equal(words[0], "closed"))
        adit_news_closed(*news, words[1], m->at);
    else if (g_str_equal(words[0], "answered"))
        adit_news_answered(*news, words[1]);
    else
        g_assert_not_reached();
}

static void
test_story(gconstpointer data)
{
    const Story *story = data;
    const AditNewsWish wish = { TRUE, TRUE, TRUE };
    AditMemory *memory = adit_memory_new();
    AditNews *news = adit_news_new(memory);

    for (guint i = 0; i < G_N_ELEMENTS(story->moments) && story->moments[i].said; i++) {
        const Moment *m = &story->moments[i];
        g_autoptr(AditSeen) seen = see(m);
        gint64 wake;
        g_autoptr(GPtrArray) items = adit_news_step(news, &wish, seen, m->at, &wake);
        g_autofree char *said = to_string(items);

        g_test_message("at %d", (int)m->at);
        g_assert_cmpstr(said, ==, m->said);
        g_assert_cmpint(wake, >, m->at);
        if (m->then)
            happen(m, &memory, &news);
    }
    adit_news_free(news);
    adit_memory_free(memory);
}

/* Only what is due is waited for. */
static void
test_wake(void)
{
    const Moment m = { 7, "home=broken*", "", "", "", "", NULL };
    const AditNewsWish wish = { TRUE, TRUE, TRUE };
    g_autoptr(AditMemory) memory = adit_memory_new();
    g_autoptr(AditNews) news = adit_news_new(memory);
    g_autoptr(AditSeen) seen = see(&m);
    g_autoptr(GPtrArray) items = NULL;
    gint64 wake;

    items = adit_news_step(news, &wish, seen, 7, &wake);
    g_assert_cmpint(wake, ==, 10);
    g_clear_pointer(&items, g_ptr_array_unref);
    items = adit_news_step(news, &wish, seen, 10, &wake);
    g_assert_cmpuint(items->len, ==, 1);
    g_assert_cmpint(wake, ==, G_MAXINT64);
}

/* The user's settings: no questions, and nothing of what went well. */
static void
test_wishes(void)
{
    const Moment before = { 0, "", "", "", "", "", NULL };
    const Moment m = { 0, "home=up lab=broken", V4, "80/tcp:nginx", "", "", NULL };
    const AditNewsWish wish = { TRUE, FALSE, FALSE };
    g_autoptr(AditMemory) memory = adit_memory_new();
    g_autoptr(AditNews) news = adit_news_new(memory);
    g_autoptr(AditSeen) nothing = see(&before);
    g_autoptr(AditSeen) seen = see(&m);
    g_autofree char *said = NULL;
    GPtrArray *items;
    gint64 wake;

    g_ptr_array_unref(adit_news_step(news, &wish, nothing, 0, &wake));
    g_ptr_array_unref(adit_news_step(news, &wish, seen, 1, &wake));
    items = adit_news_step(news, &wish, seen, 60, &wake);
    said = to_string(items);
    g_assert_cmpstr(said, ==, "trouble:lab");
    g_ptr_array_unref(items);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(stories); i++) {
        g_autofree char *path = g_strconcat("/agent/news/", stories[i].name, NULL);

        g_test_add_data_func(path, &stories[i], test_story);
    }
    g_test_add_func("/agent/news/wake", test_wake);
    g_test_add_func("/agent/news/wishes", test_wishes);
    return g_test_run();
}
