/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "libadit/core/error.h"
#include "libadit/core/profile.h"

#include <string.h>
#include <sys/socket.h>
#include <time.h>

/* Properties over random profiles and damaged files. GLib prints the seed; --seed repeats. */

static guint
dice(guint sides)
{
    return g_test_rand_int_range(0, sides);
}

static AditKey
random_key(void)
{
    AditKey key;

    for (guint i = 0; i < ADIT_KEY_LEN; i++)
        key.bytes[i] = dice(256);
    key.bytes[7] |= 1; /* never zero */
    return key;
}

static AditAddr
random_addr(void)
{
    guint8 bytes[16];

    for (guint i = 0; i < sizeof(bytes); i++)
        bytes[i] = dice(2) ? dice(256) : 0;
    return adit_addr_from_bytes(dice(2) ? AF_INET : AF_INET6, bytes);
}

static AditPrefix *
random_prefixes(guint *ret_n)
{
    guint n = dice(5);
    AditPrefix *list = g_new0(AditPrefix, n);

    for (guint i = 0; i < n; i++) {
        AditAddr addr = random_addr();

        list[i] = adit_prefix_make(&addr, dice(adit_family_bits(addr.family) + 1));
    }
    *ret_n = n;
    return list;
}

/* What a value may hold, with the text of other lines in it, but no newline and no '#'. */
static char *
random_command(void)
{
    static const char *const parts[] = {
        "ip", " ",  "\t",           "=", "[Peer]", "PrivateKey = ",
        ";",  "%i", "\xe2\x98\x83", ",", "\"",     "'",
    };
    g_autoptr(GString) text = g_string_new("x");

    for (guint n = dice(8); n > 0; n--)
        g_string_append(text, parts[dice(G_N_ELEMENTS(parts))]);
    return g_strdup(g_strstrip(text->str));
}

static void
random_endpoint(AditEndpoint *ret)
{
    AditAddr addr = random_addr();

    ret->port = 1 + dice(65535);
    switch (dice(3)) {
    case 0: ret->port = 0; break;
    case 1: ret->host = adit_addr_to_string(&addr); break;
    case 2: ret->host = g_strdup_printf("h%u.example", dice(1000)); break;
    default: g_assert_not_reached();
    }
}

static void
add_random_dns(AditProfile *p)
{
    guint n_search = dice(3);

    p->n_dns = dice(4);
    p->dns = g_new0(AditAddr, p->n_dns);
    for (guint i = 0; i < p->n_dns; i++)
        p->dns[i] = random_addr();
    g_free(p->search);
    p->search = g_new0(char *, n_search + 1);
    for (guint i = 0; i < n_search; i++)
        p->search[i] = g_strdup_printf("%sd%u.example", dice(2) ? "~" : "", dice(1000));
}

static void
add_random_hooks(AditProfile *p)
{
    static const char *const names[] = { "PreUp", "PostUp", "PreDown", "PostDown" };

    p->n_hooks = dice(4);
    p->hooks = g_new0(AditHook, p->n_hooks);
    for (guint i = 0; i < p->n_hooks; i++) {
        p->hooks[i].key = g_strdup(names[dice(G_N_ELEMENTS(names))]);
        p->hooks[i].command = random_command();
    }
}

static void
add_random_peers(AditProfile *p)
{
    p->n_peers = dice(5);
    p->peers = g_new0(AditProfilePeer, p->n_peers);
    for (guint i = 0; i < p->n_peers; i++) {
        AditProfilePeer *peer = &p->peers[i];

        peer->public_key = random_key();
        if (dice(2))
            peer->preshared_key = random_key();
        random_endpoint(&peer->endpoint);
        peer->allowed = random_prefixes(&peer->n_allowed);
        peer->keepalive = dice(2) ? dice(65536) : 0;
    }
}

static guint
least_mtu(const AditProfile *p)
{
    for (guint i = 0; i < p->n_addresses; i++)
        if (p->addresses[i].addr.family == AF_INET6)
            return 1280;
    return 576;
}

static AditProfile *
random_profile(void)
{
    AditProfile *p = adit_profile_new();

    p->private_key = random_key();
    p->addresses = random_prefixes(&p->n_addresses);
    add_random_dns(p);
    p->mtu = dice(2) ? least_mtu(p) + dice(65535 - least_mtu(p) + 1) : 0;
    p->listen_port = dice(2) ? dice(65536) : 0;
    p->fwmark = dice(2) ? g_test_rand_int() : 0;
    p->table_mode = dice(3);
    p->table = p->table_mode == ADIT_TABLE_NUMBER ? 1u + (g_test_rand_int() & 0x7fffffff) : 0;
    p->save_config = dice(2);
    add_random_hooks(p);
    add_random_peers(p);
    return p;
}

