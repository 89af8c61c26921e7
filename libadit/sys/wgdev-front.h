/* SPDX-License-Identifier: GPL-2.0-or-later */
#pragma once

#include "libadit/sys/kernel.h"
#include "libadit/sys/wgdev.h"

/* Teaches @kernel links, devices and peers: adit_reconcile() then makes, changes and removes
 * them. @wg outlives it. */
void adit_wgdev_join(AditWgdev *wg, AditKernel *kernel);
