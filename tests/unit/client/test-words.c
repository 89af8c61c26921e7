/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/agent/words.h"

#include "client/agent/sentences.h"
#include "client/health.h"
#include "pcp-client/listener.h"
#include "pcp-client/reach.h"
#include "tests/golden.h"

#include <string.h>

#define KEYS                                                                                   \
    "[Interface]\nPrivateKey = cGxlYXNlIGRvIG5vdCB1c2UgdGhpcyBrZXkgYXQgYWw=\n"                 \
    "Address = 10.59.0.2/32\nPostUp = touch /tmp/x\n[Peer]\n"                                  \
    "PublicKey = xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=\nAllowedIPs = 10.59.0.0/24\n"    \
    "Endpoint = vps.example.org:51820\n"

static char *
to_string(AditNotice *notice)
{
    static const char *const kinds[] = { "news", "question", "trouble", "reply" };
    GString *text = g_string_new(NULL);

    g_string_append_printf(text, "== %s (%s)\n%s\n%s\n", notice->key, kinds[notice->kind],
                           notice->summary, notice->body);
    for (guint i = 0; i < notice->actions->len; i++) {
        const AditNoticeAction *action = g_ptr_array_index(notice->actions, i);

        g_string_append_printf(text, "[%s: %s]\n", action->label, action->deed);
    }
    if (notice->click)
        g_string_append_printf(text, "click: %s\n", notice->click);
    if (notice->command)
        g_string_append_printf(text, "$ %s\n", notice->command);
    g_assert_cmpuint(notice->actions->len, <=, 3);
    adit_notice_free(notice);
    return g_string_free(text, FALSE);
}

static void
take(GString *all, AditNotice *notice)
{
    g_autofree char *text = to_string(notice);

    g_string_append(all, text);
}

static void
test_gateways(void)
{
    char *addresses[] = { (char *)"10.59.0.2", (char *)"2001:db8::a3b:2", NULL };
    AditSeenGateway gateway = { .name = (char *)"home",
                                .state = (char *)"up",
                                .problem = (char *)"",
                                .addresses = addresses };
    g_autoptr(GString) all = g_string_new(NULL);

    g_assert_null(adit_words_trouble(&gateway));
    g_assert_null(adit_words_problem(&gateway));
    take(all, adit_words_gateway(&gateway));
    gateway.problem =
        (char *)"443/tcp at home by IPv4: own firewall: ufw drops it; ufw allow 443/tcp";
    take(all, adit_words_problem(&gateway));
    gateway.problem = (char *)"";
    gateway.state = (char *)"down";
    g_assert_null(adit_words_trouble(&gateway));
    gateway.selected[0] = TRUE;
    take(all, adit_words_trouble(&gateway));
    gateway.selected[1] = TRUE;
    gateway.state = (char *)"broken";
    gateway.problem = (char *)"no handshake: key, PSK, endpoint or blocked UDP";
    take(all, adit_words_trouble(&gateway));
    gateway.selected[0] = gateway.selected[1] = FALSE;
    take(all, adit_words_trouble(&gateway));
    golden_check("agent/gateways.txt", all->str);
}

static void
test_reaches(void)
{
    AditSeenReach four = { (char *)"443/tcp",
                           (char *)"home",
                           (char *)"web",
                           (char *)"",
                           (char *)"203.0.113.7:443",
                           (char *)"published",
                           (char *)"",
                           (char *)"",
                           4 };
    AditSeenReach six = four;
    AditSeenGroup group = { &four, g_ptr_array_new() };
    g_autoptr(GString) all = g_string_new(NULL);

    six.outside = (char *)"[2001:db8::a3b:2]:443";
    six.family = 6;
    g_ptr_array_add(group.reaches, &four);
    g_ptr_array_add(group.reaches, &six);
    take(all, adit_words_published(&group, TRUE));
    four.label = (char *)"";
    four.source = (char *)"50-web.conf:1";
    four.problem = (char *)"nothing listens on it";
    take(all, adit_words_published(&group, FALSE));
    four.source = four.problem = (char *)"";
    four.state = six.state = (char *)"lost";
    four.outside = six.outside = (char *)"";
    six.reason = (char *)"the server lost its state";
    take(all, adit_words_lost(&group));
    four.state = (char *)"refused";
    four.reason = (char *)"this device has as many ports as the server allows";
    take(all, adit_words_refused(&group));
    golden_check("agent/reaches.txt", all->str);
    g_ptr_array_unref(group.reaches);
}

static void
test_questions(void)
{
    const AditPorts ports = { 8080, 8080, ADIT_PROTO_TCP };
    AditSeenService *known = adit_seen_service_new(&ports, "nginx");
    AditSeenService *unknown = adit_seen_service_new(&ports, NULL);
    g_autoptr(AditProfile) profile = adit_profile_parse("home.conf", KEYS, strlen(KEYS), NULL);
    g_autoptr(GString) all = g_string_new(NULL);

    take(all, adit_words_question(known));
    take(all, adit_words_question(unknown));
    take(all, adit_words_offer("Bob's VPN", "offer:Bob's VPN"));
    take(all, adit_words_import(3, "home", profile));
    take(all, adit_words_failed("It could not be published", "443/tcp: denied"));
    golden_check("agent/questions.txt", all->str);
    adit_seen_service_free(known);
    adit_seen_service_free(unknown);
}

static void
assert_known(const char *sentence)
{
    if (sentence && *sentence && !g_strv_contains(adit_sentences, sentence))
        g_error("not among client/agent/sentences.c: %s", sentence);
}

/* Every word of the daemons that is the same each time is there for the translators. */
static void
test_sentences(void)
{
    const AditHealthFacts facts[] = { { TRUE, FALSE, TRUE, FALSE, 99, -1 },
                                      { TRUE, TRUE, TRUE, TRUE, 99, -1 },
                                      { TRUE, TRUE, TRUE, FALSE, 99, -1 },
                                      { TRUE, TRUE, TRUE, FALSE, 999, 999 } };
    AditMapping mapping = { .state = ADIT_MAPPING_REFUSED };
    const AditMapping *const mappings[] = { &mapping };

    for (guint i = 0; i < G_N_ELEMENTS(facts); i++) {
        const char *problem;

        adit_health_judge(&facts[i], &problem);
        assert_known(problem);
    }
    for (AditListener l = ADIT_LISTENER_HERE; l <= ADIT_LISTENER_OTHER; l++)
        assert_known(adit_listener_words(l));
    for (AditMappingReason r = ADIT_MAPPING_RESTARTED; r <= ADIT_MAPPING_REVOKED; r++)
        assert_known(adit_mapping_reason_name(r));
    mapping.reason = ADIT_MAPPING_OTHER;
    for (guint code = 0; code <= ADIT_PCP_ADDRESS_MISMATCH; code++) {
        g_autofree char *reason = adit_reach_reason(mappings, 1);

        if (!g_str_has_prefix(reason, "the server answers "))
            assert_known(reason);
        mapping.reason = ADIT_MAPPING_ERROR;
        mapping.error = (guint8)code;
    }
    g_assert_cmpstr(adit_words_translate(""), ==, "");
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/agent/words/gateways", test_gateways);
    g_test_add_func("/agent/words/reaches", test_reaches);
    g_test_add_func("/agent/words/questions", test_questions);
    g_test_add_func("/agent/words/sentences", test_sentences);
    return g_test_run();
}
