/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "networkd-hooks/network1.h"

#include "libadit/core/error.h"

#include <errno.h>
#include <systemd/sd-bus.h>

#define SERVICE "org.freedesktop.network1"
#define MANAGER_PATH "/org/freedesktop/network1"
#define MANAGER "org.freedesktop.network1.Manager"
#define LINK "org.freedesktop.network1.Link"
#define WAIT_USEC (10 * G_USEC_PER_SEC)
#define RELOADING                                                                              \
    SERVICE ".AlreadyReloading" /* from 257 on, while anybody's Reload is under way */
#define AGAIN_MS 100
#define TURNS_MAX 64 /* messages taken in one go; the rest comes with the next */

/* sd-bus in a GLib main loop: its descriptor, the events it waits for and its own deadlines. */

struct _AditNetwork1 {
    sd_bus *bus;
    GSource *source;
    AditNetwork1Heard heard;
    gpointer data;
    GQueue waiting; /* Reloads that met another one */
    GSource *again; /* asks for these; NULL: none waits */
};

/* GSource knows its first member only. */
typedef struct {
    GSource source;
    sd_bus *bus;
    gpointer tag;
    int events; /* as poll(2) has them */
} BusSource;

static void
close_bus(sd_bus *bus)
{
    sd_bus_flush_close_unref(bus);
}

static void
unref_message(sd_bus_message *message)
{
    sd_bus_message_unref(message);
}

G_DEFINE_AUTOPTR_CLEANUP_FUNC(sd_bus, close_bus)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(sd_bus_message, unref_message)

static gboolean
bus_prepare(GSource *source, gint *timeout)
{
    BusSource *self = (BusSource *)source;
    const int events = sd_bus_get_events(self->bus);
    guint64 until;

    *timeout = -1;
    if (events < 0)
        return TRUE; /* closed: dispatch finds out */
    /* It wakes the loop each time, also when nothing is new. */
    if (events != self->events)
        g_source_modify_unix_fd(source, self->tag, (GIOCondition)events);
    self->events = events;
    if (sd_bus_get_timeout(self->bus, &until) > 0 && until != G_MAXUINT64) {
        const gint64 left = (gint64)until - g_get_monotonic_time();

        *timeout = left <= 0 ? 0 : (gint)MIN(left / 1000 + 1, G_MAXINT);
    }
    return *timeout == 0;
}

static gboolean
bus_check(GSource *source)
{
    const BusSource *self = (const BusSource *)source;
    guint64 until;

    return g_source_query_unix_fd(source, self->tag) != 0 ||
           (sd_bus_get_timeout(self->bus, &until) > 0 &&
            until <= (guint64)g_get_monotonic_time());
}

/* A lost bus ends the source, not the program: what is asked later says so. */
static gboolean
bus_dispatch(GSource *source, GSourceFunc func, gpointer data)
{
    const BusSource *self = (const BusSource *)source;

    for (guint i = 0; i < TURNS_MAX; i++) {
        const int r = sd_bus_process(self->bus, NULL);

        if (r < 0)
            return G_SOURCE_REMOVE;
        if (r == 0)
            break;
    }
    return G_SOURCE_CONTINUE;
}

static GSource *
bus_source_new(sd_bus *bus)
{
    static GSourceFuncs funcs = { bus_prepare, bus_check, bus_dispatch, NULL, NULL, NULL };
    GSource *source = g_source_new(&funcs, sizeof(BusSource));
    BusSource *self = (BusSource *)source;

    self->bus = bus;
    self->events = G_IO_IN;
    self->tag = g_source_add_unix_fd(source, sd_bus_get_fd(bus), (GIOCondition)self->events);
    g_source_attach(source, g_main_context_get_thread_default());
    return source;
}

static int
on_signal(sd_bus_message *message, void *data, sd_bus_error *error)
{
    AditNetwork1 *network1 = data;

    if (network1->heard)
        network1->heard(network1->data);
    return 0;
}

/* networkd coming and going, and the states of its links. */
static int
add_matches(AditNetwork1 *network1)
{
    int r = sd_bus_add_match_async(network1->bus, NULL,
                                   "type='signal',sender='org.freedesktop.DBus',"
                                   "interface='org.freedesktop.DBus',member='NameOwnerChanged',"
                                   "arg0='" SERVICE "'",
                                   on_signal, NULL, network1);

    if (r >= 0)
        r = sd_bus_add_match_async(network1->bus, NULL,
                                   "type='signal',sender='" SERVICE
                                   "',path_namespace='" MANAGER_PATH
                                   "',interface='org.freedesktop.DBus.Properties',"
                                   "member='PropertiesChanged'",
                                   on_signal, NULL, network1);
    return r;
}

