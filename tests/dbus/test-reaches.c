/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "client/names.h"
#include "client/publisher/publish-bus.h"
#include "tests/private-bus.h"

/* Offers on a bus as a stranger sees them who knows GDBus only: one table answers for all, and
 * nobody may notice. Both ends run in this one main loop. */

#define FOLDER ADIT_PUBLISHER_PATH "/reaches"
#define REACH "org.adit.Publisher1.Reach"
#define PROPERTIES "org.freedesktop.DBus.Properties"
#define MANAGER "org.freedesktop.DBus.ObjectManager"
#define INTROSPECTABLE "org.freedesktop.DBus.Introspectable"
#define PATIENCE_S 20

typedef struct {
    GTestDBus *test_bus;
    GDBusConnection *daemon, *us;
    AditPublishBus *tested;
    AditPublishGateway gateway;
    GPtrArray *offers; /* AditOffer */
    GString *told;     /* what signals said, since it was last read */
    GVariant *answer;  /* of the last call */
    GError *error;
    gboolean is_back;
} Fixture;

static gboolean
on_late(gpointer data)
{
    g_error("nothing of the kind happened within %d s", PATIENCE_S);
    return G_SOURCE_REMOVE;
}

static void
on_answer(GObject *source, GAsyncResult *result, gpointer data)
{
    Fixture *f = data;

    f->answer = g_dbus_connection_call_finish(G_DBUS_CONNECTION(source), result, &f->error);
    f->is_back = TRUE;
}

static void
ask(Fixture *f, const char *path, const char *interface, const char *method, GVariant *words)
{
    g_clear_pointer(&f->answer, g_variant_unref);
    g_clear_error(&f->error);
    f->is_back = FALSE;
    g_dbus_connection_call(f->us, ADIT_PUBLISHER_BUS, path, interface, method, words, NULL,
                           G_DBUS_CALL_FLAGS_NO_AUTO_START, -1, NULL, on_answer, f);
}

static void
wait_answer(Fixture *f)
{
    const guint late = g_timeout_add_seconds(PATIENCE_S, on_late, NULL);

    while (!f->is_back)
        g_main_context_iteration(NULL, TRUE);
    g_source_remove(late);
}

/* NULL: @f->error says why. */
static GVariant *
call(Fixture *f, const char *path, const char *interface, const char *method, GVariant *words)
{
    ask(f, path, interface, method, words);
    wait_answer(f);
    return f->answer;
}

static void
assert_refused(Fixture *f, GDBusError code)
{
    g_assert_null(f->answer);
    g_assert_error(f->error, G_DBUS_ERROR, (int)code);
}

/* The bus keeps the order: what was said before the answer to this has arrived with it. */
static void
catch_up(Fixture *f)
{
    while (g_main_context_iteration(NULL, FALSE))
        ;
    g_assert_nonnull(
        call(f, ADIT_PUBLISHER_PATH "/publisher", "org.freedesktop.DBus.Peer", "Ping", NULL));
    while (g_main_context_iteration(NULL, FALSE))
        ;
}

static void
on_signal(GDBusConnection *bus, const char *sender, const char *path, const char *interface,
          const char *signal, GVariant *words, gpointer data)
{
    Fixture *f = data;
    const char *short_path =
        g_str_has_prefix(path, FOLDER "/") ? path + strlen(FOLDER "/") : "";
    g_autofree char *text = g_variant_print(words, FALSE);

    g_string_append_printf(f->told, "%s %s %s\n", short_path, signal, text);
}

/* Drops what it read. */
static char *
read_told(Fixture *f)
{
    char *text;

    catch_up(f);
    text = g_strdup(f->told->str);
    g_string_truncate(f->told, 0);
    return text;
}

static void
assert_told(Fixture *f, const char *wanted)
{
    g_autofree char *text = read_told(f);

    g_assert_cmpstr(text, ==, wanted);
}

