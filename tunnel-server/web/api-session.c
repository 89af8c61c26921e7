/* SPDX-License-Identifier: GPL-2.0-or-later */
#include "tunnel-server/web/routes.h"
#include "tunnel-server/web/stream.h"

#include <gio/gio.h>
#include <sodium.h>
#include <string.h>

/* Logging in and out. */

static const AditWebMember login_members[] = { { "password", ADIT_WEB_STRING, TRUE }, { 0 } };

static void
add_session(JsonBuilder *json, const AditWebRequest *request)
{
    const AditWebSession *session = request->session;

    json_builder_begin_object(json);
    json_builder_set_member_name(json, "who");
    json_builder_add_string_value(json, session           ? "admin"
                                        : request->device ? "device"
                                        : request->scope  ? "token"
                                                          : "none");
    json_builder_set_member_name(json, "device");
    if (request->device)
        json_builder_add_string_value(json, request->device);
    else
        json_builder_add_null_value(json);
    json_builder_set_member_name(json, "csrf");
    if (session || request->csrf)
        json_builder_add_string_value(json, session ? session->csrf : request->csrf);
    else
        json_builder_add_null_value(json);
    json_builder_set_member_name(json, "may-write");
    json_builder_add_boolean_value(json, (request->scope & ADIT_WEB_WRITE) != 0);
    json_builder_set_member_name(json, "may-manage-own");
    json_builder_add_boolean_value(json, (request->scope & ADIT_WEB_OWN_WRITE) != 0);
    json_builder_set_member_name(json, "has-password");
    json_builder_add_boolean_value(json, request->web->access->password != NULL);
    json_builder_set_member_name(json, "version");
    json_builder_add_string_value(json, ADIT_VERSION);
    json_builder_end_object(json);
}

static void
answer_session(AditWebRequest *request)
{
    g_autoptr(JsonBuilder) json = json_builder_new();

    add_session(json, request);
    adit_web_answer_json(request, SOUP_STATUS_OK, json);
}

/* -- the password, in a thread of its own: it takes long on purpose -- */

typedef struct {
    char *hash, *password;
} Guess;

static void
guess_free(gpointer data)
{
    Guess *guess = data;

    sodium_memzero(guess->password, strlen(guess->password));
    g_free(guess->password);
    g_free(guess->hash);
    g_free(guess);
}

static void
run_guess(GTask *task, gpointer source, gpointer data, GCancellable *cancellable)
{
    const Guess *guess = data;

    g_task_return_boolean(task, adit_web_password_matches(guess->hash, guess->password));
}

static void
set_cookie(AditWebRequest *request, const char *id)
{
    AditWebConnection *connection =
        request->is_gone ? NULL : adit_web_connection_of(request->msg);
    g_autofree char *cookie = NULL;
    gboolean secure;

    if (!connection)
        return;
    secure = adit_web_connection_door(connection) == ADIT_WEB_DOOR_PUBLIC;
    cookie = g_strdup_printf(ADIT_WEB_COOKIE "=%s; Path=/; HttpOnly; SameSite=Strict%s%s", id,
                             *id ? "" : "; Max-Age=0", secure ? "; Secure" : "");
    soup_message_headers_replace(soup_server_message_get_response_headers(request->msg),
                                 "Set-Cookie", cookie);
}

static void
begin_session(AditWebRequest *request)
{
    guint8 dice[2 * ADIT_WEB_TOKEN_LEN];

    randombytes_buf(dice, sizeof(dice));
    request->session =
        adit_web_sessions_begin(request->web->sessions, request->from, dice, adit_web_now());
    sodium_memzero(dice, sizeof(dice));
    request->scope = ADIT_WEB_READ | ADIT_WEB_WRITE | ADIT_WEB_METRICS;
    request->web->counters.logins++;
    set_cookie(request, request->session->id);
    answer_session(request);
}

/* @hash: what was compared with; a password that was changed meanwhile lets nobody in. */
static void
on_guess(GObject *source, GAsyncResult *result, gpointer data)
{
    AditWebRequest *request = data;
    AditWeb *web = request->web;
    const Guess *guess = g_task_get_task_data(G_TASK(result));
    gboolean ok = g_task_propagate_boolean(G_TASK(result), NULL) &&
                  g_strcmp0(guess->hash, web->access->password) == 0;

    web->is_hashing = FALSE;
    adit_web_request_audit(request, ok ? NULL : "wrong password");
    if (ok) {
        adit_web_backoff_passed(web->backoff, request->from);
        begin_session(request);
    } else {
        adit_web_backoff_failed(web->backoff, request->from, adit_web_now());
        adit_web_refuse(request, ADIT_WEB_REFUSED_PASSWORD, SOUP_STATUS_UNAUTHORIZED,
                        "password: wrong");
    }
    adit_web_request_release(request);
}

static gboolean
check_guess(AditWebRequest *request)
{
    guint wait = adit_web_backoff_wait(request->web->backoff, request->from, adit_web_now());
    char seconds[16];

    if (!request->web->access->password) {
        adit_web_answer_error(request, SOUP_STATUS_CONFLICT, "no-password",
                              "no password yet: run `adit-server web set-password` on the "
                              "server");
        return FALSE;
    }
    if (wait == 0 && !request->web->is_hashing)
        return TRUE;
    g_snprintf(seconds, sizeof(seconds), "%u", MAX(wait, 1));
    soup_message_headers_replace(soup_server_message_get_response_headers(request->msg),
                                 "Retry-After", seconds);
    adit_web_refuse(request, ADIT_WEB_REFUSED_BACKOFF, 429,
                    "password: too many guesses: wait a little");
    return FALSE;
}

static void
log_in(AditWebRequest *request)
{
    g_autoptr(GTask) task = NULL;
    Guess *guess;

    if (!check_guess(request))
        return;
    guess = g_new0(Guess, 1);
    guess->hash = g_strdup(request->web->access->password);
    guess->password = g_strdup(adit_web_body_string(request->body, "password"));
    request->web->is_hashing = TRUE;
    adit_web_request_hold(request);
    task = g_task_new(NULL, NULL, on_guess, request);
    g_task_set_task_data(task, guess, guess_free);
    g_task_run_in_thread(task, run_guess);
}

static void
log_out(AditWebRequest *request)
{
    if (request->session) {
        g_autofree char *id = g_strdup(request->session->id);

        adit_web_sessions_end(request->web->sessions, id);
        adit_web_streams_end(request->web, id);
        adit_web_request_audit(request, NULL);
    }
    set_cookie(request, "");
    adit_web_answer_empty(request);
}

const AditWebRoute adit_web_session_routes[] = {
    { "GET", "/api/v1/session", 0, answer_session, NULL, NULL },
    { "POST", "/api/v1/session", 0, log_in, login_members, "log in" },
    { "DELETE", "/api/v1/session", ADIT_WEB_READ, log_out, NULL, "log out" },
    { 0 },
};
