/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "tunnel-server/web/body.h"
#include "tunnel-server/web/list.h"
#include "tunnel-server/web/web.h"

/* One request: who asks, for what, and the answer. */

typedef struct _AditWebRequest AditWebRequest;
typedef struct _AditWebRoute AditWebRoute;

typedef void (*AditWebHandler)(AditWebRequest *request);

struct _AditWebRoute {
    const char *method;
    const char *path;   /* "/api/v1/devices/{name}"; NULL: the end of the table */
    AditWebScope scope; /* one of these bits is needed; 0: for everybody */
    AditWebHandler run;
    const AditWebMember *members; /* of the body; NULL: there is none */
    const char *verb;             /* for the audit log; NULL: nothing is changed */
};

struct _AditWebRequest {
    guint refs;
    AditWeb *web;
    SoupServerMessage *msg; /* not owned: it owns us */
    gboolean is_gone;       /* the message is over: say nothing more */
    gboolean is_paused;
    guint n_asked; /* open questions to the bus */
    GByteArray *bytes;
    gboolean is_too_large;
    char **path; /* decoded segments */
    const AditWebRoute *route;
    JsonObject *body; /* NULL: none is wanted */
    /* who */
    AditWebScope scope;
    char *who;    /* for the audit log */
    char *from;   /* address */
    char *token;  /* name, for who came with one; or NULL */
    char *device; /* name, for who came as a device; or NULL */
    char *csrf;   /* what its changes have to say */
    const AditWebSession *session;
    /* what a handler keeps between question and answer */
    gpointer state;
    GDestroyNotify state_free;
};

AditWebRequest *adit_web_request_new(AditWeb *web, SoupServerMessage *msg);
AditWebRequest *adit_web_request_ref(AditWebRequest *self);
void adit_web_request_unref(AditWebRequest *self);
const char *adit_web_request_header(const AditWebRequest *self, const char *name); /* or NULL */

/* Answers; to nobody once the message is over, but what was changed is still audited. */
/* Headers that every answer has. */
void adit_web_answer_headers(AditWebRequest *self, gboolean may_cache);
void adit_web_answer_empty(AditWebRequest *self);
void adit_web_answer_text(AditWebRequest *self, const char *type, const char *text);
/* Ends with what @json has built. */
void adit_web_answer_json(AditWebRequest *self, guint status, JsonBuilder *json);
/* {"error": {"code", "message", "field"}} */
void adit_web_answer_error(AditWebRequest *self, guint status, const char *code,
                           const char *message);
/* The same, counted. */
void adit_web_refuse(AditWebRequest *self, AditWebRefusal why, guint status,
                     const char *message);
/* What adit-server said, in the words of HTTP. */
void adit_web_answer_bus_error(AditWebRequest *self, GError *error);

/* @then gets the server's reply and answers or asks again; errors are answered here. */
typedef void (*AditWebThen)(AditWebRequest *request, GVariant *reply, GUnixFDList *fds);
void adit_web_request_ask(AditWebRequest *self, const char *method, GVariant *params,
                          AditWebThen then);
void adit_web_request_list(AditWebRequest *self, AditWebList which, AditWebThen then);
/* While something else than the bus works on the answer; every hold has its release. */
void adit_web_request_hold(AditWebRequest *self);
void adit_web_request_release(AditWebRequest *self);
/* The change of the route is done: the audit log hears of it. */
void adit_web_request_audit(AditWebRequest *self, const char *result);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditWebRequest, adit_web_request_unref)
