/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

/* What the programs of a home machine are called on the bus. */
#define ADIT_CLIENT_BUS "org.adit.Client1"
#define ADIT_CLIENT_PATH "/org/adit/Client1"
#define ADIT_PUBLISHER_BUS "org.adit.Publisher1"
#define ADIT_PUBLISHER_PATH "/org/adit/Publisher1"