static void
set_up(Fixture *f, gconstpointer data)
{
    const AditPublishBusCalls calls = { 0 };
    g_autoptr(GVariant) owned = NULL;
    g_autoptr(GError) error = NULL;

    f->test_bus = g_test_dbus_new(G_TEST_DBUS_NONE);
    g_test_dbus_up(f->test_bus);
    f->daemon = private_bus_connect(g_test_dbus_get_bus_address(f->test_bus));
    f->us = private_bus_connect(g_test_dbus_get_bus_address(f->test_bus));
    f->offers = g_ptr_array_new_with_free_func((GDestroyNotify)adit_offer_free);
    f->told = g_string_new(NULL);
    f->gateway = (AditPublishGateway){ .name = (char *)"home", .up = TRUE };
    g_assert_true(adit_addr_parse("10.59.0.2", &f->gateway.own[0], NULL));
    f->tested = adit_publish_bus_new(&calls);
    adit_publish_bus_connect(f->tested, f->daemon, &error);
    g_assert_no_error(error);
    owned = g_dbus_connection_call_sync(
        f->daemon, "org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus",
        "RequestName", g_variant_new("(su)", ADIT_PUBLISHER_BUS, 4), NULL, 0, -1, NULL, &error);
    g_assert_no_error(error);
    g_dbus_connection_signal_subscribe(f->us, ADIT_PUBLISHER_BUS, NULL, NULL, NULL, NULL,
                                       G_DBUS_SIGNAL_FLAGS_NONE, on_signal, f, NULL);
    g_free(read_told(f));
}

static void
tear_down(Fixture *f, gconstpointer data)
{
    adit_publish_bus_free(f->tested);
    g_ptr_array_unref(f->offers);
    catch_up(f);
    g_dbus_connection_close_sync(f->us, NULL, NULL);
    g_dbus_connection_close_sync(f->daemon, NULL, NULL);
    g_object_unref(f->us);
    g_object_unref(f->daemon);
    g_test_dbus_down(f->test_bus);
    g_object_unref(f->test_bus);
    g_clear_pointer(&f->answer, g_variant_unref);
    g_clear_error(&f->error);
    g_string_free(f->told, TRUE);
}

static AditOffer *
offer(Fixture *f, guint16 port)
{
    const AditPorts ports = { port, port, ADIT_PROTO_TCP };
    AditPublication *publication = adit_publication_new(&ports);
    const AditMatch match = { .publication = publication, .gateway = &f->gateway };
    AditOffer *made = adit_offer_new(&match);

    adit_publication_free(publication);
    g_ptr_array_add(f->offers, made);
    adit_publish_bus_show(f->tested, made);
    return made;
}

static void
enter(Fixture *f, AditOffer *one, AditMatchVerdict verdict, const char *why)
{
    one->verdict = verdict;
    one->why = why;
    adit_publish_bus_show(f->tested, one);
}

static void
withdraw(Fixture *f, AditOffer *one)
{
    adit_publish_bus_hide(f->tested, one);
    g_ptr_array_remove(f->offers, one);
}

static GVariant *
get(Fixture *f, const char *path, const char *name)
{
    return call(f, path, PROPERTIES, "Get", g_variant_new("(ss)", REACH, name));
}

/* -- what can be asked -- */

#define WEB FOLDER "/443_2ftcp_20home_204"
#define SSH FOLDER "/22_2ftcp_20home_204"