AditNetwork1 *
adit_network1_open(GError **error)
{
    g_autoptr(sd_bus) bus = NULL;
    AditNetwork1 *network1;
    int r = sd_bus_open_system(&bus);

    if (r < 0) {
        g_set_error(error, ADIT_ERROR, ADIT_ERROR_TIMEOUT,
                    "systemd-networkd: no system bus: %s", g_strerror(-r));
        return NULL;
    }
    sd_bus_set_method_call_timeout(bus, WAIT_USEC);
    network1 = g_new0(AditNetwork1, 1);
    network1->bus = g_steal_pointer(&bus);
    network1->source = bus_source_new(network1->bus);
    return network1;
}

gboolean
adit_network1_watch(AditNetwork1 *network1, AditNetwork1Heard heard, gpointer data,
                    GError **error)
{
    int r;

    network1->heard = heard;
    network1->data = data;
    r = add_matches(network1);
    if (r >= 0)
        return TRUE;
    g_set_error(error, ADIT_ERROR, ADIT_ERROR_TIMEOUT, "systemd-networkd: watch: %s",
                g_strerror(-r));
    return FALSE;
}

static gboolean
is_absent(const sd_bus_error *reason)
{
    return sd_bus_error_has_name(reason, SD_BUS_ERROR_SERVICE_UNKNOWN) ||
           sd_bus_error_has_name(reason, SD_BUS_ERROR_NAME_HAS_NO_OWNER) ||
           sd_bus_error_has_name(reason, SD_BUS_ERROR_DISCONNECTED);
}

/* An error sd-bus makes itself carries the number only. */
static AditError
code_of(const sd_bus_error *reason, int r)
{
    if (is_absent(reason) || r == -ETIMEDOUT || r == -ECONNRESET || r == -ENOTCONN ||
        sd_bus_error_has_name(reason, SD_BUS_ERROR_NO_REPLY))
        return ADIT_ERROR_TIMEOUT;
    if (r == -EACCES || r == -EPERM)
        return ADIT_ERROR_DENIED;
    /* "org.freedesktop.resolve1.NoSuchLink" at networkd, too */
    if (reason->name && g_str_has_suffix(reason->name, ".NoSuchLink"))
        return ADIT_ERROR_NOT_FOUND;
    return ADIT_ERROR_PROTOCOL;
}

/* "systemd-networkd: home: Link home not found" */
static GError *
failure(const char *what, const sd_bus_error *reason, int r)
{
    AditError code = code_of(reason, r);

    if (is_absent(reason))
        return g_error_new(ADIT_ERROR, code,
                           "systemd-networkd: not running: systemctl start systemd-networkd");
    return g_error_new(ADIT_ERROR, code, "systemd-networkd: %s: %s", what,
                       reason->message ? reason->message : g_strerror(-r));
}

/* One question, perhaps in two steps. */
typedef struct {
    AditNetwork1 *network1;
    char *what;                    /* the words before a reason */
    sd_bus_message_handler_t then; /* after the link was found */
    gint64 until;                  /* of a Reload: so long it gives way to others */
    AditNetwork1Done done;
    gpointer data;
} Asking;

static void
asking_free(void *data)
{
    Asking *asking = data;

    g_free(asking->what);
    g_free(asking);
}

static Asking *
asking_new(AditNetwork1 *network1, const char *what, AditNetwork1Done done, gpointer data)
{
    Asking *asking = g_new0(Asking, 1);

    asking->network1 = network1;
    asking->what = g_strdup(what);
    asking->done = done;
    asking->data = data;
    return asking;
}

/* FALSE: answered with the reason. */
static gboolean
is_good(const Asking *asking, sd_bus_message *reply, int r)
{
    const sd_bus_error *reason = reply ? sd_bus_message_get_error(reply) : NULL;
    const sd_bus_error none = SD_BUS_ERROR_NULL;
    g_autoptr(GError) error = NULL;

    if (!reason && r >= 0)
        return TRUE;
    error = failure(asking->what, reason ? reason : &none,
                    reason ? -sd_bus_error_get_errno(reason) : r);
    asking->done(NULL, error, asking->data);
    return FALSE;
}

/* Takes @asking: it lives until its answer, or until the bus is closed. */
static void
ask(Asking *asking, sd_bus_message *message, sd_bus_message_handler_t handler)
{
    sd_bus_slot *slot = NULL;
    int r = sd_bus_message_set_auto_start(message, 0);

    if (r >= 0)
        r = sd_bus_call_async(asking->network1->bus, &slot, message, handler, asking, 0);
    if (r < 0) {
        is_good(asking, NULL, r);
        asking_free(asking);
        return;
    }
    sd_bus_slot_set_destroy_callback(slot, asking_free);
    sd_bus_slot_set_floating(slot, 1);
    sd_bus_slot_unref(slot);
}

