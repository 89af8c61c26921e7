/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <glib.h>

/* What an admin's hooks are told, pure: two looks at the gateways and at what is published, and
 * the events between them, each with the environment its programs get. Nothing secret is in
 * it. */

typedef enum {
    ADIT_HOOK_LOST,
    ADIT_HOOK_GATEWAY_DOWN,
    ADIT_HOOK_GATEWAY_UP,
    ADIT_HOOK_PUBLISHED,
    ADIT_HOOK_SELECTED,
} AditHookKind;
#define ADIT_N_HOOKS (ADIT_HOOK_SELECTED + 1)

typedef struct {
    char *name, *link, *backend;
    char *state; /* as `adit list` has it */
    GStrv addresses;
    gboolean selected[2]; /* the default outbound of IPv4, IPv6 */
    gboolean is_up;       /* filled in by adit_hook_view_follow() */
} AditHookGateway;

typedef struct {
    char *path; /* tells two apart */
    char *ports, *gateway, *label, *inside, *reason;
    char *outside;         /* ADDRESS:PORT; "": none */
    char *state;           /* as `adit published` has it */
    guint family;          /* 4 or 6 */
    gboolean is_published; /* filled in by adit_hook_view_follow() */
} AditHookReach;

typedef struct {
    GPtrArray *gateways; /* AditHookGateway; NULL: aditd does not say */
    GPtrArray *reaches;  /* AditHookReach; NULL: adit-publisher does not say */
} AditHookView;

typedef struct {
    AditHookKind kind;
    GStrv environment; /* "ADIT_...=..." */
} AditHookEvent;

const char *adit_hook_kind_name(AditHookKind kind); /* and of its folder */
AditHookView *adit_hook_view_new(void);             /* both arrays empty */
void adit_hook_view_free(AditHookView *view);
AditHookGateway *adit_hook_view_add_gateway(AditHookView *view, const char *name);
AditHookReach *adit_hook_view_add_reach(AditHookView *view, const char *path);
/* Who says nothing, or is still at it, has changed nothing: that is taken from @before.
 * @gateways_new, @reaches_new: who says it has just begun, and may not have said it all. */
void adit_hook_view_follow(AditHookView *view, const AditHookView *before,
                           gboolean gateways_new, gboolean reaches_new);
/* Array of AditHookEvent, in the order of AditHookKind. Both have been followed up. */
GPtrArray *adit_hook_diff(const AditHookView *before, const AditHookView *after);
void adit_hook_event_free(AditHookEvent *event);

G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditHookView, adit_hook_view_free)
G_DEFINE_AUTOPTR_CLEANUP_FUNC(AditHookEvent, adit_hook_event_free)