static void
test_properties(Fixture *f, gconstpointer data)
{
    AditOffer *web = offer(f, 443);
    g_autoptr(GVariant) all = NULL, value = NULL;
    const char *text;

    enter(f, web, ADIT_MATCH_REFUSE, "no way");
    g_assert_nonnull(get(f, WEB, "State"));
    g_variant_get_child(f->answer, 0, "v", &value);
    g_assert_cmpstr(g_variant_get_string(value, NULL), ==, "refused");
    g_assert_nonnull(call(f, WEB, PROPERTIES, "GetAll", g_variant_new("(s)", REACH)));
    all = g_variant_get_child_value(f->answer, 0);
    g_assert_cmpuint(g_variant_n_children(all), ==, 14);
    g_assert_true(g_variant_lookup(all, "Inside", "&s", &text));
    g_assert_cmpstr(text, ==, "10.59.0.2:443");
    g_assert_true(g_variant_lookup(all, "Reason", "&s", &text));
    g_assert_cmpstr(text, ==, "no way");
    get(f, WEB, "Colour");
    assert_refused(f, G_DBUS_ERROR_INVALID_ARGS);
    call(f, WEB, PROPERTIES, "Set",
         g_variant_new("(ssv)", REACH, "Label", g_variant_new_string("mine")));
    assert_refused(f, G_DBUS_ERROR_INVALID_ARGS);
    call(f, WEB, REACH, "Open", NULL);
    assert_refused(f, G_DBUS_ERROR_UNKNOWN_METHOD);
}

/* Paths of nobody, and such as only look like one of somebody. */
static void
test_nobody(Fixture *f, gconstpointer data)
{
    static const char *const paths[] = {
        FOLDER,
        SSH,
        WEB "/deeper",
        FOLDER "/443_2Ftcp_20home_204",
        FOLDER "/_3443_2ftcp_20home_204",
        FOLDER "/443_2ftcp_20home_20",
        FOLDER "/_",
        FOLDER "/_00",
        FOLDER "/_zz",
    };

    offer(f, 443);
    for (guint i = 0; i < G_N_ELEMENTS(paths); i++) {
        g_test_message("%s", paths[i]);
        g_assert_null(get(f, paths[i], "State"));
        g_assert_null(call(f, paths[i], PROPERTIES, "GetAll", g_variant_new("(s)", REACH)));
    }
    g_assert_nonnull(get(f, WEB, "State"));
}

static GDBusNodeInfo *
introspect(Fixture *f, const char *path)
{
    g_autoptr(GError) error = NULL;
    const char *xml;
    GDBusNodeInfo *node;

    g_assert_nonnull(call(f, path, INTROSPECTABLE, "Introspect", NULL));
    g_variant_get(f->answer, "(&s)", &xml);
    node = g_dbus_node_info_new_for_xml(xml, &error);
    g_assert_no_error(error);
    return node;
}

/* Walks as `gdbus introspect --recurse` and `busctl tree` do; counts the objects with
 * @interface. */
static guint
walk(Fixture *f, const char *path, const char *interface)
{
    g_autoptr(GDBusNodeInfo) node = introspect(f, path);
    guint n = g_dbus_node_info_lookup_interface(node, interface) ? 1 : 0;

    for (guint i = 0; node->nodes && node->nodes[i]; i++) {
        g_autofree char *child =
            g_strconcat(g_str_equal(path, "/") ? "" : path, "/", node->nodes[i]->path, NULL);

        g_assert_true(g_variant_is_object_path(child));
        n += walk(f, child, interface);
    }
    return n;
}

static void
test_tree(Fixture *f, gconstpointer data)
{
    static const char *const standard[] = { PROPERTIES, INTROSPECTABLE, REACH };
    g_autoptr(GDBusNodeInfo) node = NULL;
    GDBusInterfaceInfo *reach;

    g_assert_cmpuint(walk(f, "/", REACH), ==, 0);
    offer(f, 443);
    offer(f, 22);
    g_assert_cmpuint(walk(f, "/", REACH), ==, 2);
    g_assert_cmpuint(walk(f, "/", MANAGER), ==, 1);
    g_assert_cmpuint(walk(f, "/", "org.adit.Publisher1.Publisher"), ==, 1);
    node = introspect(f, WEB);
    for (guint i = 0; i < G_N_ELEMENTS(standard); i++)
        g_assert_nonnull(g_dbus_node_info_lookup_interface(node, standard[i]));
    reach = g_dbus_node_info_lookup_interface(node, REACH);
    g_assert_nonnull(g_dbus_interface_info_lookup_signal(reach, "StateChanged"));
    g_assert_nonnull(g_dbus_interface_info_lookup_property(reach, "LeaseUntil"));
    withdraw(f, g_ptr_array_index(f->offers, 0));
    g_assert_cmpuint(walk(f, "/", REACH), ==, 1);
}