static void
test_print_parse(void)
{
    for (guint i = 0; i < 1000; i++) {
        g_autoptr(GError) error = NULL;
        g_autoptr(AditProfile) p = random_profile(), again = NULL, copy = adit_profile_copy(p);
        char *text = adit_profile_to_string(p), *text_again;

        again = adit_profile_parse("x", text, strlen(text), &error);
        g_assert_no_error(error);
        g_assert_true(adit_profile_equal(p, again));
        g_assert_true(adit_profile_equal(copy, again));
        text_again = adit_profile_to_string(again);
        g_assert_cmpstr(text, ==, text_again);
        adit_key_string_free(text);
        adit_key_string_free(text_again);
    }
}

/* Two random profiles are never equal: the keys differ. */
static void
test_unequal(void)
{
    for (guint i = 0; i < 100; i++) {
        g_autoptr(AditProfile) a = random_profile(), b = random_profile();

        g_assert_false(adit_profile_equal(a, b));
    }
}

/* An error that names the file and a line of it, or a profile that prints and parses to itself.
 */
static void
check_damaged(const char *bytes, gsize len)
{
    g_autoptr(GError) error = NULL;
    g_autofree char *exact = g_memdup2(bytes, len); /* an over-read is one */
    g_autoptr(AditProfile) p = adit_profile_parse("x", exact, len, &error), again = NULL;
    char *text;

    if (!p) {
        g_assert_error(error, ADIT_ERROR, ADIT_ERROR_CONFIG);
        g_assert_true(g_str_has_prefix(error->message, "x:"));
        g_assert_true(g_ascii_isdigit(error->message[2]));
        return;
    }
    text = adit_profile_to_string(p);
    again = adit_profile_parse("x", text, strlen(text), NULL);
    g_assert_nonnull(again);
    g_assert_true(adit_profile_equal(p, again));
    adit_key_string_free(text);
}

static void
test_truncated(void)
{
    for (guint i = 0; i < 10; i++) {
        g_autoptr(AditProfile) p = random_profile();
        char *text = adit_profile_to_string(p);

        for (gsize len = 0; len < strlen(text); len++)
            check_damaged(text, len);
        adit_key_string_free(text);
    }
}

static void
test_corrupted(void)
{
    for (guint i = 0; i < 3; i++) {
        g_autoptr(AditProfile) p = random_profile();
        char *text = adit_profile_to_string(p);
        gsize len = strlen(text);

        for (gsize at = 0; at < len; at++)
            for (guint mask = 1; mask <= 255; mask++) {
                text[at] ^= (char)mask;
                check_damaged(text, len);
                text[at] ^= (char)mask;
            }
        adit_key_string_free(text);
    }
}

/* Processor time, in microseconds. */
static gint64
time_of_parse(guint n_peers)
{
    g_autoptr(GString) text = g_string_new(NULL);
    g_autoptr(AditProfile) p = random_profile(), parsed = NULL;
    char *head = adit_profile_to_string(p);
    gint64 best = G_MAXINT64;

    g_string_assign(text, head);
    adit_key_string_free(head);
    for (guint i = 0; i < n_peers; i++) {
        AditKey key = random_key();
        char *key_text = adit_key_to_string(&key);

        g_string_append_printf(text,
                               "\n[Peer]\nPublicKey = %s\nPresharedKey = %s\n"
                               "AllowedIPs = 10.%u.%u.%u/32, 2001:db8::%x/128\n",
                               key_text, key_text, i >> 16, (i >> 8) & 255, i & 255, i);
        adit_key_string_free(key_text);
    }
    for (guint i = 0; i < 3; i++) {
        gint64 start = clock();

        g_clear_pointer(&parsed, adit_profile_free);
        parsed = adit_profile_parse("x", text->str, text->len, NULL);
        best = MIN(best, clock() - start);
        g_assert_nonnull(parsed);
        g_assert_cmpuint(parsed->n_peers, ==, p->n_peers + n_peers);
    }
    return best;
}

/* A ratio, not a time: the machine may be slow or busy, or run us under valgrind. Linear is 8,
 * quadratic 64. */
static void
test_many_peers(void)
{
    gint64 few = time_of_parse(1250), many = time_of_parse(10000);

    g_test_message("1250 peers in %.1f ms, 10000 in %.1f ms", few / 1e3, many / 1e3);
    g_assert_cmpint(many, <, 24 * few);
}

int
main(int argc, char **argv)
{
    g_test_init(&argc, &argv, NULL);
    g_test_add_func("/profile-property/print-parse", test_print_parse);
    g_test_add_func("/profile-property/unequal", test_unequal);
    g_test_add_func("/profile-property/truncated", test_truncated);
    g_test_add_func("/profile-property/corrupted", test_corrupted);
    g_test_add_func("/profile-property/many-peers", test_many_peers);
    return g_test_run();
}