static sd_bus_message *
new_call(AditNetwork1 *network1, const char *path, const char *interface, const char *method)
{
    sd_bus_message *message = NULL;

    /* fails on names and on a closed bus; then the call says so */
    if (sd_bus_message_new_method_call(network1->bus, &message, SERVICE, path, interface,
                                       method) < 0)
        return NULL;
    return message;
}

static int
on_answer(sd_bus_message *reply, void *data, sd_bus_error *unused)
{
    const Asking *asking = data;

    if (is_good(asking, reply, 0))
        asking->done(NULL, NULL, asking->data);
    return 0;
}

static int
on_state(sd_bus_message *reply, void *data, sd_bus_error *unused)
{
    const Asking *asking = data;
    const char *state = NULL;

    if (is_good(asking, reply, 0) &&
        is_good(asking, NULL, sd_bus_message_read(reply, "v", "s", &state)))
        asking->done(state, NULL, asking->data);
    return 0;
}

/* The second step belongs to another message, and so to another asking. */
static int
on_link(sd_bus_message *reply, void *data, sd_bus_error *unused)
{
    const Asking *asking = data;
    g_autoptr(sd_bus_message) message = NULL;
    const char *path;
    int index, r;

    if (!is_good(asking, reply, 0) ||
        !is_good(asking, NULL, sd_bus_message_read(reply, "io", &index, &path)))
        return 0;
    if (asking->then == on_state) {
        message = new_call(asking->network1, path, "org.freedesktop.DBus.Properties", "Get");
        r = message ? sd_bus_message_append(message, "ss", LINK, "AdministrativeState")
                    : -ENOTCONN;
    } else {
        message = new_call(asking->network1, MANAGER_PATH, MANAGER, "ReconfigureLink");
        r = message ? sd_bus_message_append(message, "i", index) : -ENOTCONN;
    }
    if (is_good(asking, NULL, r))
        ask(asking_new(asking->network1, asking->what, asking->done, asking->data), message,
            asking->then);
    return 0;
}

static void ask_reload(Asking *asking);

static gboolean
on_again(gpointer data)
{
    AditNetwork1 *network1 = data;
    GQueue due = network1->waiting;
    Asking *asking;

    g_queue_init(&network1->waiting);
    g_clear_pointer(&network1->again, g_source_unref);
    while ((asking = g_queue_pop_head(&due)))
        ask_reload(asking);
    return G_SOURCE_REMOVE;
}

/* The other one may have read our files before they were written. */
static void
give_way(const Asking *asking)
{
    AditNetwork1 *network1 = asking->network1;
    Asking *another = asking_new(network1, asking->what, asking->done, asking->data);

    another->until = asking->until;
    g_queue_push_tail(&network1->waiting, another);
    if (network1->again)
        return;
    network1->again = g_timeout_source_new(AGAIN_MS);
    g_source_set_callback(network1->again, on_again, network1, NULL);
    g_source_attach(network1->again, g_main_context_get_thread_default());
}

static int
on_reloaded(sd_bus_message *reply, void *data, sd_bus_error *unused)
{
    const Asking *asking = data;

    if (!sd_bus_message_is_method_error(reply, RELOADING) ||
        g_get_monotonic_time() >= asking->until)
        return on_answer(reply, data, unused);
    give_way(asking);
    return 0;
}

static void
ask_reload(Asking *asking)
{
    g_autoptr(sd_bus_message) message =
        new_call(asking->network1, MANAGER_PATH, MANAGER, "Reload");

    ask(asking, message, on_reloaded);
}

void
adit_network1_reload(AditNetwork1 *network1, AditNetwork1Done done, gpointer data)
{
    Asking *asking = asking_new(network1, "reload", done, data);

    asking->until = g_get_monotonic_time() + WAIT_USEC;
    ask_reload(asking);
}

static void
find_link(Asking *asking, sd_bus_message_handler_t then)
{
    g_autoptr(sd_bus_message) message =
        new_call(asking->network1, MANAGER_PATH, MANAGER, "GetLinkByName");

    asking->then = then;
    if (message)
        sd_bus_message_append(message, "s", asking->what);
    ask(asking, message, on_link);
}

void
adit_network1_reconfigure(AditNetwork1 *network1, const char *link, AditNetwork1Done done,
                          gpointer data)
{
    find_link(asking_new(network1, link, done, data), on_answer);
}

void
adit_network1_get_state(AditNetwork1 *network1, const char *link, AditNetwork1Done done,
                        gpointer data)
{
    find_link(asking_new(network1, link, done, data), on_state);
}

void
adit_network1_close(AditNetwork1 *network1)
{
    if (!network1)
        return;
    g_source_destroy(network1->source);
    g_source_unref(network1->source);
    if (network1->again)
        g_source_destroy(network1->again);
    g_clear_pointer(&network1->again, g_source_unref);
    g_queue_clear_full(&network1->waiting, asking_free);
    close_bus(network1->bus);
    g_free(network1);
}
