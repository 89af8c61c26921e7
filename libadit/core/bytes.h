/* SPDX-License-Identifier: LGPL-2.1-or-later */
#pragma once

#include <glib.h>
#include <string.h>

/* Numbers in network order at any alignment. */

static inline guint16
adit_get_be16(const guint8 *at)
{
    return (guint16)(at[0] << 8 | at[1]);
}

static inline guint32
adit_get_be32(const guint8 *at)
{
    return (guint32)adit_get_be16(at) << 16 | adit_get_be16(at + 2);
}

static inline void
adit_put_be16(guint8 *at, guint16 value)
{
    at[0] = value >> 8;
    at[1] = value & 0xff;
}

static inline void
adit_put_be32(guint8 *at, guint32 value)
{
    adit_put_be16(at, value >> 16);
    adit_put_be16(at + 2, value & 0xffff);
}