/* -- what is told -- */

/* Each change that lasts, once, and what has changed only. */
static void
test_signals(Fixture *f, gconstpointer data)
{
    AditOffer *web = offer(f, 443);
    g_autofree char *first = read_told(f);

    g_assert_true(g_str_has_prefix(first, " InterfacesAdded ('" WEB "', {'" REACH "': {"));
    g_assert_true(g_str_has_suffix(first, "}})\n"));
    g_assert_null(strchr(strchr(first, '\n') + 1, '\n'));
    adit_publish_bus_show(f->tested, web);
    assert_told(f, ""); /* is as it was */
    enter(f, web, ADIT_MATCH_ASK, NULL);
    enter(f, web, ADIT_MATCH_REFUSE, "no way");
    assert_told(f, "443_2ftcp_20home_204 PropertiesChanged ('" REACH
                   "', {'State': <'refused'>, 'Reason': <'no way'>}, [])\n"
                   "443_2ftcp_20home_204 StateChanged ('waiting', 'refused', 'no way')\n");
    enter(f, web, ADIT_MATCH_ASK, NULL);
    enter(f, web, ADIT_MATCH_REFUSE, "no way");
    assert_told(f, ""); /* did not last */
    web->problem = g_strdup("ufw");
    adit_publish_bus_show(f->tested, web);
    assert_told(f, "443_2ftcp_20home_204 PropertiesChanged ('" REACH
                   "', {'Problem': <'ufw'>}, [])\n");
    withdraw(f, web);
    assert_told(f, " InterfacesRemoved ('" WEB "', ['" REACH "'])\n");
    withdraw(f, offer(f, 22)); /* came and went in one moment */
    assert_told(f, "");
}

/* Who asks has heard of what is in the answer by then, and not again after it. */
static void
test_asked_in_between(Fixture *f, gconstpointer data)
{
    AditOffer *web = offer(f, 443);
    g_autofree char *told = NULL;
    g_autoptr(GVariant) value = NULL;

    g_free(read_told(f));
    enter(f, web, ADIT_MATCH_REFUSE, "no way");
    g_assert_nonnull(get(f, WEB, "State"));
    told = read_told(f);
    g_assert_nonnull(strstr(told, "StateChanged ('waiting', 'refused', 'no way')"));
    adit_publish_bus_show(f->tested, web);
    assert_told(f, "");
    offer(f, 22);
    g_assert_nonnull(call(f, ADIT_PUBLISHER_PATH, MANAGER, "GetManagedObjects", NULL));
    value = g_variant_get_child_value(f->answer, 0);
    g_assert_cmpuint(g_variant_n_children(value), ==, 3);
    g_assert_true(g_variant_is_of_type(value, G_VARIANT_TYPE("a{oa{sa{sv}}}")));
    g_free(read_told(f));
    assert_told(f, "");
}

static void
on_manager(GObject *source, GAsyncResult *result, gpointer data)
{
    g_autoptr(GError) error = NULL;

    *(GDBusObjectManager **)data = g_dbus_object_manager_client_new_finish(result, &error);
    g_assert_no_error(error);
}

static void
assert_sees(GDBusObjectManager *manager, const char *path, const char *state)
{
    g_autoptr(GDBusInterface) proxy = g_dbus_object_manager_get_interface(manager, path, REACH);
    g_autoptr(GVariant) value =
        proxy ? g_dbus_proxy_get_cached_property(G_DBUS_PROXY(proxy), "State") : NULL;

    g_assert_cmpstr(value ? g_variant_get_string(value, NULL) : NULL, ==, state);
}

