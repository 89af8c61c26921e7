/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "client-dbus-generated.h"
#include "publisher-dbus-generated.h"
#include "tests/dbus/notifications.h"

/* adit-agent, the real program, between two buses: on the system's one aditd and adit-publisher
 * are played by the test, on the session's one the desktop. */

#define KEYS                                                                                   \
    "[Interface]\nPrivateKey = cGxlYXNlIGRvIG5vdCB1c2UgdGhpcyBrZXkgYXQgYWw=\n"                 \
    "Address = 10.59.0.2/32\n[Peer]\n"                                                         \
    "PublicKey = xTIBA5rboUvnH4htodjb6e697QjLERt1NAB4mZqp8Dg=\nAllowedIPs = 10.59.0.0/24\n"

typedef struct {
    GTestDBus *session, *system;
    GDBusConnection *bus; /* the daemons' */
    GDBusObjectManagerServer *client, *publisher;
    AditBusManager *manager;
    AditPubWanted *wanted;
    Notifications *desktop;
    GSubprocess *agent;
    char *home;
    GString *calls; /* what was asked of the daemons */
    gboolean deny;
} Fixture;

/* For g_test_add(). Data: a desktop without buttons. */
void set_up(Fixture *f, gconstpointer data);
void tear_down(Fixture *f, gconstpointer data);
/* It has looked once: what comes from now on is news. */
void start_agent(Fixture *f);
void stop_agent(Fixture *f);
/* Another one of it, with an argument or none. */
GSubprocess *run_agent(Fixture *f, const char *argument);

AditBusGateway *add_gateway(Fixture *f, const char *name, const char *state);
AditPubReach *add_reach(Fixture *f, guint8 family, const char *outside, const char *state);

/* Turns the loop until @is_so. */
void wait_for(gboolean (*is_so)(Fixture *f, const char *word), Fixture *f, const char *word);
gboolean is_shown(Fixture *f, const char *summary);
gboolean is_gone(Fixture *f, const char *summary);
gboolean is_called(Fixture *f, const char *call); /* of the daemons */
Shown *expect(Fixture *f, const char *summary);
/* Turns the loop until the agent's file has @word: no event tells of it. */
void wait_remembered(Fixture *f, const char *word);
