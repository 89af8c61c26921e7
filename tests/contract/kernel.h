/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include <glib.h>

/* The kernel under test. fake-kernel.c and real-kernel.c both answer to this; one source of
 * tests is linked with each. Links that are there from the start: "adit0" and "adit1", which
 * the tests call ours, and "out0", which they do not; all up, without addresses of ours. */

/* FALSE: not to be had here, @ret_why says why. */
gboolean test_kernel_open(char **ret_why);
void test_kernel_add_link(const char *name);
void test_kernel_del_link(const char *name);
/* A rule, routes, an address and a proxy entry that are not ours, some of them look alike. */
void test_kernel_plant_foreign(void);
/* Those, as text: equal before and after means untouched. */
char *test_kernel_foreign(void);
/* Messages so far that asked for a change. */
guint test_kernel_sent(void);
void test_kernel_close(void);