/* GDBus's own follower sees what there is, whatever comes and goes, also under one path. */
static void
test_follower(Fixture *f, gconstpointer data)
{
    const guint late = g_timeout_add_seconds(PATIENCE_S, on_late, NULL);
    GDBusObjectManager *manager = NULL;
    AditOffer *web = offer(f, 443);

    g_dbus_object_manager_client_new(
        f->us, G_DBUS_OBJECT_MANAGER_CLIENT_FLAGS_DO_NOT_AUTO_START, ADIT_PUBLISHER_BUS,
        ADIT_PUBLISHER_PATH, NULL, NULL, NULL, NULL, on_manager, &manager);
    enter(f, offer(f, 22), ADIT_MATCH_REFUSE, "no way");
    while (!manager)
        g_main_context_iteration(NULL, TRUE);
    g_source_remove(late);
    assert_sees(manager, WEB, "waiting");
    assert_sees(manager, SSH, "refused");
    enter(f, web, ADIT_MATCH_ASK, NULL);
    catch_up(f);
    assert_sees(manager, WEB, "asking");
    enter(f, web, ADIT_MATCH_WAIT, "later");
    withdraw(f, web);
    enter(f, offer(f, 443), ADIT_MATCH_REFUSE, "another");
    catch_up(f);
    assert_sees(manager, WEB, "refused");
    while (f->offers->len > 0)
        withdraw(f, g_ptr_array_index(f->offers, 0));
    catch_up(f);
    assert_sees(manager, WEB, NULL);
    assert_sees(manager, SSH, NULL);
    g_object_unref(manager);
}

/* Between the turns of the main loop in which GDBus finds an object and asks it. */
static void
test_gone_meanwhile(Fixture *f, gconstpointer data)
{
    static const char *const methods[] = { "Get", "GetAll" };
    guint n_refused = 0;

    for (guint i = 0; i < 2 * 12; i++) {
        const gboolean all = i % 2;
        AditOffer *web = offer(f, 443);

        catch_up(f);
        ask(f, WEB, PROPERTIES, methods[all],
            all ? g_variant_new("(s)", REACH) : g_variant_new("(ss)", REACH, "State"));
        for (guint turn = 0; turn < i / 2; turn++)
            g_main_context_iteration(NULL, FALSE);
        withdraw(f, web);
        wait_answer(f);
        n_refused += f->answer == NULL;
    }
    g_assert_cmpuint(n_refused, >, 0);
    offer(f, 443);
    g_assert_nonnull(get(f, WEB, "State"));
}

/* All goes while somebody asks. */
static void
test_end(Fixture *f, gconstpointer data)
{
    const AditPublishBusCalls calls = { 0 };
    g_autoptr(GError) error = NULL;

    for (guint turns = 0; turns < 12; turns++) {
        offer(f, 443);
        ask(f, WEB, PROPERTIES, "GetAll", g_variant_new("(s)", REACH));
        for (guint i = 0; i < turns; i++)
            g_main_context_iteration(NULL, FALSE);
        adit_publish_bus_free(f->tested);
        g_ptr_array_set_size(f->offers, 0);
        wait_answer(f);
        f->tested = adit_publish_bus_new(&calls);
        adit_publish_bus_connect(f->tested, f->daemon, &error);
        g_assert_no_error(error);
    }
}

int
main(int argc, char **argv)
{
    static const struct {
        const char *name;
        void (*run)(Fixture *, gconstpointer);
    } tests[] = {
        { "properties", test_properties },
        { "nobody", test_nobody },
        { "tree", test_tree },
        { "signals", test_signals },
        { "asked-in-between", test_asked_in_between },
        { "follower", test_follower },
        { "gone-meanwhile", test_gone_meanwhile },
        { "end", test_end },
    };

    g_test_init(&argc, &argv, NULL);
    for (guint i = 0; i < G_N_ELEMENTS(tests); i++) {
        g_autofree char *path = g_strconcat("/reaches/", tests[i].name, NULL);

        g_test_add(path, Fixture, NULL, set_up, tests[i].run, tear_down);
    }
    return g_test_run();
}
